/* SPDX-License-Identifier: MIT */
/* release.c - an object given back to its pool when its scope is left: by hand on each way out, or
 * by the compiler's clean-up attribute. */
#include "micro/pool.h"

enum { BY_HAND, CLEAN_UP };

/* a: bytes of an object; b: how it is given back. */
static const struct microbench_case rows[] = {
    {"by_hand", 1 << 10, BY_HAND}, {"clean_up", 1 << 10, CLEAN_UP}, {0}};

/* An object on loan, as a scope holds it. */
struct loan {
    struct object_pool_local *local;
    void *object;
};

static void loan_end(struct loan *loan)
{
    object_pool_local_put(loan->local, loan->object);
}

/* Work that can fail, so that a function has more than one way out. */
static inline int fill(char *object, uint64_t value)
{
    *object = (char)value;
    microbench_use(object);
    return object[0] == 127 ? -1 : 0;
}

__attribute__((noinline)) static int use_by_hand(struct object_pool_local *local, uint64_t value)
{
    char *object = object_pool_local_get(local);
    int rc = fill(object, value);
    if (rc) {
        object_pool_local_put(local, object);
        return rc;
    }
    rc = fill(object + 64, value + 1);
    if (rc) {
        object_pool_local_put(local, object);
        return rc;
    }
    object_pool_local_put(local, object);
    return 0;
}

__attribute__((noinline)) static int use_clean_up(struct object_pool_local *local, uint64_t value)
{
    __attribute__((cleanup(loan_end))) struct loan loan = {local, object_pool_local_get(local)};
    int rc = fill(loan.object, value);
    if (rc)
        return rc;
    return fill((char *)loan.object + 64, value + 1);
}

static void run(struct microbench_pass *pass)
{
    struct object_pool_local *local = object_pool_local(pass->shared);
    if (!local) {
        microbench_fail(pass, "no memory for a handle");
        return;
    }
    uint64_t failed = 0;
    uint64_t count = microbench_begin(pass);
    if (pass->row->b == BY_HAND)
        for (uint64_t i = 0; i < count; i++)
            failed += use_by_hand(local, i) != 0;
    else
        for (uint64_t i = 0; i < count; i++)
            failed += use_clean_up(local, i) != 0;
    microbench_end(pass);
    microbench_use(&failed);
}

const struct microbench microbench_release = {
    .name = "release",
    .summary = "get an object, use it twice, leave its scope on one of three ways",
    .cases = rows,
    .setup = pool_setup,
    .teardown = pool_teardown,
    .run = run,
};
