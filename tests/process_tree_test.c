/* SPDX-License-Identifier: MIT */
/* process_tree_test.c - a process and its children, counted as one while they live and after. */
#include "test.h"

#include "core/clock.h"
#include "run/process_tree.h"

#include <errno.h>
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

static struct meter_sample look(struct process_tree *tree)
{
    struct meter_sample sample;
    struct err err = {0};
    if (process_tree_read(tree, &sample, &err))
        fail_msg("%s", err.text);
    return sample;
}

static struct process_tree *watch(pid_t pid)
{
    struct process_tree *tree = NULL;
    struct err err = {0};
    if (process_tree_create(&tree, pid, &err))
        fail_msg("%s", err.text);
    return tree;
}

static void sums_what_can_be_summed(void **state)
{
    (void)state;
    struct process_tree *tree = watch(getpid());
    struct meter_sample alone = look(tree);
    assert_true(alone.rss_peak_bytes > 0 && alone.rss_peak_bytes >= alone.rss_bytes);
    assert_int_equal(alone.threads, 1);

    struct child child = start_child();
    struct process_tree *of_child = watch(child.pid); /* TSan gives it a thread of its own */
    struct meter_sample both = look(tree), other = look(of_child);
    process_tree_destroy(of_child);
    assert_int_equal(both.threads, alone.threads + other.threads);
    assert_int_equal(both.rss_peak_bytes, 0); /* they peaked at different times */
    assert_true(both.rss_bytes > 0);
    assert_true(both.faults_minor > alone.faults_minor);
    assert_true(both.switches_voluntary > alone.switches_voluntary);
    assert_true(both.cpu_ns - alone.cpu_ns >= BURNT_NS / 2);

    /* What it did is not forgotten, and not counted again with who waited for it. */
    uint64_t own_ns = used_ns();
    end_child(&child);
    struct meter_sample after = look(tree);
    own_ns = used_ns() - own_ns;
    assert_true(after.cpu_ns >= both.cpu_ns);
    assert_true(after.cpu_ns - both.cpu_ns < own_ns + BURNT_NS / 2);
    assert_true(after.faults_minor >= both.faults_minor);
    assert_true(after.switches_voluntary >= both.switches_voluntary);
    assert_true(after.rss_peak_bytes > 0);
    assert_int_equal(after.threads, 1);
    process_tree_destroy(tree);
}

static void counts_who_came_and_went(void **state)
{
    (void)state;
    struct process_tree *tree = watch(getpid());
    struct meter_sample before = look(tree);
    struct child child = start_child();
    end_child(&child);
    struct meter_sample after = look(tree);
    assert_true(after.cpu_ns - before.cpu_ns >= BURNT_NS / 2);
    assert_true(after.faults_minor > before.faults_minor);
    process_tree_destroy(tree);
}

static void ends_with_its_root(void **state)
{
    (void)state;
    struct err err = {0};
    struct meter_sample sample = {.threads = 77};
    struct child child = start_child();
    struct process_tree *tree = watch(child.pid), *other = NULL;
    assert_true(look(tree).threads >= 1);
    end_child(&child);
    assert_int_equal(process_tree_read(tree, &sample, &err), -ESRCH);
    assert_int_equal(sample.threads, 77);
    assert_int_equal(process_tree_create(&other, child.pid, &err), -ESRCH);
    process_tree_destroy(tree);
    process_tree_destroy(NULL);
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
        cmocka_unit_test(sums_what_can_be_summed),
        cmocka_unit_test(counts_who_came_and_went),
        cmocka_unit_test(ends_with_its_root),
        cmocka_unit_test(counts_the_living_and_those_it_waited_for),
        cmocka_unit_test(knows_nothing_of_what_has_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
