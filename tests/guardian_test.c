/* SPDX-License-Identifier: MIT */
/* guardian_test.c - processes under a guardian start, stop and never outlive it or its holder. */
#include "ring_fixture.h"

#include "core/clock.h"
#include "core/fiber.h"
#include "core/group.h"
#include "core/io.h"
#include "faults/guardian/guardian.h"
#include "faults/guardian/guardian_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BOUND_NS   (10 * NS_PER_S)
#define GRACE_NS   (5 * NS_PER_S)
#define SHELL(...) ((char *[]){(char[]){"sh"}, (char[]){"-c"}, (char[]){__VA_ARGS__}, NULL})

static char folder[] = "/tmp/poolstorm-guardian-XXXXXX";

/* Waits for a file with a number in it: a process's sign that it is where it should be. */
static pid_t wait_for_pid(struct ctx *ctx, const char *name)
{
    char path[128], *text;
    size_t length;
    uint64_t bound_ns = clock_now_ns() + BOUND_NS;
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    while (clock_now_ns() < bound_ns) {
        if (io_read_file(path, 4096, &text, &length) == 0) {
            pid_t pid = length > 0 && text[length - 1] == '\n' ? (pid_t)atoi(text) : 0;
            free(text);
            if (pid > 0) {
                (void)unlink(path);
                return pid;
            }
        }
        assert_ok(fiber_sleep(ctx, NS_PER_MS));
    }
    fail_msg("no %s", path);
    return 0;
}

/* Zombies count as gone: only their parent is late. */
static bool is_alive(pid_t pid)
{
    char path[64], *text;
    size_t length;
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    if (io_read_file(path, 4096, &text, &length))
        return false;
    const char *rest = strrchr(text, ')');
    bool alive = rest && rest[2] != 'Z' && rest[2] != 'X';
    free(text);
    return alive;
}

static void wait_until_gone(struct ctx *ctx, pid_t pid)
{
    uint64_t bound_ns = clock_now_ns() + BOUND_NS;
    while (is_alive(pid) && clock_now_ns() < bound_ns)
        assert_ok(fiber_sleep(ctx, NS_PER_MS));
    assert_false(is_alive(pid));
}

static struct guardian *start_guardian(void)
{
    struct guardian *guardian;
    struct err err = {0};
    if (guardian_create(&guardian, &err))
        fail_msg("%s", err.text);
    return guardian;
}

static struct guardian_lease *start_in(struct ctx *ctx, struct guardian *guardian,
                                       char *const *argv)
{
    struct guardian_lease *lease;
    struct err err = {0};
    struct guardian_process process = {.argv = argv, .folder = folder};
    if (guardian_start(ctx, guardian, &process, &lease, &err))
        fail_msg("%s", err.text);
    return lease;
}

static void take(struct ctx *ctx, struct guardian *guardian, const char *const *words,
                 struct guardian_lease **lease)
{
    struct err err = {0};
    if (guardian_take(ctx, guardian, words, lease, &err))
        fail_msg("%s", err.text);
}

/* As /proc has it: 'T' while it is stopped. */
static char state_of(pid_t pid)
{
    char path[64], *text;
    size_t length;
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    if (io_read_file(path, 4096, &text, &length))
        return '?';
    const char *rest = strrchr(text, ')');
    char state = rest ? rest[2] : '?';
    free(text);
    return state;
}

static void wait_for_state(struct ctx *ctx, pid_t pid, bool stopped)
{
    uint64_t bound_ns = clock_now_ns() + BOUND_NS;
    while ((state_of(pid) == 'T') != stopped && clock_now_ns() < bound_ns)
        assert_ok(fiber_sleep(ctx, NS_PER_MS));
    assert_int_equal(state_of(pid) == 'T', stopped);
}

/* A child that ignores SIGTERM in a session of its own and that nobody waits for. */
#define STUBBORN                                                                                   \
    "trap '' TERM; setsid sh -c 'trap \"\" TERM; echo $$ >grandchild; "                            \
    "while :; do sleep 60; done' & echo $$ >child; "

