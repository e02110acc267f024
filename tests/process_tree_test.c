/* SPDX-License-Identifier: MIT */
/* process_tree_test.c - a process and its children, counted as one while they live and after. */
#include "test.h"

#include "core/clock.h"
#include "run/process_tree.h"

#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* More than the kernel's ticks blur; what is asked of the figures is half of it. */
#define BURNT_NS (60 * NS_PER_MS)

static uint64_t used_ns(void)
{
    struct timespec used;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * NS_PER_S + (uint64_t)used.tv_nsec;
}

/* A child that has burnt BURNT_NS and lives until its pipe is closed. */
struct child {
    pid_t pid;
    int alive_fd;
};

static struct child start_child(void)
{
    int ready[2], alive[2];
    char byte = 0;
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(alive), 0);
    struct child child = {.pid = fork(), .alive_fd = alive[1]};
    assert_true(child.pid >= 0);
    if (child.pid == 0) {
        (void)close(alive[1]);
        while (used_ns() < BURNT_NS)
            continue;
        (void)!write(ready[1], &byte, 1);
        _exit(read(alive[0], &byte, 1) == 0 ? 0 : 1);
    }
    (void)close(alive[0]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
    (void)close(ready[1]);
    return child;
}

static void end_child(const struct child *child)
{
    int status;
    (void)close(child->alive_fd);
    assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
    assert_int_equal(status, 0);
}

static void branches_while_a_child_lives(void **state)
{
    (void)state;
    assert_false(process_tree_branches(getpid()));
    struct child child = start_child();
    assert_true(process_tree_branches(getpid()));
    assert_false(process_tree_branches(child.pid));
    end_child(&child);
    assert_false(process_tree_branches(getpid()));
}

static void counts_the_living_and_those_it_waited_for(void **state)
{
    (void)state;
    uint64_t before_ns, cpu_ns;
    assert_true(process_tree_cpu_ns(getpid(), &before_ns));
    struct child child = start_child();
    assert_true(process_tree_cpu_ns(child.pid, &cpu_ns));
    assert_true(cpu_ns >= BURNT_NS / 2);
    assert_true(process_tree_cpu_ns(getpid(), &cpu_ns));
    assert_true(cpu_ns >= before_ns + BURNT_NS / 2);
    end_child(&child);
    assert_true(process_tree_cpu_ns(getpid(), &cpu_ns));
    assert_true(cpu_ns >= before_ns + BURNT_NS / 2);
}

static void knows_nothing_of_what_has_gone(void **state)
{
    (void)state;
    uint64_t cpu_ns;
    struct child child = start_child();
    end_child(&child);
    assert_false(process_tree_cpu_ns(child.pid, &cpu_ns));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(branches_while_a_child_lives),
        cmocka_unit_test(counts_the_living_and_those_it_waited_for),
        cmocka_unit_test(knows_nothing_of_what_has_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
