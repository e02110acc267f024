/* SPDX-License-Identifier: MIT */
/* guardian.c - the holder's side: starts a guardian, sends orders, and hears what becomes of them.
 */
#include "faults/guardian/guardian.h"

#include "core/clock.h"
#include "core/fiber.h"
#include "core/group.h"
#include "core/io.h"
#include "core/list.h"
#include "core/param.h"
#include "core/sock.h"
#include "core/waitq.h"
#include "faults/guardian/guardian_wire.h"
#include "faults/guardian/leftovers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_NS   (15 * NS_PER_S) /* more than a guardian takes at its slowest */
#define SWEEP_NS      (5 * NS_PER_S)  /* to kill what a lost one has left */
#define SWEEP_STEP_NS NS_PER_MS       /* between two looks at it */

enum lease_state { LEASE_ASKED, LEASE_TAKEN, LEASE_REFUSED, LEASE_ENDED };

struct guardian_lease {
    struct guardian *guardian; /* that keeps it */
    struct list link;          /* in guardian->leases */
    uint32_t number;           /* its name in packets */
    enum lease_state state;    /* as far as we have heard */
    bool taken;                /* it was in force once */
    pid_t pid;                 /* once taken; 0 when it has none */
    int status;                /* once ended: of waitpid, -1 with the guardian gone */
    char *words;               /* its order's, ours to free; NULL for a process */
    size_t words_bytes;        /* of words */
    time_t asked_at;           /* by time(2): no process of it is older */
    bool lost;                 /* in force when the guardian was lost */
    struct err err;            /* once refused */
    struct waitq changed;      /* waiting for news of it */
};

struct guardian {
    pid_t pid;                 /* of the guardian */
    int fd;                    /* our end; -1 once closed */
    int pidfd;                 /* readable once the guardian has ended; -1: the kernel has none */
    bool gone;                 /* it ended */
    bool heir;                 /* takes over from one that was lost, and has no heir itself */
    struct err lost;           /* why it was lost; code 0: it was not */
    uint64_t patience_ns;      /* see guardian_set_patience */
    struct ctx *watched;       /* see guardian_watch; may be NULL */
    struct descendants before; /* what stemmed from us without it */
    uint32_t last;             /* number given to a lease */
    struct list leases;        /* all of them */
    struct group group;        /* the fiber that listens; no ctx of the caller's ends it */
    _Alignas(struct guardian_message) char packet[sizeof(struct guardian_message) +
                                                  GUARDIAN_MESSAGE_BYTES_MAX];
};

/* ---- Hearing --------------------------------------------------------------------------------- */

static struct guardian_lease *find_lease(struct guardian *guardian, uint32_t number)
{
    list_each(link, &guardian->leases) {
        struct guardian_lease *lease = container_of(link, struct guardian_lease, link);
        if (lease->number == number)
            return lease;
    }
    return NULL;
}

static void hear(struct guardian *guardian, size_t length)
{
    struct guardian_message *message = (struct guardian_message *)(void *)guardian->packet;
    struct guardian_lease *lease = find_lease(guardian, message->lease);
    if (!lease)
        return;
    if (message->verb == GUARDIAN_TAKEN) {
        lease->state = LEASE_TAKEN;
        lease->taken = true;
        lease->pid = (pid_t)message->number;
    } else if (message->verb == GUARDIAN_REFUSED) {
        lease->state = LEASE_REFUSED;
        (void)err_set(&lease->err, (int)message->number, "%.*s", (int)(length - sizeof(*message)),
                      guardian_words(message));
    } else if (message->verb == GUARDIAN_ENDED) {
        lease->state = LEASE_ENDED;
        lease->status = (int)message->number;
    }
    (void)waitq_wake_all(&lease->changed);
}

/* Waits for its end, which follows that of its socket; where it does not, brings it about. */
static int reap(struct guardian *guardian)
{
    struct ctx patience;
    int status = -1;
    if (guardian->pidfd < 0)
        return -1;
    ctx_init_timeout(&patience, NULL, guardian->patience_ns);
    if (io_poll(&patience, guardian->pidfd, POLLIN) < 0)
        (void)kill(guardian->pid, SIGKILL);
    ctx_fini(&patience);
    ctx_init_timeout(&patience, NULL, guardian->patience_ns);
    if (io_poll(&patience, guardian->pidfd, POLLIN) >= 0)
        (void)waitpid(guardian->pid, &status, 0);
    ctx_fini(&patience);
    return status;
}

