/* SPDX-License-Identifier: MIT */
/* plot_data.c - the record without what cannot be seen: medians of rounds in full, the others as
 * far as they are drawn. */
#include "report/plot_data.h"

#include "report/content.h"
#include "report/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    GRID_POINTS = 121,     /* of a percentile curve */
    GRID_A_DECADE = 20,    /* of them */
    HEAT_ROWS_A_DECADE = 8 /* of the map of latencies */
};

#define MS_NS 1e6
#define S_NS  1e9

/* ---- JSON that cannot fail half-way: the first failure is remembered ------------------------- */

struct writer {
    const struct result *result;
    bool failed;
};

static void put(struct writer *writer, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value))
        writer->failed = true;
}

static void append(struct writer *writer, json_t *array, json_t *value)
{
    if (json_array_append_new(array, value))
        writer->failed = true;
}

/* Whole numbers as such; five digits are enough for a screen. There is no NaN in JSON. */
static json_t *number(double value)
{
    if (!isfinite(value))
        return json_null();
    if (value == nearbyint(value) && fabs(value) < 1e9)
        return json_integer((json_int_t)value);
    return json_real(value);
}

static json_t *text(const char *value)
{
    char *clean = value ? strdup(value) : NULL;
    json_t *json = clean ? json_string(text_clean(clean)) : value ? NULL : json_null();
    free(clean);
    return json;
}

/* ---- Which rounds ---------------------------------------------------------------------------- */

/* What a variant's rounds of a phase are put in order by. */
static double rank_value(const struct writer *writer, const struct result_round *round,
                         size_t phase)
{
    static const int by[] = {METRIC_KNEE, METRIC_P99, METRIC_QPS};
    for (size_t i = 0; i < sizeof(by) / sizeof(*by); i++) {
        double value = result_value(writer->result, round, (int)phase, by[i]);
        if (isfinite(value))
            return value;
    }
    return 0;
}

static bool is_candidate(const struct result_round *round, size_t variant, size_t phase)
{
    return round->variant == variant && round->steps[phase].ran && round->steps[phase].loaded &&
           result_phase_is_sound(round, phase);
}

/* The index of the median round of a variant, the lower one of two; without one that can be used
 * the last that ran; -1: none did. */
static long typical_round(const struct writer *writer, size_t variant, size_t phase)
{
    const struct result *result = writer->result;
    long last = -1;
    size_t count = 0;
    for (size_t i = 0; i < result->round_count; i++) {
        const struct result_round *round = &result->rounds[i];
        count += is_candidate(round, variant, phase);
        if (round->variant == variant && round->steps[phase].ran && round->steps[phase].loaded)
            last = (long)i;
    }
    for (size_t i = 0; i < result->round_count; i++) {
        size_t below = 0;
        if (!is_candidate(&result->rounds[i], variant, phase))
            continue;
        double value = rank_value(writer, &result->rounds[i], phase);
        for (size_t k = 0; k < result->round_count; k++) {
            if (!is_candidate(&result->rounds[k], variant, phase))
                continue;
            double other = rank_value(writer, &result->rounds[k], phase);
            below += other < value || (other == value && k < i);
        }
        if (below == (count - 1) / 2)
            return (long)i;
    }
    return last;
}

/* ---- One phase of one round ------------------------------------------------------------------ */

/* The x of a point of the percentile curves: 1 / (1 - p). */
static double grid_x(size_t point)
{
    return pow(10, (double)point / GRID_A_DECADE);
}

static json_t *grid_json(struct writer *writer)
{
    json_t *array = json_array();
    for (size_t i = 0; i < GRID_POINTS; i++)
        append(writer, array, number(grid_x(i)));
    return array;
}

