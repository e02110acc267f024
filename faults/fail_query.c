/* SPDX-License-Identifier: MIT */
/* fail_query.c - makes queries fail, as if the server had refused them. */
#include "faults/query_aim.h"

#include <errno.h>
#include <string.h>

struct fail_query {
    struct query_aim aim;
    char *sqlstate;
    char *message; /* NULL: the server's own for it */
    struct fault_error error;
};

static const struct param fail_query_params[] = {
    QUERY_AIM_PARAMS(fail_query, aim),
    {PARAM_TEXT("sqlstate", fail_query, sqlstate, "57014", "of the error")},
    {PARAM_TEXT("message", fail_query, message, NULL, "of the error; PostgreSQL's own by default")},
    {0},
};

/* What PostgreSQL says with those that clients tell apart most. */
static const char *usual_message(const char *sqlstate)
{
    static const struct {
        const char *sqlstate, *message;
    } usual[] = {
        {"25006", "cannot execute INSERT in a read-only transaction"},
        {"40001", "could not serialize access due to concurrent update"},
        {"40P01", "deadlock detected"},
        {"53100", "could not extend file: No space left on device"},
        {"53200", "out of memory"},
        {"53300", "sorry, too many clients already"},
        {"55P03", "canceling statement due to lock timeout"},
        {"57014", "canceling statement due to statement timeout"},
        {"57P01", "terminating connection due to administrator command"},
        {"57P03", "the database system is starting up"},
    };
    for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++)
        if (strcmp(usual[i].sqlstate, sqlstate) == 0)
            return usual[i].message;
    return "failed by a fault";
}

static int fail_query_check(const void *self_, struct err *err)
{
    const struct fail_query *self = self_;
    const char *sqlstate = self->sqlstate ? self->sqlstate : "";
    size_t known = strspn(sqlstate, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    bool is_error = sqlstate[0] != '0' || !memchr("012", sqlstate[1], 3);
    if (known != 5 || sqlstate[5] != '\0' || !is_error)
        return err_set(err, -EINVAL,
                       "sqlstate: expected five digits and capitals that say an error, such as "
                       "57014 or 40001, got '%s'",
                       sqlstate);
    return query_aim_check(&self->aim, err);
}

static int fail_query_prepare(void *self_, struct err *err)
{
    struct fail_query *self = self_;
    memcpy(self->error.sqlstate, self->sqlstate, sizeof(self->error.sqlstate));
    self->error.message = self->message ? self->message : usual_message(self->sqlstate);
    return query_aim_prepare(&self->aim, err);
}

static void fail_query_fini(void *self_)
{
    struct fail_query *self = self_;
    query_aim_fini(&self->aim);
}

static enum fault_verdict fail_query_on_piece(void *self_, void *own, struct fault_link *link,
                                              struct fault_piece *piece)
{
    const struct fail_query *self = self_;
    if (link->stream != FAULT_UPSTREAM || !query_aim_hits(&self->aim, own, link, piece))
        return FAULT_PASS;
    piece->error = &self->error;
    return FAULT_FAIL;
}

const struct fault_type fault_fail_query = {
    .name = "fail_query",
    .summary = "queries fail, in the server's place",
    .params = fail_query_params,
    .state_bytes = sizeof(struct fail_query),
    .own_bytes = sizeof(struct query_aim_own),
    .both = true,
    .needs_queries = true,
    .check = fail_query_check,
    .prepare = fail_query_prepare,
    .fini = fail_query_fini,
    .on_piece = fail_query_on_piece,
};
