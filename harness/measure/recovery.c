/* SPDX-License-Identifier: MIT */
/* recovery.c - compares the slots before a fault with those in it and after it. */
#include "measure/recovery.h"

#include "core/clock.h"

#include <math.h>
#include <string.h>

enum { WHOLE_LEAST = 10 }; /* slots before a fault, from which on the first is left out */

/* What is being judged, in slots. */
struct view {
    const struct recovery_job *job;
    const struct series *series;
    size_t count;         /* whole slots, up to the next fault */
    size_t first, last;   /* before: from first up to, not including, last, but see is_before */
    size_t slots;         /* of them, those of before */
    size_t began, ended;  /* the slot of the first effect; the first that is whole after the end */
    size_t hold;          /* slots */
    double mean, floor;   /* good replies a slot: before; and least that is no fault */
    double least;         /* good replies of a stretch as long as the hold, before: the fewest */
    uint64_t p99_ns;      /* of such a stretch, before: the highest */
    double limit_ns;      /* above it P99 is too high */
    uint64_t slot_p99_ns; /* highest of a slot before */
    uint64_t errors;      /* most of a slot before */
    struct hist *scratch; /* of a stretch */
};

static size_t slots_up(const struct series *series, uint64_t span_ns)
{
    return span_ns / series->slot_ns + (span_ns % series->slot_ns != 0);
}

static uint64_t since_start(const struct series *series, uint64_t at_ns)
{
    return at_ns > series->start_ns ? at_ns - series->start_ns : 0;
}

static size_t whole_slots(const struct recovery_job *job)
{
    const struct series *series = job->series;
    size_t count = job->length_ns / series->slot_ns;
    count = count < series->slot_count ? count : series->slot_count;
    count -= count == series->slot_count && series->late > 0;
    for (size_t i = 0; i < job->other_count; i++) {
        uint64_t began_ns = job->others[i].began_ns;
        size_t began = since_start(series, began_ns) / series->slot_ns;
        if (began_ns >= job->ended_ns && began < count)
            count = began;
    }
    return count;
}

static struct view look(const struct recovery_job *job)
{
    const struct series *series = job->series;
    struct view view = {.job = job, .series = series, .count = whole_slots(job)};
    uint64_t began_ns = since_start(series, job->began_ns);
    uint64_t ended_ns = job->ended_ns == CLOCK_NEVER ? CLOCK_NEVER - series->slot_ns
                                                     : since_start(series, job->ended_ns);
    size_t began = began_ns / series->slot_ns, ended = slots_up(series, ended_ns);
    view.began = began < view.count ? began : view.count;
    view.ended = ended < view.count ? ended : view.count;
    view.last = view.began;
    view.first = view.last >= WHOLE_LEAST;
    view.hold = slots_up(series, job->hold_ns);
    return view;
}

static uint64_t good(const struct view *view, size_t from, size_t to)
{
    uint64_t sum = 0;
    for (size_t i = from; i < to; i++)
        sum += series_slot(view->series, i)->ok;
    return sum;
}

/* Of all good replies of a stretch; 0 without any. */
static uint64_t stretch_p99_ns(const struct view *view, size_t from, size_t to)
{
    hist_reset(view->scratch);
    for (size_t i = from; i < to; i++)
        series_slot_into_hist(view->series, i, view->scratch);
    return view->scratch->count ? hist_percentile_ns(view->scratch, 99) : 0;
}

/* Whether a slot from first to last was without any fault. */
static bool is_before(const struct view *view, size_t slot)
{
    const struct recovery_job *job = view->job;
    uint64_t from_ns = view->series->start_ns + slot * view->series->slot_ns;
    for (size_t i = 0; i < job->other_count; i++)
        if (job->others[i].began_ns < from_ns + view->series->slot_ns &&
            job->others[i].well_ns > from_ns)
            return false;
    return true;
}

static double scatter(const struct view *view)
{
    double sum = 0;
    for (size_t i = view->first; i < view->last; i++) {
        double off = (double)series_slot(view->series, i)->ok - view->mean;
        sum += is_before(view, i) ? off * off : 0;
    }
    return sqrt(sum / (double)view->slots);
}

/* Takes what single slots say of before. Returns the longest stretch of them, in slots. */
static size_t take_slots(struct view *view)
{
    size_t run = 0, longest = 0;
    uint64_t ok = 0;
    for (size_t i = view->first; i < view->last; i++) {
        bool before = is_before(view, i);
        run = before ? run + 1 : 0;
        longest = run > longest ? run : longest;
        if (!before)
            continue;
        uint64_t slot_ns = series_slot_percentile_ns(view->series, i, 99);
        uint64_t errors = series_slot_errors(view->series, i);
        view->slot_p99_ns = slot_ns > view->slot_p99_ns ? slot_ns : view->slot_p99_ns;
        view->errors = errors > view->errors ? errors : view->errors;
        ok += series_slot(view->series, i)->ok;
        view->slots++;
    }
    view->mean = view->slots > 0 ? (double)ok / (double)view->slots : 0;
    return longest;
}

