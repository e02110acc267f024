/* SPDX-License-Identifier: MIT */
/* postgres.c - is there a PostgreSQL server for the scenarios with a database, and which? */
#include "run/server.h"

#include "command/doctor/doctor.h"

static void postgres_look(struct finding *finding)
{
    struct server server;
    struct err err = {0};
    if (server_find(&server, &err) == 0)
        finding_set(finding, FINDING_OK, NULL, "PostgreSQL %s in %s", server.version,
                    server.folder);
    else
        finding_set(finding, FINDING_WARN,
                    "apt-get install postgresql: for the scenarios with a "
                    "database",
                    "no PostgreSQL server");
}

const struct doctor_check check_postgres = {.name = "postgres", .look = postgres_look};
