/* SPDX-License-Identifier: MIT */
/* reference.h - the ways in which the format of scenario files is told: from the very tables that
 * the parser goes by. On the main thread; what cannot be written is the stream's error. */
#ifndef POOLSTORM_COMMAND_REFERENCE_REFERENCE_H
#define POOLSTORM_COMMAND_REFERENCE_REFERENCE_H

#include "core/err.h"
#include "plan/plan.h"

#include <stdio.h>

/* Every section's keys as Markdown tables, then settings of the service, kinds of faults, metrics.
 */
int reference_markdown(const struct plan_tables *tables, FILE *out, struct err *err);

/* A JSON Schema (draft-07, which editors know) for completion and checking as one types. It knows
 * keys and forms of values; what depends on other values only `poolstorm check` says. -ENOMEM. */
int reference_schema(const struct plan_tables *tables, FILE *out, struct err *err);

#endif
