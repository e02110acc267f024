/* SPDX-License-Identifier: MIT */
/* profile.h - what load to make: requests, connections, and how arrivals are scheduled. */
#ifndef POOLSTORM_LOAD_PROFILE_H
#define POOLSTORM_LOAD_PROFILE_H

#include "core/param.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum load_arrivals { LOAD_CONSTANT, LOAD_POISSON };
enum load_shape { LOAD_FLAT, LOAD_RAMP, LOAD_STEP, LOAD_SPIKE };
enum load_check { LOAD_CHECK_NONE, LOAD_CHECK_STATUS, LOAD_CHECK_TOKEN };

/* One request of a mix. Texts are owned. */
struct load_request {
    char *method;           /* GET, POST, … */
    char *path;             /* origin form, with query; "{token}" stands for the unique token */
    char *headers;          /* further header lines, "Name: value" each, separated by newlines */
    char *body;             /* sent as it is, "{token}" replaced; NULL: none, or payload_bytes */
    uint64_t payload_bytes; /* instead of body: a JSON document of about this size, seeded */
    double weight;          /* its share of the mix, relative to the others */
};

/* Whether it asks for something to be stored: all that is neither GET nor HEAD. */
bool load_request_writes(const struct load_request *request);

/* Whether its token goes over the wire in it, but for the header that check: token adds. */
bool load_request_has_token(const struct load_request *request);

/* How to drive the subject in one phase. Closed loop while rate_per_s is 0, else open loop. */
struct load_profile {
    uint64_t threads;           /* generator threads, each with a ring of its own */
    uint64_t connections;       /* kept open over all threads; in a closed loop: the clients */
    double rate_per_s;          /* open loop: arrivals; 0: closed loop, as fast as replies come */
    int arrivals;               /* enum load_arrivals */
    int shape;                  /* enum load_shape: how the rate moves over the phase */
    double peak_per_s;          /* the rate a ramp ends at, a step goes to, a spike reaches */
    uint64_t shape_at_ns;       /* step, spike: from the start of the phase */
    uint64_t shape_for_ns;      /* spike: how long */
    uint64_t think_ns;          /* closed loop: pause between a reply and the next request */
    uint64_t timeout_ns;        /* of a request, from its intended time; 0: the phase's end
                                   and a second */
    uint64_t in_flight_max;     /* open loop: queued and sent together; more is shed and counted */
    uint64_t spin_ns;           /* busy-poll when the next arrival is this near; 0: always sleep */
    uint64_t reply_limit_bytes; /* larger reply bodies are an error when they must be checked */
    bool keep_alive;            /* false: a new connection for every request */
    int check;                  /* enum load_check: what makes a reply good beyond being whole */
};

/* Of struct load_profile and struct load_request. */
extern const struct param load_profile_params[];
extern const struct param load_request_params[];

/* -EINVAL with the reason when the settings contradict each other. */
int load_profile_check(const struct load_profile *profile, struct err *err);
int load_request_check(const struct load_request *request, struct err *err);

#endif