/* As far as there are values beyond the percentile, and then the greatest. */
static json_t *curve_json(struct writer *writer, const struct hist *hist)
{
    json_t *array = json_array();
    bool over = !hist || hist->count == 0;
    for (size_t i = 0; i < GRID_POINTS && !over; i++) {
        double x = grid_x(i);
        over = x >= (double)hist->count;
        double value_ns =
            over ? (double)hist_max_ns(hist) : (double)hist_percentile_ns(hist, 100 * (1 - 1 / x));
        append(writer, array, number(value_ns / MS_NS));
    }
    for (size_t i = json_array_size(array); i < GRID_POINTS; i++)
        append(writer, array, json_null());
    return array;
}

/* Slots that are whole: none beyond the phase's end, nor the last when late replies are in it. */
static size_t whole_slots(const struct result_step *step)
{
    const struct series *series = step->load.series;
    size_t count = series->slot_count;
    size_t within = (size_t)(step->load.length_ns / series->slot_ns);
    if (series->late && count > 1)
        count--;
    return count < within ? count : within;
}

enum quantity { QUANTITY_GOODPUT, QUANTITY_P50, QUANTITY_P99, QUANTITY_MAX };

static json_t *slots_json(struct writer *writer, const struct result_step *step,
                          enum quantity quantity)
{
    const struct series *series = step->load.series;
    json_t *array = json_array();
    for (size_t i = 0; i < whole_slots(step); i++) {
        const struct series_slot *slot = series_slot(series, i);
        double value = NAN;
        if (quantity == QUANTITY_GOODPUT)
            value = (double)slot->ok * S_NS / (double)series->slot_ns;
        else if (slot->ok && quantity == QUANTITY_MAX)
            value = (double)slot->latency_max_ns / MS_NS;
        else if (slot->ok)
            value =
                (double)series_slot_percentile_ns(series, i, quantity == QUANTITY_P50 ? 50 : 99) /
                MS_NS;
        append(writer, array, number(value));
    }
    return array;
}

/* By kind, a second; kinds that did not occur are left out. */
static json_t *errors_json(struct writer *writer, const struct result_step *step)
{
    const struct series *series = step->load.series;
    json_t *object = json_object();
    for (unsigned kind = 0; kind < series->error_kinds; kind++) {
        uint64_t total = 0;
        json_t *array = json_array();
        for (size_t i = 0; i < whole_slots(step); i++) {
            uint64_t count = series_slot(series, i)->errors[kind];
            total += count;
            append(writer, array, number((double)count * S_NS / (double)series->slot_ns));
        }
        if (total)
            put(writer, object, series->error_names[kind], array);
        else
            json_decref(array);
    }
    return object;
}

/* A column of the map: the first row and the counts from there on; null without any. */
static json_t *heat_column(struct writer *writer, const struct hist *hist)
{
    struct hist_iter iter;
    struct hist_row row;
    json_t *column = json_array();
    long at = 0;
    uint64_t count = 0;
    if (hist->count == 0) {
        json_decref(column);
        return json_null();
    }
    hist_iter_recorded(&iter, hist);
    while (hist_iter_next(&iter, &row)) {
        long place = (long)floor(log10((double)row.value_ns / MS_NS) * HEAT_ROWS_A_DECADE);
        if (json_array_size(column) == 0) {
            append(writer, column, json_integer(place));
            at = place;
        }
        for (; at < place; at++) {
            append(writer, column, json_integer((json_int_t)count));
            count = 0;
        }
        count += row.count;
    }
    append(writer, column, json_integer((json_int_t)count));
    return column;
}

static json_t *heat_json(struct writer *writer, const struct result_step *step)
{
    const struct series *series = step->load.series;
    struct hist *scratch = NULL;
    if (hist_create(&scratch, SERIES_LOWEST_NS, SERIES_HIGHEST_NS, SERIES_DIGITS, NULL)) {
        writer->failed = true;
        return NULL;
    }
    json_t *object = json_object(), *columns = json_array();
    for (size_t i = 0; i < whole_slots(step); i++) {
        hist_reset(scratch);
        series_slot_into_hist(series, i, scratch);
        append(writer, columns, heat_column(writer, scratch));
    }
    put(writer, object, "rows", json_integer(HEAT_ROWS_A_DECADE));
    put(writer, object, "columns", columns);
    hist_destroy(scratch);
    return object;
}

