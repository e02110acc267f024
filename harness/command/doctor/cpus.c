/* SPDX-License-Identifier: MIT */
/* cpus.c - can generator and subject have CPUs of their own, at a steady speed? */
#include "command/doctor/doctor.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

static void add_speed(struct finding *finding)
{
    char governor[64];
    int64_t smt = 0;
    (void)look_number("/sys/devices/system/cpu/smt/active", &smt);
    finding_add(finding, "SMT %s", smt ? "on" : "off");
    if (!look_text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", governor,
                   sizeof(governor))) {
        finding_add(finding, "governor not to be seen (a virtual machine?)");
        return;
    }
    finding_add(finding, "governor %s", governor);
    if (strcmp(governor, "performance") != 0) {
        finding->level = FINDING_WARN;
        finding->remedy = "cpupower frequency-set -g performance: a changing clock is noise";
    }
}

static void cpus_look(struct finding *finding)
{
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof(allowed), &allowed)) {
        finding_set(finding, FINDING_WARN, "run where sched_getaffinity is allowed",
                    "the CPUs cannot be asked for: %s", strerror(errno));
        return;
    }
    int count = CPU_COUNT(&allowed);
    finding_set(finding, FINDING_OK, NULL, "%d CPU%s", count, count == 1 ? "" : "s");
    add_speed(finding);
    if (sched_setaffinity(0, sizeof(allowed), &allowed)) {
        finding_set(finding, FINDING_WARN, "allow sched_setaffinity in the container's profile",
                    "%d CPUs, but processes cannot be pinned: %s", count, strerror(errno));
    } else if (count < 2) {
        finding->level = FINDING_WARN;
        finding->remedy = "give it two CPUs: generator and subject take each other's time on one";
    }
}

const struct doctor_check check_cpus = {.name = "cpus", .look = cpus_look};
