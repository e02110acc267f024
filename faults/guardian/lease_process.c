/* SPDX-License-Identifier: MIT */
/* lease_process.c - a program in a session of its own, and everything that stems from it. */
#include "core/clock.h"
#include "faults/guardian/descendants.h"
#include "faults/guardian/guardian.h"
#include "faults/guardian/lease.h"
#include "faults/guardian/leftovers.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What the words say; points into them. */
struct wanted {
    char **argv;             /* ours to free, its texts are not; ends with NULL */
    size_t argc;             /* of argv */
    const char *folder;      /* NULL: the guardian's */
    const char *output_path; /* NULL: /dev/null */
    const char *user;        /* its name; NULL: the guardian's */
    cpu_set_t cpus;          /* with has_cpus */
    bool has_cpus;
};

static const char *after(const char *word, const char *key)
{
    size_t length = strlen(key);
    return strncmp(word, key, length) == 0 ? word + length : NULL;
}

/* Words are arg=, env=, folder=, output=, user=, cpu=, in any order but for the arguments among
 * them. */
static int read_words(struct wanted *wanted, char *const *words, struct err *err)
{
    size_t count = 0;
    while (words[count])
        count++;
    wanted->argv = calloc(count + 1, sizeof(*wanted->argv));
    if (!wanted->argv)
        return err_sys(err, -ENOMEM, "start a process");
    CPU_ZERO(&wanted->cpus);
    for (size_t i = 0; i < count; i++) {
        const char *value;
        if ((value = after(words[i], "arg=")))
            wanted->argv[wanted->argc++] = words[i] + (value - words[i]);
        else if ((value = after(words[i], "folder=")))
            wanted->folder = value;
        else if ((value = after(words[i], "output=")))
            wanted->output_path = value;
        else if ((value = after(words[i], "cpu="))) {
            CPU_SET((size_t)atoi(value) % CPU_SETSIZE, &wanted->cpus);
            wanted->has_cpus = true;
        } else if ((value = after(words[i], "user=")))
            wanted->user = value;
        else if (!after(words[i], "env="))
            return err_set(err, -EINVAL, "unexpected word '%.60s' for a process", words[i]);
    }
    if (wanted->argc == 0)
        return err_set(err, -EINVAL, "expected a program to start");
    return 0;
}

/* ---- In the child ---------------------------------------------------------------------------- */

/* May take its time: users may be kept elsewhere. */
static int become(const char *name, struct err *err)
{
    errno = 0;
    const struct passwd *user = getpwnam(name);
    if (!user)
        return err_set(err, errno ? -errno : -ENOENT, "no user '%.60s' on this machine", name);
    if (initgroups(name, user->pw_gid) || setgid(user->pw_gid) || setuid(user->pw_uid))
        return err_sys(err, -errno, "become user '%.60s'", name);
    return 0;
}

/* The guardian's death is ours. */
static int depend(pid_t guardian, struct err *err)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return err_sys(err, -errno, "prctl");
    if (getppid() != guardian)
        _exit(1); /* it had died before the kernel knew that we depend on it */
    return 0;
}

static void reset_signals(void)
{
    static const int defaults[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGCHLD};
    for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults); i++)
        (void)signal(defaults[i], SIG_DFL);
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static_assert(GUARDIAN_FD == STDIN_FILENO, "what becomes stdin is no longer the holder's socket");

/* The holder is to see when the guardian ends, not this one: before all that may take its time. */
static int leave_holder(struct err *err)
{
    int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (in < 0)
        return err_sys(err, -errno, "/dev/null");
    return dup2(in, STDIN_FILENO) < 0 ? err_sys(err, -errno, "dup2") : 0;
}