/* Durations are kept in ns; by the names of figures in base.js. */
static double gauge_scale(const struct plan_observe *observe, enum metric_unit unit)
{
    return unit == METRIC_NS && observe->take != PLAN_TAKE_REACHED ? 1 / MS_NS : 1;
}

static json_t *gauges_json(struct writer *writer, const struct result_step *step)
{
    const struct plan *plan = writer->result->plan;
    json_t *object = json_object();
    for (size_t i = 0; i < plan->observe_count; i++) {
        const struct gauge *gauge = result_gauge(step, i);
        if (!gauge || gauge->count == 0)
            continue;
        double scale =
            gauge_scale(&plan->observes[i], plan->metrics[METRIC_BUILTIN_COUNT + i].unit);
        json_t *one = json_object(), *values = json_array();
        for (size_t k = 0; k < gauge->count; k++)
            append(writer, values, number(gauge->values[k] * scale));
        put(writer, one, "from", number((double)gauge->start_ns / S_NS));
        put(writer, one, "every", number((double)gauge->period_ns / S_NS));
        put(writer, one, "values", values);
        put(writer, object, plan->observes[i].name, one);
    }
    return object;
}

static json_t *search_json(struct writer *writer, const struct search_curve *curve)
{
    json_t *array = json_array();
    for (size_t i = 0; i < curve->step_count; i++) {
        const struct search_step *step = &curve->steps[i];
        json_t *one = json_object();
        put(writer, one, "rate", number(step->rate_per_s));
        put(writer, one, "achieved", number(step->achieved_per_s));
        put(writer, one, "p99", number(step->p99_ns / MS_NS));
        append(writer, array, one);
    }
    return array;
}

static json_t *step_json(struct writer *writer, const struct result_step *step, bool typical)
{
    json_t *object = json_object();
    put(writer, object, "latency", curve_json(writer, step->load.latency));
    put(writer, object, "lateness",
        step->load.offered ? curve_json(writer, step->load.lateness) : json_null());
    if (step->curve)
        put(writer, object, "search", search_json(writer, step->curve));
    if (step->load.series) {
        put(writer, object, "slot", number((double)step->load.series->slot_ns / S_NS));
        put(writer, object, "goodput", slots_json(writer, step, QUANTITY_GOODPUT));
        put(writer, object, "p99", slots_json(writer, step, QUANTITY_P99));
        put(writer, object, "errors", typical ? errors_json(writer, step) : json_object());
    }
    if (step->load.series && typical) {
        put(writer, object, "p50", slots_json(writer, step, QUANTITY_P50));
        put(writer, object, "max", slots_json(writer, step, QUANTITY_MAX));
        put(writer, object, "heat", heat_json(writer, step));
    }
    if (typical)
        put(writer, object, "gauges", gauges_json(writer, step));
    return object;
}

/* ---- Rounds ---------------------------------------------------------------------------------- */

static json_t *window_json(struct writer *writer, const struct result_window *window)
{
    if (!window->acted)
        return json_null();
    json_t *object = json_object();
    const struct recovery *recovery = &window->recovery;
    double healed_ns = (double)(window->healed_ns ? window->healed_ns : window->ended_ns);
    bool well = recovery->state == RECOVERY_WELL;
    put(writer, object, "from", number((double)window->began_ns / S_NS));
    put(writer, object, "to", number(healed_ns / S_NS));
    put(writer, object, "recovered",
        number(well ? (healed_ns + recovery->recover_ns) / S_NS : NAN));
    put(writer, object, "stuck",
        json_boolean(recovery->state == RECOVERY_STUCK || recovery->state == RECOVERY_LATE));
    return object;
}