static bool in_force(const struct guardian_lease *lease)
{
    return lease->state == LEASE_ASKED || lease->state == LEASE_TAKEN;
}

/* Tells everyone. Whatever it still held, it has not undone. */
static void note_end(struct guardian *guardian, int status)
{
    char text[80];
    bool lost = status > 0;
    list_each(link, &guardian->leases) {
        struct guardian_lease *lease = container_of(link, struct guardian_lease, link);
        lost = lost || in_force(lease);
        lease->lost = lease->state == LEASE_TAKEN;
        lease->status = lease->state == LEASE_ENDED ? lease->status : -1;
        lease->state = LEASE_ENDED;
        (void)waitq_wake_all(&lease->changed);
    }
    guardian->gone = true;
    if (lost && !guardian->lost.code)
        (void)err_set(&guardian->lost, -EPIPE, "the guardian (process %d) has ended: %s",
                      (int)guardian->pid, guardian_describe_status(status, text, sizeof(text)));
    if (lost && guardian->watched)
        ctx_cancel(guardian->watched, "the guardian has ended");
}

/* ---- When it is lost ------------------------------------------------------------------------- */

static int create(struct guardian **out, bool heir, struct err *err);

/* Its processes have died with it, and what they started is ours now. */
static void sweep(const struct guardian *guardian)
{
    uint64_t give_up_ns = clock_after(clock_now_ns(), SWEEP_NS);
    while (leftovers_kill(&guardian->before) > 0 && clock_now_ns() < give_up_ns)
        (void)fiber_sleep(NULL, SWEEP_STEP_NS);
    list_each(link, &guardian->leases) {
        const struct guardian_lease *lease = container_of(link, struct guardian_lease, link);
        if (lease->pid > 0)
            leftovers_remove_shared_memory(lease->pid, lease->asked_at);
    }
}

static int send_adoption(struct guardian *heir, const struct guardian_lease *lease)
{
    struct guardian_message *message = malloc(sizeof(*message) + lease->words_bytes);
    if (!message)
        return -ENOMEM;
    *message = (struct guardian_message){.verb = GUARDIAN_ADOPT, .lease = lease->number};
    memcpy(guardian_words(message), lease->words, lease->words_bytes);
    size_t size = sizeof(*message) + lease->words_bytes;
    int rc = send(heir->fd, message, size, MSG_NOSIGNAL) < 0 ? -errno : 0;
    free(message);
    return rc;
}

/* What was asked for and not answered is nothing to an heir: a folder might be another's. */
static bool is_inherited(const struct guardian_lease *lease)
{
    return lease->lost && lease->words;
}

/* A new guardian undoes what is left, and nothing else. */
static void hand_over(struct guardian *guardian)
{
    struct guardian *heir = NULL;
    struct err err = {0};
    size_t count = 0;
    sweep(guardian);
    list_each(link, &guardian->leases)
        count += is_inherited(container_of(link, struct guardian_lease, link));
    if (count == 0)
        return;
    if (create(&heir, true, &err) || !heir) {
        (void)fprintf(stderr, "poolstorm: what the guardian has left stays: %s\n", err.text);
        return;
    }
    list_each(link, &guardian->leases) {
        const struct guardian_lease *lease = container_of(link, struct guardian_lease, link);
        if (is_inherited(lease) && send_adoption(heir, lease))
            (void)fprintf(stderr, "poolstorm: %s could not be undone\n",
                          lease->words + strlen(lease->words) + 1);
    }
    guardian_destroy(heir);
}

static void guardian_listen(struct ctx *ctx, void *arg)
{
    struct guardian *guardian = arg;
    ssize_t length;
    do {
        length = sock_recv(ctx, guardian->fd, guardian->packet, sizeof(guardian->packet));
        if (length >= (ssize_t)sizeof(struct guardian_message))
            hear(guardian, (size_t)length);
    } while (length > 0);
    note_end(guardian, reap(guardian));
    if (guardian->lost.code && !guardian->heir)
        hand_over(guardian);
}

/* ---- Starting and ending it ------------------------------------------------------------------ */

