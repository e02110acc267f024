/* SPDX-License-Identifier: MIT */
/* lease_folder.c - a private folder for temporary files, removed with all that is in it. */
#include "core/clock.h"
#include "faults/guardian/lease.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PATIENCE_NS (5 * NS_PER_S) /* with what does not let itself be removed */

enum { FOLDERS_OPEN_MAX = 16 }; /* while walking: deeper ones are opened again */

struct folder {
    uint64_t give_up_at_ns; /* 0: nobody has tried yet */
    char path[];
};

/* The words are the folder's path. */
static int folder_adopt(struct lease *lease, char *const *words, struct err *err)
{
    if (!words[0] || words[0][0] != '/' || words[1])
        return err_set(err, -EINVAL, "expected the path of a folder to make");
    size_t size_bytes = strlen(words[0]) + 1;
    struct folder *folder = calloc(1, sizeof(*folder) + size_bytes);
    if (!folder)
        return err_sys(err, -ENOMEM, "make %.200s", words[0]);
    memcpy(folder->path, words[0], size_bytes);
    lease->state = folder;
    return 0;
}

/* It must not exist: it is the guardian that makes it, so that there is no moment at which nobody
 * would remove it. */
static int folder_take(struct lease *lease, char *const *words, struct err *err)
{
    int rc = folder_adopt(lease, words, err);
    if (!rc && mkdir(words[0], 0700) != 0)
        rc = err_sys(err, -errno, "make folder %.200s", words[0]);
    return rc;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    (void)remove(path); /* what stays is seen by the folder's own removal */
    return 0;
}

/* Processes that are being killed at the same time may still add to it: then it is not empty, and
 * there is a next time. */
static void folder_undo(struct lease *lease, const struct lease *all)
{
    struct folder *folder = lease->state;
    struct stat status;
    uint64_t now_ns = clock_now_ns();
    (void)all;
    if (folder->give_up_at_ns == 0)
        folder->give_up_at_ns = now_ns + PATIENCE_NS;
    (void)nftw(folder->path, remove_one, FOLDERS_OPEN_MAX, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    bool gone = lstat(folder->path, &status) != 0 && errno == ENOENT;
    if (!gone && now_ns < folder->give_up_at_ns)
        return;
    if (!gone)
        (void)fprintf(stderr, "poolstorm: %s could not be removed\n", folder->path);
    lease->status = gone ? 0 : 1;
    lease->ended = true;
}

const struct lease_kind lease_folder = {
    .name = "folder",
    .take = folder_take,
    .adopt = folder_adopt,
    .undo = folder_undo,
};
