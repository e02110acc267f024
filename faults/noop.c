/* SPDX-License-Identifier: MIT */
/* noop.c - does nothing, as asked. */
#include "faults/fault.h"

static const struct param noop_params[] = {{0}};

const struct fault_type fault_noop = {
    .name = "noop",
    .summary = "nothing at all",
    .params = noop_params,
};
