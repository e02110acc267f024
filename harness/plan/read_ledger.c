/* SPDX-License-Identifier: MIT */
/* read_ledger.c - the statement that tells what was stored, and whether the load writes at all. */
#include "plan/read.h"
#include "plan/sql.h"

static int check_phase(struct reading *reading, const yaml_node_t *node,
                       const struct plan_phase *phase, size_t *writes)
{
    if (phase->objective)
        return document_fail(&reading->doc, node, reading->err,
                             "a ledger can't be kept of a search: phase '%s' has one", phase->name);
    for (size_t i = 0; i < phase->request_count; i++) {
        if (!load_request_writes(&phase->requests[i]))
            continue;
        if (!load_request_has_token(&phase->requests[i]))
            return document_fail(&reading->doc, node, reading->err,
                                 "a ledger needs {token} in whatever writes, and phase '%s' has a "
                                 "request without",
                                 phase->name);
        (*writes)++;
    }
    return 0;
}

int read_ledger(struct reading *reading, const yaml_node_t *node)
{
    struct plan *plan = reading->plan;
    struct sql_statement statement;
    size_t at = 0, writes = 0;
    if (!node)
        return 0;
    int rc = read_sql(reading, node, &plan->ledger);
    if (rc)
        return rc;
    (void)sql_next(plan->ledger.text, &at, &statement, NULL);
    if (sql_next(plan->ledger.text, &at, &statement, NULL) != 0)
        return document_fail(&reading->doc, node, reading->err,
                             "expected one statement that yields the token of each stored write");
    if (plan->database.kind == PLAN_DATABASE_NONE)
        return document_fail(&reading->doc, node, reading->err,
                             "a ledger needs a database, whose it is: see the key database");
    for (size_t i = 0; i < plan->phase_count && !rc; i++)
        rc = check_phase(reading, node, &plan->phases[i], &writes);
    if (!rc && writes == 0)
        rc = document_fail(&reading->doc, node, reading->err,
                           "a ledger needs a load that writes: expected method: POST or the like");
    return rc;
}
