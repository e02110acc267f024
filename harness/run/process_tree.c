/* SPDX-License-Identifier: MIT */
/* process_tree.c - adds up what /proc tells of a process and of those that stem from it. */
#include "run/process_tree.h"

#include "core/clock.h"
#include "core/io.h"
#include "faults/guardian/descendants.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SCHEDSTAT_BYTES_MAX = 256, STAT_BYTES_MAX = 4096 };

bool process_tree_branches(pid_t pid)
{
    struct descendants list;
    bool found = false;
    if (descendants_read(&list, NULL))
        return true;
    for (size_t i = 0; i < list.count && !found; i++)
        found = list.items[i].pid != pid && descendants_stem_from(&list, list.items[i].pid, pid);
    descendants_fini(&list);
    return found;
}

/* Of one process: exactly, from the scheduler; 0 when it has gone. */
static uint64_t own_cpu_ns(pid_t pid)
{
    char path[64], *text;
    size_t length;
    (void)snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)pid);
    if (io_read_file(path, SCHEDSTAT_BYTES_MAX, &text, &length))
        return 0;
    uint64_t cpu_ns = strtoull(text, NULL, 10);
    free(text);
    return cpu_ns;
}

/* Of the children it has waited for, in the kernel's ticks. */
static bool ended_cpu_ns(pid_t pid, uint64_t *cpu_ns)
{
    char path[64], *text;
    size_t length;
    uint64_t user = 0, system = 0;
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    if (io_read_file(path, STAT_BYTES_MAX, &text, &length))
        return false;
    const char *rest = strrchr(text, ')');
    bool whole =
        rest && sscanf(rest + 1,
                       " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64,
                       &user, &system) == 2;
    free(text);
    long ticks_per_s = sysconf(_SC_CLK_TCK);
    *cpu_ns = (user + system) * (NS_PER_S / (uint64_t)ticks_per_s);
    return whole;
}

bool process_tree_cpu_ns(pid_t pid, uint64_t *cpu_ns)
{
    struct descendants list;
    if (!ended_cpu_ns(pid, cpu_ns) || descendants_read(&list, NULL))
        return false;
    for (size_t i = 0; i < list.count; i++)
        if (descendants_stem_from(&list, list.items[i].pid, pid))
            *cpu_ns += own_cpu_ns(list.items[i].pid);
    descendants_fini(&list);
    return true;
}
