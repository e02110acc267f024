/* SPDX-License-Identifier: MIT */
/* length.c - a scenario's own rounds and those of its cells. */
#include "command/run/length.h"

#include "command/run/cells.h"
#include "core/clock.h"
#include "run/estimate.h"

#include <stdio.h>

/* Cells differ in values, not in phases: one stands for all. */
static int grid_length(const struct plan *plan, const struct runner_options *runner,
                       uint64_t *length_ns, struct err *err)
{
    struct plan *cell = NULL;
    int rc = cells_check(plan, &cell, err);
    if (!rc && cell) {
        rc = estimate_run(cell, runner, length_ns, err);
        *length_ns *= plan_cell_count(plan);
    }
    plan_destroy(cell);
    return rc;
}

int length_of(const struct plan *plan, const struct runner_options *runner, bool grid,
              uint64_t *length_ns, struct err *err)
{
    uint64_t cells_ns = 0;
    int rc = estimate_run(plan, runner, length_ns, err);
    if (!rc && grid && plan->axis_count)
        rc = grid_length(plan, runner, &cells_ns, err);
    *length_ns += cells_ns;
    return rc;
}

uint64_t length_planned(const struct plan *plan, const char *variants, bool quick, bool grid)
{
    const struct runner_options options = {.quick = quick, .noise_share = -1, .variants = variants};
    uint64_t length_ns;
    return length_of(plan, &options, grid, &length_ns, NULL) ? 0 : length_ns;
}

char *length_text(char *text, size_t size_bytes, uint64_t length_ns)
{
    enum { MINUTE_S = 60, HOUR_MIN = 60 };
    uint64_t seconds = (length_ns + NS_PER_S / 2) / NS_PER_S;
    uint64_t minutes = (seconds + MINUTE_S / 2) / MINUTE_S;
    if (seconds < 3 * MINUTE_S)
        (void)snprintf(text, size_bytes, "%llu s", (unsigned long long)seconds);
    else if (minutes < 2 * HOUR_MIN)
        (void)snprintf(text, size_bytes, "%llu min", (unsigned long long)minutes);
    else
        (void)snprintf(text, size_bytes, "%llu h %llu min",
                       (unsigned long long)(minutes / HOUR_MIN),
                       (unsigned long long)(minutes % HOUR_MIN));
    return text;
}
