/* SPDX-License-Identifier: MIT */
/* environment.h - where a run takes place and what with. Reads files; does not wait otherwise. */
#ifndef POOLSTORM_RUN_ENVIRONMENT_H
#define POOLSTORM_RUN_ENVIRONMENT_H

#include "run/placement.h"
#include "run/result.h"

/* Fills all that can be found out; what cannot stays empty. command_line may be NULL; it is copied.
 */
void environment_read(struct result_environment *environment, const struct placement *placement,
                      const char *command_line);

/* Load averages now, into three values; NAN when unknown. */
void environment_load_averages(double values[3]);

#endif