static void exits(struct ctx *ctx, void *arg)
{
    (void)arg;
    char text[80];
    int status;
    struct guardian *guardian = start_guardian();
    struct guardian_lease *lease = start_in(ctx, guardian, SHELL("exit 3"));
    assert_ok(guardian_wait(ctx, lease));
    assert_true(guardian_lease_ended(lease, &status));
    assert_string_equal(guardian_describe_status(status, text, sizeof(text)), "exit status 3");
    lease = start_in(ctx, guardian, SHELL("kill -SEGV $$"));
    assert_ok(guardian_wait(ctx, lease));
    assert_true(guardian_lease_ended(lease, &status));
    assert_string_equal(guardian_describe_status(status, text, sizeof(text)),
                        "killed by signal 11 (Segmentation fault)");
    assert_int_equal(guardian_stop(lease, GRACE_NS), status);
    guardian_destroy(guardian);
}

static void stops(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct guardian *guardian = start_guardian();
    struct guardian_lease *lease = start_in(
        ctx, guardian, SHELL("trap 'exit 7' TERM; echo $$ >child; while :; do sleep 0.01; done"));
    pid_t pid = wait_for_pid(ctx, "child");
    assert_int_equal(pid, guardian_lease_pid(lease));
    assert_true(is_alive(pid));
    assert_int_equal(WEXITSTATUS(guardian_stop(lease, GRACE_NS)), 7);
    assert_false(is_alive(pid));
    guardian_destroy(guardian);
}

static void kills_what_does_not_stop(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct guardian *guardian = start_guardian();
    struct guardian_lease *lease =
        start_in(ctx, guardian, SHELL(STUBBORN "while :; do sleep 60; done"));
    pid_t child = wait_for_pid(ctx, "child"), grandchild = wait_for_pid(ctx, "grandchild");
    assert_true(is_alive(grandchild));
    int status = guardian_stop(lease, 10 * NS_PER_MS);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
    assert_false(is_alive(child));
    assert_false(is_alive(grandchild));
    guardian_destroy(guardian);
}