static json_t *round_json(struct writer *writer, size_t index, const long *typical)
{
    const struct result *result = writer->result;
    const struct result_round *round = &result->rounds[index];
    size_t phase_count = result->plan->phase_count;
    json_t *object = json_object(), *phases = json_array(), *faults = json_array();
    put(writer, object, "variant", json_integer((json_int_t)round->variant));
    put(writer, object, "valid", json_boolean(round->valid));
    for (size_t p = 0; p < phase_count; p++) {
        const struct result_step *step = &round->steps[p];
        bool chosen = typical[round->variant * phase_count + p] == (long)index;
        bool used = chosen || is_candidate(round, round->variant, p);
        bool measured = result->phases[p].kind == PLAN_PHASE_MEASURE;
        append(writer, phases, used && measured ? step_json(writer, step, chosen) : json_null());
    }
    for (size_t i = 0; i < result->plan->fault_count; i++)
        append(writer, faults, window_json(writer, &round->windows[i]));
    put(writer, object, "phases", phases);
    put(writer, object, "faults", faults);
    return object;
}

static json_t *typical_json(struct writer *writer, const long *typical)
{
    size_t phase_count = writer->result->plan->phase_count;
    json_t *array = json_array();
    for (size_t v = 0; v < writer->result->variant_count; v++) {
        json_t *of = json_array();
        for (size_t p = 0; p < phase_count; p++) {
            long index = typical[v * phase_count + p];
            append(writer, of, index < 0 ? json_null() : json_integer(index));
        }
        append(writer, array, of);
    }
    return array;
}

/* ---- What was asked -------------------------------------------------------------------------- */

static json_t *phase_json(struct writer *writer, size_t phase, const long *typical)
{
    const struct result *result = writer->result;
    const struct result_phase *asked = &result->phases[phase];
    json_t *object = json_object();
    double seconds = (double)asked->length_ns / S_NS;
    bool open = false, ran = false;
    for (size_t v = 0; v < result->variant_count; v++) {
        long index = typical[v * result->plan->phase_count + phase];
        if (index < 0)
            continue;
        const struct load_result *load = &result->rounds[index].steps[phase].load;
        ran = true;
        open = open || load->offered > 0;
        if (result->plan->phases[phase].objective) /* of the step that decided */
            seconds = (double)load->length_ns / S_NS;
    }
    put(writer, object, "name", text(asked->name));
    put(writer, object, "seconds", number(seconds));
    put(writer, object, "open", json_boolean(open));
    put(writer, object, "search", json_boolean(result->plan->phases[phase].objective != NULL));
    put(writer, object, "plotted", json_boolean(ran && asked->kind == PLAN_PHASE_MEASURE));
    return object;
}

/* The phase to begin with: one with a fault in it, else the one that latencies are taken from. */
static size_t main_phase(const struct result *result)
{
    int of = plan_phase_of(result->plan, METRIC_P99);
    if (result->plan->fault_count)
        return result->plan->faults[0].phase;
    return of < 0 ? 0 : (size_t)of;
}

/* Tells a bare path from everything else: its value is whatever it is looked up as. */
struct path_probe {
    struct expr_ref ref;
    size_t seen;
};

static double probe_path(const void *arg, const struct expr_ref *ref)
{
    struct path_probe *const *probe = arg;
    (*probe)->ref = *ref;
    (*probe)->seen++;
    return 12345;
}

/* What is asked of a percentile: "p99 < 100ms" is a line in the plots. phase is that of a search,
 * or -1. */
static void objective(struct writer *writer, const struct expr *expr, int phase, json_t *array)
{
    const struct result *result = writer->result;
    for (size_t i = 0; expr_is_condition(expr) && i < expr_comparison_count(expr); i++) {
        struct expr_comparison comparison = expr_comparison(expr, i);
        struct path_probe found = {.seen = 0}, *probe = &found;
        double value;
        bool bare = expr_eval_left(&comparison, probe_path, &probe, &value) == 0 &&
                    found.seen == 1 && value == 12345;
        bool upper = comparison.op == EXPR_LESS || comparison.op == EXPR_LESS_EQUAL;
        if (!bare || !upper || found.ref.metric < METRIC_P50 || found.ref.metric > METRIC_MAX)
            continue;
        int of = phase >= 0 ? phase
                 : found.ref.phase != EXPR_WHOLE_ROUND
                     ? found.ref.phase
                     : plan_phase_of(result->plan, (size_t)found.ref.metric);
        int variant = found.ref.variant == EXPR_ALL_VARIANTS
                          ? -1
                          : result_variant_of(result, (size_t)found.ref.variant);
        json_t *object = json_object();
        put(writer, object, "ms", number(comparison.limit / MS_NS));
        put(writer, object, "text", text(expr_text(expr)));
        put(writer, object, "phase", of < 0 ? json_null() : json_integer(of));
        put(writer, object, "variant", variant < 0 ? json_null() : json_integer(variant));
        put(writer, object, "search", json_boolean(phase >= 0));
        append(writer, array, object);
    }
}

