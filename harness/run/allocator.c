/* SPDX-License-Identifier: MIT */
/* allocator.c - looks for allocators where the C library of this process was loaded from. */
#include "run/allocator.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *const allocator_names[] = {"glibc", "jemalloc", "tcmalloc", "mimalloc", NULL};

/* By the names above. */
static const struct {
    const char *object, *package;
} allocators[] = {
    {"", ""},
    {"libjemalloc.so.2", "libjemalloc2"},
    {"libtcmalloc_minimal.so.4", "libtcmalloc-minimal4"},
    {"libmimalloc.so.2", "libmimalloc2.0"},
};

/* The C library's own folder is the one of our architecture. */
static void library_folder(char *folder, size_t size_bytes)
{
    Dl_info info;
    *folder = '\0';
    const void *symbol = dlsym(RTLD_DEFAULT, "gnu_get_libc_version");
    if (symbol && dladdr(symbol, &info) && info.dli_fname)
        (void)snprintf(folder, size_bytes, "%s", info.dli_fname);
    char *name = strrchr(folder, '/');
    if (name)
        *name = '\0';
}

int allocator_find(const char *name, char *path, size_t size_bytes, struct err *err)
{
    char beside[PATH_MAX];
    const char *const folders[] = {"/usr/local/lib", beside, "/usr/lib64", "/usr/lib"};
    size_t index = 0;
    while (allocator_names[index] && strcmp(allocator_names[index], name) != 0)
        index++;
    if (!allocator_names[index])
        return err_set(err, -EINVAL, "no allocator '%.60s'", name);
    *path = '\0';
    if (index == 0)
        return 0;
    library_folder(beside, sizeof(beside));
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
        int length = snprintf(path, size_bytes, "%s/%s", folders[i], allocators[index].object);
        if (length > 0 && (size_t)length < size_bytes && access(path, R_OK) == 0)
            return 0;
    }
    *path = '\0';
    return err_set(err, -ENOENT, "%s is not installed (Debian: %s)", name,
                   allocators[index].package);
}
