/* SPDX-License-Identifier: MIT */
/* memory_maps.c - how many fiber stacks can have a guard? */
#include "command/doctor/doctor.h"

#include <sys/mman.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13; older headers lack the name */
#endif

enum { GUARDS_COMFORTABLE = 200000, PAGE_BYTES = 4096 };

/* Guards of this kind live in the page table and take no mapping of their own. */
static bool has_light_guards(void)
{
    void *page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return false;
    bool has = madvise(page, PAGE_BYTES, MADV_GUARD_INSTALL) == 0;
    (void)munmap(page, PAGE_BYTES);
    return has;
}

static void memory_maps_look(struct finding *finding)
{
    int64_t maps = 65530; /* the kernel's default */
    (void)look_number("/proc/sys/vm/max_map_count", &maps);
    if (has_light_guards())
        finding_set(finding, FINDING_OK, NULL, "stack guards without mappings; max_map_count %lld",
                    (long long)maps);
    else if (maps >= GUARDS_COMFORTABLE)
        finding_set(finding, FINDING_OK, NULL, "max_map_count %lld", (long long)maps);
    else
        finding_set(finding, FINDING_WARN,
                    "sysctl vm.max_map_count=262144, or Linux 6.13: each "
                    "guard takes two mappings",
                    "max_map_count %lld: guards on %lld fiber stacks, "
                    "none on more",
                    (long long)maps, (long long)maps / 2);
}

const struct doctor_check check_memory_maps = {.name = "memory-maps", .look = memory_maps_look};
