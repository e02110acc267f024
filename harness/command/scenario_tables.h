/* SPDX-License-Identifier: MIT */
/* scenario_tables.h - what scenario files are read with: plan knows nothing of the service. */
#ifndef POOLSTORM_COMMAND_SCENARIO_TABLES_H
#define POOLSTORM_COMMAND_SCENARIO_TABLES_H

#include "plan/plan.h"

/* Static data; for plan_load and result_read alike. */
extern const struct plan_tables scenario_tables;

#endif
