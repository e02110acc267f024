/* SPDX-License-Identifier: MIT */
/* observe_metrics.c - series of the subject's /metrics: one scrape for all of them. */
#include "run/fetch.h"
#include "run/observe.h"
#include "run/scrape.h"

#include <errno.h>
#include <stdlib.h>

struct metrics {
    const struct plan *plan;
    struct fetch_link link;
    bool keep; /* gauges are sampled: the connection stays */
};

static bool metrics_owns(const struct plan_observe *observe)
{
    return observe->series || observe->histogram;
}

static int metrics_open(void **state, const struct observe_setting *setting, struct err *err)
{
    struct metrics *self = calloc(1, sizeof(*self));
    if (!self)
        return err_sys(err, -ENOMEM, "observe the subject");
    self->plan = setting->plan;
    self->link = (struct fetch_link){.target = setting->target, .fd = -1};
    for (size_t i = 0; i < setting->plan->observe_count; i++) {
        const struct plan_observe *observe = &setting->plan->observes[i];
        self->keep = self->keep || (observe->series && observe_is(observe, OBSERVE_SAMPLE));
    }
    *state = self;
    return 0;
}

static int scrape_once(struct ctx *ctx, struct metrics *self, struct scrape *scrape,
                       struct err *err)
{
    char *text;
    size_t length;
    int status =
        self->keep
            ? fetch_over(ctx, &self->link, "/metrics", SCRAPE_BYTES_MAX, &text, &length, err)
            : fetch(ctx, self->link.target, "/metrics", SCRAPE_BYTES_MAX, &text, &length, err);
    if (status < 0)
        return status;
    int rc = status == 200 ? scrape_parse(scrape, text, length, err)
                           : err_set(err, -EPROTO, "GET /metrics answered %d", status);
    free(text);
    return rc;
}

static int read_one(const struct scrape *scrape, const struct plan_observe *observe, double *value,
                    struct buckets *buckets)
{
    if (observe->series) {
        *value = scrape_value(scrape, observe->series);
        return 0;
    }
    buckets_fini(buckets);
    return scrape_buckets(scrape, observe->histogram, buckets);
}

static int metrics_read(struct ctx *ctx, void *state, const bool *wanted, struct observed *observed,
                        struct err *err)
{
    struct metrics *self = state;
    struct scrape scrape;
    int rc = scrape_once(ctx, self, &scrape, err);
    if (rc)
        return rc;
    for (size_t i = 0; !rc && i < self->plan->observe_count; i++)
        if (wanted[i])
            rc = read_one(&scrape, &self->plan->observes[i], &observed->values[i],
                          &observed->buckets[i]);
    scrape_fini(&scrape);
    return rc ? err_sys(err, rc, "read metrics") : 0;
}

static void metrics_close(void *state)
{
    struct metrics *self = state;
    fetch_link_close(&self->link);
    free(self);
}

const struct observe_source observe_metrics = {
    .name = "the subject's metrics",
    .period_ns = 100 * NS_PER_MS,
    .owns = metrics_owns,
    .open = metrics_open,
    .read = metrics_read,
    .close = metrics_close,
};
