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
    free(text);
    if (!rc)
        return 0;
    int blamed = sql_blame(path, sql, statement->offset_bytes, pg_error_position(pg), err);
    if (rc == -EREMOTEIO || rc == -ENOTSUP)
        return blamed;
    if (err)
        err->code = rc; /* which is not the file's fault, but of interest where */
    return rc;
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
