/* SPDX-License-Identifier: MIT */
/* kernel.c - is the kernel new enough for the ring we use? */
#include "command/doctor/doctor.h"

#include <stdio.h>
#include <sys/utsname.h>

static void kernel_look(struct finding *finding)
{
    struct utsname name;
    unsigned major = 0, minor = 0;
    if (uname(&name) || sscanf(name.release, "%u.%u", &major, &minor) != 2) {
        finding_set(finding, FINDING_FAIL, "run on Linux 6.1 or newer",
                    "the kernel's version "
                    "cannot be read");
        return;
    }
    bool enough = major > 6 || (major == 6 && minor >= 1);
    finding_set(finding, enough ? FINDING_OK : FINDING_FAIL,
                enough ? NULL : "run on Linux 6.1 or newer (Debian 12 has it)", "Linux %s, %s",
                name.release, name.machine);
}

const struct doctor_check check_kernel = {.name = "kernel", .look = kernel_look};