static void sweeps_behind_a_process_that_ended(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct guardian *guardian = start_guardian();
    struct guardian_lease *other = start_in(ctx, guardian, SHELL("sleep 60 & wait"));
    struct guardian_lease *lease =
        start_in(ctx, guardian, SHELL(STUBBORN "while ! test -e go; do sleep 0.01; done"));
    /* Both, or the next test would find a number of this one's. */
    (void)wait_for_pid(ctx, "child");
    pid_t grandchild = wait_for_pid(ctx, "grandchild");
    char path[80];
    (void)snprintf(path, sizeof(path), "%s/go", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_ok(fclose(file));
    assert_ok(guardian_wait(ctx, lease));
    assert_false(is_alive(grandchild));
    assert_false(guardian_lease_ended(other, NULL)); /* what is not its own is spared */
    assert_true(is_alive(guardian_lease_pid(other)));
    (void)unlink(path);
    guardian_destroy(guardian);
}

static void ends_with_its_holders_socket(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct guardian *guardian = start_guardian();
    (void)start_in(ctx, guardian, SHELL(STUBBORN "while :; do sleep 60; done"));
    pid_t child = wait_for_pid(ctx, "child"), grandchild = wait_for_pid(ctx, "grandchild");
    pid_t pid = guardian_pid(guardian);
    guardian_destroy(guardian);
    assert_false(is_alive(child));
    assert_false(is_alive(grandchild));
    assert_false(is_alive(pid));
}

/* The guardian's own death takes the process along and is told. */
static void is_missed(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct guardian *guardian = start_guardian();
    struct guardian_lease *lease = start_in(ctx, guardian, SHELL("sleep 60"));
    pid_t pid = guardian_lease_pid(lease);
    assert_ok(kill(guardian_pid(guardian), SIGKILL));
    assert_ok(guardian_wait(ctx, lease));
    assert_int_equal(guardian_stop(lease, GRACE_NS), -1);
    wait_until_gone(ctx, pid);
    struct err err = {0};
    struct guardian_process process = {.argv = SHELL("exit 0")};
    assert_int_equal(guardian_start(ctx, guardian, &process, &lease, &err), -EPIPE);
    assert_non_null(strstr(err.text, "has ended"));
    guardian_destroy(guardian);
}

/* What it held when it was lost is undone all the same, whom the holder named is told. */
static void is_succeeded(struct ctx *ctx, void *arg)
{
    (void)arg;
    char path[128], inner[160];
    struct stat status;
    struct ctx watched;
    struct err err = {0};
    struct guardian_lease *held;
    struct guardian *guardian = start_guardian();
    (void)snprintf(path, sizeof(path), "%s/private", folder);
    (void)snprintf(inner, sizeof(inner), "%s/inner", path);
    take(ctx, guardian, (const char *[]){"folder", path, NULL}, &held);
    assert_ok(mkdir(inner, 0700));
    (void)start_in(ctx, guardian, SHELL(STUBBORN "while :; do sleep 60; done"));
    pid_t child = wait_for_pid(ctx, "child"), grandchild = wait_for_pid(ctx, "grandchild");
    ctx_init(&watched, ctx);
    guardian_watch(guardian, &watched);
    assert_ok(guardian_check(guardian, &err));
    assert_ok(kill(guardian_pid(guardian), SIGKILL));
    assert_int_equal(fiber_sleep(&watched, BOUND_NS), -ECANCELED);
    assert_string_equal(ctx_cause(&watched), "the guardian has ended");
    assert_int_equal(guardian_check(guardian, &err), -EPIPE);
    assert_non_null(strstr(err.text, "killed by signal 9"));
    assert_int_equal(guardian_stop(held, 0), -1);
    assert_int_equal(
        guardian_take(ctx, guardian, (const char *[]){"folder", path, NULL}, &held, &err), -EPIPE);
    guardian_destroy(guardian);
    ctx_fini(&watched);
    assert_false(is_alive(child));
    assert_false(is_alive(grandchild));
    assert_int_equal(stat(path, &status), -1);
}

/* Nothing waits for ever for one that does not answer: to take, to stop, or to end. */
static void is_given_up(struct ctx *ctx, void *arg)
{
    enum { TAKE, STOP, DESTROY };
    (void)arg;
    char path[128];
    struct stat status;
    (void)snprintf(path, sizeof(path), "%s/private", folder);
    for (int what = TAKE; what <= DESTROY; what++) {
        struct err err = {0};
        struct guardian_lease *held, *other;
        struct guardian *guardian = start_guardian();
        take(ctx, guardian, (const char *[]){"folder", path, NULL}, &held);
        struct guardian_lease *process = start_in(ctx, guardian, SHELL("exec sleep 600"));
        pid_t pid = guardian_lease_pid(process);
        assert_ok(kill(guardian_pid(guardian), SIGSTOP));
        wait_for_state(ctx, guardian_pid(guardian), true);
        guardian_set_patience(guardian, 20 * NS_PER_MS);
        if (what == TAKE) {
            const char *const words[] = {"folder", folder, NULL};
            assert_int_equal(guardian_take(ctx, guardian, words, &other, &err), -ETIMEDOUT);
            assert_non_null(strstr(err.text, "did not answer within 20"));
        } else if (what == STOP) {
            assert_int_equal(guardian_stop(process, 0), -1);
            assert_int_equal(guardian_check(guardian, &err), -ETIMEDOUT);
            assert_non_null(strstr(err.text, "did not undo a lease within 20"));
        }
        guardian_destroy(guardian);
        wait_until_gone(ctx, pid);
        assert_int_equal(stat(path, &status), -1);
    }
}

static void refuses(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct guardian *guardian = start_guardian();
    struct guardian_lease *lease;
    struct err err = {0};
    struct guardian_process process = {.argv = (char *[]){(char[]){"no-such-program"}, NULL}};
    assert_int_equal(guardian_start(ctx, guardian, &process, &lease, &err), -ENOENT);
    assert_string_equal(err.text, "start 'no-such-program': No such file or directory");
    process = (struct guardian_process){.argv = SHELL("exit 0"), .folder = "/no/such/folder"};
    assert_int_equal(guardian_start(ctx, guardian, &process, &lease, &err), -ENOENT);
    assert_non_null(strstr(err.text, "/no/such/folder"));
    char *large = calloc(1, GUARDIAN_MESSAGE_BYTES_MAX + 1);
    memset(large, 'x', GUARDIAN_MESSAGE_BYTES_MAX);
    process = (struct guardian_process){.argv = (char *[]){(char[]){"sh"}, large, NULL}};
    assert_int_equal(guardian_start(ctx, guardian, &process, &lease, &err), -E2BIG);
    free(large);
    lease = start_in(ctx, guardian, SHELL("exit 0")); /* and is none the worse for it */
    assert_ok(guardian_wait(ctx, lease));
    guardian_destroy(guardian);
}

struct hanging {
    struct guardian *guardian;
    const char *path; /* of a pipe that nobody reads */
    int rc;           /* of starting what writes to it; 1: not known yet */
};

static void start_hanging(struct ctx *ctx, void *arg)
{
    struct hanging *hanging = arg;
    struct guardian_lease *lease;
    struct guardian_process process = {.argv = SHELL("exit 0"), .output_path = hanging->path};
    hanging->rc = guardian_start(ctx, hanging->guardian, &process, &lease, NULL);
}

/* The guardian goes on while a process of its does not get as far as being one. */
static void starts_others_meanwhile(struct ctx *ctx, void *arg)
{
    (void)arg;
    char path[128];
    struct group group;
    struct hanging hanging = {.guardian = start_guardian(), .path = path, .rc = 1};
    (void)snprintf(path, sizeof(path), "%s/log", folder);
    assert_ok(mkfifo(path, 0600));
    guardian_set_patience(hanging.guardian, 3 * NS_PER_S);
    group_init(&group, ctx);
    assert_ok(group_spawn(&group, "start", start_hanging, &hanging));
    fiber_yield();
    struct guardian_lease *lease = start_in(ctx, hanging.guardian, SHELL("exit 0"));
    assert_ok(guardian_wait(ctx, lease));
    assert_int_equal(hanging.rc, 1);
    group_cancel(&group, "given up");
    assert_ok(group_join(NULL, &group));
    assert_int_equal(hanging.rc, -ECANCELED);
    assert_int_equal(group_fini(&group), 0);
    assert_ok(guardian_check(hanging.guardian, NULL));

    hanging.rc = 1; /* what hangs goes with all the rest */
    group_init(&group, ctx);
    assert_ok(group_spawn(&group, "start", start_hanging, &hanging));
    lease = start_in(ctx, hanging.guardian, SHELL("exec sleep 600"));
    pid_t pid = guardian_lease_pid(lease);
    assert_ok(kill(guardian_pid(hanging.guardian), SIGKILL));
    assert_ok(guardian_wait(ctx, lease));
    assert_ok(group_join(ctx, &group));
    assert_int_equal(group_fini(&group), 0);
    assert_int_equal(hanging.rc, -EPIPE);
    wait_until_gone(ctx, pid);
    guardian_destroy(hanging.guardian);
    assert_ok(unlink(path));
}

static void passes_on(struct ctx *ctx, void *arg)
{
    (void)arg;
    char path[128], *text;
    size_t length;
    (void)snprintf(path, sizeof(path), "%s/log", folder);
    struct guardian *guardian = start_guardian();
    struct guardian_lease *lease;
    cpu_set_t cpus, mine;
    assert_ok(sched_getaffinity(0, sizeof(mine), &mine));
    CPU_ZERO(&cpus);
    for (size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&cpus) == 0; i++)
        if (CPU_ISSET(i, &mine))
            CPU_SET(i, &cpus);
    struct guardian_process process = {
        .argv = SHELL("echo \"$COLOUR\"; nproc >&2; cat; pwd"),
        .env = (char *[]){(char[]){"COLOUR=sea green"}, NULL},
        .folder = folder,
        .output_path = path,
        .cpus = &cpus,
    };
    assert_ok(guardian_start(ctx, guardian, &process, &lease, NULL));
    assert_ok(guardian_wait(ctx, lease));
    guardian_destroy(guardian);
    assert_ok(io_read_file(path, 4096, &text, &length));
    char expected[160];
    (void)snprintf(expected, sizeof(expected), "sea green\n1\n%s\n", folder);
    assert_string_equal(text, expected);
    free(text);
    (void)unlink(path);
}

