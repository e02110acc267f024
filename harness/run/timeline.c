/* SPDX-License-Identifier: MIT */
/* timeline.c - waits for each fault's time, begins it, looks at it, and ends it. */
#include "run/timeline.h"

#include "core/clock.h"
#include "core/fiber.h"
#include "core/group.h"
#include "run/act.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define START_LOOK_NS  NS_PER_MS         /* between two looks whether the load's clock runs */
#define LOOK_NS        (100 * NS_PER_MS) /* between two looks at a fault */
#define COUNT_NS       (500 * NS_PER_MS) /* to count what came meanwhile */
#define END_NS         (2 * NS_PER_S)    /* to take a fault away */
#define BEGIN_LEAST_NS (2 * NS_PER_S)    /* to begin one, however short it is */

/* One fault of the phase, the work of one fiber. */
struct player {
    struct timeline *timeline;
    struct act_setting setting;
    const struct act *act;
    size_t index;            /* of the fault in the plan */
    uint64_t due_ns, end_ns; /* CLOCK_MONOTONIC, once the load's clock runs */
    uint64_t applied_ns, healed_ns;
    struct act_effects effects;
    double queries;    /* while it acted; NAN: not known */
    int rc;            /* why it could not begin or end */
    struct err reason; /* likewise */
};

struct timeline {
    struct timeline_setting setting;
    size_t phase;
    uint64_t start_ns; /* of the load's clock; 0: it never ran */
    struct group group;
    struct player *players;
    size_t count;
};

/* ---- One fault ------------------------------------------------------------------------------- */

static int wait_for_clock(struct ctx *ctx, struct player *player)
{
    struct timeline *timeline = player->timeline;
    const struct result *result = timeline->setting.result;
    const struct result_fault *times = &result->faults[player->index];
    int rc = 0;
    while (!rc && timeline->setting.progress->start_ns == 0)
        rc = fiber_sleep(ctx, START_LOOK_NS);
    if (rc)
        return rc;
    uint64_t start_ns = timeline->setting.progress->start_ns;
    uint64_t over_ns = result->phases[timeline->phase].length_ns;
    timeline->start_ns = start_ns;
    player->due_ns = start_ns + times->at_ns;
    player->end_ns = times->for_ns ? player->due_ns + times->for_ns : start_ns + over_ns;
    return 0;
}

static void look(struct ctx *ctx, struct player *player, void *state)
{
    struct ctx once;
    if (!player->act->look)
        return;
    ctx_init_timeout(&once, ctx, LOOK_NS * 5);
    player->act->look(&once, &player->setting, state);
    ctx_fini(&once);
}

/* Until the fault is over, or ctx, which is no reason to leave it there. */
static void stay(struct ctx *ctx, struct player *player, void *state)
{
    int rc = 0;
    for (uint64_t at_ns = clock_now_ns(); !rc && at_ns < player->end_ns;) {
        at_ns += LOOK_NS;
        rc = fiber_sleep_until(ctx, at_ns < player->end_ns ? at_ns : player->end_ns);
        if (!rc && at_ns < player->end_ns)
            look(ctx, player, state);
    }
}

static int begin(struct ctx *ctx, struct player *player, void **state)
{
    struct ctx bound;
    uint64_t now_ns = clock_now_ns(), span_ns = BEGIN_LEAST_NS;
    if (player->end_ns > now_ns + span_ns)
        span_ns = player->end_ns - now_ns;
    ctx_init_timeout(&bound, ctx, span_ns);
    int rc = player->act->begin(&bound, &player->setting, state, &player->reason);
    ctx_fini(&bound);
    return rc;
}

static int end(struct player *player, void *state)
{
    struct ctx bound;
    ctx_init_timeout(&bound, NULL, COUNT_NS); /* which must not take the time that ending it has */
    double queries = detour_queries(&bound, player->setting.detour);
    ctx_fini(&bound);
    ctx_init_timeout(&bound, NULL, END_NS);
    int rc = player->act->end(&bound, &player->setting, state, &player->effects, &player->reason);
    player->healed_ns = clock_now_ns();
    player->queries = queries - player->queries;
    ctx_fini(&bound);
    return rc;
}

static uint64_t since(uint64_t at_ns, uint64_t start_ns)
{
    return at_ns > start_ns ? at_ns - start_ns : 0;
}

