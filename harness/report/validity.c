/* SPDX-License-Identifier: MIT */
/* validity.c - whether to believe a result: what rounds were worth, who was the limit, and what the
 * figures do not say by themselves. */
#include "report/content.h"

#include "core/param.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The first reasons why rounds are not used; the record has them all. */
static void reason_facts(const struct result *result, bool broken, struct table *table)
{
    enum { SHOWN_MAX = 10 };
    const char *what = broken ? "broken" : "invalid";
    size_t count = 0;
    for (size_t i = 0; i < result->round_count; i++) {
        const struct result_round *round = &result->rounds[i];
        for (size_t r = 0; r < (broken ? round->breach_count : round->reason_count); r++) {
            if (count++ >= SHOWN_MAX)
                continue;
            table_cell(table, TONE_BAD, "%s", what);
            table_cell(table, TONE_PLAIN, "%s, block %zu: %s",
                       result->variants[round->variant].name, round->block + 1,
                       broken ? round->breaches[r].text : round->reasons[r]);
        }
    }
    if (count > SHOWN_MAX) {
        table_cell(table, TONE_BAD, "%s", what);
        table_cell(table, TONE_PLAIN, "and %zu more reasons", count - SHOWN_MAX);
    }
}

static void rounds_facts(const struct result *result, const struct judgement *judgement,
                         struct table *table)
{
    char length[48], broken[48] = "";
    format_ns(length, sizeof(length), (double)result->length_ns);
    if (judgement->round_broken)
        (void)snprintf(broken, sizeof(broken), ", %zu broken", judgement->round_broken);
    table_cell(table, TONE_QUIET, "rounds");
    table_cell(table, judgement->round_invalid ? TONE_UNSURE : TONE_PLAIN,
               "%zu of %zu valid%s; %zu of %zu block%s whole; seed %llu; took %s",
               judgement->round_valid, judgement->round_valid + judgement->round_invalid, broken,
               judgement->block_whole, result->block_count, result->block_count == 1 ? "" : "s",
               (unsigned long long)result->seed, length);
    reason_facts(result, true, table);
    reason_facts(result, false, table);
}

/* Means over the valid rounds of a variant, in a phase. */
struct busy {
    double subject, database, generator; /* CPUs */
    double working;                      /* share of the generator's time, as load_result_busy */
    size_t subject_count, database_count, generator_count;
    uint64_t offered, replied; /* sums: arrivals of an open loop, and replies in time */
};

static void busy_add(struct busy *busy, const struct result_step *step)
{
    if (step->ran && step->loaded && step->length_ns) {
        busy->generator += (double)step->load.cpu.cpu_ns / (double)step->length_ns;
        busy->working += load_result_busy(&step->load);
        busy->offered += step->load.offered;
        busy->replied += step->load.replied_in_time;
        busy->generator_count++;
    }
    if (step->ran && step->metered) {
        busy->subject += meter_cpus(&step->subject);
        busy->subject_count++;
    }
    if (step->ran && step->database_metered && step->length_ns) {
        busy->database += (double)step->database_cpu_ns / (double)step->length_ns;
        busy->database_count++;
    }
}

static struct busy busy_of(const struct result *result, size_t variant, size_t phase)
{
    struct busy busy = {0};
    for (size_t i = 0; i < result->round_count; i++) {
        const struct result_round *round = &result->rounds[i];
        if (round->variant == variant && result_phase_is_sound(round, phase))
            busy_add(&busy, &round->steps[phase]);
    }
    busy.generator /= busy.generator_count ? (double)busy.generator_count : 1;
    busy.working /= busy.generator_count ? (double)busy.generator_count : 1;
    busy.subject /= busy.subject_count ? (double)busy.subject_count : 1;
    busy.database /= busy.database_count ? (double)busy.database_count : 1;
    return busy;
}

/* Who was the limit: an open loop's schedule while it was kept up with, else whoever was busy
 * nearly all the time. Subject and database share their CPUs. */
static const char *limit_of(const struct busy *busy, const struct load_profile *profile)
{
    const double nearly = 0.9, kept_up = 0.95;
    if (profile->rate_per_s > 0 && (double)busy->replied >= kept_up * (double)busy->offered)
        return "the schedule set the pace";
    if (busy->subject_count && busy->subject >= nearly)
        return "the subject was the limit";
    if (busy->database_count && busy->subject + busy->database >= nearly)
        return "subject and database were the limit";
    if (busy->working >= nearly)
        return "the generator was the limit";
    return busy->subject_count ? "neither was: waiting was" : "not the generator";
}

/* A search tells who was the limit by itself. */
static bool wants_limit(const struct result *result, size_t phase)
{
    return result->phases[phase].kind == PLAN_PHASE_MEASURE &&
           !result->plan->phases[phase].objective;
}

