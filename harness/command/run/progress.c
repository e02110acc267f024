/* SPDX-License-Identifier: MIT */
/* progress.c - looks at a run now and then, and writes what has changed. */
#include "command/run/progress.h"

#include "core/fiber.h"
#include "plan/metric.h"
#include "report/text.h"

#include <stdio.h>
#include <stdlib.h>

static void tell_reasons(FILE *out, const struct result_round *round)
{
    for (size_t i = 0; i < round->breach_count; i++)
        (void)fprintf(out, "    broken: %s\n", round->breaches[i].text);
    for (size_t i = 0; i < round->reason_count; i++)
        (void)fprintf(out, "    not valid: %s\n", round->reasons[i]);
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

/* What rounds of its kind are compared by. */
static void tell_figures(FILE *out, const struct result *result, const struct result_round *round)
{
    char figure[40], p99[40];
    if (result->plan->kind == PLAN_KIND_MICRO)
        (void)fprintf(
            out, "%s an operation\n",
            metric_format(figure, sizeof(figure), METRIC_NS, round->whole[METRIC_TIME_PER_OP]));
    else
        (void)fprintf(out, "%s, p99 %s\n",
                      metric_format(figure, sizeof(figure), METRIC_RATE, round->whole[METRIC_QPS]),
                      p99_text(result, round, p99, sizeof(p99)));
}

static void tell_round(FILE *out, const struct result *result, const struct result_round *round)
{
    char again[32] = "";
    if (round->attempt > 0)
        (void)snprintf(again, sizeof(again), " (again, %u)", round->attempt);
    (void)fprintf(out, "round %zu of %zu, %s%s: ", round->block + 1, result->block_count,
                  result->variants[round->variant].name, again);
    tell_figures(out, result, round);
    tell_reasons(out, round);
}

/* Of the rounds that ended since it was asked last; to be freed, NULL: none. Names and reasons come
 * from files and servers: nothing of them may steer the terminal. */
static char *tell_rounds(struct progress *progress, size_t ended)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = progress->told < ended ? open_memstream(&text, &length) : NULL;
    if (!out)
        return NULL;
    for (; progress->told < ended; progress->told++)
        tell_round(out, progress->live->result, &progress->live->result->rounds[progress->told]);
    if (fclose(out) == 0)
        return text_clean(text);
    free(text);
    return NULL;
}

static char *make_frame(const struct progress *progress)
{
    char *text = NULL;
    size_t length = 0;
    struct view_style style = screen_style(&progress->screen);
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return NULL;
    view_write(progress->live, &style, out);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

/* The rounds that have ended, and the one under way unless all have. */
static void show(struct progress *progress, size_t ended, bool over)
{
    char *lines = tell_rounds(progress, ended);
    if (progress->screen.live) {
        char *frame = over ? NULL : make_frame(progress);
        screen_draw(&progress->screen, lines ? lines : "", frame ? frame : "");
        free(frame);
    } else if (lines) {
        (void)fputs(lines, stderr);
    }
    free(lines);
}

void progress_watch(struct ctx *ctx, void *arg)
{
    struct progress *progress = arg;
    const struct live *live = progress->live;
    uint64_t next_ns = clock_now_ns();
    do {
        uint64_t now_ns = clock_now_ns();
        next_ns += LIVE_TICK_NS;
        next_ns = next_ns > now_ns ? next_ns : now_ns + LIVE_TICK_NS; /* held up: leave some out */
        if (fiber_sleep_until(ctx, next_ns))
            return;
        live_tick(progress->live, clock_now_ns());
        if (live->result && live->result->round_count > 0)
            show(progress, live->result->round_count - 1, false);
    } while (!ctx_error(ctx));
}

void progress_finish(struct progress *progress)
{
    show(progress, progress->live->result ? progress->live->result->round_count : 0, true);
    screen_fini(&progress->screen);
}
