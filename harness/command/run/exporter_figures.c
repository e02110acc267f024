/* SPDX-License-Identifier: MIT */
/* exporter_figures.c - what Prometheus is told of a run: counters of all of it, and gauges of the
 * last second. */
#include "command/run/exporter.h"
#include "report/exposition.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Where a sample belongs. */
struct place {
    const struct live *live;
    size_t variant, phase;
    uint32_t faults; /* that are there: a bit each */
};

static struct place place_now(const struct live *live)
{
    return (struct place){live, live->variant_index, (size_t)live->phase_index, live_faults(live)};
}

static struct place place_of(const struct live *live, const struct live_account *account)
{
    return (struct place){live, account->variant, account->phase, account->faults};
}

/* "cut+slow"; "" without any. */
static void write_faults(FILE *out, const struct place *place)
{
    char text[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < place->live->fault_count && used < sizeof(text); i++)
        if (place->faults >> i & 1)
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", used ? "+" : "",
                                     place->live->faults[i].name);
    exposition_label(out, "fault", text);
}

/* Without the closing brace. */
static void write_labels(FILE *out, const void *arg)
{
    const struct place *place = arg;
    const struct result *result = place->live->result;
    (void)fputc('{', out);
    exposition_label(out, "scenario", place->live->title);
    (void)fputc(',', out);
    exposition_label(out, "variant", result->variants[place->variant].name);
    (void)fputc(',', out);
    exposition_label(out, "phase", result->phases[place->phase].name);
    (void)fputc(',', out);
    write_faults(out, place);
}

static void write_requests(FILE *out, const struct live *live)
{
    if (live->account_count > 0)
        exposition_head(out, "live_requests_total", "counter", "requests by how they ended");
    for (size_t i = 0; i < live->account_count; i++) {
        const struct live_account *account = &live->accounts[i];
        struct place place = place_of(live, account);
        for (size_t kind = 0; kind < LOAD_OUTCOMES; kind++) {
            (void)fputs("poolstorm_live_requests_total", out);
            write_labels(out, &place);
            (void)fprintf(out, ",outcome=\"%s\"} %" PRIu64 "\n", load_outcome_names[kind],
                          account->ended[kind]);
        }
    }
}

static void write_latencies(FILE *out, const struct live *live)
{
    if (live->account_count > 0)
        exposition_head(out, "live_latency_seconds", "histogram", "latencies of good replies");
    for (size_t i = 0; i < live->account_count; i++) {
        struct place place = place_of(live, &live->accounts[i]);
        exposition_histogram(out, "live_latency_seconds", write_labels, &place,
                             live->accounts[i].latency);
    }
}

static void write_gauge(FILE *out, const struct live *live, const char *name, const char *help,
                        double value)
{
    struct place place = place_now(live);
    if (!isfinite(value))
        return;
    exposition_head(out, name, "gauge", help);
    (void)fprintf(out, "poolstorm_%s", name);
    write_labels(out, &place);
    (void)fprintf(out, "} %.9g\n", value);
}

static void write_second(FILE *out, const struct live *live)
{
    const struct live_tick *second = &live->second;
    write_gauge(out, live, "live_goodput_per_second", "good replies, over the last second",
                live_tick_rate(second, second->ended[LOAD_OK]));
    write_gauge(out, live, "live_errors_per_second",
                "requests that did not end well, over the last second",
                live_tick_rate(second, live_tick_errors(second)));
    write_gauge(out, live, "live_latency_p99_seconds",
                "99th percentile of good replies, over the last second", second->p99_ns / 1e9);
    write_gauge(out, live, "live_in_flight", "requests begun and not ended", second->in_flight);
    write_gauge(out, live, "live_elapsed_seconds", "since the load of the phase began",
                (double)live->elapsed_ns / 1e9);
}

/* In base units; by a label, as two names of a plan could come out alike. */
static void write_observed(FILE *out, const struct live *live)
{
    struct place place = place_now(live);
    bool begun = false;
    for (size_t i = 0; i < live->gauge_count; i++) {
        const struct live_gauge *gauge = &live->gauges[i];
        if (!gauge->name || !isfinite(gauge->value))
            continue;
        if (!begun)
            exposition_head(out, "live_observed", "gauge",
                            "what the scenario samples, in seconds, bytes or as it is");
        begun = true;
        (void)fputs("poolstorm_live_observed", out);
        write_labels(out, &place);
        (void)fputc(',', out);
        exposition_label(out, "metric", gauge->name);
        (void)fprintf(out, "} %.9g\n", gauge->value * exposition_scale(gauge->unit));
    }
}

/* Every fault of the plan, with the variant under way. */
static void write_acting(FILE *out, const struct live *live)
{
    if (live->fault_count > 0)
        exposition_head(out, "live_fault_acting", "gauge", "1 while the fault is there");
    for (size_t i = 0; i < live->fault_count; i++) {
        struct place place = {live, live->variant_index, live->faults[i].phase, 1U << i};
        (void)fputs("poolstorm_live_fault_acting", out);
        write_labels(out, &place);
        (void)fprintf(out, "} %d\n", live->faults[i].acting);
    }
}

static void write_rounds(FILE *out, const struct live *live)
{
    const struct {
        const char *name, *help;
        size_t value;
    } figures[] = {
        {"live_round", "place of the round under way in the schedule, from 1", live->round},
        {"live_rounds_planned", "rounds of all variants", live->round_count},
        {"live_rounds_begun", "rounds so far, repeated ones included", live->result->round_count},
    };
    for (size_t i = 0; i < sizeof(figures) / sizeof(*figures); i++) {
        exposition_head(out, figures[i].name, "gauge", figures[i].help);
        (void)fprintf(out, "poolstorm_%s{", figures[i].name);
        exposition_label(out, "scenario", live->title);
        (void)fprintf(out, "} %zu\n", figures[i].value);
    }
}

void exporter_write(const struct live *live, FILE *out)
{
    if (!live->result)
        return;
    write_rounds(out, live);
    write_requests(out, live);
    write_latencies(out, live);
    write_acting(out, live);
    if (live->phase_index < 0 || !live->loaded)
        return;
    write_second(out, live);
    write_observed(out, live);
}
