/* SPDX-License-Identifier: MIT */
/* prepare.c - what a run will do, decided and checked before it does anything. */
#include "run/prepare.h"

#include "run/allocator.h"
#include "run/allow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A quick run's phases: long enough to see that all works, too short to believe. */
#define QUICK_MEASURE_NS (1500 * NS_PER_MS)
#define QUICK_OTHER_NS   (500 * NS_PER_MS)
#define QUICK_TIMED_NS   (100 * NS_PER_MS) /* of micro-benchmarks */

/* The steps of its searches. */
#define QUICK_STEP_NS          (500 * NS_PER_MS)
#define QUICK_SETTLE_NS        (100 * NS_PER_MS)
#define QUICK_RESOLUTION_SHARE 0.25

/* ---- Variants -------------------------------------------------------------------------------- */

static int find_variant(const struct plan *plan, const char *name, size_t *index, struct err *err)
{
    const char *names[PLAN_VARIANTS_MAX + 1] = {0};
    for (size_t i = 0; i < plan->variant_count; i++) {
        names[i] = plan->variants[i].name;
        if (strcmp(names[i], name) == 0) {
            *index = i;
            return 0;
        }
    }
    const char *near = word_suggest(names, name);
    if (near)
        return err_set(err, -EINVAL, "%s has no variant '%.60s'; did you mean '%s'?", plan->name,
                       name, near);
    return err_set(err, -EINVAL, "%s has no variant '%.60s'; its first is '%s'", plan->name, name,
                   names[0]);
}

static int add_aa(struct result *result, const char *name, struct err *err)
{
    size_t index;
    char second[256];
    int rc = find_variant(result->plan, name, &index, err);
    (void)snprintf(second, sizeof(second), "%s'", name);
    if (!rc)
        rc = result_add_variant(result, index, NULL, err);
    if (!rc)
        rc = result_add_variant(result, index, second, err);
    result->aa = true;
    return rc;
}

/* In the plan's order, whatever the order of the list: the first is the baseline. */
static int add_listed(struct result *result, const char *list, struct err *err)
{
    bool wanted[PLAN_VARIANTS_MAX] = {0};
    char name[128];
    int rc = 0;
    for (const char *at = list; *at && !rc;) {
        size_t index = 0, length = strcspn(at, ",");
        (void)snprintf(name, sizeof(name), "%.*s", (int)length, at);
        rc = find_variant(result->plan, name, &index, err);
        wanted[index] = true;
        at += length + (at[length] == ',');
    }
    for (size_t i = 0; i < result->plan->variant_count && !rc; i++)
        if (wanted[i])
            rc = result_add_variant(result, i, NULL, err);
    if (!rc && result->variant_count == 0)
        rc = err_set(err, -EINVAL, "expected the names of variants, separated by commas");
    return rc;
}

static int add_other(struct result *result, size_t index, const char *program, struct err *err)
{
    size_t plan_index = result->variants[index].plan_index;
    const struct plan_variant *planned = &result->plan->variants[plan_index];
    char name[256];
    if (planned->subject.kind != PLAN_SUBJECT_SERVE)
        return err_set(err, -EINVAL,
                       "--against runs another build's service: variant '%.60s' is not of `serve`",
                       planned->name);
    (void)snprintf(name, sizeof(name), "%s@other", planned->name);
    int rc = result_add_variant(result, plan_index, name, err);
    if (rc)
        return rc;
    struct result_variant *variant = &result->variants[result->variant_count - 1];
    variant->program = strdup(program);
    return variant->program ? 0 : err_sys(err, -ENOMEM, "add a variant");
}

/* Each variant once more, with the service of another program. */
static int add_others(struct result *result, const char *against, struct err *err)
{
    char *program = realpath(against, NULL);
    size_t count = result->variant_count;
    int rc = 0;
    if (!program || access(program, X_OK) != 0)
        rc = err_set(err, -EINVAL, "--against: cannot run %.200s: %s", against, strerror(errno));
    else if (2 * count > PLAN_VARIANTS_MAX)
        rc =
            err_set(err, -EINVAL, "--against: at most %d variants, not %zu; choose with --variants",
                    PLAN_VARIANTS_MAX / 2, count);
    for (size_t i = 0; i < count && !rc; i++)
        rc = add_other(result, i, program, err);
    free(program);
    return rc;
}

static int choose_variants(struct result *result, const struct runner_options *options,
                           struct err *err)
{
    if (options->aa && options->variants)
        return err_set(err, -EINVAL, "--aa runs one variant twice: leave out --variants");
    if (options->aa)
        return add_aa(result, options->aa, err);
    if (options->variants)
        return add_listed(result, options->variants, err);
    int rc = 0;
    for (size_t i = 0; i < result->plan->variant_count && !rc; i++)
        rc = result_add_variant(result, i, NULL, err);
    return rc;
}

static int add_variants(struct result *result, const struct runner_options *options,
                        struct err *err)
{
    if (options->against && options->aa)
        return err_set(err, -EINVAL, "--aa runs one variant twice: leave out --against");
    int rc = choose_variants(result, options, err);
    return rc || !options->against ? rc : add_others(result, options->against, err);
}