/* In a session of its own, so that ^C does not reach it; of our descriptors it gets its end of the
 * socket and stderr, the others being close-on-exec. */
static int spawn(struct guardian *guardian, int its_fd, struct err *err)
{
    char *argv[] = {(char[]){"poolstorm"}, (char[]){"guardian"}, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawnattr_init(&attributes);
    int rc = posix_spawn_file_actions_adddup2(&actions, its_fd, GUARDIAN_FD);
    if (!rc)
        rc = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (!rc)
        rc = posix_spawnattr_setsigmask(&attributes, &none);
    if (!rc)
        rc = posix_spawnattr_setsigdefault(&attributes, &all);
    if (!rc)
        rc = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                                       POSIX_SPAWN_SETSIGDEF);
    if (!rc)
        rc = posix_spawn(&guardian->pid, "/proc/self/exe", &actions, &attributes, argv, environ);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return rc ? err_sys(err, -rc, "start a guardian") : 0;
}

static int create(struct guardian **out, bool heir, struct err *err)
{
    int fds[2];
    struct guardian *guardian = calloc(1, sizeof(*guardian));
    if (!guardian)
        return err_sys(err, -ENOMEM, "allocate a guardian");
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
        free(guardian);
        return err_sys(err, -errno, "socketpair");
    }
    guardian->fd = fds[0];
    guardian->pidfd = -1;
    guardian->heir = heir;
    guardian->patience_ns = PATIENCE_NS;
    list_init(&guardian->leases);
    int rc = heir ? 0 : descendants_read(&guardian->before, err);
    if (!rc)
        rc = spawn(guardian, fds[1], err);
    (void)close(fds[1]);
    if (rc) {
        (void)close(guardian->fd);
        descendants_fini(&guardian->before);
        free(guardian);
        return rc;
    }
    guardian->pidfd = (int)syscall(SYS_pidfd_open, guardian->pid, 0);
    group_init(&guardian->group, NULL);
    rc = group_spawn(&guardian->group, "guardian", guardian_listen, guardian);
    if (rc) {
        (void)err_sys(err, rc, "listen to the guardian");
        guardian_destroy(guardian);
        return rc;
    }
    *out = guardian;
    return 0;
}

/* A subreaper: what a guardian that is killed leaves becomes ours, or it could not be found. */
int guardian_create(struct guardian **out, struct err *err)
{
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
        return err_sys(err, -errno, "prctl(PR_SET_CHILD_SUBREAPER)");
    return create(out, false, err);
}

/* Kills it: as good as lost. What it held is found by its end. */
static void give_up(struct guardian *guardian, const char *what)
{
    char span[32];
    if (guardian->gone)
        return;
    if (!guardian->lost.code)
        (void)err_set(&guardian->lost, -ETIMEDOUT, "the guardian (process %d) did not %s within %s",
                      (int)guardian->pid, what,
                      format_ns(span, sizeof(span), (double)guardian->patience_ns));
    (void)kill(guardian->pid, SIGKILL);
}

/* False when its listener goes on for longer than its patience. */
static bool join(struct guardian *guardian)
{
    struct ctx patience;
    ctx_init_timeout(&patience, NULL, guardian->patience_ns);
    int rc = group_join(&patience, &guardian->group);
    ctx_fini(&patience);
    return rc == 0;
}

void guardian_destroy(struct guardian *guardian)
{
    if (!guardian)
        return;
    (void)shutdown(guardian->fd, SHUT_WR); /* it sees the end, and our listening goes on */
    if (!join(guardian)) {
        give_up(guardian, "undo all that it held");
        if (!join(guardian))
            group_cancel(&guardian->group, "guardian destroyed");
        (void)group_join(NULL, &guardian->group); /* what it does from then on is bounded */
    }
    (void)group_fini(&guardian->group);
    if (!guardian->gone) /* nobody listened */
        (void)reap(guardian);
    (void)close(guardian->fd);
    if (guardian->pidfd >= 0)
        (void)close(guardian->pidfd);
    for (struct list *link = list_pop_front(&guardian->leases); link;
         link = list_pop_front(&guardian->leases)) {
        struct guardian_lease *lease = container_of(link, struct guardian_lease, link);
        free(lease->words);
        free(lease);
    }
    descendants_fini(&guardian->before);
    free(guardian);
}

