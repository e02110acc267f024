/* SPDX-License-Identifier: MIT */
/* allow.c - compares addresses, not names: what counts is where the packets would go. */
#include "run/allow.h"

#include "core/sock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

int allow_check(const struct load_target *target, const char *allowed, struct err *err)
{
    char wanted[128], given[128], line[300];
    if (addr_is_loopback(&target->addr))
        return 0;
    (void)addr_format(&target->addr, wanted, sizeof(wanted));
    for (const char *at = allowed ? allowed : ""; *at;) {
        size_t length = strcspn(at, "\n");
        struct addr addr;
        (void)snprintf(line, sizeof(line), "%.*s", (int)length, at);
        int rc = addr_parse(&addr, line, err);
        if (rc)
            return err_wrap(err, "--allow %s", line);
        if (strcmp(addr_format(&addr, given, sizeof(given)), wanted) == 0)
            return 0;
        at += length + (at[length] == '\n');
    }
    return err_set(err, -EACCES,
                   "%s (%s) is not on this machine's loopback: say --allow %s to load it all the "
                   "same",
                   target->host, wanted, wanted);
}
