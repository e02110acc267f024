/* SPDX-License-Identifier: MIT */
/* ring_fixture.h - runs a test's body as the first fiber of a fresh ring. */
#ifndef POOLSTORM_TESTS_RING_FIXTURE_H
#define POOLSTORM_TESTS_RING_FIXTURE_H

#include "test.h"

#include "core/ring.h"

/* Runs body and all it starts to their end. Returns the ring's counters as they were then. */
static inline struct ring_stats run_on_ring(void (*body)(struct ctx *ctx, void *arg), void *arg)
{
    struct ring *ring;
    struct err err = {0};
    if (ring_create(&ring, NULL, &err))
        fail_msg("%s", err.text);
    assert_ok(ring_run(ring, "test", body, arg, &err));
    struct ring_stats stats = ring_stats(ring);
    assert_int_equal(stats.fibers_live, 0);
    ring_destroy(ring);
    return stats;
}

#endif