static void limit_facts(const struct result *result, struct table *table)
{
    for (size_t p = 0; p < result->plan->phase_count; p++) {
        const struct result_phase *phase = &result->phases[p];
        for (size_t v = 0; wants_limit(result, p) && v < result->variant_count; v++) {
            struct busy busy = busy_of(result, v, p);
            char subject[48] = "", database[48] = "";
            if (busy.generator_count == 0)
                continue;
            if (busy.subject_count)
                (void)snprintf(subject, sizeof(subject), "subject %.2f CPUs, ", busy.subject);
            if (busy.database_count)
                (void)snprintf(database, sizeof(database), "database %.2f, ", busy.database);
            table_cell(table, TONE_QUIET, "limit");
            table_cell(table, TONE_PLAIN, "%s, %s: %s (%s%sgenerator %.2f)",
                       result->variants[v].name, phase->name, limit_of(&busy, &phase->profile),
                       subject, database, busy.generator);
        }
    }
}

static const char *phase_name(const struct plan *plan, size_t metric)
{
    int phase = plan_phase_of(plan, metric);
    return phase < 0 ? NULL : plan->phases[phase].name;
}

/* Which phase a column without one is of, where that is a question. */
static void scope_fact(const struct result *result, struct table *table)
{
    const struct plan *plan = result->plan;
    const char *rate = phase_name(plan, METRIC_QPS), *latency = phase_name(plan, METRIC_P99);
    size_t measured = 0;
    for (size_t i = 0; i < plan->phase_count; i++)
        measured += plan->phases[i].kind == PLAN_PHASE_MEASURE;
    if (measured < 2 || !rate || !latency)
        return;
    table_cell(table, TONE_QUIET, "figures");
    table_cell(table, TONE_PLAIN,
               "QPS, goodput and costs are of the phase %s, latencies of %s; errors and counts of "
               "all measured phases",
               rate, latency);
}

/* A bound that was never reached leaves no figure, but what was sampled for it. */
static bool was_sampled(const struct result_step *step, size_t observation)
{
    const struct gauge *gauge = result_gauge(step, observation);
    return gauge && gauge->taken > 0;
}

/* Whether an observation has ever had a value, or no round came far enough to be asked for any. */
static bool was_seen(const struct result *result, size_t observation)
{
    size_t metric = METRIC_BUILTIN_COUNT + observation;
    bool asked = false;
    for (size_t i = 0; i < result->round_count; i++) {
        const struct result_round *round = &result->rounds[i];
        for (size_t p = 0; p < result->plan->phase_count; p++) {
            if (!isnan(round->rows[p * result->plan->metric_count + metric]) ||
                was_sampled(&round->steps[p], observation))
                return true;
            asked = asked || (round->steps[p].ran && result->phases[p].kind == PLAN_PHASE_MEASURE);
        }
    }
    return !asked;
}

/* Of sound rounds of a variant's phase: how many requests ended, whether any ended well, and what
 * was wrong with the first. */
static uint64_t count_failed(const struct result *result, size_t variant, size_t phase,
                             const char **first)
{
    uint64_t failed = 0;
    for (size_t i = 0; i < result->round_count; i++) {
        const struct result_round *round = &result->rounds[i];
        const struct result_step *step = &round->steps[phase];
        if (round->variant != variant || !result_phase_is_sound(round, phase) || !step->loaded)
            continue;
        if (step->load.ended[LOAD_OK] > 0)
            return 0;
        for (size_t outcome = LOAD_OK + 1; outcome < LOAD_OUTCOMES; outcome++)
            failed += step->load.ended[outcome];
        *first = step->load.first_error;
    }
    return failed;
}

/* It may be what a scenario is about, but mostly it is a wrong path, or nobody at home. */
static void failed_facts(const struct result *result, struct table *table)
{
    for (size_t p = 0; p < result->plan->phase_count; p++) {
        for (size_t v = 0; v < result->variant_count; v++) {
            const char *first = "";
            uint64_t failed = count_failed(result, v, p, &first);
            if (failed == 0 || result->phases[p].kind != PLAN_PHASE_MEASURE)
                continue;
            table_cell(table, TONE_UNSURE, "note");
            table_cell(table, TONE_UNSURE, "%s, %s: all %llu requests failed%s%s",
                       result->variants[v].name, result->phases[p].name, (unsigned long long)failed,
                       first[0] ? ", the first: " : "", first);
        }
    }
}

/* A name that is misspelled in the scenario, most likely: no variant ever had it. */
static void unseen_facts(const struct result *result, struct table *table)
{
    for (size_t i = 0; i < result->plan->observe_count; i++) {
        const struct plan_observe *observe = &result->plan->observes[i];
        const char *series = observe->series ? observe->series : observe->histogram;
        if (!series || was_seen(result, i))
            continue;
        table_cell(table, TONE_UNSURE, "note");
        table_cell(table, TONE_UNSURE, "%s: no variant's metrics ever had a value of %s",
                   observe->name, series);
    }
}

