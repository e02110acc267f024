/* SPDX-License-Identifier: MIT */
/* fiber.c - switching stacks, and the line of fibers that are ready to run. */
#include "core/fiber.h"

#include "core/internal.h"
#include "core/sanitizer.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#ifdef BUILT_WITH_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef BUILT_WITH_TSAN
#include <sanitizer/tsan_interface.h>
#endif

enum { READY_BUDGET = 256 }; /* resumptions between two looks at the kernel */

/* ---- Sanitizers are told of every switch ----------------------------------------------------- */

static void before_switch(struct ring *ring, struct fiber *from, struct fiber *to, bool ends)
{
    (void)ring, (void)from, (void)to, (void)ends;
#ifdef BUILT_WITH_ASAN
    const char *bottom = to->stack.base;
    __sanitizer_start_switch_fiber(ends ? NULL : &from->sanitizer, bottom,
                                   (size_t)(to->stack.top - bottom));
#endif
#ifdef BUILT_WITH_TSAN
    if (ends)
        ring->reap = from->sanitizer;
    __tsan_switch_to_fiber(to->sanitizer, 0);
#endif
}

static void after_switch(struct ring *ring, struct fiber *self)
{
    (void)ring, (void)self;
#ifdef BUILT_WITH_ASAN
    __sanitizer_finish_switch_fiber(self->sanitizer, NULL, NULL);
#endif
#ifdef BUILT_WITH_TSAN
    if (ring->reap)
        __tsan_destroy_fiber(ring->reap);
    ring->reap = NULL;
#endif
}

/* The thread's own stack becomes the loop's. */
void fiber_adopt_thread(struct ring *ring)
{
    struct fiber *loop = &ring->loop;
    loop->name = "loop";
    loop->ring = ring;
    loop->state = FIBER_RUNNING;
    ring->running = loop;
#ifdef BUILT_WITH_ASAN
    pthread_attr_t attributes;
    void *base = NULL;
    size_t length = 0;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        (void)pthread_attr_getstack(&attributes, &base, &length);
        (void)pthread_attr_destroy(&attributes);
    }
    loop->stack.base = base;
    loop->stack.top = loop->stack.base + length;
#endif
#ifdef BUILT_WITH_TSAN
    loop->sanitizer = __tsan_get_current_fiber();
#endif
}

/* ---- Switching ------------------------------------------------------------------------------- */

static void arrive(struct transfer transfer)
{
    struct fiber *from = transfer.data;
    from->context = transfer.from;
}

/* Suspends self and resumes to; returns when somebody resumes self. */
static void switch_to(struct ring *ring, struct fiber *self, struct fiber *to)
{
    ring->running = to;
    ring->stats.switches++;
    to->state = FIBER_RUNNING;
    before_switch(ring, self, to, false);
    arrive(jump_fcontext(to->context, self));
    after_switch(ring, self);
}

static struct fiber *pop_ready(struct ring *ring)
{
    struct fiber *fiber = ring->ready_first;
    ring->ready_first = fiber->next;
    return fiber;
}

/* The next in line; the loop when the line is empty or the kernel has waited long enough. */
static struct fiber *next_to_run(struct ring *ring)
{
    if (!ring->ready_first || ring->budget == 0)
        return &ring->loop;
    ring->budget--;
    return pop_ready(ring);
}

static void push_ready(struct ring *ring, struct fiber *fiber)
{
    fiber->state = FIBER_READY;
    fiber->next = NULL;
    if (ring->ready_first)
        ring->ready_last->next = fiber;
    else
        ring->ready_first = fiber;
    ring->ready_last = fiber;
}

void fiber_run_ready(struct ring *ring)
{
    ring->budget = READY_BUDGET;
    while (ring->ready_first && ring->budget > 0) {
        ring->budget--;
        switch_to(ring, &ring->loop, pop_ready(ring));
    }
}

struct fiber *fiber_self(void)
{
    struct ring *ring = ring_current;
    return ring && ring->running != &ring->loop ? ring->running : NULL;
}

const char *fiber_name(const struct fiber *fiber)
{
    return fiber->name;
}

void fiber_park(void)
{
    struct ring *ring = ring_current;
    struct fiber *self = ring->running;
    assert(self != &ring->loop);
    self->state = FIBER_PARKED;
    switch_to(ring, self, next_to_run(ring));
}

