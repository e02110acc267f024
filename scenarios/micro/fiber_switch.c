/* SPDX-License-Identifier: MIT */
/* fiber_switch.c - fibers taking turns; an iteration is one of them resumed. */
#include "core/group.h"
#include "micro/on_fiber.h"

#include <stdbool.h>

/* a: fibers taking turns. */
static const struct microbench_case rows[] = {
    {"2_fibers", 2, 0}, {"1000_fibers", 1000, 0}, {"10000_fibers", 10000, 0}, {0}};

/* Of all fibers of a pass, which run on one thread. */
struct turns {
    struct microbench_pass *pass;
    bool go;       /* until then they only warm their stacks */
    uint64_t left; /* switches to go; the last one stops the clock */
};

static void take_turns(struct ctx *ctx, void *arg)
{
    (void)ctx;
    struct turns *turns = arg;
    while (!turns->go)
        fiber_yield();
    while (turns->left) {
        if (--turns->left == 0)
            microbench_end(turns->pass);
        else
            fiber_yield();
    }
}

static void body(struct ctx *ctx, void *arg)
{
    struct turns turns = {.pass = arg};
    int64_t fibers = turns.pass->row->a;
    struct group group;
    group_init(&group, ctx);
    int64_t started = 0;
    while (started < fibers && group_spawn(&group, "turns", take_turns, &turns) == 0)
        started++;
    fiber_yield();
    turns.go = true;
    if (started == fibers)
        turns.left = microbench_begin(turns.pass);
    else
        microbench_fail(turns.pass, "no memory for that many fibers");
    (void)group_join(ctx, &group);
    (void)group_fini(&group);
}

static void run(struct microbench_pass *pass)
{
    on_fiber(pass, body);
}

const struct microbench microbench_fiber_switch = {
    .name = "fiber/switch",
    .summary = "from one fiber to the next, scheduling included",
    .cases = rows,
    .run = run,
};
