/* SPDX-License-Identifier: MIT */
/* check.c - poolstorm check: reads scenario files as a run would, and says what they come to. */
#include "command/command.h"
#include "command/run/cells.h"
#include "command/run/length.h"
#include "command/run/session.h"
#include "command/scenario_files.h"
#include "command/scenario_tables.h"

#include "core/param.h"
#include "plan/plan.h"
#include "report/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whether a program is there to be started: by its path, or in one of PATH's folders. */
static bool can_start(const char *program)
{
    if (strchr(program, '/'))
        return access(program, X_OK) == 0;
    const char *folders = getenv("PATH");
    while (folders && *folders) {
        char path[4096];
        int length = (int)strcspn(folders, ":");
        (void)snprintf(path, sizeof(path), "%.*s/%s", length, folders, program);
        if (access(path, X_OK) == 0)
            return true;
        folders += length + (folders[length] == ':');
    }
    return false;
}

static void print_variant(const struct plan_variant *variant)
{
    const struct plan_subject *subject = &variant->subject;
    printf("  variant %s: ", variant->name);
    switch (subject->kind) {
    case PLAN_SUBJECT_SERVE:
        puts("the built-in service");
        break;
    case PLAN_SUBJECT_COMMAND:
        for (char *const *word = subject->command; *word; word++)
            printf("%s%.60s%s", word == subject->command ? "" : " ", *word,
                   strlen(*word) > 60 ? "…" : "");
        printf(", asked at %s\n", subject->url);
        if (subject->command[0] && !can_start(subject->command[0]))
            printf("    there is no program '%s' here\n", subject->command[0]);
        break;
    case PLAN_SUBJECT_URL:
        printf("%s, which has to run already\n", subject->url);
        break;
    case PLAN_SUBJECT_MICRO:
        printf("the micro-benchmark %s%s%s on %llu thread%s\n", subject->benchmark,
               subject->row ? "/" : "", subject->row ? subject->row : "",
               (unsigned long long)subject->threads, subject->threads == 1 ? "" : "s");
        break;
    }
}

static void print_phase(const struct plan_phase *phase)
{
    char length[32];
    printf("  phase %s: %s, ", phase->name,
           format_ns(length, sizeof(length), (double)phase->length_ns));
    if (phase->request_count == 0)
        puts(phase->kind == PLAN_PHASE_DRAIN ? "no load" : "timed");
    else if (phase->objective)
        puts("at most, looking for the highest rate that meets its objective");
    else if (phase->profile.rate_per_s > 0)
        printf("open loop at %.15g/s%s\n", phase->profile.rate_per_s,
               phase->kind == PLAN_PHASE_WARMUP ? ", thrown away" : "");
    else
        printf("closed loop of %llu connections%s\n",
               (unsigned long long)phase->profile.connections,
               phase->kind == PLAN_PHASE_WARMUP ? ", thrown away" : "");
}

static void print_lengths(const struct plan *plan)
{
    char whole[32], quick[32];
    (void)length_text(whole, sizeof(whole), length_planned(plan, NULL, false, false));
    (void)length_text(quick, sizeof(quick), length_planned(plan, NULL, true, false));
    printf("  %llu rounds of each variant: some %s, with --quick %s%s\n",
           (unsigned long long)plan->rounds, whole, quick,
           plan->rounds < 6 ? "; too few for verdicts, which want 6" : "");
    if (plan->axis_count == 0)
        return;
    uint64_t grid_ns =
        length_planned(plan, NULL, false, true) - length_planned(plan, NULL, false, false);
    uint64_t quick_ns =
        length_planned(plan, NULL, true, true) - length_planned(plan, NULL, true, false);
    for (size_t i = 0; i < plan->axis_count; i++)
        printf("%s%s (%zu)", i ? " × " : "  then a grid of ", plan->axes[i].name,
               plan->axes[i].value_count);
    printf(": %zu cells, some %s in all, with --quick %s\n", plan_cell_count(plan),
           length_text(whole, sizeof(whole), grid_ns), length_text(quick, sizeof(quick), quick_ns));
}

static void print_plan(const struct plan *plan)
{
    printf("%s: sound\n", plan->path);
    for (size_t i = 0; i < plan->variant_count; i++)
        print_variant(&plan->variants[i]);
    for (size_t i = 0; i < plan->phase_count; i++)
        print_phase(&plan->phases[i]);
    for (size_t i = 0; i < plan->fault_count; i++)
        printf("  fault %s in phase %s\n", plan->faults[i].name,
               plan->phases[plan->faults[i].phase].name);
    printf("  %zu expectations, %zu invariants, %zu claims\n", plan->expect_count,
           plan->invariant_count, plan->claim_count);
    print_lengths(plan);
}

static enum exit_code check_file(const char *path)
{
    struct plan *plan = NULL;
    struct err err = {0};
    int rc = plan_load(path, &scenario_tables, &plan, &err);
    if (!rc)
        rc = cells_check(plan, NULL, &err);
    if (rc)
        (void)fprintf(stderr, "%s\n", text_clean(err.text));
    else
        print_plan(plan);
    plan_destroy(plan);
    return rc ? EXIT_BAD_INPUT : EXIT_WELL;
}

static enum exit_code check_run(void *options, char *const *args, struct err *err)
{
    (void)options;
    struct catalog selection = {0};
    int rc = scenario_files_select(&selection, args, err);
    enum exit_code code = rc ? EXIT_BAD_INPUT : EXIT_WELL;
    for (size_t i = 0; !rc && i < selection.count; i++)
        code = exit_code_graver(code, check_file(selection.entries[i].path));
    catalog_fini(&selection);
    return code;
}

const struct command command_check = {
    .name = "check",
    .summary = "say whether scenario files are sound, and what running them comes to",
    .usage = "SCENARIO|FAMILY|SET|FILE...",
    .help = "Nothing is started, asked or written. Mistakes are told with file, line and column, "
            "and end\nwith status 2.\n\n"
            "Examples:\n"
            "  poolstorm check ./mine.yaml\n"
            "  poolstorm check allocation exhaustion/knee\n",
    .args_min = 1,
    .args_max = 256,
    .words = scenario_files_print,
    .run = check_run,
};
