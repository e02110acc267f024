/* SPDX-License-Identifier: MIT */
/* peers.c - which of the programs scripts/versus compares with are here? */
#include "command/doctor/doctor.h"

#include <limits.h>

static const char *const peers[] = {"wrk", "wrk2", "h2load", "hey", "ab", "nginx", "go", NULL};

static void peers_look(struct finding *finding)
{
    char path[PATH_MAX];
    finding_set(finding, FINDING_OK, NULL, "%s", "");
    for (size_t i = 0; peers[i]; i++)
        if (look_program(peers[i], path, sizeof(path)))
            finding_add(finding, "%s", peers[i]);
    for (size_t i = 0; peers[i]; i++) {
        if (look_program(peers[i], path, sizeof(path)))
            continue;
        finding_add(finding, "no %s", peers[i]);
        finding->remedy = "only for scripts/versus, which installs what Debian has";
    }
}

const struct doctor_check check_peers = {.name = "peers", .look = peers_look};
