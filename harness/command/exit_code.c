/* SPDX-License-Identifier: MIT */
/* exit_code.c - the exit status of an error, and of several outcomes. */
#include "command/exit_code.h"

#include <errno.h>
#include <stddef.h>

enum exit_code exit_code_of(int rc)
{
    switch (rc) {
    case 0:
        return EXIT_WELL;
    case -EINVAL:
    case -EFBIG:
    case -E2BIG:
    case -ENOENT:
    case -ENOTDIR:
    case -EISDIR:
    case -EACCES:
    case -EROFS:
    case -ENAMETOOLONG:
        return EXIT_BAD_INPUT;
    default:
        return EXIT_RUNTIME;
    }
}

enum exit_code exit_code_graver(enum exit_code one, enum exit_code other)
{
    static const enum exit_code order[] = {
        EXIT_INTERRUPTED, EXIT_RUNTIME,     EXIT_BAD_INPUT, EXIT_REGRESSION,
        EXIT_INVALID,     EXIT_EXPECTATION, EXIT_SKIPPED,
    };
    for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++)
        if (one == order[i] || other == order[i])
            return order[i];
    return EXIT_WELL;
}
