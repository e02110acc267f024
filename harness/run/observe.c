/* SPDX-License-Identifier: MIT */
/* observe.c - asks the sources of what is observed, in time. */
#include "run/observe.h"

#include "core/clock.h"
#include "core/fiber.h"
#include "core/group.h"
#include "run/live.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* An answer that takes longer is of no use as a sample; a reading between phases may wait. */
#define SAMPLE_PATIENCE_NS NS_PER_S
#define READ_PATIENCE_NS   (5 * NS_PER_S)

static const struct observe_source *const all_sources[] = {&observe_metrics, &observe_sql, NULL};

static_assert(sizeof(all_sources) / sizeof(*all_sources) <= OBSERVE_SOURCES_MAX + 1, "too many");

bool observe_is(const struct plan_observe *observe, enum observe_when when)
{
    if (observe->at == PLAN_AT_ROUND)
        return when == OBSERVE_ROUND;
    return when == (observe->take == PLAN_TAKE_LAST ? OBSERVE_PHASE : OBSERVE_SAMPLE);
}

int observed_init(struct observed *observed, const struct plan *plan)
{
    *observed = (struct observed){
        .count = plan->observe_count,
        .values = calloc(plan->observe_count + 1, sizeof(*observed->values)),
        .buckets = calloc(plan->observe_count + 1, sizeof(*observed->buckets)),
    };
    if (!observed->values || !observed->buckets) {
        observed->count = 0;
        observed_fini(observed);
        return -ENOMEM;
    }
    for (size_t i = 0; i < observed->count; i++)
        observed->values[i] = NAN;
    return 0;
}

void observed_fini(struct observed *observed)
{
    for (size_t i = 0; i < observed->count; i++)
        buckets_fini(&observed->buckets[i]);
    free(observed->values);
    free(observed->buckets);
    *observed = (struct observed){0};
}

/* Which observations a source is to read now; false when none. */
static bool choose(const struct plan *plan, const struct observe_source *source,
                   enum observe_when when, bool *wanted)
{
    bool any = false;
    for (size_t i = 0; i < plan->observe_count; i++) {
        wanted[i] = source->owns(&plan->observes[i]) && observe_is(&plan->observes[i], when);
        any = any || wanted[i];
    }
    return any;
}

static bool owns_any(const struct plan *plan, const struct observe_source *source)
{
    for (size_t i = 0; i < plan->observe_count; i++)
        if (source->owns(&plan->observes[i]))
            return true;
    return false;
}

int observer_init(struct observer *observer, const struct observe_setting *setting, struct err *err)
{
    *observer = (struct observer){.setting = *setting};
    for (size_t i = 0; all_sources[i]; i++) {
        if (!owns_any(setting->plan, all_sources[i]))
            continue;
        int rc = all_sources[i]->open(&observer->sources[i].state, setting, err);
        if (rc) {
            observer_fini(observer);
            return rc;
        }
        observer->sources[i].source = all_sources[i];
    }
    return 0;
}

void observer_fini(struct observer *observer)
{
    for (size_t i = 0; i < OBSERVE_SOURCES_MAX; i++)
        if (observer->sources[i].source)
            observer->sources[i].source->close(observer->sources[i].state);
    *observer = (struct observer){0};
}

int observer_read(struct ctx *ctx, struct observer *observer, enum observe_when when,
                  struct observed *observed, struct err *err)
{
    const struct plan *plan = observer->setting.plan;
    bool *wanted = calloc(plan->observe_count + 1, sizeof(*wanted));
    int rc = wanted ? 0 : err_sys(err, -ENOMEM, "read what is observed");
    for (size_t i = 0; !rc && i < OBSERVE_SOURCES_MAX; i++) {
        const struct observe_source *source = observer->sources[i].source;
        if (!source || !choose(plan, source, when, wanted))
            continue;
        struct ctx once;
        ctx_init_timeout(&once, ctx, READ_PATIENCE_NS);
        rc = source->read(&once, observer->sources[i].state, wanted, observed, err);
        ctx_fini(&once);
        if (rc && rc != -EINVAL)
            (void)err_wrap(err, "%s", source->name);
    }
    free(wanted);
    return rc;
}

