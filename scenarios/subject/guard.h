/* SPDX-License-Identifier: MIT */
/* guard.h - stands before what may be overloaded: one of the protective patterns, a timeout for
 * each attempt, and retries around both. */
#ifndef POOLSTORM_SUBJECT_GUARD_H
#define POOLSTORM_SUBJECT_GUARD_H

#include "core/ctx.h"
#include "core/err.h"
#include "core/param.h"
#include "subject/breaker.h"
#include "subject/bulkhead.h"
#include "subject/counter.h"
#include "subject/retry.h"
#include "subject/token_bucket.h"

#include <stdbool.h>
#include <stdint.h>

struct guard;
struct page;
struct service;

/* Which pattern; one more is a file guard_<name>.c, and its word and type in guard.c. */
enum guard_kind { GUARD_NONE, GUARD_TOKEN_BUCKET, GUARD_BULKHEAD, GUARD_BREAKER, GUARD_KINDS };

/* Limits are of the process; each thread has its part of them. */
struct guard_settings {
    int kind;                  /* enum guard_kind */
    bool fallback;             /* what is refused or fails is answered with a default */
    uint64_t timeout_ns;       /* an attempt may take; 0: as long as its caller may */
    uint64_t rate_per_s;       /* token bucket */
    uint64_t burst;            /* likewise */
    uint64_t limit;            /* bulkhead: calls inside */
    uint64_t queue;            /* bulkhead and token bucket: callers that may wait; 0: none */
    uint64_t queue_timeout_ns; /* and no longer than this; 0: as long as they may */
    struct breaker_options breaker;
    struct retry_options retry;
};

extern const char *const guard_words[]; /* by enum guard_kind; ends with NULL */

/* Their entries in a table of parameters, for a struct s that has them in its field `at`. */
// clang-format off
#define GUARD_PARAMS(s, at)                                                                        \
    {PARAM_CHOICE("guard", s, at kind, "none", "what stands before the database of /guarded, "   \
                  "/cached and /ledger", guard_words), .section = "Guard of /guarded, /cached and /ledger"},            \
    {PARAM_BOOL("guard_fallback", s, at fallback, "false",                                         \
                "answer what is refused or fails with a default, 200 and marked as fallback")},    \
    {PARAM_NS("guard_timeout", s, at timeout_ns, "0",                                              \
              "an attempt may take so long; 0: as long as its request")},                          \
    {PARAM_COUNT("guard_rate", s, at rate_per_s, "0", "token-bucket: calls a second"),             \
     .min = 0, .max = 1e9},                                                                        \
    {PARAM_COUNT("guard_burst", s, at burst, "0",                                                  \
                 "token-bucket: calls at once after quiet times; 0: one a thread"),                \
     .min = 0, .max = 1e9},                                                                        \
    {PARAM_COUNT("guard_limit", s, at limit, "0", "bulkhead: calls at once"),                      \
     .min = 0, .max = 1e6},                                                                        \
    {PARAM_COUNT("guard_queue", s, at queue, "0",                                                  \
                 "token-bucket, bulkhead: callers that may wait; 0: nobody does"),                 \
     .min = 0, .max = 1e6},                                                                        \
    {PARAM_NS("guard_queue_timeout", s, at queue_timeout_ns, "0",                                  \
              "longest such wait; 0: as long as the request")},                                    \
    {PARAM_NS("guard_window", s, at breaker.window_ns, "1s", "breaker: results count for so long"),\
     .min = 1e3, .max = 3600e9},                                                                   \
    {PARAM_COUNT("guard_calls", s, at breaker.calls_min, "20",                                     \
                 "breaker: results in the window before it may open"),                             \
     .min = 1, .max = 1e6},                                                                        \
    {PARAM_SHARE("guard_failures", s, at breaker.failure_share, "50%",                             \
                 "breaker: opens when this share of them failed")},                                \
    {PARAM_NS("guard_slow", s, at breaker.slow_ns, "0",                                            \
              "breaker: calls that took longer have failed; 0: none has")},                        \
    {PARAM_NS("guard_open", s, at breaker.open_ns, "500ms", "breaker: refuses for so long"),       \
     .min = 1e3, .max = 3600e9},                                                                   \
    {PARAM_NS("guard_open_max", s, at breaker.open_max_ns, "0",                                    \
              "breaker: up to which that doubles while trials fail; 0: it does not")},             \
    {PARAM_COUNT("guard_trials", s, at breaker.trials, "5",                                        \
                 "breaker: calls let through to find out whether it may close"),                   \
     .min = 1, .max = 1e6},                                                                        \
    {PARAM_COUNT("retry_attempts", s, at retry.attempts_max, "1",                                  \
                 "attempts at a guarded call, the first included"),                                \
     .min = 1, .max = 100},                                                                        \
    {PARAM_NS("retry_base", s, at retry.base_ns, "10ms",                                           \
              "bound of the first wait between two, doubling; drawn from 0 up to it"),             \
     .min = 0, .max = 3600e9},                                                                     \
    {PARAM_NS("retry_cap", s, at retry.cap_ns, "1s", "bound of all these waits"),                  \
     .min = 0, .max = 3600e9},                                                                     \
    {PARAM_SHARE("retry_budget", s, at retry.budget_share, "20%",                                  \
                 "retries per call the database has to bear, in any 10 s")},                       \
    {PARAM_COUNT("retry_budget_min", s, at retry.budget_min_per_s, "10",                           \
                 "retries a second besides, for quiet times"),                                     \
     .min = 0, .max = 1e6},                                                                        \
    {PARAM_BOOL("retry_budget_off", s, at retry.budget_off, "false",                               \
                "no limit but retry_attempts (wrong on purpose)")}
