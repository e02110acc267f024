/* SPDX-License-Identifier: MIT */
/* fiber_test.c - fibers take turns, end, are joined, are leaked, and overflow with their name. */
#include "ring_fixture.h"

#include "core/fiber.h"
#include "core/group.h"
#include "core/sanitizer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(BUILT_WITH_TSAN)
enum { MANY = 200 }; /* TSan keeps megabytes for each */
#elif defined(BUILT_WITH_ASAN)
enum { MANY = 10000 }; /* shadow memory makes each ten times as dear */
#else
enum { MANY = 100000 };
#endif

/* ---- Turns ----------------------------------------------------------------------------------- */

static char order[16];

static void write_letters(struct ctx *ctx, void *arg)
{
    (void)ctx;
    const char *letters = arg;
    for (; *letters; letters++) {
        strncat(order, letters, 1);
        fiber_yield();
    }
}

static void take_turns(struct ctx *ctx, void *arg)
{
    (void)arg;
    static char first[] = "ace", second[] = "bdf";
    struct group group;
    group_init(&group, ctx);
    assert_ok(group_spawn(&group, "first", write_letters, first));
    assert_ok(group_spawn(&group, "second", write_letters, second));
    assert_ok(group_join(ctx, &group));
    assert_int_equal(group_fini(&group), 0);
}

static void fibers_take_turns(void **unused)
{
    (void)unused;
    order[0] = '\0';
    struct ring_stats stats = run_on_ring(take_turns, NULL);
    assert_string_equal(order, "abcdef");
    assert_int_equal(stats.fibers_started, 3);
    assert_int_equal(stats.fibers_leaked, 0);
}

/* ---- Many ------------------------------------------------------------------------------------ */

static size_t woken;

static void wait_in_line(struct ctx *ctx, void *arg)
{
    struct waitq *queue = arg;
    assert_ok(waitq_wait(ctx, queue, NULL));
    woken++;
}

static void wait_with_many(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct group group;
    struct waitq queue;
    waitq_init(&queue);
    group_init(&group, ctx);
    for (size_t i = 0; i < MANY; i++)
        assert_ok(group_spawn(&group, "waiter", wait_in_line, &queue));
    while (queue.length < MANY)
        fiber_yield();
    assert_int_equal(waitq_wake_all(&queue), MANY);
    assert_ok(group_join(ctx, &group));
    assert_int_equal(group_fini(&group), 0);
}

static void a_hundred_thousand_wait_on_one_thread(void **unused)
{
    (void)unused;
    woken = 0;
    (void)run_on_ring(wait_with_many, NULL);
    assert_int_equal(woken, MANY);
}

static void sleep_long(struct ctx *ctx, void *arg)
{
    size_t *count = arg;
    assert_int_equal(fiber_sleep(ctx, 3600 * NS_PER_S), -ECANCELED);
    assert_string_equal(ctx_cause(ctx), "enough");
    (*count)++;
}

static void cancel_many(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct group group;
    group_init(&group, ctx);
    for (size_t i = 0; i < MANY; i++)
        assert_ok(group_spawn(&group, "sleeper", sleep_long, &woken));
    fiber_yield();
    group_cancel(&group, "enough");
    assert_ok(group_join(ctx, &group));
    assert_int_equal(group_fini(&group), 0);
}

static void cancelling_reaches_them_all(void **unused)
{
    (void)unused;
    woken = 0;
    (void)run_on_ring(cancel_many, NULL);
    assert_int_equal(woken, MANY);
}

/* ---- Outliving ------------------------------------------------------------------------------- */

static struct waitq elsewhere;

static void wait_deafly(struct ctx *ctx, void *arg)
{
    bool *ended = arg;
    assert_ok(waitq_wait(NULL, &elsewhere, NULL)); /* under no ctx: deaf to cancelling */
    assert_int_equal(ctx_error(ctx), -ECANCELED);
    *ended = true;
}

static void outlive(struct ctx *ctx, void *arg)
{
    bool *ended = arg;
    waitq_init(&elsewhere);
    struct group group;
    group_init(&group, ctx);
    assert_ok(group_spawn(&group, "deaf", wait_deafly, ended));
    fiber_yield();
    assert_int_equal(group_fini(&group), 1);
    memset(&group, 0xa5, sizeof(group)); /* nothing may look there any more */
    assert_int_equal(ring_stats(ring_self()).fibers_leaked, 1);
    assert_int_equal(waitq_wake_all(&elsewhere), 1);
}

