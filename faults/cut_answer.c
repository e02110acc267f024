/* SPDX-License-Identifier: MIT */
/* cut_answer.c - lets queries through and cuts the connection before their answers' first byte. */
#include "faults/query_aim.h"

struct cut_answer {
    struct query_aim aim;
    int how; /* of query_cuts */
};

static const struct param cut_answer_params[] = {
    QUERY_AIM_PARAMS(cut_answer, aim),
    {PARAM_CHOICE("how", cut_answer, how, "reset", "how the connection ends", query_cuts)},
    {0},
};

static int cut_answer_check(const void *self_, struct err *err)
{
    const struct cut_answer *self = self_;
    return query_aim_check(&self->aim, err);
}

static int cut_answer_prepare(void *self_, struct err *err)
{
    struct cut_answer *self = self_;
    return query_aim_prepare(&self->aim, err);
}

static void cut_answer_fini(void *self_)
{
    struct cut_answer *self = self_;
    query_aim_fini(&self->aim);
}

static enum fault_verdict cut_answer_on_piece(void *self_, void *own, struct fault_link *link,
                                              struct fault_piece *piece)
{
    const struct cut_answer *self = self_;
    if (link->stream != FAULT_DOWNSTREAM || !query_aim_hits(&self->aim, own, link, piece))
        return FAULT_PASS;
    return query_cut(self->how, piece);
}

const struct fault_type fault_cut_answer = {
    .name = "cut_answer",
    .summary = "connections end between query and answer",
    .params = cut_answer_params,
    .state_bytes = sizeof(struct cut_answer),
    .own_bytes = sizeof(struct query_aim_own),
    .both = true,
    .needs_queries = true,
    .check = cut_answer_check,
    .prepare = cut_answer_prepare,
    .fini = cut_answer_fini,
    .on_piece = cut_answer_on_piece,
};
