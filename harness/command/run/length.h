/* SPDX-License-Identifier: MIT */
/* length.h - how long scenarios will take, in words: for `run`, `check` and `list`. */
#ifndef POOLSTORM_COMMAND_RUN_LENGTH_H
#define POOLSTORM_COMMAND_RUN_LENGTH_H

#include "core/err.h"
#include "plan/plan.h"
#include "run/runner.h"

#include <stdbool.h>
#include <stdint.h>

/* What a scenario takes as runner has it, and its grid with it if asked for; see run/estimate.h. */
int length_of(const struct plan *plan, const struct runner_options *runner, bool grid,
              uint64_t *length_ns, struct err *err);

/* The same as the file has it, or as --quick makes it of it; of these variants, NULL: of all. 0
 * where it cannot be told. */
uint64_t length_planned(const struct plan *plan, const char *variants, bool quick, bool grid);

/* "45 s", "21 min", "1 h 43 min": no finer than an estimate is. Returns text. */
char *length_text(char *text, size_t size_bytes, uint64_t length_ns);

#endif