int observer_check(struct ctx *ctx, struct observer *observer, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < OBSERVE_SOURCES_MAX && rc != -EINVAL; i++) {
        const struct observe_source *source = observer->sources[i].source;
        struct ctx once;
        if (!source || !source->check)
            continue;
        ctx_init_timeout(&once, ctx, READ_PATIENCE_NS);
        rc = source->check(&once, observer->sources[i].state, err);
        ctx_fini(&once);
    }
    return rc == -EINVAL ? rc : 0;
}

/* ---- Sampling -------------------------------------------------------------------------------- */

/* One source's share, the work of one fiber. */
struct sampler {
    struct sampling *sampling;
    const struct observe_source *source; /* NULL: nothing to sample of it */
    void *state;
    uint64_t period_ns;
    bool *wanted;             /* by observation */
    struct observed observed; /* the last sample */
    int rc;                   /* what ended it before its time */
    struct err err;           /* likewise */
};

struct sampling {
    const struct plan *plan;
    struct live *live; /* or NULL */
    struct group group;
    uint64_t start_ns;
    struct sampler samplers[OBSERVE_SOURCES_MAX];
    struct gauge *gauges; /* by observation */
};

static int keep(struct sampler *sampler, size_t tick)
{
    const struct plan *plan = sampler->sampling->plan;
    for (size_t i = 0; i < plan->observe_count; i++) {
        double value = sampler->observed.values[i] * plan->observes[i].scale;
        if (!sampler->wanted[i])
            continue;
        if (gauge_put(&sampler->sampling->gauges[i], tick, value))
            return err_sys(&sampler->err, -ENOMEM, "keep a sample");
        live_sample(sampler->sampling->live, i, value);
    }
    return 0;
}

/* Ticks are fixed from the start on: what was slow takes the following ones with it. */
static void sample(struct ctx *ctx, void *arg)
{
    struct sampler *sampler = arg;
    uint64_t start_ns = sampler->sampling->start_ns;
    for (size_t tick = 0; !sampler->rc && ctx_error(ctx) == 0;) {
        struct ctx once;
        ctx_init_timeout(&once, ctx, SAMPLE_PATIENCE_NS);
        int rc = sampler->source->read(&once, sampler->state, sampler->wanted, &sampler->observed,
                                       &sampler->err);
        ctx_fini(&once);
        if (rc == 0)
            sampler->rc = keep(sampler, tick);
        else if (rc == -EINVAL || rc == -ENOMEM)
            sampler->rc = rc;
        size_t now = (size_t)((clock_now_ns() - start_ns) / sampler->period_ns);
        tick = (now > tick ? now : tick) + 1;
        (void)fiber_sleep_until(ctx, start_ns + tick * sampler->period_ns); /* ctx tells */
    }
}

static void sampling_free(struct sampling *sampling)
{
    for (size_t i = 0; i < OBSERVE_SOURCES_MAX; i++) {
        free(sampling->samplers[i].wanted);
        observed_fini(&sampling->samplers[i].observed);
    }
    for (size_t i = 0; sampling->gauges && i < sampling->plan->observe_count; i++)
        gauge_fini(&sampling->gauges[i]);
    free(sampling->gauges);
    free(sampling);
}

/* Prepares one source's share; one that has nothing to sample stays without a source. */
static int prepare_sampler(struct sampling *sampling, struct observer *observer, size_t index)
{
    const struct plan *plan = sampling->plan;
    const struct observe_source *source = observer->sources[index].source;
    struct sampler *sampler = &sampling->samplers[index];
    if (!source)
        return 0;
    sampler->sampling = sampling;
    sampler->state = observer->sources[index].state;
    sampler->period_ns = plan->sample_every_ns ? plan->sample_every_ns : source->period_ns;
    sampler->wanted = calloc(plan->observe_count, sizeof(*sampler->wanted));
    if (!sampler->wanted || observed_init(&sampler->observed, plan))
        return -ENOMEM;
    if (!choose(plan, source, OBSERVE_SAMPLE, sampler->wanted))
        return 0;
    sampler->source = source;
    for (size_t i = 0; i < plan->observe_count; i++)
        if (sampler->wanted[i])
            sampling->gauges[i].period_ns = sampler->period_ns;
    return 0;
}

