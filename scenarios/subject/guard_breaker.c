/* SPDX-License-Identifier: MIT */
/* guard_breaker.c - lets nobody through while calls keep failing. */
#include "subject/guard.h"

#include "core/clock.h"

#include <errno.h>

static int breaker_begin(struct guard *guard, struct err *err)
{
    return breaker_init(&guard->breaker, &guard->own.breaker, err);
}

static int breaker_pass(struct ctx *ctx, struct guard *guard, struct guard_pass *pass)
{
    (void)ctx;
    return breaker_allow(&guard->breaker, clock_now_ns(), &pass->token);
}

/* Who went away says nothing about the database. */
static void breaker_out(struct guard *guard, const struct guard_pass *pass, int rc)
{
    enum breaker_result result = BREAKER_FAILED;
    if (rc == 0)
        result = BREAKER_SUCCEEDED;
    else if (rc == -ECANCELED)
        result = BREAKER_IGNORED;
    breaker_report(&guard->breaker, clock_now_ns(), pass->token, result);
}

const struct guard_type guard_breaker = {
    .refusal = "refused: the breaker is open",
    .init = breaker_begin,
    .enter = breaker_pass,
    .leave = breaker_out,
};
