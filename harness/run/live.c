/* SPDX-License-Identifier: MIT */
/* live.c - takes what the load has counted since the last look, and puts it where it belongs. */
#include "run/live.h"

#include "run/observe.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static_assert(PLAN_FAULTS_MAX <= 32, "an account has a bit a fault");

/* As the series have it, entry by entry. */
static int make_hist(struct hist **out)
{
    return hist_create(out, SERIES_LOWEST_NS, SERIES_HIGHEST_NS, SERIES_DIGITS, NULL);
}

int live_watch(struct live *live, struct err *err)
{
    int rc = make_hist(&live->progress.latency);
    if (!rc)
        rc = make_hist(&live->pending.latency);
    for (size_t i = 0; !rc && i < LIVE_RECENT; i++)
        rc = make_hist(&live->recent[i].latency);
    live->ticks = calloc(LIVE_TICKS_MAX, sizeof(*live->ticks));
    live->watched = !rc && live->ticks;
    live->phase_index = -1;
    return live->watched ? 0 : err_sys(err, -ENOMEM, "watch the run");
}

/* What belongs to one run. */
static void forget_run(struct live *live)
{
    for (size_t i = 0; i < live->gauge_count; i++)
        free(live->gauges[i].ticks);
    for (size_t i = 0; i < live->account_count; i++)
        hist_destroy(live->accounts[i].latency);
    free(live->gauges);
    free(live->faults);
    free(live->accounts);
    live->gauges = NULL;
    live->faults = NULL;
    live->accounts = NULL;
    live->gauge_count = live->fault_count = live->account_count = live->account_room = 0;
    live->result = NULL;
    live->title = live->variant = live->phase = NULL;
    live->phase_index = -1;
    live->tick_count = 0;
}

void live_fini(struct live *live)
{
    forget_run(live);
    hist_destroy(live->progress.latency);
    hist_destroy(live->pending.latency);
    for (size_t i = 0; i < LIVE_RECENT; i++)
        hist_destroy(live->recent[i].latency);
    free(live->ticks);
    *live = (struct live){0};
}

/* ---- A run ----------------------------------------------------------------------------------- */

static void make_faults(struct live *live, const struct result *result)
{
    const struct plan *plan = result->plan;
    live->fault_count = plan->fault_count;
    for (size_t i = 0; i < plan->fault_count; i++)
        live->faults[i] = (struct live_fault){.name = plan->faults[i].name,
                                              .phase = plan->faults[i].phase,
                                              .at_ns = result->faults[i].at_ns,
                                              .for_ns = result->faults[i].for_ns};
}

/* When a bound was reached is a figure, and what it was looked for in is mostly sampled already. */
static int make_gauges(struct live *live, const struct plan *plan)
{
    live->gauge_count = plan->observe_count;
    for (size_t i = 0; i < plan->observe_count; i++) {
        const struct plan_observe *observe = &plan->observes[i];
        const struct metric *metric = &plan->metrics[METRIC_BUILTIN_COUNT + i];
        struct live_gauge *gauge = &live->gauges[i];
        if (!observe_is(observe, OBSERVE_SAMPLE) || observe->take == PLAN_TAKE_REACHED)
            continue;
        gauge->name = metric->name;
        gauge->unit = metric->unit;
        gauge->value = NAN;
        gauge->ticks = calloc(LIVE_TICKS_MAX, sizeof(*gauge->ticks));
        if (!gauge->ticks)
            return -ENOMEM;
    }
    return 0;
}

int live_begin_run(struct live *live, const struct result *result, struct err *err)
{
    if (!live)
        return 0;
    forget_run(live);
    if (!result)
        return 0;
    const struct plan *plan = result->plan;
    live->faults = calloc(plan->fault_count + 1, sizeof(*live->faults));
    live->gauges = calloc(plan->observe_count + 1, sizeof(*live->gauges));
    if (!live->faults || !live->gauges)
        return err_sys(err, -ENOMEM, "watch the run");
    make_faults(live, result);
    if (make_gauges(live, plan))
        return err_sys(err, -ENOMEM, "watch the run");
    live->result = result;
    live->title = plan->title;
    live->round_count = result->block_count * result->variant_count;
    return 0;
}

/* ---- Accounts -------------------------------------------------------------------------------- */

