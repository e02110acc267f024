/* SPDX-License-Identifier: MIT */
/* folder.c - names temporary folders by chance, and walks through what has to be removed or given.
 */
#include "run/folder.h"

#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRIES_MAX = 8, FOLDERS_OPEN_MAX = 16 };

static int name_folder(char *path, size_t size_bytes, struct err *err)
{
    const char *parent = getenv("TMPDIR");
    uint64_t chance;
    if (getrandom(&chance, sizeof(chance), 0) != (ssize_t)sizeof(chance))
        return err_sys(err, -errno, "getrandom");
    chance &= UINT64_C(0xffffffffffff);
    if (parent && parent[0] == '/' &&
        snprintf(path, size_bytes, "%s/poolstorm-%012" PRIx64, parent, chance) < (int)size_bytes)
        return 0;
    (void)snprintf(path, size_bytes, "/tmp/poolstorm-%012" PRIx64, chance);
    return 0;
}

int folder_create(struct ctx *ctx, struct folder *folder, struct guardian *guardian,
                  struct err *err)
{
    const char *words[] = {"folder", folder->path, NULL};
    int rc = -EEXIST;
    *folder = (struct folder){0};
    for (int i = 0; i < TRIES_MAX && rc == -EEXIST; i++) {
        rc = name_folder(folder->path, sizeof(folder->path), err);
        if (!rc)
            rc = guardian_take(ctx, guardian, words, &folder->lease, err);
    }
    return rc;
}

void folder_destroy(struct folder *folder)
{
    if (folder->lease)
        (void)guardian_stop(folder->lease, 0);
    *folder = (struct folder){0};
}

int folder_make(const char *path, struct err *err)
{
    char part[PATH_MAX];
    if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part))
        return err_set(err, -ENAMETOOLONG, "folder '%.60s…'", path);
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(part, 0755); /* the last one tells */
        *slash = '/';
    }
    return mkdir(part, 0755) == 0 || errno == EEXIST ? 0
                                                     : err_sys(err, -errno, "make folder %s", part);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    (void)remove(path);
    return 0;
}

void folder_remove(const char *path)
{
    (void)nftw(path, remove_one, FOLDERS_OPEN_MAX, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* What nftw's function is told by: it takes no argument. Set and used within one call. */
static __thread struct {
    uid_t uid;
    gid_t gid;
} give_to;

static int give_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return lchown(path, give_to.uid, give_to.gid);
}

int folder_give(const char *path, uid_t uid, gid_t gid, struct err *err)
{
    give_to.uid = uid;
    give_to.gid = gid;
    return nftw(path, give_one, FOLDERS_OPEN_MAX, FTW_PHYS | FTW_MOUNT) == 0
               ? 0
               : err_sys(err, -errno, "give %s to another user", path);
}
