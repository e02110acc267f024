/* SPDX-License-Identifier: MIT */
/* lease_process.c - a program in a session of its own, and everything that stems from it. */
#include "core/clock.h"
#include "faults/guardian/descendants.h"
#include "faults/guardian/lease.h"
#include "faults/guardian/leftovers.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
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
    uid_t uid;               /* with user */
    gid_t gid;               /* likewise */
    cpu_set_t cpus;          /* with has_cpus */
    bool has_cpus;
};

static const char *after(const char *word, const char *key)
{
    size_t length = strlen(key);
    return strncmp(word, key, length) == 0 ? word + length : NULL;
}

/* Looked up here, because the child had better not read files and sockets of the system's. */
static int find_user(struct wanted *wanted, const char *name, struct err *err)
{
    errno = 0;
    const struct passwd *user = getpwnam(name);
    if (!user)
        return err_set(err, errno ? -errno : -ENOENT, "no user '%.60s' on this machine", name);
    wanted->user = name;
    wanted->uid = user->pw_uid;
    wanted->gid = user->pw_gid;
    return 0;
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
        } else if ((value = after(words[i], "user="))) {
            int rc = find_user(wanted, value, err);
            if (rc)
                return rc;
        } else if (!after(words[i], "env="))
            return err_set(err, -EINVAL, "unexpected word '%.60s' for a process", words[i]);
    }
    if (wanted->argc == 0)
        return err_set(err, -EINVAL, "expected a program to start");
    return 0;
}

/* 0, or the step that failed, with errno. */
static const char *prepare(const struct wanted *wanted, char *const *words, pid_t guardian)
{
    static const int defaults[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGCHLD};
    for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults); i++)
        (void)signal(defaults[i], SIG_DFL);
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (setsid() < 0)
        return "setsid";
    if (wanted->has_cpus && sched_setaffinity(0, sizeof(wanted->cpus), &wanted->cpus) != 0)
        return "sched_setaffinity";
    const char *output_path = wanted->output_path ? wanted->output_path : "/dev/null";
    int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int out = open(output_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (in < 0 || out < 0)
        return output_path;
    /* Not earlier: the output's path is relative to where the holder is. */
    if (wanted->folder && chdir(wanted->folder) != 0)
        return wanted->folder;
    if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0)
        return "dup2";
    for (size_t i = 0; words[i]; i++)
        if (after(words[i], "env=") && putenv(words[i] + strlen("env=")) != 0)
            return "putenv";
    if (wanted->user &&
        (initgroups(wanted->user, wanted->gid) || setgid(wanted->gid) || setuid(wanted->uid)))
        return wanted->user;
    /* Not earlier: a change of user clears it. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return "prctl";
    if (getppid() != guardian)
        _exit(1); /* it had died before the kernel knew that we depend on it */
    return NULL;
}

struct failure {
    int code;
    char step[200];
};

/* In the child. The pipe closes by exec; otherwise it brings the reason. */
_Noreturn static void child(const struct wanted *wanted, char *const *words, pid_t guardian,
                            int report_fd)
{
    const char *step = prepare(wanted, words, guardian);
    if (!step) {
        (void)execvp(wanted->argv[0], wanted->argv);
        step = wanted->argv[0];
    }
    struct failure failure = {.code = -errno};
    (void)snprintf(failure.step, sizeof(failure.step), "%s", step);
    (void)!write(report_fd, &failure, sizeof(failure));
    _exit(127);
}

/* The guardian has one thread, so fork is safe here, and the child may do all the above. */
static int spawn(struct lease *lease, const struct wanted *wanted, char *const *words,
                 struct err *err)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0)
        return err_sys(err, -errno, "pipe");
    pid_t self = getpid();
    pid_t pid = fork();
    if (pid == 0)
        child(wanted, words, self, fds[1]);
    int rc = pid < 0 ? err_sys(err, -errno, "fork") : 0;
    (void)close(fds[1]);
    struct failure failure;
    if (!rc && read(fds[0], &failure, sizeof(failure)) == (ssize_t)sizeof(failure)) {
        rc = err_sys(err, failure.code, "start '%s'%s%s", wanted->argv[0],
                     strcmp(failure.step, wanted->argv[0]) == 0 ? "" : ": ",
                     strcmp(failure.step, wanted->argv[0]) == 0 ? "" : failure.step);
        (void)waitpid(pid, NULL, 0);
    }
    (void)close(fds[0]);
    if (!rc)
        lease->pid = pid;
    return rc;
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
    .release = process_release,
    .undo = process_undo,
};
