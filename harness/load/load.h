/* SPDX-License-Identifier: MIT */
/* load.h - drives a service for one phase and says what came of it, and whether to believe it. */
#ifndef POOLSTORM_LOAD_LOAD_H
#define POOLSTORM_LOAD_LOAD_H

#include "core/ctx.h"
#include "core/err.h"
#include "core/sock.h"
#include "load/outcome.h"
#include "load/profile.h"
#include "measure/hist.h"
#include "measure/meter.h"
#include "measure/series.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ledger;

/* Where to send requests. */
struct load_target {
    struct addr addr;  /* resolved */
    char host[264];    /* for the Host header */
    char prefix[1024]; /* path of the URL, put before every request's path; "" for none */
};

/* One phase. The caller's throughout; nothing is copied. */
struct load_job {
    const struct load_target *target;
    const struct load_profile *profile;  /* checked */
    const struct load_request *requests; /* checked */
    size_t request_count;                /* at least 1 */
    uint64_t length_ns;                  /* of the phase */
    uint64_t seed;                       /* of arrivals, mix, payloads and tokens */
    const int *cpus;                     /* to pin threads to, in turn; NULL: not pinned */
    size_t cpu_count;                    /* entries of cpus */
    struct ledger *ledger;               /* of profile->threads, see load/ledger.h; NULL: none */
};

/* What can be seen while it runs: each thread's counters, summed. Start with {0}, and what is next
 * with load_progress_begin. */
struct load_progress {
    uint64_t start_ns;               /* of the clock, CLOCK_MONOTONIC; 0: not started yet */
    uint64_t elapsed_ns;             /* since the first intended arrival */
    uint64_t ended[LOAD_OUTCOMES];   /* requests by outcome */
    uint64_t in_flight;              /* sent and not yet ended */
    uint64_t earlier[LOAD_OUTCOMES]; /* requests of the loads before this one */
    struct hist *latency;            /* the caller's, who also empties it; NULL: not asked for. Good
                                        replies are added a tenth of a second or two late, all of
                                        them by the load's end */
};

/* Makes ready for another load. */
void load_progress_begin(struct load_progress *progress);

/* What came of a phase. Owns its histograms and series: load_result_fini. */
struct load_result {
    uint64_t start_ns, length_ns;  /* CLOCK_MONOTONIC; the time figures are per */
    uint64_t offered;              /* open loop: arrivals the schedule called for */
    uint64_t sent;                 /* requests written to a connection */
    uint64_t ended[LOAD_OUTCOMES]; /* requests by outcome */
    uint64_t ok_in_time;           /* good replies that were whole before the phase ended:
                                      goodput is this over length_ns */
    uint64_t replied_in_time;      /* the same of all replies, good or not: QPS */
    uint64_t queued;               /* open loop: arrivals that found no free connection */
    uint64_t connects;             /* connections opened, the first ones included */
    uint64_t reply_bytes;          /* of bodies and heads, good replies in time */
    uint64_t in_flight_peak;       /* most sent and queued at once, each thread's added up: the
                                      most there can have been */
    uint64_t connections_open;     /* connections that stood when the clock started */
    struct hist *latency;          /* good replies: from the intended time (open loop) or the turn
                                      of the client (closed loop), connecting included where it
                                      was needed, to the last byte */
    struct hist *service_time;     /* good replies: from the sending; what a closed tool sees */
    struct hist *lateness;         /* open loop: how late arrivals were handled */
    struct hist *connect;          /* opening a connection */
    struct series *series;         /* per 100 ms; errors are outcomes from LOAD_REFUSED on */
    struct meter_sample cpu;       /* what the generator's threads used */
    uint64_t watched_ns;           /* from the start to the phase's end, each thread's added up */
    uint64_t working_ns;           /* of that: with work to do, on a CPU or waiting for one */
    char first_error[160];         /* of the first request that did not end well, "" if none */
};

/* Runs one phase on threads of its own. Opens all connections first (keep_alive) and only then
 * starts the clock. Errors of single requests are counted, not returned; -ECONNREFUSED and the like
 * come only when no connection at all could be opened. When ctx ends first, stops at once with its
 * error, and result holds what was measured until then (latency is NULL when the clock had not
 * started). load_result_fini in any case. progress may be NULL; otherwise it is brought up to date
 * every 100 ms, and at the end, for other fibers of the calling thread to read: from counters that
 * the threads of the load keep anyway, and without holding them up. */
int load_run(struct ctx *ctx, const struct load_job *job, struct load_result *result,
             struct load_progress *progress, struct err *err);

void load_result_fini(struct load_result *result);

/* The share of the phase in which a thread of the generator had work to do. */
double load_result_busy(const struct load_result *result);

/* Whether the generator and not the subject was the limit. NULL when it was not, else the reason in
 * text. subject_cpus is how many CPUs the subject kept busy (meter_cpus), negative when unknown. */
const char *load_result_invalid(const struct load_result *result,
                                const struct load_profile *profile, double subject_cpus, char *text,
                                size_t size_bytes);

/* Reads "http://HOST:PORT/prefix" or "http+unix:/path". -EINVAL with the reason. Resolves names. */
int load_target_parse(struct load_target *target, const char *url, struct err *err);

#endif
