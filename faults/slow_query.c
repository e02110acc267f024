/* SPDX-License-Identifier: MIT */
/* slow_query.c - makes queries take longer: at the server, on their way to it, or for the client.
 */
#include "core/clock.h"
#include "faults/delay.h"
#include "faults/postgres/query.h"
#include "faults/query_aim.h"

enum side {
    SIDE_SERVER,  /* it sleeps itself, as far as it can be made to */
    SIDE_REQUEST, /* it hears of the query late */
    SIDE_CLIENT,  /* the answer is late */
};

static const char *const sides[] = {"server", "request", "client", NULL};

struct slow_query {
    struct query_aim aim;
    struct delay delay;
    int side; /* enum side */
};

static const struct param slow_query_params[] = {
    QUERY_AIM_PARAMS(slow_query, aim),
    DELAY_PARAMS("delay", slow_query, delay),
    {PARAM_CHOICE("side", slow_query, side, "server", "who is late: what the server knows of it",
                  sides)},
    {0},
};

static int slow_query_check(const void *self_, struct err *err)
{
    const struct slow_query *self = self_;
    int rc = query_aim_check(&self->aim, err);
    return rc ? rc : delay_check(&self->delay, err);
}

static int slow_query_prepare(void *self_, struct err *err)
{
    struct slow_query *self = self_;
    int rc = query_aim_prepare(&self->aim, err);
    return rc ? rc : delay_prepare(&self->delay, err);
}

static void slow_query_fini(void *self_)
{
    struct slow_query *self = self_;
    query_aim_fini(&self->aim);
    delay_fini(&self->delay);
}

/* A server can be made to sleep before what is QUERY_PLAIN, and if it has not failed the
 * transaction; what else follow_late needs to know is known when the piece is sent. */
static enum fault_verdict slow_query_on_piece(void *self_, void *own, struct fault_link *link,
                                              struct fault_piece *piece)
{
    const struct slow_query *self = self_;
    enum fault_stream stream = self->side == SIDE_CLIENT ? FAULT_DOWNSTREAM : FAULT_UPSTREAM;
    if (link->stream != stream || !query_aim_hits(&self->aim, own, link, piece))
        return FAULT_PASS;
    uint64_t late_ns = delay_draw(&self->delay, link->rng);
    bool sleeps = (piece->query->kind & QUERY_PLAIN) && piece->query->transaction != 'E';
    if (self->side == SIDE_SERVER && sleeps)
        piece->late_ns = clock_after(piece->late_ns, late_ns);
    else
        piece->due_ns = clock_after(piece->due_ns, late_ns);
    return FAULT_PASS;
}

const struct fault_type fault_slow_query = {
    .name = "slow_query",
    .summary = "queries take longer",
    .params = slow_query_params,
    .state_bytes = sizeof(struct slow_query),
    .own_bytes = sizeof(struct query_aim_own),
    .both = true,
    .needs_queries = true,
    .check = slow_query_check,
    .prepare = slow_query_prepare,
    .fini = slow_query_fini,
    .on_piece = slow_query_on_piece,
};
