/* SPDX-License-Identifier: MIT */
/* postgres.c - is there a PostgreSQL server to make throw-away clusters with? */
#include "command/doctor/doctor.h"

#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* Debian keeps one folder a version; the largest number is the newest. */
static bool newest(char *path, size_t size_bytes)
{
    static const char folder[] = "/usr/lib/postgresql/";
    glob_t found = {0};
    double best = -1;
    if (glob("/usr/lib/postgresql/*/bin/postgres", 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            double version = strtod(found.gl_pathv[i] + sizeof(folder) - 1, NULL);
            if (version > best) {
                best = version;
                (void)snprintf(path, size_bytes, "%s", found.gl_pathv[i]);
            }
        }
    }
    globfree(&found);
    return best >= 0;
}

static void postgres_look(struct finding *finding)
{
    char path[PATH_MAX];
    if (newest(path, sizeof(path)) || look_program("postgres", path, sizeof(path)))
        finding_set(finding, FINDING_OK, NULL, "%s", path);
    else
        finding_set(finding, FINDING_WARN,
                    "apt-get install postgresql: for the scenarios with a "
                    "database",
                    "no PostgreSQL server");
}

const struct doctor_check check_postgres = {.name = "postgres", .look = postgres_look};
