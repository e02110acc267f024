/* SPDX-License-Identifier: MIT */
/* guardian_main.c - the guardian's side: serves its holder, outlives it, undoes everything, ends.
 *
 * It waits by poll(2) and not on a ring: what has to work when all else fails stands on as little
 * as possible. */
#include "core/clock.h"
#include "faults/guardian/guardian_wire.h"
#include "faults/guardian/lease.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    WORDS_MAX = 4096,
    UNDO_STEP_MS = 1,  /* between two looks at what is left */
    STARTING_MAX = 64, /* leases of which it is not known yet whether they are in force */
};

/* A process in an uninterruptible sleep must not keep us for ever. */
#define UNDO_PATIENCE_NS (10 * NS_PER_S)

struct keeper {
    int holder_fd;        /* the other end is the holder's */
    int signal_fd;        /* SIGCHLD and requests to end */
    int parent_fd;        /* becomes readable when the holder ends; -1: unknown */
    bool holder_gone;     /* nobody reads what we say */
    struct lease *leases; /* in force */
    _Alignas(struct guardian_message) char packet[GUARDIAN_MESSAGE_BYTES_MAX +
                                                  sizeof(struct guardian_message)];
};

static void say(struct keeper *keeper, enum guardian_verb verb, uint32_t lease, int64_t number,
                const char *text)
{
    struct {
        struct guardian_message head;
        char text[sizeof(((struct err *)0)->text)];
    } packet = {.head = {.verb = verb, .lease = lease, .number = number}};
    size_t length = strlen(text);
    memcpy(packet.text, text, length);
    size_t size = sizeof(packet.head) + length + 1;
    if (send(keeper->holder_fd, &packet, size, MSG_NOSIGNAL) < 0)
        keeper->holder_gone = true;
}

/* ---- Leases ---------------------------------------------------------------------------------- */

static const struct lease_kind *find_kind(const char *name)
{
    for (size_t i = 0; lease_kinds[i]; i++)
        if (strcmp(lease_kinds[i]->name, name) == 0)
            return lease_kinds[i];
    return NULL;
}

/* Those that are starting, at most STARTING_MAX; returns how many. */
static size_t list_starting(const struct keeper *keeper, struct lease **starting)
{
    size_t count = 0;
    for (struct lease *lease = keeper->leases; lease && count < STARTING_MAX; lease = lease->next)
        if (lease->starting_fd >= 0)
            starting[count++] = lease;
    return count;
}

/* It is known now. */
static void settle(struct keeper *keeper, struct lease *lease)
{
    struct err err = {0};
    int rc = lease->kind->started(lease, &err);
    lease->refused = lease->ended = rc != 0;
    say(keeper, rc ? GUARDIAN_REFUSED : GUARDIAN_TAKEN, lease->number, rc ? rc : lease->pid,
        err.text);
}

/* Or adopts it. */
static int take(struct keeper *keeper, const struct guardian_message *message, char *const *words,
                struct err *err)
{
    const struct lease_kind *kind = words[0] ? find_kind(words[0]) : NULL;
    if (!kind)
        return err_set(err, -EINVAL, "no kind of lease '%.40s'", words[0] ? words[0] : "");
    struct lease *starting[STARTING_MAX];
    if (kind->started && list_starting(keeper, starting) == STARTING_MAX)
        return err_set(err, -EAGAIN, "%d of them are starting already", STARTING_MAX);
    struct lease *lease = malloc(sizeof(*lease));
    if (!lease)
        return err_sys(err, -ENOMEM, "take a lease");
    *lease = (struct lease){.kind = kind,
                            .number = message->lease,
                            .status = -1,
                            .starting_fd = -1,
                            .undo_at_ns = CLOCK_NEVER};
    bool adopted = message->verb == GUARDIAN_ADOPT;
    int rc = !adopted      ? kind->take(lease, words + 1, err)
             : kind->adopt ? kind->adopt(lease, words + 1, err)
                           : err_set(err, -EINVAL, "nothing is left of a %s", words[0]);
    if (rc) {
        free(lease->state);
        free(lease);
        return rc;
    }
    lease->next = keeper->leases;
    keeper->leases = lease;
    if (lease->starting_fd < 0)
        say(keeper, GUARDIAN_TAKEN, message->lease, lease->pid, "");
    return 0;
}