uint32_t live_faults(const struct live *live)
{
    uint32_t faults = 0;
    for (size_t i = 0; i < live->fault_count; i++)
        faults |= (uint32_t)live->faults[i].acting << i;
    return faults;
}

static struct live_account *add_account(struct live *live, const struct live_account *like)
{
    if (live->account_count == live->account_room) {
        size_t room = live->account_room * 2 + 8;
        struct live_account *grown = realloc(live->accounts, room * sizeof(*grown));
        if (!grown)
            return NULL;
        live->accounts = grown;
        live->account_room = room;
    }
    struct live_account *account = &live->accounts[live->account_count];
    *account = *like;
    if (make_hist(&account->latency))
        return NULL;
    live->account_count++;
    return account;
}

/* Of what is happening now. NULL: no memory, and those who watch see less. */
static struct live_account *account_now(struct live *live)
{
    struct live_account now = {.variant = live->variant_index,
                               .phase = (size_t)live->phase_index,
                               .faults = live_faults(live)};
    for (size_t i = 0; i < live->account_count; i++) {
        struct live_account *account = &live->accounts[i];
        if (account->variant == now.variant && account->phase == now.phase &&
            account->faults == now.faults)
            return account;
    }
    return add_account(live, &now);
}

/* What was counted until now belongs to where the run has been until now. */
static void flush(struct live *live)
{
    struct load_progress *progress = &live->progress;
    if (!live->watched || live->phase_index < 0)
        return;
    struct live_account *account = live->loaded ? account_now(live) : NULL;
    for (size_t i = 0; i < LOAD_OUTCOMES; i++) {
        uint64_t all = progress->earlier[i] + progress->ended[i];
        uint64_t fresh = all - live->credited[i];
        live->credited[i] = all;
        live->pending.tick.ended[i] += fresh;
        if (account)
            account->ended[i] += fresh;
    }
    if (account)
        hist_merge(account->latency, progress->latency);
    hist_merge(live->pending.latency, progress->latency);
    hist_reset(progress->latency);
}

/* ---- Where it is ----------------------------------------------------------------------------- */

static void clear_stretch(struct live_stretch *stretch)
{
    stretch->tick = (struct live_tick){.p99_ns = NAN};
    hist_reset(stretch->latency);
}

/* Whatever comes next begins with nothing. */
static void clear_phase(struct live *live)
{
    live->phase_index = -1;
    live->loaded = false;
    live->length_ns = live->elapsed_ns = live->base_ns = 0;
    live->tick_count = 0;
    live->second = (struct live_tick){.p99_ns = NAN};
    for (size_t i = 0; i < live->gauge_count; i++)
        live->gauges[i].value = NAN;
    if (!live->watched)
        return;
    clear_stretch(&live->pending);
    for (size_t i = 0; i < LIVE_RECENT; i++)
        clear_stretch(&live->recent[i]);
}

void live_begin_round(struct live *live, size_t place, const struct result_round *round)
{
    if (!live)
        return;
    live_say(live, "start");
    live->round = place;
    live->attempt = round->attempt;
    live->variant_index = round->variant;
    live->variant = live->result ? live->result->variants[round->variant].name : NULL;
    for (size_t i = 0; i < live->fault_count; i++) {
        live->faults[i].applied_ns = live->faults[i].healed_ns = 0;
        live->faults[i].acting = live->faults[i].idle = false;
    }
}

void live_begin_phase(struct live *live, size_t index)
{
    if (!live || !live->result)
        return;
    const struct result_phase *phase = &live->result->phases[index];
    live_say(live, phase->name);
    live->phase_index = (int)index;
    live->loaded = phase->kind != PLAN_PHASE_DRAIN && live->result->plan->kind == PLAN_KIND_SERVICE;
    live->length_ns = phase->length_ns;
    live->base_ns = live->loaded ? 0 : clock_now_ns();
    load_progress_begin(&live->progress);
}

void live_say(struct live *live, const char *what)
{
    if (!live)
        return;
    flush(live);
    clear_phase(live);
    live->phase = what;
}

void live_begin_fault(struct live *live, size_t index, uint64_t at_ns)
{
    if (!live || index >= live->fault_count)
        return;
    flush(live);
    live->faults[index].applied_ns = at_ns > 0 ? at_ns : 1;
    live->faults[index].acting = true;
}

