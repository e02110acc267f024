/* SPDX-License-Identifier: MIT */
/* metadata_local.c - metadata in thread-local storage: put there by who takes the request in,
 * looked up by who needs it. */
#include "micro/metadata.h"

static _Thread_local struct metadata current;

/* As calls across files are: nobody knows what the other left there. */
__attribute__((noinline)) static void put(const struct metadata *in)
{
    current = *in;
    microbench_use(&current);
}

__attribute__((noinline)) static void look_up(struct metadata *out)
{
    microbench_use(&current);
    *out = current;
}

static bool carry(const struct metadata *in, struct metadata *out)
{
    put(in);
    look_up(out);
    return true;
}

static void run(struct microbench_pass *pass)
{
    metadata_run(pass, carry);
}

const struct microbench microbench_metadata_local = {
    .name = "metadata/thread_local",
    .summary = "eight fields copied into thread-local storage and out of it",
    .run = run,
};
