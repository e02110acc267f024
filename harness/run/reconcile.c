/* SPDX-License-Identifier: MIT */
/* reconcile.c - compares what clients know of their writes with what the database has stored. */
#include "run/reconcile.h"

#include "core/clock.h"
#include "load/token.h"
#include "plan/sql.h"
#include "postgres/pg.h"

#include <errno.h>
#include <stdlib.h>

/* A database that has not told all by then tells nothing. */
#define READ_TIMEOUT_NS (60 * NS_PER_S)

int reconcile_init(struct reconcile *reconcile, const struct plan *plan, const char *conninfo,
                   struct err *err)
{
    *reconcile = (struct reconcile){.plan = plan, .conninfo = conninfo};
    if (!plan->ledger.text)
        return 0;
    reconcile->ledgers = calloc(plan->phase_count, sizeof(*reconcile->ledgers));
    return reconcile->ledgers ? 0 : err_sys(err, -ENOMEM, "make a ledger");
}

void reconcile_fini(struct reconcile *reconcile)
{
    for (size_t i = 0; reconcile->ledgers && i < reconcile->plan->phase_count; i++)
        ledger_fini(&reconcile->ledgers[i]);
    free(reconcile->ledgers);
    *reconcile = (struct reconcile){0};
}

int reconcile_check(struct ctx *ctx, const struct reconcile *reconcile, struct err *err)
{
    const struct plan *plan = reconcile->plan;
    struct pg *pg = NULL;
    if (!reconcile->ledgers)
        return 0;
    int rc = pg_connect(ctx, &pg, reconcile->conninfo, NULL, err);
    if (rc)
        return err_wrap(err, "ledger");
    rc = pg_prepare(ctx, pg, "", plan->ledger.text, err);
    if (rc == -EREMOTEIO)
        rc = sql_blame(plan->path, &plan->ledger, 0, pg_error_position(pg), err);
    pg_close(pg);
    return rc;
}

int reconcile_begin_phase(struct reconcile *reconcile, size_t phase, uint64_t threads,
                          struct ledger **out, struct err *err)
{
    *out = reconcile->ledgers ? &reconcile->ledgers[phase] : NULL;
    return *out ? ledger_init(*out, (unsigned)threads, err) : 0;
}

/* Whether one of the round's requests wrote this row. */
static bool recognise(struct reconcile *reconcile, const PGresult *row)
{
    uint64_t number;
    if (PQgetisnull(row, 0, 0) ||
        !token_read(PQgetvalue(row, 0, 0), (size_t)PQgetlength(row, 0, 0), &number))
        return false;
    for (size_t i = 0; i < reconcile->plan->phase_count; i++)
        if (ledger_stored(&reconcile->ledgers[i], number))
            return true;
    return false;
}

static int read_rows(struct ctx *ctx, struct reconcile *reconcile, struct pg *pg,
                     uint64_t *strangers, struct err *err)
{
    PGresult *row;
    int rc = pg_rows_begin(ctx, pg, reconcile->plan->ledger.text, 0, NULL, err);
    while (!rc && (rc = pg_rows_next(ctx, pg, &row, err)) == 1) {
        rc = PQnfields(row) > 0 ? 0 : err_set(err, -EPROTO, "a statement that yields no token");
        if (!rc && !recognise(reconcile, row))
            (*strangers)++;
        PQclear(row);
    }
    return rc;
}

int reconcile_read(struct ctx *ctx, struct reconcile *reconcile, uint64_t *strangers,
                   struct err *err)
{
    struct ctx patience;
    struct pg *pg = NULL;
    *strangers = 0;
    if (!reconcile->ledgers)
        return 0;
    ctx_init_timeout(&patience, ctx, READ_TIMEOUT_NS);
    int rc = pg_connect(&patience, &pg, reconcile->conninfo, NULL, err);
    if (!rc)
        rc = read_rows(&patience, reconcile, pg, strangers, err);
    pg_close(pg);
    ctx_fini(&patience);
    return rc ? err_wrap(err, "ledger") : 0;
}

uint64_t reconcile_fill(const struct reconcile *reconcile, size_t phase, double *row)
{
    if (!reconcile->ledgers)
        return 0;
    struct ledger_counts counts = ledger_count(&reconcile->ledgers[phase]);
    row[METRIC_LEDGER_ACKNOWLEDGED] = (double)counts.acknowledged;
    row[METRIC_LEDGER_STORED] = (double)counts.stored;
    row[METRIC_LEDGER_LOST] = (double)counts.lost;
    row[METRIC_LEDGER_DOUBLED] = (double)counts.doubled;
    row[METRIC_LEDGER_UNKNOWN] = (double)counts.unknown;
    row[METRIC_LEDGER_REFUSED] = (double)counts.refused;
    row[METRIC_LEDGER_GHOSTS] = (double)counts.ghosts;
    return counts.beyond;
}
