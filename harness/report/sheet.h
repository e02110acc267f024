/* SPDX-License-Identifier: MIT */
/* sheet.h - the figures of a run's rounds by variant and metric, and under which circumstances they
 * were taken: what a comparison needs and a baseline keeps, without histograms and series.
 *
 * A baseline is a file of sheets, JSON, one figure a line; it is read without the scenario's
 * format, so that old ones stay readable when that changes. A sheet owns all it points to; once
 * made it is read only and any thread may. */
#ifndef POOLSTORM_REPORT_SHEET_H
#define POOLSTORM_REPORT_SHEET_H

#include "core/err.h"
#include "plan/metric.h"
#include "report/verdict.h"
#include "run/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { SHEET_VERSION = 1, SHEETS_MAX = 256 };

/* One metric of one variant. */
struct sheet_figure {
    char *path;                /* "p99" of the whole round, or "steady.p99" */
    enum metric_unit unit;     /* of the values */
    enum metric_better better; /* which way is good */
    uint64_t needs;            /* requests a round that it wants to be one; 0: any number will do */
    uint64_t least;            /* then: the fewest that a used round had */
    double *values; /* by block, sheet->block_count of them; NAN: none that may be used, infinite:
                       never (METRIC_NEVER_NS) */
};

struct sheet_variant {
    char *name;
    char *allocator; /* or NULL */
    struct sheet_figure *figures;
    size_t figure_count;
};

struct sheet_phase {
    char *name;
    char *load; /* "KEY=VALUE" lines: its length, load, requests and faults; see sheet_load.h */
};

struct sheet {
    char *scenario; /* its name, and the cell's behind it in a run of a grid's cell */
    char *text;     /* of its file */
    char *origin;   /* where it was read from or is kept, for people */
    char *run;      /* tells this run from every other */
    char *program;  /* of the service, where it was another than the runner's own; else NULL */
    char *invalid;  /* why the run as a whole cannot be believed, or "" */
    char *database; /* as a phase's load: what it is made with; "" without one; NULL: not known */
    uint64_t seed;  /* of schedule and load */
    size_t block_count;                /* rounds asked for of each variant */
    size_t round_valid, round_invalid; /* of those that ran */
    bool quick, aa;                    /* as in the result */
    double noise_share;                /* likewise */
    struct result_environment environment;
    struct sheet_phase *phases;
    size_t phase_count;
    struct sheet_variant *variants;
    size_t variant_count;
};

/* Several, of different scenarios or programs. Zeroed: none. */
struct sheets {
    struct sheet **items; /* owned */
    size_t count;
};

/* Of a result: the variants that ran with a service of program (NULL: the runner's own). origin
 * may be NULL: the result's folder. Metrics that no round has are left out. -ENOENT when no variant
 * ran with that program, -ENOMEM. The caller owns *out: sheet_destroy. */
int sheet_create(const struct result *result, const struct judgement *judgement,
                 const char *program, const char *origin, struct sheet **out, struct err *err);

void sheet_destroy(struct sheet *sheet); /* NULL is fine */

/* Takes the sheet, also when it fails. -ENOMEM, -E2BIG beyond SHEETS_MAX. */
int sheets_add(struct sheets *sheets, struct sheet *sheet, struct err *err);
void sheets_fini(struct sheets *sheets);

/* NULL when there is none. */
const struct sheet_variant *sheet_variant_find(const struct sheet *sheet, const char *name);
const struct sheet_figure *sheet_figure_find(const struct sheet_variant *variant, const char *path);

/* Adds the rounds of another run of the scenario behind those of into, variant by variant; figures
 * that into lacks are left out. Two sides of one run stay paired when both are joined with those of
 * another. -EINVAL for another scenario, -E2BIG beyond STATS_COUNT_MAX rounds, -ENOMEM: into is as
 * it was. */
int sheet_join(struct sheet *into, const struct sheet *more, struct err *err);

/* Copies the values that may be used, infinite ones as well; values has room for block_count.
 * Returns how many. */
size_t sheet_values(const struct sheet *sheet, const struct sheet_figure *figure, double *values);

/* Writes a baseline. Errors of out itself are the caller's to check. */
int sheets_write(const struct sheets *sheets, FILE *out, struct err *err);

/* Reads one; path names it in messages and becomes the origin. Nothing in it is trusted: -EINVAL
 * with the place when it is not a baseline. What was there before stays in sheets. */
int sheets_parse(const char *path, const char *data, size_t length_bytes, struct sheets *sheets,
                 struct err *err);

#endif
