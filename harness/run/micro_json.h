/* SPDX-License-Identifier: MIT */
/* micro_json.h - reads what Google Benchmark says of the one row it has run (its JSON of versions
 * 1.5 to 1.9). Nothing here waits; any thread. */
#ifndef POOLSTORM_RUN_MICRO_JSON_H
#define POOLSTORM_RUN_MICRO_JSON_H

#include "core/err.h"

#include <stdint.h>

#include <jansson.h>

/* A row. */
struct micro_timing {
    double real_ns;      /* wall time over all operations of all threads */
    double cpu_ns;       /* processor time of an operation */
    double items_per_s;  /* of all threads; NAN: it counts none */
    uint64_t iterations; /* timed, of all threads */
    uint64_t threads;
    char failure[160]; /* why the benchmark failed; then the figures above are none. "": it did not
                        */
    json_t *row;       /* all of it, owned: micro_timing_fini */
};

/* Reads length_bytes of JSON that hold exactly one measured row. -EBADMSG for anything else, with
 * what was expected; *out needs no release then. */
int micro_json_read(const char *data, size_t length_bytes, struct micro_timing *out,
                    struct err *err);

/* A counter of the benchmark's own, or NAN. */
double micro_timing_counter(const struct micro_timing *timing, const char *name);

/* Harmless for one that is zeroed. */
void micro_timing_fini(struct micro_timing *timing);

#endif
