/* SPDX-License-Identifier: MIT */
/* folder.h - folders of a run: made with those above them, or private and temporary. */
#ifndef POOLSTORM_RUN_FOLDER_H
#define POOLSTORM_RUN_FOLDER_H

#include "core/ctx.h"
#include "core/err.h"
#include "faults/guardian/guardian.h"

#include <stddef.h>
#include <sys/types.h>

/* A Unix socket's path holds 107 bytes; with a folder of at most so many there is room for a name
 * such as .s.PGSQL.65535 in it. */
enum { FOLDER_PATH_BYTES_MAX = 90 };

/* A private folder for temporary files, ours alone. Zeroed: none. */
struct folder {
    struct guardian_lease *lease;         /* removes it, whatever becomes of us */
    char path[FOLDER_PATH_BYTES_MAX + 1]; /* in $TMPDIR, or in /tmp */
};

/* Makes one with a name of its own. Where $TMPDIR is too long or no absolute path: in /tmp. */
int folder_create(struct ctx *ctx, struct folder *folder, struct guardian *guardian,
                  struct err *err);

/* Removes it with all that is in it, whatever has been cancelled. Harmless when there is none. */
void folder_destroy(struct folder *folder);

/* Makes a folder and those above it, where missing. */
int folder_make(const char *path, struct err *err);

/* Removes a folder with all that is in it, as far as it can; does not follow links. */
void folder_remove(const char *path);

/* Gives all that is in a folder, and itself, to a user and group; does not follow links. */
int folder_give(const char *path, uid_t uid, gid_t gid, struct err *err);

#endif