/* A path is meant from where the holder is, not from where the process is to start. */
static void writes_where_the_holder_is(struct ctx *ctx, void *arg)
{
    (void)arg;
    char path[128], *text;
    size_t length;
    struct err err = {0};
    struct guardian_lease *lease;
    int home = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(home >= 0);
    assert_ok(chdir(folder));
    struct guardian *guardian = start_guardian();
    struct guardian_process process = {.argv = SHELL("pwd"), .folder = "/", .output_path = "log"};
    if (guardian_start(ctx, guardian, &process, &lease, &err))
        fail_msg("%s", err.text);
    assert_ok(guardian_wait(ctx, lease));
    guardian_destroy(guardian);
    assert_ok(fchdir(home));
    (void)close(home);
    (void)snprintf(path, sizeof(path), "%s/log", folder);
    assert_ok(io_read_file(path, 4096, &text, &length));
    assert_string_equal(text, "/\n");
    free(text);
    (void)unlink(path);
}

static void removes_folders(struct ctx *ctx, void *arg)
{
    (void)arg;
    char path[128], inner[160];
    struct guardian *guardian = start_guardian();
    struct guardian_lease *one, *other;
    struct err err = {0};
    (void)snprintf(path, sizeof(path), "%s/private", folder);
    const char *const words[] = {"folder", path, NULL};
    take(ctx, guardian, words, &one);
    struct stat status;
    assert_ok(stat(path, &status));
    assert_int_equal(status.st_mode & 07777, 0700);
    assert_int_equal(guardian_take(ctx, guardian, words, &other, &err), -EEXIST);
    (void)snprintf(inner, sizeof(inner), "%s/inner", path);
    assert_ok(mkdir(inner, 0700));
    assert_ok(symlink("/", strcat(inner, "/link")));
    assert_int_equal(guardian_stop(one, 0), 0);
    assert_int_equal(stat(path, &status), -1);
    take(ctx, guardian, words, &one);
    /* Something that goes on writing into it, and is killed at the same time. */
    struct guardian_process process = {.argv = SHELL("while :; do echo >$$.$((i += 1)); done"),
                                       .folder = path};
    assert_ok(guardian_start(ctx, guardian, &process, &other, NULL));
    guardian_destroy(guardian);
    assert_int_equal(stat(path, &status), -1);
}

