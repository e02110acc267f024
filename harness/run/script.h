/* SPDX-License-Identifier: MIT */
/* script.h - runs a scenario's SQL, and says where in the file the server found a mistake. */
#ifndef POOLSTORM_RUN_SCRIPT_H
#define POOLSTORM_RUN_SCRIPT_H

#include "core/ctx.h"
#include "core/err.h"
#include "plan/plan.h"
#include "postgres/pg.h"

/* Statement by statement, each a transaction of its own unless the SQL itself begins one; the first
 * that fails is the last. path is the scenario file's. -EINVAL (file:line:column and the server's
 * words) for what the server does not take; else as pg_exec. Nothing to do without SQL. */
int script_run(struct ctx *ctx, struct pg *pg, const struct plan_sql *sql, const char *path,
               struct err *err);

#endif
