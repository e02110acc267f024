/* SPDX-License-Identifier: MIT */
/* placement.c - keeps generator and subject out of each other's way. */
#include "run/placement.h"

#include <errno.h>
#include <stdio.h>

void placement_split(struct placement *placement, const cpu_set_t *allowed)
{
    *placement = (struct placement){0};
    size_t count = (size_t)CPU_COUNT(allowed), seen = 0;
    placement->shared = count < 2;
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, allowed))
            continue;
        bool lower = seen++ < count / 2;
        if (lower || placement->shared) {
            CPU_SET(cpu, &placement->generator);
            placement->generator_cpus[placement->generator_count++] = (int)cpu;
        }
        if (!lower)
            CPU_SET(cpu, &placement->subject);
    }
}

int placement_init(struct placement *placement, struct err *err)
{
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
        return err_sys(err, -errno, "sched_getaffinity");
    placement_split(placement, &allowed);
    return 0;
}

int placement_enter(const struct placement *placement)
{
    return sched_setaffinity(0, sizeof(placement->generator), &placement->generator) ? -errno : 0;
}

char *placement_format(const cpu_set_t *set, char *text, size_t size_bytes)
{
    size_t used = 0;
    *text = '\0';
    for (size_t cpu = 0; cpu < CPU_SETSIZE && used < size_bytes; cpu++) {
        if (!CPU_ISSET(cpu, set))
            continue;
        size_t last = cpu;
        while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, set))
            last++;
        const char *comma = used ? "," : "";
        used +=
            (size_t)(last > cpu
                         ? snprintf(text + used, size_bytes - used, "%s%zu-%zu", comma, cpu, last)
                         : snprintf(text + used, size_bytes - used, "%s%zu", comma, cpu));
        cpu = last;
    }
    return text;
}