static struct guardian_lease *stop_by_signal(struct ctx *ctx, struct guardian *guardian, pid_t pid)
{
    char number[16];
    struct guardian_lease *lease;
    (void)snprintf(number, sizeof(number), "%d", (int)pid);
    const char *const words[] = {"pause", number, NULL};
    take(ctx, guardian, words, &lease);
    return lease;
}

static void pauses(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct guardian *guardian = start_guardian();
    struct guardian_lease *process =
        start_in(ctx, guardian, SHELL("trap 'exit 7' TERM; sleep 600 & echo $! >child; wait"));
    pid_t pid = guardian_lease_pid(process), child = wait_for_pid(ctx, "child");
    struct guardian_lease *lease = stop_by_signal(ctx, guardian, pid);
    wait_for_state(ctx, pid, true);
    wait_for_state(ctx, child, true); /* its whole group */
    assert_int_equal(guardian_stop(lease, 0), 0);
    wait_for_state(ctx, pid, false);
    wait_for_state(ctx, child, false);

    /* A process that is asked to end has to hear it. */
    (void)stop_by_signal(ctx, guardian, pid);
    wait_for_state(ctx, pid, true);
    assert_int_equal(WEXITSTATUS(guardian_stop(process, GRACE_NS)), 7);
    assert_false(is_alive(child));
    guardian_destroy(guardian);
}

/* exec: a shell that is stopped while its child has not begun (vfork) waits for that, and is not
 * seen to be stopped. */
static void ends_what_is_paused(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct guardian *guardian = start_guardian();
    struct guardian_lease *process = start_in(ctx, guardian, SHELL("exec sleep 600"));
    pid_t pid = guardian_lease_pid(process);
    (void)stop_by_signal(ctx, guardian, pid);
    wait_for_state(ctx, pid, true);
    guardian_destroy(guardian);
    assert_false(is_alive(pid));

    guardian = start_guardian(); /* the guardian's own death takes it along, too */
    process = start_in(ctx, guardian, SHELL("exec sleep 600"));
    pid = guardian_lease_pid(process);
    (void)stop_by_signal(ctx, guardian, pid);
    assert_ok(kill(guardian_pid(guardian), SIGKILL));
    assert_ok(guardian_wait(ctx, process));
    wait_until_gone(ctx, pid);
    guardian_destroy(guardian);
}

