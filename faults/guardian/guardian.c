/* SPDX-License-Identifier: MIT */
/* guardian.c - the holder's side: starts a guardian, sends orders, and hears what becomes of them.
 */
#include "faults/guardian/guardian.h"

#include "core/clock.h"
#include "core/group.h"
#include "core/io.h"
#include "core/list.h"
#include "core/sock.h"
#include "core/waitq.h"
#include "faults/guardian/guardian_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define END_PATIENCE_NS (15 * NS_PER_S) /* more than a guardian takes at its slowest */

enum lease_state { LEASE_ASKED, LEASE_TAKEN, LEASE_REFUSED, LEASE_ENDED };

struct guardian_lease {
    struct guardian *guardian; /* that keeps it */
    struct list link;          /* in guardian->leases */
    uint32_t number;           /* its name in packets */
    enum lease_state state;    /* as far as we have heard */
    bool taken;                /* it was in force once */
    pid_t pid;                 /* once taken; 0 when it has none */
    int status;                /* once ended: of waitpid, -1 with the guardian gone */
    struct err err;            /* once refused */
    struct waitq changed;      /* waiting for news of it */
};

struct guardian {
    pid_t pid;          /* of the guardian */
    int fd;             /* our end; -1 once closed */
    int pidfd;          /* readable once the guardian has ended */
    bool gone;          /* it ended before we let it */
    uint32_t last;      /* number given to a lease */
    struct list leases; /* all of them */
    struct group group; /* the fiber that listens; no ctx of the caller's ends it */
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

static void guardian_listen(struct ctx *ctx, void *arg)
{
    struct guardian *guardian = arg;
    ssize_t length;
    do {
        length = sock_recv(ctx, guardian->fd, guardian->packet, sizeof(guardian->packet));
        if (length >= (ssize_t)sizeof(struct guardian_message))
            hear(guardian, (size_t)length);
    } while (length > 0);
    guardian->gone = true;
    list_each(link, &guardian->leases) {
        struct guardian_lease *lease = container_of(link, struct guardian_lease, link);
        lease->status = lease->state == LEASE_ENDED ? lease->status : -1;
        lease->state = LEASE_ENDED;
        (void)waitq_wake_all(&lease->changed);
    }
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

int guardian_create(struct guardian **out, struct err *err)
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
    list_init(&guardian->leases);
    int rc = spawn(guardian, fds[1], err);
    (void)close(fds[1]);
    if (rc) {
        (void)close(guardian->fd);
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

void guardian_destroy(struct guardian *guardian)
{
    if (!guardian)
        return;
    struct ctx patience;
    ctx_init_timeout(&patience, NULL, END_PATIENCE_NS);
    (void)shutdown(guardian->fd, SHUT_WR); /* it sees the end, and our listening goes on */
    if (guardian->pidfd >= 0 && io_poll(&patience, guardian->pidfd, POLLIN) >= 0)
        (void)waitpid(guardian->pid, NULL, 0);
    ctx_fini(&patience);
    group_cancel(&guardian->group, "guardian destroyed");
    (void)group_join(NULL, &guardian->group);
    (void)group_fini(&guardian->group);
    (void)close(guardian->fd);
    if (guardian->pidfd >= 0)
        (void)close(guardian->pidfd);
    for (struct list *link = list_pop_front(&guardian->leases); link;
         link = list_pop_front(&guardian->leases))
        free(container_of(link, struct guardian_lease, link));
    free(guardian);
}

pid_t guardian_pid(const struct guardian *guardian)
{
    return guardian->pid;
}

/* ---- Orders ---------------------------------------------------------------------------------- */

/* A packet being written: TAKE and its words. */
struct order {
    struct guardian_message *message;
    size_t length; /* of the words */
    bool full;     /* one did not fit */
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

/* Our packets are small against the socket's buffer and few, so that sending does not wait. */
static int send_packet(struct guardian *guardian, const struct guardian_message *message,
                       size_t words_bytes, struct err *err)
{
    size_t size = sizeof(*message) + words_bytes;
    if (guardian->gone || send(guardian->fd, message, size, MSG_NOSIGNAL) < 0)
        return err_set(err, -EPIPE, "the guardian (process %d) has ended", (int)guardian->pid);
    return 0;
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
    waitq_init(&lease->changed);
    list_push_back(&guardian->leases, &lease->link); /* freed with the guardian */
    *out = lease;
    return 0;
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
    rc = send_packet(guardian, order->message, order->length, err);
    free(order->message);
    if (rc) {
        lease->state = LEASE_REFUSED;
        return rc;
    }
    while (lease->state == LEASE_ASKED && !rc)
        rc = waitq_wait(ctx, &lease->changed, NULL);
    if (rc) {
        (void)guardian_stop(lease, 0);
        return err_set(err, rc, "starting '%s' was given up", what);
    }
    if (lease->state == LEASE_REFUSED)
        return err_set(err, lease->err.code, "%s", lease->err.text);
    if (!lease->taken)
        return err_set(err, -EPIPE, "the guardian (process %d) has ended", (int)guardian->pid);
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

int guardian_stop(struct guardian_lease *lease, uint64_t grace_ns)
{
    struct guardian_message message = {
        .verb = GUARDIAN_RELEASE, .lease = lease->number, .number = (int64_t)grace_ns};
    if (lease->state == LEASE_ASKED || lease->state == LEASE_TAKEN)
        (void)send_packet(lease->guardian, &message, 0, NULL);
    while (lease->state == LEASE_ASKED || lease->state == LEASE_TAKEN)
        (void)waitq_wait(NULL, &lease->changed, NULL); /* an end of the guardian ends it, too */
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