static void release(struct keeper *keeper, uint32_t number, uint64_t grace_ns)
{
    for (struct lease *lease = keeper->leases; lease; lease = lease->next) {
        if (lease->number != number)
            continue;
        if (grace_ns > 0 && lease->kind->release)
            lease->kind->release(lease);
        lease->undo_at_ns = grace_ns > 0 ? clock_after(clock_now_ns(), grace_ns) : 0;
    }
}

/* Processes of leases, and orphans that became ours. */
static void reap(struct keeper *keeper)
{
    int status;
    for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG))
        for (struct lease *lease = keeper->leases; lease; lease = lease->next)
            if (lease->pid == pid) {
                lease->status = status;
                lease->undo_at_ns = 0;
                if (lease->starting_fd >= 0) /* that it was taken is heard before its end */
                    settle(keeper, lease);
            }
}

/* Undoes what is due. Returns when to look again, in ms as poll takes it. */
static int undo_due(struct keeper *keeper)
{
    uint64_t now_ns = clock_now_ns(), next_ns = CLOCK_NEVER;
    for (struct lease **link = &keeper->leases; *link;) {
        struct lease *lease = *link;
        if (!lease->ended && lease->undo_at_ns <= now_ns) {
            lease->undo_at_ns = 0; /* the others need not be spared by it any more */
            lease->kind->undo(lease, keeper->leases);
        }
        if (lease->ended) {
            if (!lease->refused)
                say(keeper, GUARDIAN_ENDED, lease->number, lease->status, "");
            *link = lease->next;
            free(lease->state);
            free(lease);
            continue;
        }
        uint64_t look_ns =
            lease->undo_at_ns ? lease->undo_at_ns : now_ns + UNDO_STEP_MS * NS_PER_MS;
        next_ns = look_ns < next_ns ? look_ns : next_ns;
        link = &lease->next;
    }
    if (next_ns == CLOCK_NEVER)
        return -1;
    uint64_t span_ms = next_ns > now_ns ? (next_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS : 0;
    return span_ms < 1000 ? (int)span_ms : 1000;
}

static void undo_all(struct keeper *keeper)
{
    keeper->holder_gone = true;
    for (struct lease *lease = keeper->leases; lease; lease = lease->next)
        lease->undo_at_ns = 0;
    uint64_t give_up_ns = clock_after(clock_now_ns(), UNDO_PATIENCE_NS);
    while (keeper->leases && clock_now_ns() < give_up_ns) {
        reap(keeper);
        (void)undo_due(keeper);
        (void)poll(NULL, 0, keeper->leases ? UNDO_STEP_MS : 0);
    }
    for (const struct lease *lease = keeper->leases; lease; lease = lease->next)
        (void)fprintf(stderr, "poolstorm: a lease of kind '%s' (process %d) could not be undone\n",
                      lease->kind->name, (int)lease->pid);
}

/* ---- Packets --------------------------------------------------------------------------------- */

/* Points words at the texts of a packet. False when there are too many or the last is cut. */
static bool split_words(char *text, size_t length, char **words)
{
    size_t count = 0;
    if (length > 0 && text[length - 1] != '\0')
        return false;
    for (size_t at = 0; at < length; at += strlen(text + at) + 1) {
        if (count == WORDS_MAX)
            return false;
        words[count++] = text + at;
    }
    words[count] = NULL;
    return true;
}

static void obey(struct keeper *keeper, size_t length)
{
    static char *words[WORDS_MAX + 1];
    struct guardian_message *message = (struct guardian_message *)(void *)keeper->packet;
    struct err err = {0};
    if (message->verb == GUARDIAN_RELEASE) {
        release(keeper, message->lease, (uint64_t)message->number);
    } else if (message->verb == GUARDIAN_TAKE || message->verb == GUARDIAN_ADOPT) {
        bool whole = split_words(guardian_words(message), length - sizeof(*message), words);
        int rc =
            whole ? take(keeper, message, words, &err) : err_set(&err, -E2BIG, "too many words");
        if (rc)
            say(keeper, GUARDIAN_REFUSED, message->lease, rc, err.text);
    }
}

static void listen_to_holder(struct keeper *keeper)
{
    ssize_t length = recv(keeper->holder_fd, keeper->packet, sizeof(keeper->packet), MSG_DONTWAIT);
    if (length == 0 || (length < 0 && errno != EAGAIN && errno != EINTR))
        keeper->holder_gone = true;
    if (length >= (ssize_t)sizeof(struct guardian_message))
        obey(keeper, (size_t)length);
}

/* ---- Main ------------------------------------------------------------------------------------ */

static void listen_to_signals(struct keeper *keeper)
{
    struct signalfd_siginfo info;
    while (read(keeper->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        if (info.ssi_signo != SIGCHLD)
            keeper->holder_gone = true; /* asked to end: as if the holder had gone */
    reap(keeper);
}

static void listen_to_starting(struct keeper *keeper, struct lease *const *starting,
                               const struct pollfd *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fds[i].revents)
            settle(keeper, starting[i]);
}

static void serve(struct keeper *keeper)
{
    while (!keeper->holder_gone) {
        int wait_ms = undo_due(keeper);
        struct lease *starting[STARTING_MAX];
        struct pollfd fds[3 + STARTING_MAX] = {{.fd = keeper->holder_fd, .events = POLLIN},
                                               {.fd = keeper->signal_fd, .events = POLLIN},
                                               {.fd = keeper->parent_fd, .events = POLLIN}};
        size_t count = list_starting(keeper, starting);
        for (size_t i = 0; i < count; i++)
            fds[3 + i] = (struct pollfd){.fd = starting[i]->starting_fd, .events = POLLIN};
        if (poll(fds, 3 + count, wait_ms) < 0 && errno != EINTR)
            break;
        listen_to_starting(keeper, starting, fds + 3, count);
        if (fds[1].revents)
            listen_to_signals(keeper);
        if (fds[0].revents)
            listen_to_holder(keeper);
        else if (fds[2].revents)
            keeper->holder_gone = true;
    }
}

/* Signals come through a descriptor, so that none interrupts an undoing. ^C goes to the terminal's
 * foreground group, to which we do not belong, and is the holder's to handle. */
static int take_signals(struct keeper *keeper, struct err *err)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_SETMASK, &set, NULL) != 0)
        return err_sys(err, -errno, "sigprocmask");
    keeper->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return keeper->signal_fd < 0 ? err_sys(err, -errno, "signalfd") : 0;
}

static int check_socket(int fd, struct err *err)
{
    int type = 0;
    socklen_t length = sizeof(type);
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) != 0 || type != SOCK_SEQPACKET)
        return err_set(err, -ENOTSOCK,
                       "expected a holder's socket as standard input; this command "
                       "is started by poolstorm itself");
    return fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 ? 0 : err_sys(err, -errno, "fcntl");
}

int guardian_main(int fd, struct err *err)
{
    static struct keeper keeper;
    int rc = check_socket(fd, err);
    if (rc)
        return rc;
    keeper.holder_fd = fd;
    rc = take_signals(&keeper, err);
    if (rc)
        return rc;
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
        return err_sys(err, -errno, "prctl(PR_SET_CHILD_SUBREAPER)");
    /* A second sign of the holder's end, should something else keep its socket open. Where a holder
     * ended before this line the socket closes. */
    keeper.parent_fd = (int)syscall(SYS_pidfd_open, getppid(), 0);
    serve(&keeper);
    undo_all(&keeper);
    (void)close(keeper.signal_fd);
    return 0;
}
