/* SPDX-License-Identifier: MIT */
/* scenario_tables.c - hands the built-in service's settings to whoever reads scenario files. */
#include "command/scenario_tables.h"

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
};