/* Its output, which may be such that opening it takes its time, and where it is. */
static int enter(const struct wanted *wanted, struct err *err)
{
    const char *output_path = wanted->output_path ? wanted->output_path : "/dev/null";
    int out = open(output_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (out < 0)
        return err_sys(err, -errno, "%.200s", output_path);
    /* Not earlier: the output's path is relative to where the holder is. */
    if (wanted->folder && chdir(wanted->folder) != 0)
        return err_sys(err, -errno, "%.200s", wanted->folder);
    if (dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0)
        return err_sys(err, -errno, "dup2");
    return 0;
}

static int prepare(const struct wanted *wanted, char *const *words, pid_t guardian, struct err *err)
{
    reset_signals();
    if (setsid() < 0)
        return err_sys(err, -errno, "setsid");
    int rc = leave_holder(err);
    if (!rc)
        rc = depend(guardian, err);
    if (!rc && wanted->has_cpus && sched_setaffinity(0, sizeof(wanted->cpus), &wanted->cpus) != 0)
        rc = err_sys(err, -errno, "sched_setaffinity");
    if (!rc)
        rc = enter(wanted, err);
    for (size_t i = 0; words[i] && !rc; i++)
        if (after(words[i], "env=") && putenv(words[i] + strlen("env=")) != 0)
            rc = err_sys(err, -errno, "putenv");
    if (!rc && wanted->user)
        rc = become(wanted->user, err);
    return rc ? rc : depend(guardian, err); /* again: a change of user clears it */
}

/* The pipe closes by exec; otherwise it brings the reason. */
_Noreturn static void child(const struct wanted *wanted, char *const *words, pid_t guardian,
                            int report_fd)
{
    struct err err = {0};
    const char *program = wanted->argv[0];
    if (prepare(wanted, words, guardian, &err)) {
        (void)err_wrap(&err, "start '%.200s'", program);
    } else {
        (void)execvp(program, wanted->argv);
        (void)err_sys(&err, -errno, "start '%.200s'", program);
    }
    (void)!write(report_fd, &err, sizeof(err));
    _exit(127);
}

static_assert(sizeof(struct err) <= PIPE_BUF, "a report is written and read whole");

/* ---- In the guardian ------------------------------------------------------------------------- */

/* The guardian has one thread, so fork is safe here, and the child may do all the above. */
static int spawn(struct lease *lease, const struct wanted *wanted, char *const *words,
                 struct err *err)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0)
        return err_sys(err, -errno, "pipe");
    pid_t self = getpid();
    pid_t pid = fork();
    if (pid == 0)
        child(wanted, words, self, fds[1]);
    int rc = pid < 0 ? err_sys(err, -errno, "fork") : 0;
    (void)close(fds[1]);
    if (rc) {
        (void)close(fds[0]);
        return rc;
    }
    lease->pid = pid;
    lease->starting_fd = fds[0];
    return 0;
}

static int process_started(struct lease *lease, struct err *err)
{
    struct err why;
    ssize_t got = read(lease->starting_fd, &why, sizeof(why));
    (void)close(lease->starting_fd);
    lease->starting_fd = -1;
    if (got != (ssize_t)sizeof(why))
        return 0; /* it runs, or was killed before it did: its end tells */
    if (lease->status < 0) {
        (void)kill(lease->pid, SIGKILL); /* it is about to end by itself */
        (void)waitpid(lease->pid, NULL, 0);
    }
    return err_set(err, why.code, "%s", why.text);
}

static int process_take(struct lease *lease, char *const *words, struct err *err)
{
    struct wanted wanted = {0};
    int rc = read_words(&wanted, words, err);
    time_t *started = malloc(sizeof(*started));
    lease->state = started;
    if (!rc && !started)
        rc = err_sys(err, -ENOMEM, "start a process");
    if (started)
        *started = time(NULL);
    if (!rc)
        rc = spawn(lease, &wanted, words, err);
    free(wanted.argv);
    return rc;
}

static void process_release(struct lease *lease)
{
    if (lease->status >= 0)
        return;
    (void)kill(-lease->pid, SIGTERM); /* setsid made it the leader of its group */
    (void)kill(-lease->pid, SIGCONT); /* stopped, it would not hear */
}

/* Belongs to another lease that is in force: stems from its process or stayed in its session. */
static bool is_spared(const struct descendants *list, const struct descendant *item,
                      const struct lease *self, const struct lease *all)
{
    for (const struct lease *other = all; other; other = other->next) {
        bool in_force = other->undo_at_ns != 0 || other->worker;
        if (other == self || other->pid == 0 || !in_force)
            continue;
        if (item->session == other->pid || descendants_stem_from(list, item->pid, other->pid))
            return true;
    }
    return false;
}

static void process_undo(struct lease *lease, const struct lease *all)
{
    struct descendants list;
    if (descendants_read(&list, NULL)) {
        (void)kill(-lease->pid, SIGKILL); /* out of memory or descriptors: as far as we can */
        return;
    }
    bool left = lease->status < 0;
    for (size_t i = 0; i < list.count; i++) {
        const struct descendant *item = &list.items[i];
        if (item->zombie || is_spared(&list, item, lease, all))
            continue;
        (void)kill(item->pid, SIGKILL);
        left = true;
    }
    descendants_fini(&list);
    if (!left)
        leftovers_remove_shared_memory(lease->pid, *(const time_t *)lease->state);
    lease->ended = !left;
}

const struct lease_kind lease_process = {
    .name = "process",
    .take = process_take,
    .started = process_started,
    .release = process_release,
    .undo = process_undo,
};