/* What was normal. view->mean stays 0 where nothing was. */
static void take_before(struct view *view)
{
    size_t longest = take_slots(view), run = 0;
    if (view->slots == 0)
        return;
    double noise = fmax(sqrt(view->mean), scatter(view));
    view->floor =
        fmin(RECOVERY_GOODPUT_SHARE * view->mean, view->mean - RECOVERY_NOISE_SIGMAS * noise);
    size_t span = longest < view->hold ? longest : view->hold;
    view->least = view->mean * (double)view->hold;
    for (size_t i = view->first; i < view->last; i++) {
        run = is_before(view, i) ? run + 1 : 0;
        if (run < span)
            continue;
        size_t from = i + 1 - span;
        uint64_t stretch_ns = stretch_p99_ns(view, from, i + 1);
        view->p99_ns = stretch_ns > view->p99_ns ? stretch_ns : view->p99_ns;
        if (span == view->hold)
            view->least = fmin(view->least, (double)good(view, from, i + 1));
    }
    view->limit_ns = fmax(RECOVERY_P99_RATIO * (double)view->p99_ns,
                          (double)view->p99_ns + (double)view->job->slack_ns);
}

static bool is_slow(const struct view *view, uint64_t p99_ns)
{
    return (double)p99_ns > view->limit_ns;
}

static bool is_well(const struct view *view, size_t from)
{
    size_t to = from + view->hold;
    for (size_t i = from; i < to; i++)
        if ((double)series_slot(view->series, i)->ok < view->floor)
            return false;
    double wanted = RECOVERY_GOODPUT_SHARE * view->least;
    return (double)good(view, from, to) >= wanted && !is_slow(view, stretch_p99_ns(view, from, to));
}

/* Good replies of the best stretch after the fault. */
static uint64_t best_after(const struct view *view)
{
    uint64_t best = 0;
    for (size_t i = view->ended; i + view->hold <= view->count; i++) {
        uint64_t ok = good(view, i, i + view->hold);
        best = ok > best ? ok : best;
    }
    return best;
}

/* The slot from which on it was well; view->count: none. */
static size_t find_recovery(const struct view *view, struct recovery *out)
{
    if (view->mean <= 0 || view->count - view->ended < view->hold)
        return view->count;
    double ended_ns = (double)since_start(view->series, view->job->ended_ns);
    out->watched_ns = (double)(view->count * view->series->slot_ns) - ended_ns;
    for (size_t i = view->ended; i + view->hold <= view->count; i++) {
        if (!is_well(view, i))
            continue;
        out->state = RECOVERY_WELL;
        out->recover_ns = (double)(i * view->series->slot_ns) - ended_ns;
        return i;
    }
    double best = (double)best_after(view);
    out->regained = best / ((double)view->hold * view->mean);
    out->state = best < RECOVERY_DOWN_SHARE * view->least ? RECOVERY_STUCK : RECOVERY_LATE;
    return view->count;
}

static bool is_noticed(const struct view *view, size_t slot)
{
    if (series_slot_errors(view->series, slot) > view->errors)
        return true;
    uint64_t p99_ns = series_slot_percentile_ns(view->series, slot, 99);
    return view->mean > 0 && p99_ns > view->slot_p99_ns && is_slow(view, p99_ns);
}

static void find_impact(const struct view *view, size_t to, struct recovery *out)
{
    uint64_t worst = UINT64_MAX;
    for (size_t i = view->began; i < to; i++) {
        uint64_t ok = series_slot(view->series, i)->ok;
        worst = ok < worst ? ok : worst;
        if (isnan(out->detect_ns) && is_noticed(view, i))
            out->detect_ns = (double)((i + 1) * view->series->slot_ns) -
                             (double)since_start(view->series, view->job->began_ns);
    }
    if (view->mean > 0 && worst != UINT64_MAX)
        out->depth = (double)worst / view->mean;
}

static void count_window(const struct view *view, struct recovery *out)
{
    for (size_t i = view->began; i < view->ended; i++) {
        const struct series_slot *slot = series_slot(view->series, i);
        for (unsigned k = 0; k < view->series->error_kinds; k++)
            out->kinds[k] += slot->errors[k];
        out->errors += series_slot_errors(view->series, i);
        out->requests += slot->ok;
    }
    out->requests += out->errors;
    if (view->ended > view->began)
        out->span_ns = (view->ended - view->began) * view->series->slot_ns;
}

int recovery_judge(const struct recovery_job *job, struct recovery *out, struct err *err)
{
    struct view view = look(job);
    *out = (struct recovery){.before_per_s = NAN,
                             .before_p99_ns = NAN,
                             .depth = NAN,
                             .detect_ns = NAN,
                             .recover_ns = NAN,
                             .watched_ns = NAN,
                             .regained = NAN};
    int rc = hist_create(&view.scratch, SERIES_LOWEST_NS, SERIES_HIGHEST_NS, SERIES_DIGITS, err);
    if (rc)
        return rc;
    take_before(&view);
    if (view.mean > 0) {
        out->before_per_s = view.mean * 1e9 / (double)view.series->slot_ns;
        out->before_p99_ns = (double)view.p99_ns;
    }
    size_t back = find_recovery(&view, out);
    find_impact(&view, back, out);
    count_window(&view, out);
    hist_destroy(view.scratch);
    return 0;
}
