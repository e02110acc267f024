/* SPDX-License-Identifier: MIT */
/* cells.c - a grid is one run a cell: in each, variants are interleaved and compared; between cells
 * nothing is. */
#include "command/run/cells.h"

#include "command/scenario_tables.h"
#include "report/content.h"
#include "report/terminal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The cells as they run. Sessions keep their results for the tables at the end. */
struct grid_run {
    const struct plan *plan;
    const struct session_watch *watch;
    struct session *sessions; /* by cell */
    struct plan **plans;      /* likewise, owned */
    size_t count;             /* of cells */
    size_t ran;
};

static int parse_cell(const struct plan *plan, size_t index, struct plan **out, struct err *err)
{
    char name[256];
    return plan_parse_cell(plan->path, plan->text, strlen(plan->text), &scenario_tables,
                           plan_cell_name(plan, index, name, sizeof(name)), out, err);
}

int cells_check(const struct plan *plan, struct plan **first, struct err *err)
{
    int rc = 0;
    if (first)
        *first = NULL;
    for (size_t i = 0; i < plan_cell_count(plan) && !rc; i++) {
        struct plan *cell = NULL;
        rc = parse_cell(plan, i, &cell, err);
        if (!rc && i == 0 && first)
            *first = cell;
        else
            plan_destroy(cell);
    }
    return rc;
}

/* "results/runs/…/cells/allocator=glibc,payload=16KB": values alone could be those of two cells. */
static int name_folder(const struct grid_run *run, size_t index, const char *below, char *folder,
                       size_t size_bytes, struct err *err)
{
    char name[256];
    int used = snprintf(folder, size_bytes, "%s/cells/%s", below,
                        plan_cell_name(run->plan, index, name, sizeof(name)));
    return used < 0 || (size_t)used >= size_bytes
               ? err_set(err, -ENAMETOOLONG, "the folder's name is too long")
               : 0;
}

/* A cell that is not as it should be is said at once; what it found comes in the tables. */
static void tell_cell(const struct session *session, enum exit_code code, const struct err *err)
{
    char text[sizeof(err->text)];
    enum tone tone;
    if (code == EXIT_WELL)
        return;
    if (!err->text[0] && session->result && session->judgement)
        content_outcome(session->result, session->judgement, text, sizeof(text), &tone);
    else
        (void)snprintf(text, sizeof(text), "%s", err->text);
    (void)fprintf(stderr, "%s, %s: %s\n", session->plan->name, session->plan->cell, text);
}

static enum exit_code run_cell(struct grid_run *run, size_t index,
                               const struct runner_options *runner, struct err *err)
{
    char folder[PATH_MAX];
    struct err why = {0};
    struct session *session = &run->sessions[index];
    int rc = parse_cell(run->plan, index, &run->plans[index], err);
    if (!rc)
        rc = name_folder(run, index, runner->folder, folder, sizeof(folder), err);
    if (rc)
        return EXIT_RUNTIME;
    *session = (struct session){.plan = run->plans[index], .runner = *runner, .watch = run->watch};
    session->runner.folder = folder;
    (void)fprintf(stderr, "cell %zu of %zu: %s\n", index + 1, run->count, session->plan->cell);
    enum exit_code code = session_run(session, &why);
    tell_cell(session, code, &why);
    return code;
}

static int print_tables(const struct grid_run *run, struct err *err)
{
    struct report_item *items = calloc(run->count + 1, sizeof(*items));
    size_t count = 0;
    if (!items)
        return err_sys(err, -ENOMEM, "print the grid");
    for (size_t i = 0; i < run->count; i++)
        if (run->sessions[i].judgement)
            items[count++] = (struct report_item){run->sessions[i].result,
                                                  run->sessions[i].judgement, run->plans[i]->cell};
    struct table_style style = terminal_style(stdout);
    const struct report_input input = {.items = items, .item_count = count};
    int rc = count ? terminal_write_grids(&input, stdout, &style, err) : 0;
    free(items);
    return rc;
}

enum exit_code cells_run(const struct plan *plan, const struct runner_options *runner,
                         const struct session_watch *watch, bool told, struct err *err)
{
    struct grid_run run = {.plan = plan, .watch = watch, .count = plan_cell_count(plan)};
    enum exit_code code = EXIT_WELL;
    run.sessions = calloc(run.count, sizeof(*run.sessions));
    run.plans = calloc(run.count, sizeof(struct plan *));
    if (!run.sessions || !run.plans) {
        (void)err_sys(err, -ENOMEM, "run %s", plan->name);
        code = EXIT_RUNTIME;
        goto out;
    }
    for (size_t i = 0; i < run.count && code != EXIT_INTERRUPTED; i++)
        code = exit_code_graver(code, run_cell(&run, i, runner, err));
    if (told && print_tables(&run, err))
        code = exit_code_graver(code, EXIT_RUNTIME);
out:
    for (size_t i = 0; i < run.count; i++) {
        if (run.sessions)
            session_fini(&run.sessions[i]);
        if (run.plans)
            plan_destroy(run.plans[i]);
    }
    free(run.sessions);
    free(run.plans);
    return code;
}
