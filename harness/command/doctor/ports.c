/* SPDX-License-Identifier: MIT */
/* ports.c - how many connections may be opened and closed within a minute? */
#include "command/doctor/doctor.h"

#include <stdio.h>

enum { PORTS_COMFORTABLE = 20000 };

static void ports_look(struct finding *finding)
{
    char text[64];
    unsigned low = 0, high = 0;
    int64_t reuse = 0;
    if (!look_text("/proc/sys/net/ipv4/ip_local_port_range", text, sizeof(text)) ||
        sscanf(text, "%u %u", &low, &high) != 2 || high < low) {
        finding_set(finding, FINDING_WARN, "mount /proc", "the range of ports cannot be read");
        return;
    }
    (void)look_number("/proc/sys/net/ipv4/tcp_tw_reuse", &reuse);
    finding_set(finding, FINDING_OK, NULL, "%u local ports, closed ones %s", high - low + 1,
                reuse ? "are taken again at once on loopback" : "rest for a minute");
    if (high - low + 1 < PORTS_COMFORTABLE || !reuse) {
        finding->level = FINDING_WARN;
        finding->remedy = "sysctl net.ipv4.ip_local_port_range='10240 65535' "
                          "net.ipv4.tcp_tw_reuse=2: a connection a request uses them up";
    }
}

const struct doctor_check check_ports = {.name = "ports", .look = ports_look};