/* What is there before the load begins: what the time before has left. -EINVAL, -ENOMEM. */
static int take_opening(struct ctx *ctx, struct sampling *sampling, struct sampler *sampler,
                        struct err *err)
{
    const struct plan *plan = sampling->plan;
    struct ctx once;
    ctx_init_timeout(&once, ctx, SAMPLE_PATIENCE_NS);
    int rc = sampler->source->read(&once, sampler->state, sampler->wanted, &sampler->observed, err);
    ctx_fini(&once);
    for (size_t i = 0; !rc && i < plan->observe_count; i++) {
        struct gauge *gauge = &sampling->gauges[i];
        if (!sampler->wanted[i])
            continue;
        gauge->opening = sampler->observed.values[i] * plan->observes[i].scale;
        gauge->opened = !isnan(gauge->opening);
    }
    return rc == -EINVAL || rc == -ENOMEM ? rc : 0;
}

static bool samples_any(const struct plan *plan)
{
    for (size_t i = 0; i < plan->observe_count; i++)
        if (observe_is(&plan->observes[i], OBSERVE_SAMPLE))
            return true;
    return false;
}

int sampling_start(struct ctx *ctx, struct observer *observer, struct sampling **out,
                   struct err *err)
{
    const struct plan *plan = observer->setting.plan;
    *out = NULL;
    if (!plan || !samples_any(plan))
        return 0;
    struct sampling *sampling = calloc(1, sizeof(*sampling));
    if (!sampling)
        return err_sys(err, -ENOMEM, "sample gauges");
    sampling->plan = plan;
    sampling->live = observer->setting.live;
    sampling->gauges = calloc(plan->observe_count, sizeof(*sampling->gauges));
    int rc = sampling->gauges ? 0 : -ENOMEM;
    for (size_t i = 0; !rc && i < OBSERVE_SOURCES_MAX; i++)
        rc = prepare_sampler(sampling, observer, i);
    if (rc)
        (void)err_sys(err, rc, "sample gauges");
    for (size_t i = 0; !rc && i < OBSERVE_SOURCES_MAX; i++)
        if (sampling->samplers[i].source)
            rc = take_opening(ctx, sampling, &sampling->samplers[i], err);
    if (rc) {
        sampling_free(sampling);
        return rc;
    }
    group_init(&sampling->group, ctx);
    sampling->start_ns = clock_now_ns();
    for (size_t i = 0; !rc && i < OBSERVE_SOURCES_MAX; i++)
        if (sampling->samplers[i].source)
            rc = group_spawn(&sampling->group, "sample", sample, &sampling->samplers[i]);
    *out = sampling;
    return rc ? err_sys(err, rc, "sample gauges") : 0;
}

/* Entries were counted from the sampling's start, which was before the load's. */
static void finish_gauge(const struct sampling *sampling, size_t index, uint64_t start_ns,
                         uint64_t length_ns)
{
    struct gauge *gauge = &sampling->gauges[index];
    if (gauge->period_ns == 0)
        return;
    gauge->start_ns = sampling->start_ns;
    gauge_cut(gauge, start_ns, length_ns);
}

int sampling_stop(struct sampling *sampling, uint64_t start_ns, uint64_t length_ns,
                  struct gauge **gauges, struct err *err)
{
    int rc = 0;
    *gauges = NULL;
    if (!sampling)
        return 0;
    group_cancel(&sampling->group, "the phase is over");
    (void)group_join(NULL, &sampling->group);
    (void)group_fini(&sampling->group);
    for (size_t i = 0; i < OBSERVE_SOURCES_MAX; i++) {
        if (!sampling->samplers[i].rc || rc)
            continue;
        rc = sampling->samplers[i].rc;
        if (err)
            *err = sampling->samplers[i].err;
    }
    for (size_t i = 0; i < sampling->plan->observe_count; i++)
        finish_gauge(sampling, i, start_ns, length_ns);
    *gauges = sampling->gauges;
    sampling->gauges = NULL;
    sampling_free(sampling);
    return rc;
}