// clang-format on

/* 0, or -EINVAL when two settings contradict each other, or make no sense for so many threads. */
int guard_settings_check(const struct guard_settings *settings, uint64_t threads, struct err *err);

/* One attempt on its way through. The caller's stack. */
struct guard_pass {
    struct breaker_token token; /* GUARD_BREAKER */
};

/* A pattern: one of the ways to stand before something. Static data, `const struct guard_type
 * guard_<name>`. */
struct guard_type {
    const char *refusal; /* what the caller of a refused call is told */

    /* Makes it ready by guard->own. 0 or -EINVAL. May be NULL, as all that follow. */
    int (*init)(struct guard *guard, struct err *err);

    /* 0: call, and leave afterwards; -EHOSTDOWN: refused; or ctx's error. */
    int (*enter)(struct ctx *ctx, struct guard *guard, struct guard_pass *pass);
    void (*leave)(struct guard *guard, const struct guard_pass *pass, int rc);
};

extern const struct guard_type guard_none, guard_token_bucket, guard_bulkhead, guard_breaker;

/* X(name, help): what every kind counts. */
#define GUARD_COUNTERS(X)                                                                          \
    X(calls, "guarded calls")                                                                      \
    X(attempts, "attempts that reached the guard, retries included")                               \
    X(refused, "of them, those it refused")                                                        \
    X(succeeded, "calls that ended well")                                                          \
    X(failed, "calls that did not, refused ones included")                                         \
    X(timeouts, "attempts given up after guard_timeout")                                           \
    X(fallbacks, "answers that were a default for want of a real one")

#define GUARD_WORD(name, help) counter_word name;

/* Of one thread. Figures may be read by any. */
struct guard {
    struct guard_settings own; /* this thread's part of the limits */
    const struct guard_type *type;
    struct token_bucket bucket;
    struct bulkhead bulkhead;
    struct breaker breaker;
    struct retrier retrier;
    GUARD_COUNTERS(GUARD_WORD)
};

/* For thread `index` of `threads`. settings were checked. Nothing to be undone. 0 or -EINVAL. */
int guard_init(struct guard *guard, const struct guard_settings *settings, uint64_t threads,
               unsigned index, uint64_t seed, struct err *err);

/* Has call do its work, as often as the settings allow. It answers 0 or -errno and waits under the
 * ctx it is given, which is no longer than that of the caller. 0; -EHOSTDOWN when the guard refused
 * the last attempt, the call not having been made; what the call answered; or ctx's error. */
int guard_call(struct ctx *ctx, struct guard *guard, int (*call)(struct ctx *ctx, void *arg),
               void *arg);

/* Whether a call that answered rc is to be answered with a default, which is counted. */
bool guard_falls_back(struct ctx *ctx, struct guard *guard, int rc);

/* The guards' part of /metrics, all threads added up; any thread may call. */
void guard_figures(struct page *page, const struct service *service);

#endif
