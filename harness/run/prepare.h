/* SPDX-License-Identifier: MIT */
/* prepare.h - makes an empty result out of a plan and the command line, and checks all of it that
 * can be checked before the first process starts; for runner.c and estimate.c alone. */
#ifndef POOLSTORM_RUN_PREPARE_H
#define POOLSTORM_RUN_PREPARE_H

#include "run/runner.h"

/* Chooses variants, finds allocators, shortens and overrides phases, checks addresses. Errors as
 * runner_run. The caller owns *out. */
int prepare(const struct plan *plan, const struct runner_options *options, struct result **out,
            struct err *err);

/* Only the first half of it, how many rounds and phases of which length: without asking whether
 * this machine has what they take. The result has no folder and no seed. */
int prepare_shape(const struct plan *plan, const struct runner_options *options,
                  struct result **out, struct err *err);

#endif