void fiber_wake(struct fiber *fiber)
{
    assert(fiber->state == FIBER_PARKED);
    push_ready(fiber->ring, fiber);
}

void fiber_yield(void)
{
    struct ring *ring = ring_current;
    struct fiber *self = ring->running;
    push_ready(ring, self);
    struct fiber *next = next_to_run(ring);
    if (next == self)
        self->state = FIBER_RUNNING;
    else
        switch_to(ring, self, next);
}

/* ---- Birth and death ------------------------------------------------------------------------- */

/* Its stack goes back while it still stands on it: nothing takes it before the switch is done. */
static _Noreturn void end(struct fiber *self)
{
    struct ring *ring = self->ring;
    struct group *group = self->group;
    ctx_fini(&self->ctx);
    list_remove(&self->member);
    ring->stats.fibers_live--;
    if (--group->live == 0)
        (void)waitq_wake_all(&group->joiners);
    struct fiber *next = next_to_run(ring);
    ring->running = next;
    ring->stats.switches++;
    next->state = FIBER_RUNNING;
    struct stack stack = self->stack;
    stack_put(&ring->stacks, &stack);
    before_switch(ring, self, next, true);
    (void)jump_fcontext(next->context, self);
    __builtin_unreachable();
}

static void enter(struct transfer transfer)
{
    arrive(transfer);
    struct ring *ring = ring_current;
    struct fiber *self = ring->running;
    after_switch(ring, self);
    self->fn(&self->ctx, self->arg);
    end(self);
}

int fiber_create(struct ring *ring, struct group *group, const char *name, fiber_fn *fn, void *arg)
{
    struct stack stack;
    int rc = stack_get(&ring->stacks, &stack);
    if (rc)
        return rc;
#ifdef BUILT_WITH_ASAN
    /* The fiber before this one ended inside its last frames; their red zones are still there. */
    __asan_unpoison_memory_region(stack.base, (size_t)(stack.top - stack.base));
#endif
    size_t room = (sizeof(struct fiber) + 63) / 64 * 64;
    struct fiber *fiber = (struct fiber *)(void *)(stack.top - room);
    *fiber = (struct fiber){
        .ring = ring, .group = group, .fn = fn, .arg = arg, .name = name, .stack = stack};
    fiber->stack.top = (char *)fiber;
    fiber->context = make_fcontext(fiber, (size_t)((char *)fiber - stack.base), enter);
#ifdef BUILT_WITH_TSAN
    fiber->sanitizer = __tsan_create_fiber(0);
#endif
    ctx_init(&fiber->ctx, &group->ctx);
    list_push_back(&group->members, &fiber->member);
    group->live++;
    ring->stats.fibers_live++;
    ring->stats.fibers_started++;
    push_ready(ring, fiber);
    return 0;
}

/* ---- Sleep ----------------------------------------------------------------------------------- */

struct sleeper {
    struct timer timer;       /* ends the sleep in time */
    struct ctx_waiter ending; /* ends it early */
    struct fiber *fiber;      /* that sleeps */
    bool early;               /* its ctx ended before the time was up */
};

static void sleep_over(struct timer *timer)
{
    struct sleeper *sleeper = container_of(timer, struct sleeper, timer);
    ctx_wait_end(&sleeper->ending);
    fiber_wake(sleeper->fiber);
}

static void sleep_ended(struct ctx_waiter *ending)
{
    struct sleeper *sleeper = container_of(ending, struct sleeper, ending);
    timer_disarm(&sleeper->timer);
    sleeper->early = true;
    fiber_wake(sleeper->fiber);
}

int fiber_sleep_until(struct ctx *ctx, uint64_t at_ns)
{
    struct sleeper sleeper = {.ending.ended = sleep_ended, .fiber = fiber_self()};
    int rc = ctx_wait_begin(ctx, &sleeper.ending);
    if (rc)
        return rc;
    timer_arm(&sleeper.timer, at_ns, sleep_over);
    fiber_park();
    return sleeper.early ? ctx_error(ctx) : 0;
}

int fiber_sleep(struct ctx *ctx, uint64_t span_ns)
{
    return fiber_sleep_until(ctx, clock_after(clock_now_ns(), span_ns));
}
