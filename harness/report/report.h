/* SPDX-License-Identifier: MIT */
/* report.h - what a report format is: one more is a file that holds one of these and its name in
 * meson.build. Formats derive everything from the result and its judgement. */
#ifndef POOLSTORM_REPORT_REPORT_H
#define POOLSTORM_REPORT_REPORT_H

#include "core/err.h"
#include "report/verdict.h"
#include "run/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A result and what it was judged; all borrowed. */
struct report_item {
    const struct result *result;
    const struct judgement *judgement;
    const char *name; /* tells it from the other items: its folder's, unique, without a slash */
    const char *run;  /* alike for a scenario and the cells of its grid, and another for each run of
                         it; NULL: there is but one */
};

/* An item that was opened, and what has to be given back for it. */
struct report_opened {
    struct report_item item;
    void *held; /* the shelf's */
};

/* Where items lie that were lightened (result_lighten): all of one is read again when a format
 * comes to it. */
struct report_shelf {
    int (*open)(const void *arg, size_t index, struct report_opened *out, struct err *err);
    void (*close)(struct report_opened *opened);
    const void *arg;
};

/* What one file is made from. */
struct report_input {
    const struct report_item *items;  /* in the order asked for */
    size_t item_count;                /* at least 1; exactly 1 where the format is single */
    size_t part;                      /* which file it is of a format with parts; else 0 */
    const struct report_shelf *shelf; /* NULL: all items are whole */
};

struct report_format {
    const char *name;      /* as given to --format */
    const char *extension; /* of its files, without a dot */
    const char *summary;   /* one line, lower case, no full stop */
    bool single;           /* a file holds one result: several make a file each */
    bool by_item;          /* opens its items, one after the other, so that they may be light; or
                              does with light ones */

    /* Names file input->part of several, for its path ("smaller"); false when there are no more.
     * NULL: one file, without such a name. */
    bool (*part)(const struct report_input *input, char *name, size_t size_bytes);

    /* Writes all of a file. Returns 0 or -errno; errors of out itself are the caller's to check. */
    int (*write)(const struct report_input *input, FILE *out, struct err *err);
};

extern const struct report_format *const report_formats[]; /* ends with NULL */

/* The format called name, or NULL with the nearest name in err. */
const struct report_format *report_find(const char *name, struct err *err);

/* An item with all there is of it, until it is closed. -ENOMEM, or what reading it ends with. */
int report_open(const struct report_input *input, size_t index, struct report_opened *out,
                struct err *err);
void report_close(const struct report_input *input, struct report_opened *opened);

/* A name for a result from the last part of a path, "runs/night/result.json" and "runs/night/"
 * being "night"; never empty, without a slash. Returns name. */
char *report_name(char *name, size_t size_bytes, const char *path);

/* Writes what there is to say of one result, all parts one behind the other. */
int report_write_one(const struct report_format *format, const struct result *result,
                     const struct judgement *judgement, FILE *out, struct err *err);

/* Writes a file by way of a temporary one beside it, so that there is never half a report. */
int report_write_file(const struct report_format *format, const struct report_input *input,
                      const char *path, struct err *err);

#endif
