/* SPDX-License-Identifier: MIT */
/* ctx_cancel.c - cancel called until the last descendant is gone; an iteration is one tree. */
#include "core/group.h"
#include "micro/on_fiber.h"

/* a: fibers that wait under the ctx. */
static const struct microbench_case rows[] = {{"10_descendants", 10, 0},
                                              {"1000_descendants", 1000, 0},
                                              {"10000_descendants", 10000, 0},
                                              {"100000_descendants", 100000, 0},
                                              {0}};

static void wait_long(struct ctx *ctx, void *arg)
{
    (void)arg;
    (void)fiber_sleep(ctx, UINT64_C(3600) * NS_PER_S);
}

/* Starts the descendants and cancels them. Answers the ns from the cancel to the last one gone; 0
 * when they could not be started. */
static uint64_t cancel_once(struct ctx *ctx, int64_t descendants)
{
    struct group group;
    group_init(&group, ctx);
    int64_t started = 0;
    while (started < descendants && group_spawn(&group, "descendant", wait_long, NULL) == 0)
        started++;
    fiber_yield(); /* by the end of this they wait */
    uint64_t begun_ns = clock_now_ns();
    group_cancel(&group, "benchmark");
    (void)group_join(ctx, &group);
    uint64_t spent_ns = clock_now_ns() - begun_ns;
    (void)group_fini(&group);
    return started == descendants ? spent_ns : 0;
}

static void body(struct ctx *ctx, void *arg)
{
    struct microbench_pass *pass = arg;
    if (cancel_once(ctx, pass->row->a) == 0) {
        microbench_fail(pass, "no memory for that many fibers");
        return;
    }
    uint64_t count = microbench_begin(pass);
    for (uint64_t i = 0; i < count; i++)
        pass->spent_ns += cancel_once(ctx, pass->row->a);
    microbench_end(pass);
}

static void run(struct microbench_pass *pass)
{
    on_fiber(pass, body);
}

const struct microbench microbench_ctx_cancel = {
    .name = "ctx/cancel",
    .summary = "from cancel to the last descendant gone; starting them is not in it",
    .cases = rows,
    .own_time = true,
    .run = run,
};
