/* SPDX-License-Identifier: MIT */
/* plans.h - the scenarios that a command line asks to be run, and where their results go: what
 * `run` and `gate` have in common. */
#ifndef POOLSTORM_COMMAND_RUN_PLANS_H
#define POOLSTORM_COMMAND_RUN_PLANS_H

#include "core/err.h"
#include "plan/plan.h"

#include <stdbool.h>
#include <stddef.h>

/* Scenarios that were read. Zeroed: none. */
struct plans {
    struct plan **items; /* owned */
    char **variants;     /* likewise, of each: "a,b", what a set wants to be run; NULL: all */
    size_t count;
};

/* Reads all that args (ending with NULL) name before any is run: a mistake changes nothing. */
int plans_select(struct plans *plans, char *const *args, struct err *err);

/* --database is for scenarios that have one: given to others alone it is a mistake. NULL is fine.
 */
int plans_check_database(const struct plans *plans, const char *database, struct err *err);

void plans_fini(struct plans *plans);

/* Where all of it goes: what was asked for (out, or NULL), or "results/runs/20240517-093000", with
 * the scenario's name behind it when it is the only one. */
void plans_name_root(const struct plans *plans, const char *out, char *root, size_t size_bytes);

/* Where one of them goes: the root itself, or of several a folder below it by its name. */
void plans_name_folder(const struct plans *plans, size_t index, const char *root, char *folder,
                       size_t size_bytes);

/* What was typed, its words separated by blanks; the caller frees it. NULL: not known. */
char *plans_command_line(void);

#endif
