/* SPDX-License-Identifier: MIT */
/* knee.c - a knee search on the command line: a line a step, then the knee. */
#include "command/load/knee.h"

#include "measure/hist.h"
#include "plan/objective.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>

int load_search_init(struct load_search *search, const struct search_settings *settings,
                     const char *objective, const struct load_profile *profile, struct err *err)
{
    size_t column = 0;
    search->settings = settings;
    int rc = objective_parse(objective, &search->objective, &column, err);
    if (rc)
        return err_wrap(err, "--search '%.100s', at its character %zu", objective, column + 1);
    if (profile->rate_per_s > 0)
        return err_set(err, -EINVAL, "--search finds the rate: leave out --rate, or say --from");
    if (profile->think_ns > 0)
        return err_set(err, -EINVAL,
                       "think_time belongs to a closed loop, a search to an open one");
    return search_check(settings, err);
}

void load_search_fini(struct load_search *search)
{
    expr_destroy(search->objective);
    if (search->at.loaded)
        load_result_fini(&search->at.load);
}

/* ---- While it runs --------------------------------------------------------------------------- */

static bool is_few(const struct search_step *step)
{
    double good = (double)step->requests * (1 - step->errors_share);
    return !(good >= (double)hist_percentile_needs(99));
}

static void print_step(void *arg, const struct search_step *step)
{
    const struct load_search *search = arg;
    char rate[48], achieved[48], p50[48], p99[48], errors[48];
    if (search->quiet)
        return;
    if (search->terminal)
        (void)fputs("\r\033[K", stderr);
    (void)printf("  %12s %12s %10s %s%10s %8s  %s%s\n",
                 metric_format(rate, sizeof(rate), METRIC_RATE, step->rate_per_s),
                 metric_format(achieved, sizeof(achieved), METRIC_RATE, step->achieved_per_s),
                 metric_format(p50, sizeof(p50), METRIC_NS, step->p50_ns), is_few(step) ? "~" : " ",
                 metric_format(p99, sizeof(p99), METRIC_NS, step->p99_ns),
                 metric_format(errors, sizeof(errors), METRIC_SHARE, step->errors_share),
                 search_outcome_names[step->outcome], step->kept_up ? "" : ", not kept up with");
    (void)fflush(stdout);
}

int load_search_run(struct ctx *ctx, struct load_search *search, const struct load_job *load,
                    struct load_progress *progress, struct err *err)
{
    struct knee_job job = {
        .load = load,
        .settings = search->settings,
        .objective = search->objective,
        .on_step = print_step,
        .arg = search,
    };
    if (!search->quiet)
        (void)printf("searching for the highest rate with %s\n\n  %12s %12s %10s  %10s %8s\n",
                     expr_text(search->objective), "rate", "achieved", "P50", "P99", "errors");
    (void)fflush(stdout);
    return knee_run(ctx, &job, &search->curve, &search->at, progress, err);
}

/* ---- Afterwards ------------------------------------------------------------------------------ */

static bool any_few(const struct search_curve *curve)
{
    for (size_t i = 0; i < curve->step_count; i++)
        if (is_few(&curve->steps[i]))
            return true;
    return false;
}

static void print_knee(const struct load_search *search)
{
    const struct search_curve *curve = &search->curve;
    char met[48], missed[48], text[400];
    (void)metric_format(met, sizeof(met), METRIC_RATE, curve->met_per_s);
    (void)metric_format(missed, sizeof(missed), METRIC_RATE, curve->missed_per_s);
    if (any_few(curve))
        (void)printf("\n  ~: of fewer than %" PRIu64
                     " good replies; a longer --step says it better\n",
                     hist_percentile_needs(99));
    (void)printf("\n  %-13s ", "knee");
    if (curve->end == SEARCH_BRACKETED)
        (void)printf("%s: met at %s, missed at %s\n", met, met, missed);
    else if (curve->end == SEARCH_CAPPED)
        (void)printf("%s or higher: the limit of the search (--limit)\n", met);
    else if (curve->end == SEARCH_NEVER_MET)
        (void)printf("none: missed even at %s, the lowest rate tried (--floor)\n", missed);
    else if (curve->end == SEARCH_LIMITED && isfinite(curve->met_per_s))
        (void)printf("%s or higher: the generator was the limit, not the subject\n", met);
    else
        (void)printf("unknown\n");
    if (knee_invalid(curve, text, sizeof(text)))
        (void)printf("\n  NOT VALID: %s\n", text);
}

/* JSON knows neither NaN nor infinity. */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *step_json(const struct search_step *step)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:I, s:s, s:b}", "rate_per_s",
                     number(step->rate_per_s), "achieved_per_s", number(step->achieved_per_s),
                     "p50_ns", number(step->p50_ns), "p99_ns", number(step->p99_ns), "errors",
                     number(step->errors_share), "requests", (json_int_t)step->requests, "outcome",
                     search_outcome_names[step->outcome], "kept_up", (int)step->kept_up);
}

static int print_json(const struct load_search *search, const char *url)
{
    const struct search_curve *curve = &search->curve;
    char text[400];
    const char *reason = knee_invalid(curve, text, sizeof(text));
    json_t *steps = json_array();
    for (size_t i = 0; i < curve->step_count; i++)
        (void)json_array_append_new(steps, step_json(&curve->steps[i]));
    json_t *root =
        json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:b, s:s*}", "url", url, "objective",
                  expr_text(search->objective), "end", search_end_names[curve->end], "knee_per_s",
                  number(curve->met_per_s), "missed_per_s", number(curve->missed_per_s), "steps",
                  steps, "valid", reason == NULL, "invalid", reason);
    int rc = root && json_dumpf(root, stdout, JSON_INDENT(2)) == 0 ? 0 : -EIO;
    (void)putchar('\n');
    json_decref(root);
    return rc;
}

enum exit_code load_search_finish(const struct load_search *search, const char *url, int rc)
{
    static const enum exit_code codes[SEARCH_ENDS] = {
        [SEARCH_UNFINISHED] = EXIT_INVALID,    [SEARCH_BRACKETED] = EXIT_WELL,
        [SEARCH_LIMITED] = EXIT_INVALID,       [SEARCH_CAPPED] = EXIT_WELL,
        [SEARCH_NEVER_MET] = EXIT_EXPECTATION,
    };
    bool interrupted = rc == -ECANCELED;
    if (interrupted && search->curve.step_count > 0)
        (void)fputs("interrupted; this is what came until then\n", stderr);
    if (search->curve.step_count > 0) {
        if (!search->quiet)
            print_knee(search);
        else if (print_json(search, url))
            return EXIT_RUNTIME;
    }
    if (rc)
        return interrupted ? EXIT_INTERRUPTED : EXIT_RUNTIME;
    return codes[search->curve.end];
}
