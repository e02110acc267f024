/* SPDX-License-Identifier: MIT */
/* progress.c - looks at a run now and then; never writes while it is asked for figures. */
#include "command/run/progress.h"

#include "core/fiber.h"
#include "plan/metric.h"

#include <stdio.h>

#define LOOK_NS (250 * NS_PER_MS)

/* Names come from files: nothing of them may steer the terminal. */
static void tell_reason(const char *what, const char *text)
{
    (void)fprintf(stderr, "    %s: ", what);
    for (const char *at = text; *at; at++)
        (void)fputc((unsigned char)*at < 32 && *at != '\n' ? '?' : *at, stderr);
    (void)fputc('\n', stderr);
}

static void tell_reasons(const struct result_round *round)
{
    for (size_t i = 0; i < round->breach_count; i++)
        tell_reason("broken", round->breaches[i].text);
    for (size_t i = 0; i < round->reason_count; i++)
        tell_reason("not valid", round->reasons[i]);
}

/* The round's P99, or that it had too few requests for one. */
static const char *p99_text(const struct result *result, const struct result_round *round,
                            char *text, size_t size_bytes)
{
    int phase = plan_phase_of(result->plan, METRIC_P99);
    const struct hist *latency = phase >= 0 ? round->steps[phase].load.latency : NULL;
    if (latency && latency->count > 0 && !hist_percentile_is_sound(latency, 99))
        return "of too few";
    return metric_format(text, size_bytes, METRIC_NS, round->whole[METRIC_P99]);
}

static void tell_round(const struct progress *progress, const struct result_round *round)
{
    char qps[40], p99[40], again[32] = "";
    const struct result *result = progress->status->result;
    if (round->attempt > 0)
        (void)snprintf(again, sizeof(again), " (again, %u)", round->attempt);
    (void)fprintf(stderr, "round %zu of %zu, %s%s: %s, p99 %s\n", round->block + 1,
                  result->block_count, result->variants[round->variant].name, again,
                  metric_format(qps, sizeof(qps), METRIC_RATE, round->whole[METRIC_QPS]),
                  p99_text(result, round, p99, sizeof(p99)));
    tell_reasons(round);
}

/* Rounds that have ended: all but the last while the run goes on. */
static void tell_rounds(struct progress *progress, size_t ended)
{
    for (; progress->told < ended; progress->told++) {
        const struct result_round *round = &progress->status->result->rounds[progress->told];
        if (progress->terminal && round->valid)
            continue;
        (void)fputs(progress->terminal ? "\r\033[K" : "", stderr);
        tell_round(progress, round);
    }
}

static void tell_now(struct progress *progress)
{
    const struct runner_status *status = progress->status;
    const struct load_progress *load = &status->progress;
    char rate[40];
    uint64_t good = load->ended[LOAD_OK], now_ns = load->elapsed_ns;
    double per_s = 0;
    if (now_ns > progress->before_ns && good >= progress->before_good)
        per_s =
            (double)(good - progress->before_good) * 1e9 / (double)(now_ns - progress->before_ns);
    progress->before_good = good;
    progress->before_ns = now_ns;
    (void)fprintf(stderr, "\r\033[K[%zu/%zu] %s, %s", status->round, status->round_count,
                  status->variant, status->phase ? status->phase : "start");
    if (now_ns > 0)
        (void)fprintf(stderr, ": %.1f s, %s", (double)now_ns / 1e9,
                      metric_format(rate, sizeof(rate), METRIC_RATE, per_s));
}

void progress_watch(struct ctx *ctx, void *arg)
{
    struct progress *progress = arg;
    while (fiber_sleep(ctx, LOOK_NS) == 0) {
        if (!progress->status->result || !progress->status->variant)
            continue;
        tell_rounds(progress, progress->status->result->round_count - 1);
        if (progress->terminal)
            tell_now(progress);
    }
}

void progress_finish(struct progress *progress)
{
    if (progress->status->result)
        tell_rounds(progress, progress->status->result->round_count);
    if (progress->terminal)
        (void)fputs("\r\033[K", stderr);
}