/* ---- Allocators and addresses ---------------------------------------------------------------- */

static int choose_allocator(struct result_variant *variant, const struct plan_subject *subject,
                            const char *fallback, struct err *err)
{
    char path[4096];
    if (subject->kind == PLAN_SUBJECT_URL)
        return 0;
    const char *name = subject->allocator == PLAN_ALLOCATOR_DEFAULT
                           ? fallback
                           : plan_allocator_names[subject->allocator];
    variant->allocator = strdup(name ? name : "default");
    if (!variant->allocator)
        return err_sys(err, -ENOMEM, "choose an allocator");
    if (!name)
        return 0;
    int rc = allocator_find(name, path, sizeof(path), err);
    if (rc)
        return err_wrap(err, "variant '%s'", variant->name);
    variant->preload = strdup(path);
    return variant->preload ? 0 : err_sys(err, -ENOMEM, "choose an allocator");
}

/* What is started by us is looked at once it runs: only then its port is known. */
static int check_address(const struct result_variant *variant, const struct plan_subject *subject,
                         const char *allowed, struct err *err)
{
    struct load_target target;
    if (subject->kind != PLAN_SUBJECT_URL)
        return 0;
    int rc = load_target_parse(&target, subject->url, err);
    if (!rc)
        rc = allow_check(&target, allowed, err);
    return rc ? err_wrap(err, "variant '%s'", variant->name) : 0;
}

static int check_variants(struct result *result, const struct runner_options *options,
                          struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < result->variant_count && !rc; i++) {
        struct result_variant *variant = &result->variants[i];
        const struct plan_subject *subject = &result->plan->variants[variant->plan_index].subject;
        rc = choose_allocator(variant, subject, options->allocator, err);
        if (!rc)
            rc = check_address(variant, subject, options->allowed, err);
    }
    return rc;
}

/* ---- Phases ---------------------------------------------------------------------------------- */

/* Steps and spikes keep their place in the phase. */
static void set_length(struct result_phase *phase, uint64_t length_ns)
{
    double share = phase->length_ns ? (double)length_ns / (double)phase->length_ns : 1;
    phase->profile.shape_at_ns = (uint64_t)((double)phase->profile.shape_at_ns * share);
    phase->profile.shape_for_ns = (uint64_t)((double)phase->profile.shape_for_ns * share);
    phase->length_ns = length_ns;
}

/* A quick search: rough, and on single steps. Its phase stays as long, which is a bound only. */
static void shorten_search(struct search_settings *search)
{
    if (search->step_ns > QUICK_STEP_NS)
        search->step_ns = QUICK_STEP_NS;
    if (search->settle_ns > QUICK_SETTLE_NS)
        search->settle_ns = QUICK_SETTLE_NS;
    if (search->resolution_share < QUICK_RESOLUTION_SHARE)
        search->resolution_share = QUICK_RESOLUTION_SHARE;
    search->confirm = 1;
}

static void shorten(struct result *result)
{
    for (size_t i = 0; i < result->plan->phase_count; i++) {
        struct result_phase *phase = &result->phases[i];
        bool measured = phase->kind == PLAN_PHASE_MEASURE;
        if (result->plan->phases[i].objective) {
            shorten_search(&phase->search);
            continue;
        }
        uint64_t most_ns = result->plan->kind == PLAN_KIND_MICRO ? QUICK_TIMED_NS
                           : measured                            ? QUICK_MEASURE_NS
                                                                 : QUICK_OTHER_NS;
        if (phase->length_ns > most_ns)
            set_length(phase, most_ns);
    }
}

/* The lengths of phases by their kind, as the keys of --set. */
struct lengths {
    uint64_t warmup_ns, measure_ns, drain_ns;
};

static const struct param length_params[] = {
    {PARAM_NS("warmup", lengths, warmup_ns, NULL, "length of warm-up phases"), .min = 1e6,
     .max = 86400e9},
    {PARAM_NS("measure", lengths, measure_ns, NULL, "length of measured phases"), .min = 1e6,
     .max = 86400e9},
    {PARAM_NS("drain", lengths, drain_ns, NULL, "length of drains"), .min = 1e6, .max = 86400e9},
    {0},
};

static int set_lengths(struct result *result, const struct param *param, const char *value,
                       struct err *err)
{
    struct lengths lengths = {0};
    int rc = param_set(param, &lengths, value, err);
    for (size_t i = 0; i < result->plan->phase_count && !rc; i++) {
        struct result_phase *phase = &result->phases[i];
        const uint64_t length_ns = phase->kind == PLAN_PHASE_WARMUP    ? lengths.warmup_ns
                                   : phase->kind == PLAN_PHASE_MEASURE ? lengths.measure_ns
                                                                       : lengths.drain_ns;
        if (length_ns)
            set_length(phase, length_ns);
    }
    return rc;
}