/* Only what a process lease holds is stopped. */
static void refuses_to_pause_others(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct guardian *guardian = start_guardian();
    struct guardian_lease *process =
        start_in(ctx, guardian, SHELL("sleep 600 & echo $! >child; wait"));
    char numbers[3][16];
    (void)snprintf(numbers[0], sizeof(numbers[0]), "%d", (int)getpid());
    (void)snprintf(numbers[1], sizeof(numbers[1]), "%d", (int)guardian_pid(guardian));
    (void)snprintf(numbers[2], sizeof(numbers[2]), "%d", (int)wait_for_pid(ctx, "child"));
    const char *const refused[] = {numbers[0], numbers[1], numbers[2], "1",  "0",
                                   "-1",       "sleep",    "7x",       NULL, "99999999999"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        struct guardian_lease *lease;
        struct err err = {0};
        const char *const words[] = {"pause", refused[i], NULL};
        int rc = guardian_take(ctx, guardian, words, &lease, &err);
        assert_int_equal(rc, i < 3 ? -ESRCH : -EINVAL);
        assert_true(err.text[0] != '\0');
    }
    assert_true(state_of(guardian_lease_pid(process)) != 'T');
    guardian_destroy(guardian);
}

static void refuses_leases(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct guardian *guardian = start_guardian();
    struct guardian_lease *lease;
    static const char *const refused[][4] = {
        {"no-such-kind"},         {"folder"},
        {"folder", "relative"},   {"folder", "/tmp/a", "/tmp/b"},
        {"schema", "name"},       {"schema", "x; drop", "host=/"},
        {"schema", "", "host=/"}, {"process", "user=no such user", "arg=true"},
    };
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        struct err err = {0};
        int rc = guardian_take(ctx, guardian, refused[i], &lease, &err);
        assert_true(rc == -EINVAL || rc == -ENOENT);
        assert_true(err.text[0] != '\0');
    }
    struct err err = {0};
    const char *const words[] = {"folder", "/no/such/folder", NULL};
    assert_int_equal(guardian_take(ctx, guardian, words, &lease, &err), -ENOENT);
    assert_non_null(strstr(err.text, "/no/such/folder"));
    guardian_destroy(guardian);
}

