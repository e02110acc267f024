/* SPDX-License-Identifier: MIT */
/* files.c - what a gate leaves behind for others: test cases and a page. */
#include "command/gate/gate.h"

#include "command/records.h"
#include "report/gate_page.h"
#include "report/text.h"
#include "report/whole_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Test cases ------------------------------------------------------------------------------ */

static int write_suites(const void *arg, FILE *out, struct err *err)
{
    const struct gates *gates = arg;
    struct junit_suite *suites = calloc(gates->count + 1, sizeof(*suites));
    size_t count = 0;
    if (!suites)
        return err_sys(err, -ENOMEM, "write JUnit");
    for (size_t i = 0; i < gates->count; i++)
        if (gates->items[i].suite.case_count > 0)
            suites[count++] = gates->items[i].suite; /* borrowed */
    int rc = junit_suites_write(suites, count, out, err);
    free(suites);
    return rc;
}

/* What was measured is told whatever becomes of the file. */
static enum exit_code write_junit(const struct gates *gates, enum exit_code code)
{
    struct err why = {0};
    if (!gates->options->junit ||
        whole_file_write(gates->options->junit, write_suites, gates, &why) == 0)
        return code;
    (void)fprintf(stderr, "poolstorm gate: %s\n", text_clean(why.text));
    return exit_code_graver(code, EXIT_RUNTIME);
}

/* ---- The page -------------------------------------------------------------------------------- */

/* What it is of. */
struct page {
    struct report_input input;
    const struct comparison **comparisons; /* of all looks, by scenario */
    size_t count;
};

static int write_page(const void *arg, FILE *out, struct err *err)
{
    const struct page *page = arg;
    return gate_page_write(&page->input, page->comparisons, page->count, out, err);
}

/* Of the first measurement of each scenario; what later ones came to is in the comparisons. */
static int make_page(const struct gates *gates, const char *path, struct err *err)
{
    struct records records = {.may_be_light = true};
    struct page page = {.comparisons = calloc(gates->count * (1 + GATE_AGAIN_MAX) + 1,
                                              sizeof(struct comparison *))};
    int rc = records_add(&records, gates->root, err);
    if (!rc)
        rc = records_input(&records, &page.input, err);
    if (!rc && !page.comparisons)
        rc = err_sys(err, -ENOMEM, "write %.200s", path);
    for (size_t i = 0; !rc && i < gates->count; i++)
        for (size_t k = 0; k < gates->items[i].look_count; k++)
            page.comparisons[page.count++] = gates->items[i].looks[k].comparison;
    if (!rc)
        rc = whole_file_write(path, write_page, &page, err);
    free(page.comparisons);
    records_fini(&records);
    return rc;
}

/* What was measured stays whatever becomes of its page. */
static enum exit_code tell_page(const struct gates *gates, enum exit_code code)
{
    char path[PATH_MAX + 16];
    struct err why = {0};
    bool any = false;
    for (size_t i = 0; i < gates->count; i++)
        any = any || gates->items[i].look_count > 0;
    if (!any || code == EXIT_INTERRUPTED)
        return code;
    (void)snprintf(path, sizeof(path), "%s/report.html", gates->root);
    if (make_page(gates, path, &why)) {
        (void)fprintf(stderr, "poolstorm gate: %s\n", text_clean(why.text));
        return exit_code_graver(code, EXIT_RUNTIME);
    }
    (void)printf("\nAll of it, with plots: %s\n", path);
    return code;
}

enum exit_code gate_write_files(const struct gates *gates, enum exit_code code)
{
    return tell_page(gates, write_junit(gates, code));
}