static json_t *objectives_json(struct writer *writer)
{
    const struct plan *plan = writer->result->plan;
    json_t *array = json_array();
    for (size_t i = 0; i < plan->phase_count; i++)
        if (plan->phases[i].objective)
            objective(writer, plan->phases[i].objective, (int)i, array);
    for (size_t i = 0; i < plan->expect_count; i++)
        objective(writer, plan->expects[i].expr, -1, array);
    return array;
}

static json_t *faults_json(struct writer *writer)
{
    const struct plan *plan = writer->result->plan;
    json_t *array = json_array();
    for (size_t i = 0; i < plan->fault_count; i++) {
        json_t *object = json_object();
        put(writer, object, "name", text(plan->faults[i].name));
        put(writer, object, "phase", json_integer((json_int_t)plan->faults[i].phase));
        append(writer, array, object);
    }
    return array;
}

/* Those that were sampled, with the name of their unit in base.js. */
static json_t *gauge_names_json(struct writer *writer)
{
    static const char *const units[] = {
        [METRIC_NUMBER] = "number", [METRIC_COUNT] = "count", [METRIC_SHARE] = "share",
        [METRIC_NS] = "ms",         [METRIC_BYTES] = "bytes", [METRIC_RATE] = "rate",
    };
    const struct plan *plan = writer->result->plan;
    json_t *array = json_array();
    for (size_t i = 0; i < plan->observe_count; i++) {
        bool reached = plan->observes[i].take == PLAN_TAKE_REACHED;
        json_t *object = json_object();
        put(writer, object, "name", text(plan->observes[i].name));
        put(writer, object, "unit",
            text(reached ? "number" : units[plan->metrics[METRIC_BUILTIN_COUNT + i].unit]));
        append(writer, array, object);
    }
    return array;
}

/* ---- Pairs ----------------------------------------------------------------------------------- */

static void put_pairs(struct writer *writer, json_t *object, const struct judged_versus *versus)
{
    const struct result *result = writer->result;
    json_t *x = json_array(), *y = json_array();
    for (size_t block = 0; block < result->block_count; block++) {
        const struct result_round *over =
            result_find_figure(result, block, versus->variant, EXPR_WHOLE_ROUND, versus->metric);
        const struct result_round *under =
            result_find_figure(result, block, 0, EXPR_WHOLE_ROUND, versus->metric);
        if (!over || !under)
            continue;
        double ratio = over->whole[versus->metric] / under->whole[versus->metric];
        if (!isfinite(ratio))
            continue;
        append(writer, x, json_integer((json_int_t)block + 1));
        append(writer, y, number(ratio));
    }
    put(writer, object, "x", x);
    put(writer, object, "y", y);
}

static json_t *ratios_json(struct writer *writer, const struct judgement *judgement)
{
    json_t *array = json_array();
    for (size_t i = 0; i < judgement->versus_count; i++) {
        const struct judged_versus *versus = &judgement->versus[i];
        const struct stats_estimate *estimate = &versus->measured.estimate;
        bool bounded = estimate->bounded && !versus->measured.exact;
        if (!versus->measured.used || !versus->measured.ratio || versus->measured.needs)
            continue;
        json_t *object = json_object();
        put(writer, object, "metric", text(content_metric_label(metric_builtin, versus->metric)));
        put(writer, object, "variant", json_integer((json_int_t)versus->variant));
        put(writer, object, "value", number(estimate->value));
        put(writer, object, "low", number(bounded ? estimate->low : NAN));
        put(writer, object, "high", number(bounded ? estimate->high : NAN));
        put_pairs(writer, object, versus);
        append(writer, array, object);
    }
    return array;
}

