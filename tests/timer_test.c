/* SPDX-License-Identifier: MIT */
/* timer_test.c - the pairing heap gives back what was put in, in order, whatever is taken out. */
#include "test.h"

#include "core/rng.h"
#include "core/timer.h"

#include <stdlib.h>
#include <string.h>

enum { COUNT = 5000 };

static void due_times_come_in_order(void **unused)
{
    (void)unused;
    struct timer *timers = calloc(COUNT, sizeof(*timers));
    struct timer_heap heap = {0};
    struct rng rng;
    rng_init(&rng, 7, 0);
    assert_non_null(timers);
    for (size_t i = 0; i < COUNT; i++) {
        timers[i].at_ns = rng_below(&rng, 1000);
        timer_heap_push(&heap, &timers[i]);
        timers[i].armed = true;
    }
    size_t removed = 0;
    for (size_t i = 0; i < COUNT; i += 3, removed++) {
        timer_heap_remove(&heap, &timers[i]);
        timers[i].armed = false;
    }
    uint64_t last_ns = 0;
    size_t popped = 0;
    while (heap.root) {
        struct timer *timer = heap.root;
        assert_true(timer->armed);
        assert_true(timer->at_ns >= last_ns);
        last_ns = timer->at_ns;
        timer->armed = false;
        timer_heap_remove(&heap, timer);
        popped++;
    }
    assert_int_equal(popped + removed, COUNT);
    free(timers);
}

/* A heap that is used as timeouts are: armed, mostly taken out again, now and then due. */
static void it_agrees_with_a_plain_search(void **unused)
{
    (void)unused;
    enum { SLOTS = 64 };
    struct timer timers[SLOTS];
    memset(timers, 0, sizeof(timers));
    struct timer_heap heap = {0};
    struct rng rng;
    rng_init(&rng, 11, 0);
    for (int step = 0; step < 200000; step++) {
        struct timer *timer = &timers[rng_below(&rng, SLOTS)];
        if (timer->armed) {
            timer_heap_remove(&heap, timer);
            timer->armed = false;
        } else {
            timer->at_ns = rng_next(&rng) >> 20;
            timer->armed = true;
            timer_heap_push(&heap, timer);
        }
        uint64_t earliest_ns = UINT64_MAX;
        for (size_t i = 0; i < SLOTS; i++)
            if (timers[i].armed && timers[i].at_ns < earliest_ns)
                earliest_ns = timers[i].at_ns;
        assert_int_equal(heap.root ? heap.root->at_ns : UINT64_MAX, earliest_ns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(due_times_come_in_order),
        cmocka_unit_test(it_agrees_with_a_plain_search),
    };
    return cmocka_run_group_tests_name("timer", tests, NULL, NULL);
}
