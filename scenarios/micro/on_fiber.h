/* SPDX-License-Identifier: MIT */
/* on_fiber.h - runs a benchmark's body as a fiber on a ring of the thread's own. */
#ifndef POOLSTORM_MICRO_ON_FIBER_H
#define POOLSTORM_MICRO_ON_FIBER_H

#include "benchmark/benchmark.h"
#include "core/fiber.h"

/* body(ctx, pass) calls microbench_begin and microbench_end. */
void on_fiber(struct microbench_pass *pass, fiber_fn *body);

#endif
