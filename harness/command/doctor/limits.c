/* SPDX-License-Identifier: MIT */
/* limits.c - how many files may be open, and how much memory may be locked? */
#include "command/doctor/doctor.h"

#include "core/param.h"

#include <sys/resource.h>

enum { FILES_COMFORTABLE = 16384, LOCKED_COMFORTABLE_BYTES = 8 << 20 };

static const char *locked_text(char *text, size_t size_bytes, rlim_t limit)
{
    return limit == RLIM_INFINITY ? "unlimited" : format_bytes(text, size_bytes, (double)limit);
}

static void limits_look(struct finding *finding)
{
    struct rlimit files = {0}, locked = {0};
    char text[32];
    (void)getrlimit(RLIMIT_NOFILE, &files);   /* cannot fail for a limit that exists */
    (void)getrlimit(RLIMIT_MEMLOCK, &locked); /* the same */
    finding_set(finding, FINDING_OK, NULL, "%llu open files (%llu allowed), %s locked",
                (unsigned long long)files.rlim_cur, (unsigned long long)files.rlim_max,
                locked_text(text, sizeof(text), locked.rlim_cur));
    if (files.rlim_max < FILES_COMFORTABLE) {
        finding->level = FINDING_WARN;
        finding->remedy = "ulimit -n 65536 (as root, or nofile in limits.conf): every connection "
                          "takes one";
    } else if (locked.rlim_cur < LOCKED_COMFORTABLE_BYTES) {
        finding->level = FINDING_WARN;
        finding->remedy = "ulimit -l unlimited: buffers registered with a ring are locked";
    }
}

const struct doctor_check check_limits = {.name = "limits", .look = limits_look};