static int lateness_fact(const struct result *result, struct table *table, struct err *err)
{
    double worst = NAN;
    for (size_t v = 0; v < result->variant_count; v++) {
        struct judged_level level;
        int rc = judgement_level(result, v, EXPR_WHOLE_ROUND, METRIC_LATENESS_P99, &level, err);
        if (rc)
            return rc;
        worst = fmax(worst, level.high); /* which passes over NAN */
    }
    if (isnan(worst))
        return 0;
    char text[48];
    table_cell(table, TONE_QUIET, "lateness");
    table_cell(table, TONE_PLAIN, "the generator's own P99 was %s in the worst valid round",
               format_ns(text, sizeof(text), worst));
    return 0;
}

static void detectable_facts(const struct result *result, const struct judgement *judgement,
                             struct table *table)
{
    for (size_t i = 0; i < judgement->versus_count; i++) {
        const struct judged_versus *versus = &judgement->versus[i];
        const char *name = content_metric_label(metric_builtin, versus->metric);
        const struct stats_estimate *estimate = &versus->measured.estimate;
        if (!versus->measured.used || versus->measured.needs)
            continue;
        table_cell(table, TONE_QUIET, "detectable");
        if (!estimate->bounded || !versus->measured.ratio)
            table_cell(table, TONE_UNSURE, "%s of %s: %zu pair%s an estimate and no verdict", name,
                       result->variants[versus->variant].name, versus->measured.used,
                       versus->measured.used == 1 ? " gives" : "s give");
        else
            table_cell(table, TONE_PLAIN,
                       "%s of %s: a change of %.2g %% would be found 9 times in 10 (%zu pairs, %zu "
                       "dropped)",
                       name, result->variants[versus->variant].name, 100 * estimate->detectable,
                       versus->measured.used, versus->measured.dropped);
    }
}

static void warning(struct table *table, bool given, const char *text)
{
    if (!given)
        return;
    table_cell(table, TONE_UNSURE, "note");
    table_cell(table, TONE_UNSURE, "%s", text);
}

/* Variants of the file that did not run. */
static void left_out_fact(const struct result *result, struct table *table)
{
    char names[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < result->plan->variant_count && used < sizeof(names); i++)
        if (result_variant_of(result, i) < 0)
            used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "",
                                     result->plan->variants[i].name);
    if (used == 0 || result->aa)
        return;
    table_cell(table, TONE_QUIET, "left out");
    table_cell(table, TONE_PLAIN, "%s", names);
}

/* What is less than the file says is said. */
static void quick_fact(const struct result *result, struct table *table)
{
    const struct plan *plan = result->plan;
    uint64_t longest_ns = 0;
    bool searches = false;
    char phases[64] = "whole phases", text[32];
    for (size_t i = 0; i < plan->phase_count; i++) {
        searches = searches || plan->phases[i].objective;
        if (result->phases[i].length_ns < plan->phases[i].length_ns &&
            result->phases[i].length_ns > longest_ns)
            longest_ns = result->phases[i].length_ns;
    }
    if (!result->quick)
        return;
    if (longest_ns > 0)
        (void)snprintf(phases, sizeof(phases), "phases cut to %s%s",
                       format_ns(text, sizeof(text), (double)longest_ns),
                       searches ? ", searches to rough ones" : "");
    table_cell(table, TONE_UNSURE, "note");
    table_cell(table, TONE_UNSURE, "a quick run, %zu of %llu rounds, %s: estimates, no verdicts",
               result->block_count, (unsigned long long)plan->rounds, phases);
}

int content_validity(const struct result *result, const struct judgement *judgement,
                     struct table *table, struct err *err)
{
    table_column(table, TABLE_LEFT, "%s", "");
    table_column(table, TABLE_WRAP, "%s", "");
    rounds_facts(result, judgement, table);
    left_out_fact(result, table);
    scope_fact(result, table);
    failed_facts(result, table);
    unseen_facts(result, table);
    limit_facts(result, table);
    int rc = lateness_fact(result, table, err);
    if (rc)
        return rc;
    detectable_facts(result, judgement, table);
    quick_fact(result, table);
    warning(table, result->aa, "an A/A run: both sides are the same, no difference must be found");
    warning(table, result->interrupted, "interrupted: blocks are missing");
    warning(table, result->environment.cpus_shared,
            "generator and subject shared one CPU: figures are of little worth");
    return 0;
}

void content_record(const struct result *result, struct table *table)
{
    if (!result->folder)
        return;
    table_cell(table, TONE_QUIET, "record");
    table_cell(table, TONE_PLAIN, "%s/result.json", result->folder);
}