/* ---- What a point is ------------------------------------------------------------------------- */

/* The captions' first sentences, by plot; {slot} is how long a slot is, {first} the first variant.
 */
static const struct {
    const char *plot, *text;
} points[] = {
    {"over-time", "A point: the good replies that came in {slot}, and their latency"},
    {"percentiles-open", "A point: this share of the good replies took at most so long, counted "
                         "from when the request was due."},
    {"percentiles-closed", "A point: this share of the good replies took at most so long, counted "
                           "from the client’s turn."},
    {"lateness", "A point: this share of the requests was begun at most so long after it was due."},
    {"ratios", "A point: one round of a variant over the round of {first} beside it in time. A "
               "line: the estimate; its band: the 95 % interval. Dashed: no difference."},
    {"errors", "A point: requests that ended like this in {slot}."},
    {"gauges", "A point: one sample of what the service said of itself, or its database; a gap: it "
               "did not answer."},
    {"knee", "A point: a stretch of load at this rate. Left: its P99; the dashed line is the "
             "objective. Right: the replies that came; below the dashed diagonal the service no "
             "longer keeps up."},
};

static json_t *points_json(struct writer *writer)
{
    json_t *object = json_object();
    for (size_t i = 0; i < sizeof(points) / sizeof(*points); i++)
        put(writer, object, points[i].plot, json_string(points[i].text));
    return object;
}

/* ---- All of it ------------------------------------------------------------------------------- */

static json_t *variants_json(struct writer *writer)
{
    const struct result *result = writer->result;
    json_t *array = json_array();
    for (size_t i = 0; i < result->variant_count; i++) {
        json_t *object = json_object();
        put(writer, object, "name", text(result->variants[i].name));
        put(writer, object, "about",
            text(result->plan->variants[result->variants[i].plan_index].about));
        append(writer, array, object);
    }
    return array;
}

static json_t *data_json(struct writer *writer, const struct judgement *judgement, long *typical)
{
    const struct result *result = writer->result;
    size_t phase_count = result->plan->phase_count;
    json_t *object = json_object(), *phases = json_array(), *rounds = json_array();
    for (size_t v = 0; v < result->variant_count; v++)
        for (size_t p = 0; p < phase_count; p++)
            typical[v * phase_count + p] = typical_round(writer, v, p);
    for (size_t p = 0; p < phase_count; p++)
        append(writer, phases, phase_json(writer, p, typical));
    for (size_t i = 0; i < result->round_count; i++)
        append(writer, rounds, round_json(writer, i, typical));
    put(writer, object, "name", text(result->plan->name));
    put(writer, object, "variants", variants_json(writer));
    put(writer, object, "phases", phases);
    put(writer, object, "main", json_integer((json_int_t)main_phase(result)));
    put(writer, object, "faults", faults_json(writer));
    put(writer, object, "objectives", objectives_json(writer));
    put(writer, object, "gauges", gauge_names_json(writer));
    put(writer, object, "ratios", ratios_json(writer, judgement));
    put(writer, object, "grid", grid_json(writer));
    put(writer, object, "points", points_json(writer));
    put(writer, object, "typical", typical_json(writer, typical));
    put(writer, object, "rounds", rounds);
    return object;
}

int plot_data_create(const struct report_item *item, json_t **out, struct err *err)
{
    const struct result *result = item->result;
    struct writer writer = {.result = result};
    long *typical = calloc(result->variant_count * result->plan->phase_count + 1, sizeof(*typical));
    if (!typical)
        return err_sys(err, -ENOMEM, "write plots");
    json_t *object = data_json(&writer, item->judgement, typical);
    free(typical);
    if (writer.failed || !object) {
        json_decref(object);
        return err_sys(err, -ENOMEM, "write plots");
    }
    *out = object;
    return 0;
}
