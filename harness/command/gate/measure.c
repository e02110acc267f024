/* SPDX-License-Identifier: MIT */
/* measure.c - one measurement of a scenario at the gate, and what it says of the limits. */
#include "command/gate/gate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void gate_fini(struct gate *gate)
{
    for (size_t i = 0; i < gate->look_count; i++) {
        comparison_destroy(gate->looks[i].comparison);
        sheets_fini(&gate->looks[i].sheets);
        free(gate->looks[i].limits);
    }
    gate->look_count = 0;
    junit_suite_fini(&gate->suite);
}

enum gate_word gate_last_word(const struct gate *gate)
{
    return gate->look_count > 0 ? gate->looks[gate->look_count - 1].comparison->gate : GATE_NONE;
}

/* ---- What is asked --------------------------------------------------------------------------- */

static int no_memory(struct err *err)
{
    return err_sys(err, -ENOMEM, "judge limits");
}

static int take_given(const struct gate *gate, struct gate_look *look, struct err *err)
{
    look->limits = calloc(COMPARE_LIMITS_MAX, sizeof(*look->limits));
    if (!look->limits)
        return no_memory(err);
    int rc =
        compare_parse_limits(gate->options->limit, look->limits, &look->compare.limit_count, err);
    return rc ? err_wrap(err, "--limit") : 0;
}

/* The rows of the first look that failed, and no others. */
static int take_failed(const struct gate *gate, struct gate_look *look, struct err *err)
{
    const struct comparison *first = gate->looks[0].comparison;
    look->compare.metrics = "";
    look->limits = calloc(first->row_count + 1, sizeof(*look->limits));
    if (!look->limits)
        return no_memory(err);
    for (size_t i = 0; i < first->row_count; i++) {
        const struct compared *row = &first->rows[i];
        if (row->gate != GATE_FAIL)
            continue;
        struct compare_limit *limit = &look->limits[look->compare.limit_count++];
        (void)snprintf(limit->path, sizeof(limit->path), "%.79s.%.79s", row->variant->name,
                       row->a->path);
        limit->share = row->limit;
    }
    return 0;
}

static int begin_look(const struct gate *gate, struct gate_look *look, struct err *err)
{
    const struct gate_options *options = gate->options;
    look->compare = (struct compare_options){
        .metrics = options->metrics,
        .variants = options->variants,
        .anyway = options->anyway,
        .label_a = options->against ? "other" : "baseline",
        .label_b = gate->look_count > 0 ? "again" : "now",
    };
    int rc = gate->look_count > 0 ? take_failed(gate, look, err) : take_given(gate, look, err);
    look->compare.limits = look->limits;
    return rc;
}

/* ---- What was measured ----------------------------------------------------------------------- */

/* The fresh rounds so far, the first measurement's not among them; an invalid one has none. */
static const struct gate_look *fresh_so_far(const struct gate *gate)
{
    for (size_t i = gate->look_count; i > 1; i--)
        if (!gate->looks[i - 1].sheets.items[0]->invalid[0])
            return &gate->looks[i - 1];
    return NULL;
}

/* Both sides of a run with another build get the same rounds in the same order, so that they stay
 * paired. */
static int join_fresh(const struct gate *gate, struct sheets *sheets, struct err *err)
{
    const struct gate_look *before = fresh_so_far(gate);
    const char *scenario = gate->plan->name;
    int rc = 0;
    for (size_t i = 0; before && !rc && i < sheets->count; i++) {
        struct sheet *sheet = sheets->items[i];
        const struct sheet *more = sides_find(&before->sheets, scenario, sheet->program != NULL);
        if (!sheet->invalid[0] && more)
            rc = sheet_join(sheet, more, err);
    }
    return rc;
}

static int compare_look(struct gate *gate, struct gate_look *look, struct err *err)
{
    const char *scenario = gate->plan->name;
    const struct sheet *own = sides_find(&look->sheets, scenario, false);
    const struct sheet *other =
        gate->baseline ? gate->baseline : sides_find(&look->sheets, scenario, true);
    int rc = comparison_create(other, own, &look->compare, &look->comparison, err);
    if (!rc)
        rc = sides_show(look->comparison, gate->options->format, err);
    if (!rc)
        comparison_junit(look->comparison, &gate->suite);
    return rc;
}

static void note_rest(struct gate *gate, const struct comparison *first)
{
    for (size_t i = 0; i < first->row_count; i++)
        if (first->rows[i].gate != GATE_FAIL && first->rows[i].gate > gate->rest)
            gate->rest = first->rows[i].gate;
}

static int add_look(struct gate *gate, const struct session *session, struct err *err)
{
    struct gate_look *look = &gate->looks[gate->look_count];
    int rc = begin_look(gate, look, err);
    if (!rc)
        rc = sides_of_result(session->result, session->judgement, NULL, &look->sheets, err);
    if (!rc)
        rc = join_fresh(gate, &look->sheets, err);
    if (!rc)
        rc = compare_look(gate, look, err);
    if (rc) {
        comparison_destroy(look->comparison);
        sheets_fini(&look->sheets);
        free(look->limits);
        *look = (struct gate_look){0};
        return rc;
    }
    if (gate->look_count++ == 0)
        note_rest(gate, look->comparison);
    gate->suite.time_s += (double)session->result->length_ns / 1e9;
    return 0;
}

/* ---- Measuring ------------------------------------------------------------------------------- */

/* The same variants each time: what runs beside a variant is among its circumstances. */
static void fill_session(const struct gate *gate, const char *folder, struct session *session)
{
    const struct gate_options *options = gate->options;
    session->plan = gate->plan;
    session->runner = (struct runner_options){
        .seed = gate->seed + gate->look_count,
        .blocks = options->rounds,
        .noise_share = options->noise_share > 0 ? options->noise_share : -1,
        .variants = options->variants,
        .against = options->against,
        .overrides = options->set,
        .allocator = options->allocator,
        .allowed = options->allow,
        .database = options->database,
        .folder = folder,
        .command_line = gate->command_line,
        .keep_logs = options->keep_logs,
    };
}

/* An invalid run is invalid in its comparison, too; where it has no figures left there is none. */
static enum exit_code judge_session(struct gate *gate, const struct session *session,
                                    enum exit_code code, struct err *err)
{
    int rc = add_look(gate, session, err);
    if (rc != -EINVAL || code != EXIT_INVALID)
        return exit_code_of(rc);
    (void)err_set(err, -EINVAL, "%s: %s", gate->plan->name, session->judgement->invalid);
    return EXIT_INVALID;
}

enum exit_code gate_measure(struct gate *gate, struct err *err)
{
    struct session session = {0};
    char folder[PATH_MAX];
    if (gate->look_count == 0)
        (void)snprintf(folder, sizeof(folder), "%s", gate->folder);
    else
        (void)snprintf(folder, sizeof(folder), "%s/again%zu", gate->folder, gate->look_count);
    fill_session(gate, folder, &session);
    enum exit_code code = session_run(&session, err);
    if (code == EXIT_EXPECTATION)
        gate->broken = code;
    if (code == EXIT_WELL || code == EXIT_EXPECTATION || code == EXIT_INVALID)
        code = judge_session(gate, &session, code, err);
    session_fini(&session);
    return code;
}
