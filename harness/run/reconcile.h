/* SPDX-License-Identifier: MIT */
/* reconcile.h - a round's ledgers, a phase each, and what the database says to them. */
#ifndef POOLSTORM_RUN_RECONCILE_H
#define POOLSTORM_RUN_RECONCILE_H

#include "core/ctx.h"
#include "core/err.h"
#include "load/ledger.h"
#include "plan/plan.h"

/* Of one round. All calls belong to the round's fiber; with a plan that keeps no ledger they do
 * nothing. */
struct reconcile {
    const struct plan *plan; /* the caller's */
    const char *conninfo;    /* of the runner's own sessions; the caller's */
    struct ledger *ledgers;  /* by phase; NULL: none is kept */
};

/* -ENOMEM. */
int reconcile_init(struct reconcile *reconcile, const struct plan *plan, const char *conninfo,
                   struct err *err);
void reconcile_fini(struct reconcile *reconcile); /* zeroed is fine */

/* Has the server read the plan's statement: -EINVAL with its place in the file. */
int reconcile_check(struct ctx *ctx, const struct reconcile *reconcile, struct err *err);

/* The ledger of a phase that is about to begin, for so many threads; NULL: none. -ENOMEM. */
int reconcile_begin_phase(struct reconcile *reconcile, size_t phase, uint64_t threads,
                          struct ledger **out, struct err *err);

/* Looks at all that is stored, row by row. *strangers are rows that no request of the round wrote.
 * Errors as pg_rows_begin, or the ctx's; -EPROTO for a statement that yields no column. */
int reconcile_read(struct ctx *ctx, struct reconcile *reconcile, uint64_t *strangers,
                   struct err *err);

/* The ledger's figures of a phase, after reconcile_read. Returns how many of its writes found no
 * room, so that nothing is known of them. */
uint64_t reconcile_fill(const struct reconcile *reconcile, size_t phase, double *row);

#endif