void live_end_fault(struct live *live, size_t index, uint64_t at_ns, bool touched)
{
    if (!live || index >= live->fault_count)
        return;
    flush(live);
    live->faults[index].healed_ns = at_ns;
    live->faults[index].acting = false;
    live->faults[index].idle = !touched;
}

void live_sample(struct live *live, size_t index, double value)
{
    if (live && index < live->gauge_count)
        live->gauges[index].value = value;
}

/* ---- Ticks ----------------------------------------------------------------------------------- */

static void add_tick(struct live_tick *into, const struct live_tick *from)
{
    into->end_ns = from->end_ns;
    into->span_ns += from->span_ns;
    into->in_flight = from->in_flight;
    into->p99_ns = fmax(into->p99_ns, from->p99_ns); /* which passes over NAN */
    for (size_t i = 0; i < LOAD_OUTCOMES; i++)
        into->ended[i] += from->ended[i];
}

static void join_pairs(struct live *live)
{
    for (size_t i = 0; i < live->tick_count / 2; i++) {
        struct live_tick pair = live->ticks[2 * i];
        add_tick(&pair, &live->ticks[2 * i + 1]);
        live->ticks[i] = pair;
        for (size_t k = 0; k < live->gauge_count; k++)
            if (live->gauges[k].ticks)
                live->gauges[k].ticks[i] =
                    fmax(live->gauges[k].ticks[2 * i], live->gauges[k].ticks[2 * i + 1]);
    }
    live->tick_count /= 2;
}

static void keep_tick(struct live *live, const struct live_tick *tick)
{
    if (live->tick_count == LIVE_TICKS_MAX)
        join_pairs(live);
    for (size_t i = 0; i < live->gauge_count; i++)
        if (live->gauges[i].ticks)
            live->gauges[i].ticks[live->tick_count] = live->gauges[i].value;
    live->ticks[live->tick_count++] = *tick;
}

static double p99(const struct hist *latency)
{
    return latency->count > 0 ? (double)hist_percentile_ns(latency, 99) : NAN;
}

/* The ticks of the last second together; percentiles of all its latencies, never of percentiles. */
static void sum_up(struct live *live)
{
    struct hist *latency = live->pending.latency; /* empty now */
    struct live_tick second = {.p99_ns = NAN};
    for (size_t i = 0; i < LIVE_RECENT; i++) {
        const struct live_stretch *stretch = &live->recent[(live->recent_next + i) % LIVE_RECENT];
        add_tick(&second, &stretch->tick);
        hist_merge(latency, stretch->latency);
    }
    second.p99_ns = p99(latency);
    hist_reset(latency);
    live->second = second;
}

static void take_tick(struct live *live)
{
    struct live_stretch *oldest = &live->recent[live->recent_next];
    struct live_stretch fresh = live->pending;
    fresh.tick.p99_ns = p99(fresh.latency);
    fresh.tick.in_flight = (double)live->progress.in_flight;
    live->recent_next = (live->recent_next + 1) % LIVE_RECENT;
    live->pending.latency = oldest->latency;
    clear_stretch(&live->pending);
    *oldest = fresh;
    keep_tick(live, &fresh.tick);
    sum_up(live);
}

void live_tick(struct live *live, uint64_t now_ns)
{
    if (!live->watched || live->phase_index < 0)
        return;
    flush(live);
    if (live->base_ns == 0)
        live->base_ns = live->progress.start_ns;
    if (live->base_ns == 0 || now_ns <= live->base_ns)
        return;
    uint64_t before_ns = live->elapsed_ns;
    live->elapsed_ns = now_ns - live->base_ns;
    live->pending.tick.end_ns = live->elapsed_ns;
    live->pending.tick.span_ns = live->elapsed_ns - before_ns;
    if (live->loaded && live->elapsed_ns > before_ns)
        take_tick(live);
}

uint64_t live_tick_errors(const struct live_tick *tick)
{
    uint64_t errors = 0;
    for (size_t i = LOAD_OK + 1; i < LOAD_OUTCOMES; i++)
        errors += tick->ended[i];
    return errors;
}

double live_tick_rate(const struct live_tick *tick, uint64_t count)
{
    return tick->span_ns > 0 ? (double)count * 1e9 / (double)tick->span_ns : NAN;
}
