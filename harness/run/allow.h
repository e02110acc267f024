/* SPDX-License-Identifier: MIT */
/* allow.h - nothing but loopback is loaded unless it was named on the command line. */
#ifndef POOLSTORM_RUN_ALLOW_H
#define POOLSTORM_RUN_ALLOW_H

#include "core/err.h"
#include "load/load.h"

/* 0 when target is on loopback, or its address is one of allowed: HOST:PORT lines, or NULL. -EACCES
 * otherwise, with the option that would allow it; -EINVAL for a line that is no address. Resolves
 * names, so not while something is measured. */
int allow_check(const struct load_target *target, const char *allowed, struct err *err);

#endif