/* search.KEY: a setting of all searches. */
static int set_searches(struct result *result, const char *key, const char *value, struct err *err)
{
    const struct param *param = param_find(search_params, key);
    size_t found = 0;
    if (!param) {
        const char *near = param_suggest(search_params, key);
        return err_set(err, -EINVAL, "no setting '%.60s' of a search%s%s%s", key,
                       near ? "; did you mean 'search." : "", near ? near : "", near ? "'?" : "");
    }
    int rc = 0;
    for (size_t i = 0; i < result->plan->phase_count && !rc; i++) {
        if (!result->plan->phases[i].objective)
            continue;
        found++;
        rc = param_set(param, &result->phases[i].search, value, err);
        result->phases[i].profile.rate_per_s = result->phases[i].search.from_per_s;
    }
    return rc || found ? rc : err_set(err, -EINVAL, "no phase of %s searches", result->plan->name);
}

static int override(struct result *result, const char *key, const char *value, struct err *err)
{
    const struct param *length = param_find(length_params, key);
    if (length)
        return set_lengths(result, length, value, err);
    if (result->plan->kind == PLAN_KIND_MICRO)
        return err_set(err, -EINVAL, "%s has benchmarks and no load: only 'measure' can be set",
                       result->plan->name);
    if (strncmp(key, "search.", 7) == 0)
        return set_searches(result, key + 7, value, err);
    const struct param *param = param_find(load_profile_params, key);
    if (!param) {
        const char *near = param_suggest(load_profile_params, key);
        return err_set(err, -EINVAL, "no setting '%.60s' of the load%s%s%s", key,
                       near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    int rc = 0;
    for (size_t i = 0; i < result->plan->phase_count && !rc; i++) {
        if (result->plan->phases[i].objective && strcmp(param->name, "rate") == 0)
            return err_set(err, -EINVAL, "phase '%s' searches for its rate: set search.from",
                           result->phases[i].name);
        if (result->phases[i].kind != PLAN_PHASE_DRAIN)
            rc = param_set(param, &result->phases[i].profile, value, err);
    }
    return rc;
}

/* KEY=VALUE, a line each: a setting of the load, or warmup, measure, drain for lengths. */
static int override_all(struct result *result, const char *lines, struct err *err)
{
    char line[256];
    int rc = 0;
    for (const char *at = lines; *at && !rc;) {
        size_t length = strcspn(at, "\n");
        (void)snprintf(line, sizeof(line), "%.*s", (int)length, at);
        char *value = strchr(line, '=');
        if (!value || length >= sizeof(line))
            return err_set(err, -EINVAL, "--set: expected KEY=VALUE, not '%.60s'", line);
        *value++ = '\0';
        rc = override(result, line, value, err);
        if (rc)
            return err_wrap(err, "--set %s", line);
        at += length + (at[length] == '\n');
    }
    for (size_t i = 0; i < result->plan->phase_count && !rc; i++) {
        if (result->phases[i].kind != PLAN_PHASE_DRAIN)
            rc = load_profile_check(&result->phases[i].profile, err);
        if (result->plan->phases[i].objective && !rc)
            rc = search_check(&result->phases[i].search, err);
    }
    return rc ? err_wrap(err, "--set") : 0;
}

/* A timeline of faults is gone through once, and whole: the timeouts that answer to it are the
 * subject's, and do not shorten with it. A grid's cells are many. */
static void make_quick(struct result *result)
{
    const struct plan *plan = result->plan;
    size_t most = plan->fault_count || plan->cell ? 1 : RUNNER_QUICK_BLOCKS;
    if (!plan->fault_count)
        shorten(result);
    if (result->block_count > most)
        result->block_count = most;
}

static int settle_phases(struct result *result, const struct runner_options *options,
                         struct err *err)
{
    if (options->quick)
        make_quick(result);
    result->quick = options->quick;
    if (options->blocks)
        result->block_count = options->blocks;
    if (result->block_count > RUNNER_BLOCKS_MAX)
        return err_set(err, -EINVAL, "at most %d rounds, not %zu", RUNNER_BLOCKS_MAX,
                       result->block_count);
    if (options->noise_share >= 0)
        result->noise_share = options->noise_share;
    int rc = options->overrides ? override_all(result, options->overrides, err) : 0;
    result_scale_faults(result);
    return rc;
}

int prepare_shape(const struct plan *plan, const struct runner_options *options,
                  struct result **out, struct err *err)
{
    struct result *result;
    int rc = result_create(&result, plan, err);
    if (rc)
        return rc;
    rc = add_variants(result, options, err);
    if (!rc)
        rc = settle_phases(result, options, err);
    if (rc)
        result_destroy(result);
    else
        *out = result;
    return rc;
}

int prepare(const struct plan *plan, const struct runner_options *options, struct result **out,
            struct err *err)
{
    struct result *result;
    int rc = prepare_shape(plan, options, &result, err);
    if (rc)
        return rc;
    result->seed = options->seed;
    result->folder = strdup(options->folder);
    if (!result->folder)
        rc = err_sys(err, -ENOMEM, "prepare a run");
    if (!rc)
        rc = check_variants(result, options, err);
    if (rc)
        result_destroy(result);
    else
        *out = result;
    return rc;
}
