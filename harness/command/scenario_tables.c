/* SPDX-License-Identifier: MIT */
/* scenario_tables.c - hands the built-in service's settings and all kinds of faults to whoever
 * reads scenario files. */
#include "command/scenario_tables.h"

#include "faults/fault.h"
#include "run/act.h"
#include "subject/settings.h"

static int check_service(const void *settings, struct err *err)
{
    return service_settings_check(settings, err);
}

static const char *const reserved[] = {"database", "listen", NULL};

const struct plan_tables scenario_tables = {
    .service = service_params,
    .service_size_bytes = sizeof(struct service_settings),
    .service_check = check_service,
    .service_reserved = reserved,
    .proxy_faults = fault_types,
    .runner_faults = act_kinds,
};
