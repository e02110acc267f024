/* SPDX-License-Identifier: MIT */
/* sheet_join.c - puts the rounds of two runs of one scenario into one sheet. */
#include "report/sheet.h"

#include "measure/stats.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int join_figure(struct sheet *into, const struct sheet *more, struct sheet_figure *figure,
                       const struct sheet_variant *variant)
{
    const struct sheet_figure *from = variant ? sheet_figure_find(variant, figure->path) : NULL;
    size_t count = into->block_count + more->block_count;
    double *values = reallocarray(figure->values, count + 1, sizeof(*values));
    if (!values)
        return -ENOMEM;
    figure->values = values;
    for (size_t block = 0; block < more->block_count; block++)
        values[into->block_count + block] = from ? from->values[block] : NAN;
    if (from && from->least < figure->least)
        figure->least = from->least;
    return 0;
}

int sheet_join(struct sheet *into, const struct sheet *more, struct err *err)
{
    if (strcmp(into->scenario, more->scenario) != 0)
        return err_set(err, -EINVAL, "%.80s cannot be joined with %.80s", into->scenario,
                       more->scenario);
    if (into->block_count + more->block_count > STATS_COUNT_MAX)
        return err_set(err, -E2BIG, "more than %d rounds of %.80s", STATS_COUNT_MAX,
                       into->scenario);
    int rc = 0;
    for (size_t i = 0; i < into->variant_count; i++) {
        struct sheet_variant *variant = &into->variants[i];
        const struct sheet_variant *from = sheet_variant_find(more, variant->name);
        for (size_t j = 0; !rc && j < variant->figure_count; j++)
            rc = join_figure(into, more, &variant->figures[j], from);
    }
    if (rc)
        return err_sys(err, rc, "join the rounds of two runs");
    into->block_count += more->block_count;
    into->round_valid += more->round_valid;
    into->round_invalid += more->round_invalid;
    return 0;
}