void guardian_set_patience(struct guardian *guardian, uint64_t patience_ns)
{
    guardian->patience_ns = patience_ns;
}

void guardian_watch(struct guardian *guardian, struct ctx *ctx)
{
    guardian->watched = ctx;
}

int guardian_check(const struct guardian *guardian, struct err *err)
{
    return guardian->lost.code ? err_set(err, guardian->lost.code, "%s", guardian->lost.text) : 0;
}

pid_t guardian_pid(const struct guardian *guardian)
{
    return guardian->pid;
}

/* ---- Orders ---------------------------------------------------------------------------------- */

/* A packet being written: TAKE and its words. */
struct order {
    struct guardian_message *message;
    size_t length;  /* of the words */
    bool full;      /* one did not fit */
    bool inherited; /* an heir may do something about it */
};

static void add_word(struct order *order, const char *key, const char *value)
{
    size_t room = GUARDIAN_MESSAGE_BYTES_MAX - order->length;
    int length = snprintf(guardian_words(order->message) + order->length, room, "%s%s", key, value);
    order->full = order->full || length < 0 || (size_t)length >= room;
    if (!order->full)
        order->length += (size_t)length + 1;
}

static void add_process(struct order *order, const struct guardian_process *process)
{
    add_word(order, "process", "");
    for (char *const *arg = process->argv; *arg; arg++)
        add_word(order, "arg=", *arg);
    for (char *const *env = process->env; env && *env; env++)
        add_word(order, "env=", *env);
    if (process->folder)
        add_word(order, "folder=", process->folder);
    if (process->user)
        add_word(order, "user=", process->user);
    if (process->output_path)
        add_word(order, "output=", process->output_path);
    for (size_t cpu = 0; process->cpus && cpu < CPU_SETSIZE; cpu++) {
        char text[16];
        (void)snprintf(text, sizeof(text), "%zu", cpu);
        if (CPU_ISSET(cpu, process->cpus))
            add_word(order, "cpu=", text);
    }
}

/* Our packets are small against the socket's buffer and few: with one that answers there is room.
 */
