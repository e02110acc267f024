/* SPDX-License-Identifier: MIT */
/* cut_commit.c - cuts the connection when a transaction has committed and its client does not know.
 */
#include "faults/postgres/query.h"
#include "faults/query_aim.h"

struct cut_commit {
    struct query_aim aim;
    int how; /* of query_cuts */
    bool autocommit;
};

static const struct param cut_commit_params[] = {
    QUERY_AIM_PARAMS(cut_commit, aim),
    {PARAM_CHOICE("how", cut_commit, how, "reset", "how the connection ends", query_cuts)},
    {PARAM_BOOL("autocommit", cut_commit, autocommit, "false",
                "also where a statement is a transaction of its own")},
    {0},
};

static int cut_commit_check(const void *self_, struct err *err)
{
    const struct cut_commit *self = self_;
    return query_aim_check(&self->aim, err);
}

static int cut_commit_prepare(void *self_, struct err *err)
{
    struct cut_commit *self = self_;
    return query_aim_prepare(&self->aim, err);
}

static void cut_commit_fini(void *self_)
{
    struct cut_commit *self = self_;
    query_aim_fini(&self->aim);
}

/* Has somebody said COMMIT? */
static bool is_said(const struct query *query)
{
    return query->kind & (QUERY_COMMITS | QUERY_BEGINS) || query->transaction != 'I';
}

static enum fault_verdict cut_commit_on_piece(void *self_, void *own, struct fault_link *link,
                                              struct fault_piece *piece)
{
    const struct cut_commit *self = self_;
    if (link->stream != FAULT_DOWNSTREAM || !piece->committed || !piece->query)
        return FAULT_PASS;
    if (!self->autocommit && !is_said(piece->query))
        return FAULT_PASS;
    if (!query_aim_hits(&self->aim, own, link, piece))
        return FAULT_PASS;
    return query_cut(self->how, piece);
}

const struct fault_type fault_cut_commit = {
    .name = "cut_commit",
    .summary = "connections end between a commit and its answer",
    .params = cut_commit_params,
    .state_bytes = sizeof(struct cut_commit),
    .own_bytes = sizeof(struct query_aim_own),
    .both = true,
    .needs_queries = true,
    .check = cut_commit_check,
    .prepare = cut_commit_prepare,
    .fini = cut_commit_fini,
    .on_piece = cut_commit_on_piece,
};
