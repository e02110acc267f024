/* SPDX-License-Identifier: MIT */
/* allocator.h - finds the shared object to preload for an allocator a variant names. */
#ifndef POOLSTORM_RUN_ALLOCATOR_H
#define POOLSTORM_RUN_ALLOCATOR_H

#include "core/err.h"

#include <stddef.h>

/* The allocators there are, glibc first; ends with NULL. */
extern const char *const allocator_names[];

/* Writes the path for LD_PRELOAD; an empty text for glibc, which needs none. -ENOENT when this
 * machine lacks it (err names the Debian package), -EINVAL for a name that is none. Any thread. */
int allocator_find(const char *name, char *path, size_t size_bytes, struct err *err);

#endif