/* A schema nobody can be asked about: said on stderr, and in no other lease's way. */
static void gives_up_schemas(struct ctx *ctx, void *arg)
{
    (void)arg;
    char conninfo[160];
    struct guardian *guardian = start_guardian();
    struct guardian_lease *lease;
    (void)snprintf(conninfo, sizeof(conninfo), "host=%s dbname=none", folder);
    const char *const words[] = {"schema", "poolstorm_test", conninfo, NULL};
    take(ctx, guardian, words, &lease);
    int status = guardian_stop(lease, 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    guardian_destroy(guardian);
}

static void becomes_others(struct ctx *ctx, void *arg)
{
    (void)arg;
    if (geteuid() != 0)
        return; /* only root can */
    char path[128], *text;
    size_t length;
    (void)snprintf(path, sizeof(path), "%s/log", folder);
    struct guardian *guardian = start_guardian();
    struct guardian_lease *lease;
    struct guardian_process process = {
        .argv = SHELL("id -un; id -Gn"), .folder = "/", .user = "nobody", .output_path = path};
    assert_ok(guardian_start(ctx, guardian, &process, &lease, NULL));
    assert_ok(guardian_wait(ctx, lease));
    guardian_destroy(guardian);
    assert_ok(io_read_file(path, 4096, &text, &length));
    assert_ptr_equal(strstr(text, "nobody\n"), text);
    assert_null(strstr(text, "root"));
    free(text);
    (void)unlink(path);
}

/* What garbage on its socket does to it: nothing. */
static void test_garbage(void **state)
{
    (void)state;
    int fds[2];
    assert_ok(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds));
    pid_t pid = fork();
    if (pid == 0) {
        (void)dup2(fds[1], GUARDIAN_FD);
        (void)execl("/proc/self/exe", "poolstorm", "guardian", (char *)NULL);
        _exit(127);
    }
    (void)close(fds[1]);
    struct {
        struct guardian_message head;
        char words[16];
    } packet = {.head = {.verb = GUARDIAN_TAKE, .lease = 5}, .words = "no-such-kind"};
    assert_int_equal(send(fds[0], "x", 1, 0), 1);
    packet.head.verb = 99;
    assert_true(send(fds[0], &packet, sizeof(packet), 0) > 0);
    packet.head.verb = GUARDIAN_RELEASE;
    assert_true(send(fds[0], &packet, sizeof(packet), 0) > 0);
    packet.head.verb = GUARDIAN_TAKE;
    assert_true(send(fds[0], &packet, sizeof(packet.head) + 13, 0) > 0);
    struct {
        struct guardian_message head;
        char text[500];
    } answer = {0};
    assert_true(recv(fds[0], &answer, sizeof(answer), 0) > 0);
    assert_int_equal(answer.head.verb, GUARDIAN_REFUSED);
    assert_int_equal(answer.head.lease, 5);
    assert_string_equal(answer.text, "no kind of lease 'no-such-kind'");
    (void)close(fds[0]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* As the runner dies of kill -9: nobody says good-bye. */
static void hold(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct guardian *guardian = start_guardian();
    (void)start_in(ctx, guardian, SHELL(STUBBORN "while :; do sleep 60; done"));
    (void)fiber_sleep(ctx, 60 * NS_PER_S);
}

static void kill_the_holder(struct ctx *ctx, void *arg)
{
    (void)arg;
    pid_t holder = fork(); /* of a test that has no threads */
    if (holder == 0) {
        (void)execl("/proc/self/exe", "guardian_test", "hold", folder, (char *)NULL);
        _exit(127);
    }
    pid_t child = wait_for_pid(ctx, "child"), grandchild = wait_for_pid(ctx, "grandchild");
    assert_ok(kill(holder, SIGKILL));
    assert_int_equal(waitpid(holder, NULL, 0), holder);
    wait_until_gone(ctx, child);
    wait_until_gone(ctx, grandchild);
}

#define ON_RING(name_)                                                                             \
    static void test_##name_(void **state)                                                         \
    {                                                                                              \
        (void)state;                                                                               \
        struct ring_stats stats = run_on_ring(name_, NULL);                                        \
        assert_int_equal(stats.fibers_leaked, 0);                                                  \
    }

ON_RING(exits)
ON_RING(stops)
ON_RING(kills_what_does_not_stop)
ON_RING(sweeps_behind_a_process_that_ended)
ON_RING(ends_with_its_holders_socket)
ON_RING(is_missed)
ON_RING(is_succeeded)
ON_RING(is_given_up)
ON_RING(refuses)
ON_RING(starts_others_meanwhile)
ON_RING(passes_on)
ON_RING(writes_where_the_holder_is)
ON_RING(removes_folders)
ON_RING(pauses)
ON_RING(ends_what_is_paused)
ON_RING(refuses_to_pause_others)
ON_RING(refuses_leases)
ON_RING(gives_up_schemas)
ON_RING(becomes_others)
ON_RING(kill_the_holder)

static void test_wants_a_socket(void **state)
{
    (void)state;
    struct err err = {0};
    int fds[2];
    assert_ok(pipe(fds));
    assert_int_equal(guardian_main(fds[0], &err), -ENOTSOCK);
    assert_non_null(strstr(err.text, "started by poolstorm itself"));
    (void)close(fds[0]);
    (void)close(fds[1]);
}

/* This program is its own guardian and its own holder. */
int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "guardian") == 0)
        return guardian_main(GUARDIAN_FD, NULL) ? 1 : 0;
    if (argc == 3 && strcmp(argv[1], "hold") == 0) {
        (void)snprintf(folder, sizeof(folder), "%s", argv[2]);
        (void)run_on_ring(hold, NULL);
        return 0;
    }
    if (!mkdtemp(folder))
        return 99;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exits),
        cmocka_unit_test(test_stops),
        cmocka_unit_test(test_kills_what_does_not_stop),
        cmocka_unit_test(test_sweeps_behind_a_process_that_ended),
        cmocka_unit_test(test_ends_with_its_holders_socket),
        cmocka_unit_test(test_is_missed),
        cmocka_unit_test(test_is_succeeded),
        cmocka_unit_test(test_is_given_up),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_starts_others_meanwhile),
        cmocka_unit_test(test_passes_on),
        cmocka_unit_test(test_writes_where_the_holder_is),
        cmocka_unit_test(test_removes_folders),
        cmocka_unit_test(test_pauses),
        cmocka_unit_test(test_ends_what_is_paused),
        cmocka_unit_test(test_refuses_to_pause_others),
        cmocka_unit_test(test_refuses_leases),
        cmocka_unit_test(test_gives_up_schemas),
        cmocka_unit_test(test_becomes_others),
        cmocka_unit_test(test_kill_the_holder),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_wants_a_socket),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    static const char *const left[] = {"child", "grandchild", "go", "log"};
    for (size_t i = 0; i < sizeof(left) / sizeof(*left); i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s/%s", folder, left[i]);
        (void)unlink(path);
    }
    (void)rmdir(folder);
    return rc;
}
