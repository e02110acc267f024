/* SPDX-License-Identifier: MIT */
/* records.h - finds the results that words on a command line name, reads and judges them. */
#ifndef POOLSTORM_COMMAND_RECORDS_H
#define POOLSTORM_COMMAND_RECORDS_H

#include "report/report.h"

#include <stdbool.h>
#include <stddef.h>

enum { RECORDS_MAX = 1024 };

/* Above so many, records that may be light are: a large one takes some tens of MB. */
enum { RECORDS_WHOLE_MAX = 2 };

/* One result.json, read. */
struct record {
    char *path;        /* of the file */
    char *name;        /* as struct report_item has it */
    char *run;         /* likewise: the folder of the run, a cell's being that with its grid */
    struct plan *plan; /* that it holds */
    struct result *result;
    struct judgement *judgement; /* made anew */
    bool light;                  /* result_lighten */
};

/* In the order asked for; those of a folder by the names of their folders. Start with {0};
 * records_fini. */
struct records {
    struct record *items;
    size_t count;
    bool may_be_light;          /* to be set first: whoever uses them opens them (report_open) */
    struct report_item *listed; /* records_input's, with the next */
    struct report_shelf shelf;
};

/* Adds what a word names: a result.json, a run's folder, or a folder of such folders, or of folders
 * of them; with a run come the cells of its grid. What else lies there is passed over. -EINVAL when
 * it is no result or there is none, -EFBIG above RECORDS_MAX, -ENOMEM, or the errno of reading. */
int records_add(struct records *records, const char *word, struct err *err);

/* The same of several words, ending with NULL. */
int records_add_all(struct records *records, char *const *words, struct err *err);

/* All of them for a report, until more are added; it borrows from records. -ENOMEM. */
int records_input(struct records *records, struct report_input *out, struct err *err);

void records_fini(struct records *records);

#endif