static int send_packet(struct guardian *guardian, const struct guardian_message *message,
                       size_t words_bytes, struct err *err)
{
    size_t size = sizeof(*message) + words_bytes;
    int rc = guardian_check(guardian, err);
    if (rc || send(guardian->fd, message, size, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
        return rc;
    if (errno == EAGAIN)
        return err_set(err, -ETIMEDOUT, "the guardian (process %d) takes no orders",
                       (int)guardian->pid);
    return err_set(err, -EPIPE, "the guardian (process %d) has ended", (int)guardian->pid);
}

static int begin_order(struct order *order, struct err *err)
{
    *order =
        (struct order){.message = malloc(sizeof(*order->message) + GUARDIAN_MESSAGE_BYTES_MAX)};
    return order->message ? 0 : err_sys(err, -ENOMEM, "take a lease");
}

static int add_lease(struct guardian *guardian, struct guardian_lease **out, struct err *err)
{
    struct guardian_lease *lease = calloc(1, sizeof(*lease));
    if (!lease)
        return err_sys(err, -ENOMEM, "take a lease");
    lease->guardian = guardian;
    lease->number = ++guardian->last;
    lease->asked_at = time(NULL);
    waitq_init(&lease->changed);
    list_push_back(&guardian->leases, &lease->link); /* freed with the guardian */
    *out = lease;
    return 0;
}

/* Not of processes, whose environment may hold secrets: they die with the guardian. Of kinds that
 * leave nothing an heir does not take them over. */
static int keep_words(struct guardian_lease *lease, const struct order *order, struct err *err)
{
    lease->words = malloc(order->length);
    if (!lease->words)
        return err_sys(err, -ENOMEM, "take a lease");
    memcpy(lease->words, guardian_words(order->message), order->length);
    lease->words_bytes = order->length;
    return 0;
}

/* Until the guardian has answered. */
static int await_answer(struct ctx *ctx, struct guardian_lease *lease, const char *what,
                        struct err *err)
{
    struct ctx patience;
    int rc = 0;
    ctx_init_timeout(&patience, ctx, lease->guardian->patience_ns);
    while (lease->state == LEASE_ASKED && !rc)
        rc = waitq_wait(&patience, &lease->changed, NULL);
    ctx_fini(&patience);
    if (!rc)
        return 0;
    if (ctx && ctx_error(ctx)) {
        (void)guardian_stop(lease, 0);
        return err_set(err, ctx_error(ctx), "starting '%s' was given up", what);
    }
    give_up(lease->guardian, "answer");
    return guardian_check(lease->guardian, err);
}

/* Sends the order and waits for the answer. Frees the order's message. */
static int give_order(struct ctx *ctx, struct guardian *guardian, struct order *order,
                      struct guardian_lease **out, const char *what, struct err *err)
{
    struct guardian_lease *lease = NULL;
    int rc = order->full ? err_set(err, -E2BIG, "arguments and environment of '%s' exceed %d bytes",
                                   what, GUARDIAN_MESSAGE_BYTES_MAX)
                         : add_lease(guardian, &lease, err);
    if (rc) {
        free(order->message);
        return rc;
    }
    *order->message = (struct guardian_message){.verb = GUARDIAN_TAKE, .lease = lease->number};
    rc = order->inherited ? keep_words(lease, order, err) : 0;
    if (!rc)
        rc = send_packet(guardian, order->message, order->length, err);
    free(order->message);
    if (rc) {
        lease->state = LEASE_REFUSED;
        return rc;
    }
    rc = await_answer(ctx, lease, what, err);
    if (rc)
        return rc;
    if (lease->state == LEASE_REFUSED)
        return err_set(err, lease->err.code, "%s", lease->err.text);
    if (!lease->taken)
        return guardian_check(guardian, err);
    *out = lease;
    return 0;
}

int guardian_take(struct ctx *ctx, struct guardian *guardian, const char *const *words,
                  struct guardian_lease **out, struct err *err)
{
    struct order order;
    int rc = begin_order(&order, err);
    if (rc)
        return rc;
    for (const char *const *word = words; *word; word++)
        add_word(&order, "", *word);
    order.inherited = true;
    return give_order(ctx, guardian, &order, out, words[0], err);
}

int guardian_start(struct ctx *ctx, struct guardian *guardian,
                   const struct guardian_process *process, struct guardian_lease **out,
                   struct err *err)
{
    struct order order;
    int rc = begin_order(&order, err);
    if (rc)
        return rc;
    add_process(&order, process);
    return give_order(ctx, guardian, &order, out, process->argv[0], err);
}

/* Until it has ended, or for span_ns. */
static bool await_end(struct guardian_lease *lease, uint64_t span_ns)
{
    struct ctx patience;
    int rc = 0;
    ctx_init_timeout(&patience, NULL, span_ns);
    while (in_force(lease) && !rc)
        rc = waitq_wait(&patience, &lease->changed, NULL);
    ctx_fini(&patience);
    return rc == 0;
}

int guardian_stop(struct guardian_lease *lease, uint64_t grace_ns)
{
    struct guardian *guardian = lease->guardian;
    struct guardian_message message = {
        .verb = GUARDIAN_RELEASE, .lease = lease->number, .number = (int64_t)grace_ns};
    if (in_force(lease))
        (void)send_packet(guardian, &message, 0, NULL);
    if (!await_end(lease, clock_after(grace_ns, guardian->patience_ns))) {
        give_up(guardian, "undo a lease");
        (void)await_end(lease, guardian->patience_ns); /* its end ends it, too */
    }
    return lease->state == LEASE_ENDED ? lease->status : -1;
}

int guardian_wait(struct ctx *ctx, struct guardian_lease *lease)
{
    int rc = 0;
    while (lease->state != LEASE_ENDED && !rc)
        rc = waitq_wait(ctx, &lease->changed, NULL);
    return rc;
}

pid_t guardian_lease_pid(const struct guardian_lease *lease)
{
    return lease->pid;
}

bool guardian_lease_ended(const struct guardian_lease *lease, int *status)
{
    if (status)
        *status = lease->status;
    return lease->state == LEASE_ENDED;
}

char *guardian_describe_status(int status, char *text, size_t size_bytes)
{
    if (status < 0)
        (void)snprintf(text, size_bytes, "unknown end");
    else if (WIFSIGNALED(status))
        (void)snprintf(text, size_bytes, "killed by signal %d (%s)", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
    else
        (void)snprintf(text, size_bytes, "exit status %d", WEXITSTATUS(status));
    return text;
}
