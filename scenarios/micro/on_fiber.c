/* SPDX-License-Identifier: MIT */
/* on_fiber.c - runs a benchmark's body as a fiber on a ring of the thread's own. */
#include "micro/on_fiber.h"

#include "core/ring.h"

void on_fiber(struct microbench_pass *pass, fiber_fn *body)
{
    struct ring *ring = NULL;
    struct err err = {0};
    if (ring_create(&ring, NULL, &err)) {
        microbench_fail(pass, err.text);
        return;
    }
    if (ring_run(ring, "benchmark", body, pass, &err))
        microbench_fail(pass, err.text);
    ring_destroy(ring);
}