static void who_outlives_the_group_is_counted(void **unused)
{
    (void)unused;
    bool ended = false;
    struct ring_stats stats = run_on_ring(outlive, &ended);
    assert_true(ended);
    assert_int_equal(stats.fibers_leaked, 1);
}

/* ---- Joining --------------------------------------------------------------------------------- */

static void join_with_deadline(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct group group;
    group_init(&group, ctx);
    assert_ok(group_spawn(&group, "sleeper", sleep_long, &woken));
    struct ctx hurry;
    ctx_init_timeout(&hurry, ctx, NS_PER_MS);
    assert_int_equal(group_join(&hurry, &group), -ETIMEDOUT);
    ctx_fini(&hurry);
    group_cancel(&group, "enough");
    assert_ok(group_join(ctx, &group));
    assert_int_equal(group_fini(&group), 0);
}

static void joining_can_time_out(void **unused)
{
    (void)unused;
    woken = 0;
    (void)run_on_ring(join_with_deadline, NULL);
    assert_int_equal(woken, 1);
}

/* ---- Overflow -------------------------------------------------------------------------------- */

static int recurse(const volatile char *above, int depth)
{
    volatile char frame[4096];
    frame[0] = above[0];
    if (depth == 0)
        return frame[0];
    return recurse(frame, depth - 1) + frame[0];
}

static void overflow(struct ctx *ctx, void *arg)
{
    (void)ctx, (void)arg;
    volatile char top[1] = {1};
    exit(recurse(top, 10000));
}

static void an_overflow_names_the_fiber(void **unused)
{
    (void)unused;
    int ends[2];
    assert_ok(pipe(ends));
    pid_t child = fork();
    if (child == 0) {
        (void)dup2(ends[1], STDERR_FILENO);
        struct ring *ring;
        if (ring_create(&ring, NULL, NULL) == 0)
            (void)ring_run(ring, "greedy", overflow, NULL, NULL);
        _exit(0);
    }
    (void)close(ends[1]);
    char said[4096] = "";
    size_t used = 0;
    for (ssize_t got = 1; got > 0 && used < sizeof(said) - 1; used += (size_t)(got > 0 ? got : 0))
        got = read(ends[0], said + used, sizeof(said) - 1 - used);
    (void)close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_non_null(strstr(said, "fiber 'greedy' overflowed its stack"));
}

/* ---- The kernel's alarm ---------------------------------------------------------------------- */

static void sleep_for_spans(struct ctx *ctx, void *arg)
{
    for (const uint64_t *span_ns = arg; *span_ns; span_ns++) {
        uint64_t due_ns = clock_now_ns() + *span_ns;
        assert_ok(fiber_sleep(ctx, *span_ns));
        assert_true(clock_now_ns() >= due_ns);
    }
}

/* Would an alarm that is set for later keep an earlier timer waiting, this would take an hour. */
static void sleep_before_a_far_timer(struct ctx *ctx, void *arg)
{
    (void)arg;
    uint64_t first[] = {30 * NS_PER_MS, 15 * NS_PER_MS, NS_PER_MS, 12 * NS_PER_MS, 0};
    uint64_t second[] = {11 * NS_PER_MS, 40 * NS_PER_MS, 2 * NS_PER_MS, 0};
    struct ctx hour, span;
    struct group group;
    ctx_init_timeout(&hour, ctx, 3600 * NS_PER_S);
    group_init(&group, &hour);
    assert_ok(fiber_sleep(&hour, 11 * NS_PER_MS)); /* and behind it, the hour's own */
    assert_ok(group_spawn(&group, "first", sleep_for_spans, first));
    assert_ok(group_spawn(&group, "second", sleep_for_spans, second));
    assert_ok(group_join(&hour, &group));
    assert_int_equal(group_fini(&group), 0);
    ctx_init_timeout(&span, &hour, 20 * NS_PER_MS);
    assert_int_equal(fiber_sleep(&span, 7200 * NS_PER_S), -ETIMEDOUT);
    ctx_fini(&span);
    ctx_fini(&hour);
}

static void a_far_alarm_holds_up_no_nearer_timer(void **unused)
{
    (void)unused;
    (void)run_on_ring(sleep_before_a_far_timer, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_far_alarm_holds_up_no_nearer_timer),
        cmocka_unit_test(fibers_take_turns),
        cmocka_unit_test(a_hundred_thousand_wait_on_one_thread),
        cmocka_unit_test(cancelling_reaches_them_all),
        cmocka_unit_test(who_outlives_the_group_is_counted),
        cmocka_unit_test(joining_can_time_out),
        cmocka_unit_test(an_overflow_names_the_fiber),
    };
    return cmocka_run_group_tests_name("fiber", tests, NULL, NULL);
}
