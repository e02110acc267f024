/* SPDX-License-Identifier: MIT */
/* script.c - sends a scenario's statements one by one: only then an error has a place. */
#include "run/script.h"

#include "plan/sql.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int run_statement(struct ctx *ctx, struct pg *pg, const struct plan_sql *sql,
                         const struct sql_statement *statement, const char *path, struct err *err)
{
    char *text = strndup(sql->text + statement->offset_bytes, statement->length_bytes);
    if (!text)
        return err_sys(err, -ENOMEM, "run SQL");
    int rc = pg_exec(ctx, pg, text, NULL, err);
    size_t inner = rc && pg_error_position(pg) ? sql_offset(text, pg_error_position(pg)) : 0;
    free(text);
    if (!rc)
        return 0;
    struct plan_where where = sql_where(sql, statement->offset_bytes + inner);
    (void)err_wrap(err, "%.200s:%zu:%zu", path, where.line, where.column);
    if (rc != -EREMOTEIO && rc != -ENOTSUP)
        return rc;
    if (err)
        err->code = -EINVAL; /* what the server does not take is a mistake in the file */
    return -EINVAL;
}

int script_run(struct ctx *ctx, struct pg *pg, const struct plan_sql *sql, const char *path,
               struct err *err)
{
    struct sql_statement statement;
    size_t at = 0;
    int rc = 0;
    while (sql->text && (rc = sql_next(sql->text, &at, &statement, err)) > 0) {
        rc = run_statement(ctx, pg, sql, &statement, path, err);
        if (rc)
            return rc;
    }
    return rc;
}
