/* SPDX-License-Identifier: MIT */
/* short_buffer.c - a buffer that is needed for one call: on the stack, from the heap, from a pool.
 */
#include "micro/pool.h"
#include "micro/rows.h"

#include <alloca.h>
#include <stdlib.h>

enum { STACK, HEAP, POOL };

/* a: bytes of a buffer; b: where it is. */
static const struct microbench_case rows[] = {
    {"stack/1KiB", 1 << 10, STACK},
    {"heap/1KiB", 1 << 10, HEAP},
    {"pool/1KiB", 1 << 10, POOL},
    {"stack/16KiB", 16 << 10, STACK},
    {"heap/16KiB", 16 << 10, HEAP},
    {"pool/16KiB", 16 << 10, POOL},
    {0},
};

/* Writes what a short message would take, and the buffer's end. */
static inline void write_some(char *buffer, size_t bytes)
{
    memset(buffer, 1, 128);
    buffer[bytes - 1] = 1;
    microbench_use(buffer);
}

/* Functions of their own, so that the stack's is taken and left each time. */
__attribute__((noinline)) static void use_stack(size_t bytes)
{
    /* cppcheck-suppress allocaCalled ; what it costs is the question */
    write_some(alloca(bytes), bytes);
}

__attribute__((noinline)) static bool use_heap(size_t bytes)
{
    char *buffer = malloc(bytes);
    if (!buffer)
        return false;
    write_some(buffer, bytes);
    free(buffer);
    return true;
}

__attribute__((noinline)) static bool use_pool(struct object_pool_local *local, size_t bytes)
{
    char *buffer = object_pool_local_get(local);
    if (!buffer)
        return false;
    write_some(buffer, bytes);
    object_pool_local_put(local, buffer);
    return true;
}

static void run(struct microbench_pass *pass)
{
    struct object_pool_local *local = object_pool_local(pass->shared);
    size_t bytes = (size_t)pass->row->a;
    if (!local) {
        microbench_fail(pass, "no memory for a handle");
        return;
    }
    uint64_t failed = 0;
    uint64_t count = microbench_begin(pass);
    if (pass->row->b == STACK)
        for (uint64_t i = 0; i < count; i++)
            use_stack(bytes);
    else if (pass->row->b == HEAP)
        for (uint64_t i = 0; i < count; i++)
            failed += !use_heap(bytes);
    else
        for (uint64_t i = 0; i < count; i++)
            failed += !use_pool(local, bytes);
    microbench_end(pass);
    microbench_use(&failed);
}

const struct microbench microbench_short_buffer = {
    .name = "short_buffer",
    .summary = "a buffer taken, written to and given up within a call",
    .cases = rows,
    .setup = pool_setup,
    .teardown = pool_teardown,
    .run = run,
};
