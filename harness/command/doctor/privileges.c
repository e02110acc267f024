/* SPDX-License-Identifier: MIT */
/* privileges.c - may this process disturb the network below the proxy? */
#include "command/doctor/doctor.h"

#include <linux/capability.h>
#include <stdio.h>
#include <unistd.h>

/* The effective capabilities, 0 when they cannot be read. */
static uint64_t capabilities(void)
{
    char line[256];
    unsigned long long effective = 0;
    FILE *status = fopen("/proc/self/status", "re");
    if (!status)
        return 0;
    while (fgets(line, sizeof(line), status))
        if (sscanf(line, "CapEff: %llx", &effective) == 1)
            break;
    (void)fclose(status);
    return effective;
}

static void privileges_look(struct finding *finding)
{
    bool net_admin = (capabilities() >> CAP_NET_ADMIN) & 1;
    finding_set(finding, net_admin ? FINDING_OK : FINDING_WARN,
                net_admin ? NULL
                          : "sudo, for kernel-level faults alone; everything else needs no "
                            "privilege",
                "%s, %s", geteuid() == 0 ? "root" : "not root",
                net_admin ? "CAP_NET_ADMIN" : "no CAP_NET_ADMIN");
}

const struct doctor_check check_privileges = {.name = "privileges", .look = privileges_look};
