/* SPDX-License-Identifier: MIT */
/* catalog.h - finds scenario files: the ones that ship, by family and name, and anyone's by path.
 *
 * A catalogue is a folder with a folder a family, each holding scenarios as name.yaml, and with
 * sets: NAME.set has names of scenarios or families, one a line, and behind a blank, where not all
 * are wanted, a scenario's variants; what stands behind a '#' is for people. Looking for files is
 * all it does; no scenario is parsed. Not thread-safe while it is being changed. */
#ifndef POOLSTORM_PLAN_CATALOG_H
#define POOLSTORM_PLAN_CATALOG_H

#include "core/err.h"

#include <stddef.h>

struct catalog_entry {
    char *name;     /* "family/name", or the path itself for a file given by path */
    char *path;     /* of the file */
    char *variants; /* "a,b": a run's, as a set has it; NULL: all */
};

/* Sorted by name when it was opened; in the order asked for when it is a selection. Zeroed: empty.
 */
struct catalog {
    struct catalog_entry *entries;
    size_t count;
    struct catalog_entry *sets; /* by name, "headline"; none in a selection */
    size_t set_count;
};

/* The word that stands for every scenario there is. */
#define CATALOG_ALL "all"

/* Lists the scenarios under root. -ENOENT when there is no such folder; none in it is not an error.
 * catalog must be empty; the caller releases it: catalog_fini. */
int catalog_open(struct catalog *catalog, const char *root, struct err *err);

/* Lists the scenarios that ship. The folder is $POOLSTORM_SCENARIOS if that is set, else found from
 * where the program lies: ../share/poolstorm/scenarios when installed, else the scenarios folder of
 * the nearest source tree above. -ENOENT when there are none. */
int catalog_open_default(struct catalog *catalog, struct err *err);

/* The same from a given folder of the program, without looking at the environment. */
int catalog_open_beside(struct catalog *catalog, const char *program_dir, struct err *err);

void catalog_fini(struct catalog *catalog);

/* Adds to selection what argument names, each file once: a file (has a '/' or ends in .yaml, and
 * exists), a scenario "family/name", a family, a set, or CATALOG_ALL. catalog may be NULL: only
 * files are known then. -ENOENT with a suggestion when it names nothing, or a set's line does;
 * -EINVAL for a set that is none. selection is as before. */
int catalog_select(const struct catalog *catalog, const char *argument, struct catalog *selection,
                   struct err *err);

#endif
