/* SPDX-License-Identifier: MIT */
/* allocators.c - which of the allocators that variants may name are here? */
#include "command/doctor/doctor.h"

#include "run/allocator.h"

#include <limits.h>
#include <stdio.h>

static void allocators_look(struct finding *finding)
{
    finding_set(finding, FINDING_OK, NULL, "glibc");
    for (size_t i = 1; allocator_names[i]; i++) {
        char path[PATH_MAX];
        if (allocator_find(allocator_names[i], path, sizeof(path), NULL) == 0) {
            finding_add(finding, "%s", path);
            continue;
        }
        finding_add(finding, "no %s", allocator_names[i]);
        finding->level = FINDING_WARN;
        finding->remedy = "apt-get install libjemalloc2 libtcmalloc-minimal4 libmimalloc2.0";
    }
}

const struct doctor_check check_allocators = {.name = "allocators", .look = allocators_look};