static void play(struct ctx *ctx, void *arg)
{
    struct player *player = arg;
    struct live *live = player->timeline->setting.live;
    void *state = NULL;
    if (wait_for_clock(ctx, player) || fiber_sleep_until(ctx, player->due_ns))
        return; /* the load ended before its time: the round says why */
    player->queries = detour_queries(ctx, player->setting.detour);
    player->applied_ns = clock_now_ns();
    player->rc = begin(ctx, player, &state);
    if (player->rc)
        return;
    uint64_t start_ns = player->timeline->start_ns;
    live_begin_fault(live, player->index, since(player->applied_ns, start_ns));
    stay(ctx, player, state);
    player->rc = end(player, state);
    live_end_fault(live, player->index, since(player->healed_ns, start_ns),
                   player->effects.first_ns > 0);
}

/* ---- All of a phase -------------------------------------------------------------------------- */

static struct player make_player(struct timeline *timeline, size_t index)
{
    const struct plan_fault *fault = &timeline->setting.result->plan->faults[index];
    return (struct player){
        .timeline = timeline,
        .setting = {.fault = fault,
                    .pace = result_fault_pace(timeline->setting.result, index),
                    .guardian = timeline->setting.guardian,
                    .subject = timeline->setting.subject,
                    .conninfo = timeline->setting.conninfo,
                    .detour = timeline->setting.detour},
        .act = fault->kind.proxy ? &act_toxic : fault->kind.act,
        .index = index,
        .queries = NAN,
    };
}

static void timeline_free(struct timeline *timeline)
{
    free(timeline->players);
    free(timeline);
}

int timeline_start(struct ctx *ctx, const struct timeline_setting *setting, size_t phase,
                   struct timeline **out, struct err *err)
{
    const struct plan *plan = setting->result->plan;
    size_t count = 0;
    *out = NULL;
    for (size_t i = 0; i < plan->fault_count; i++)
        count += plan->faults[i].phase == phase;
    if (count == 0)
        return 0;
    struct timeline *timeline = calloc(1, sizeof(*timeline));
    struct player *players = calloc(count, sizeof(*players));
    if (!timeline || !players) {
        free(timeline);
        free(players);
        return err_sys(err, -ENOMEM, "prepare faults");
    }
    *timeline = (struct timeline){.setting = *setting, .phase = phase, .players = players};
    group_init(&timeline->group, ctx);
    *out = timeline;
    int rc = 0;
    for (size_t i = 0; i < plan->fault_count && !rc; i++) {
        if (plan->faults[i].phase != phase)
            continue;
        players[timeline->count] = make_player(timeline, i);
        rc = group_spawn(&timeline->group, "fault", play, &players[timeline->count]);
        timeline->count += !rc;
    }
    return rc ? err_sys(err, rc, "prepare faults") : 0;
}

static int record(const struct player *player, struct err *err)
{
    const struct timeline *timeline = player->timeline;
    const struct plan *plan = timeline->setting.result->plan;
    const struct plan_fault *fault = &plan->faults[player->index];
    struct result_round *round = timeline->setting.round;
    struct result_window *window = &round->windows[player->index];
    const struct act_effects *effects = &player->effects;
    uint64_t start_ns = timeline->start_ns;
    window->queries = player->queries;
    window->applied_ns = since(player->applied_ns, start_ns);
    window->healed_ns = player->rc ? 0 : since(player->healed_ns, start_ns);
    window->began_ns = since(effects->first_ns, start_ns);
    window->ended_ns = since(effects->last_ns, start_ns);
    window->links = effects->links;
    window->bytes = effects->bytes;
    window->pieces = effects->pieces;
    window->refused = effects->refused;
    window->acted = !player->rc && effects->first_ns > 0;
    if (!player->rc)
        return 0;
    /* Of the whole round: nobody knows whether it is still there. */
    result_round_invalid(round, "%s: fault '%s': %.160s", plan->phases[timeline->phase].name,
                         fault->name, player->reason.text);
    return player->rc != -EINVAL
               ? 0
               : err_set(err, -EINVAL, "%.200s:%zu:%zu: %s", plan->path, fault->where.line,
                         fault->where.column, player->reason.text);
}

int timeline_stop(struct timeline *timeline, struct err *err)
{
    int rc = 0;
    if (!timeline)
        return 0;
    group_cancel(&timeline->group, "the phase is over");
    (void)group_join(NULL, &timeline->group);
    (void)group_fini(&timeline->group);
    for (size_t i = 0; i < timeline->count; i++) {
        int mistaken = record(&timeline->players[i], rc ? NULL : err);
        rc = rc ? rc : mistaken;
    }
    timeline_free(timeline);
    return rc;
}
