/* SPDX-License-Identifier: MIT */
/* micro_program.h - where the program of the micro-benchmarks is: one of its own, as it is C++. */
#ifndef POOLSTORM_RUN_MICRO_PROGRAM_H
#define POOLSTORM_RUN_MICRO_PROGRAM_H

#include "core/err.h"

#include <stddef.h>

/* Writes the path of poolstorm-micro: beside this program, where both are installed, or where the
 * build leaves it. -ENOENT when it was not built. Any thread. */
int micro_program_find(char *path, size_t size_bytes, struct err *err);

#endif
