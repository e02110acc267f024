/* SPDX-License-Identifier: MIT */
/* compare_junit.c - what limits came to, as test cases. */
#include "report/compare.h"

#include <math.h>
#include <stdio.h>

static void put_row(const struct comparison *comparison, const struct table *table, size_t index,
                    struct junit_suite *suite)
{
    static const enum junit_fate fates[] = {
        [GATE_NONE] = JUNIT_PASSED,   [GATE_PASS] = JUNIT_PASSED, [GATE_UNSURE] = JUNIT_SKIPPED,
        [GATE_INVALID] = JUNIT_ERROR, [GATE_FAIL] = JUNIT_FAILED,
    };
    const struct compared *row = &comparison->rows[index];
    const struct table_cell *cells = &table->cells[index * table->column_count];
    bool fails = row->gate == GATE_FAIL;
    char name[400];
    (void)snprintf(name, sizeof(name), "%.160s of %.160s", row->a->path, row->variant->name);
    junit_suite_put(suite, fates[row->gate], fails ? "regression" : "invalid", name,
                    "%s: %s → %s, %s; limit %s; detectable %s%s%s", gate_word(row->gate),
                    cells[2].text, cells[3].text, cells[4].text, cells[7].text, cells[6].text,
                    row->note[0] ? "; " : "", row->note);
}

void comparison_junit(const struct comparison *comparison, struct junit_suite *suite)
{
    const struct result_environment *environment = &comparison->b->environment;
    struct table table = {0};
    (void)snprintf(suite->name, sizeof(suite->name), "%.500s", comparison->b->scenario);
    (void)snprintf(suite->started, sizeof(suite->started), "%s", environment->started);
    content_comparison(comparison, &table);
    suite->failed = suite->failed || table.failed;
    for (size_t i = 0; i < comparison->row_count && !suite->failed; i++)
        if (!isnan(comparison->rows[i].limit))
            put_row(comparison, &table, i, suite);
    table_fini(&table);
}
