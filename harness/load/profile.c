/* SPDX-License-Identifier: MIT */
/* profile.c - the settings of a load, their defaults and what they must agree on. */
#include "load/profile.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

static const char *const arrivals[] = {"constant", "poisson", NULL};
static const char *const shapes[] = {"flat", "ramp", "step", "spike", NULL};
static const char *const checks[] = {"none", "status", "token", NULL};

const struct param load_profile_params[] = {
    {PARAM_COUNT("threads", load_profile, threads, "1",
                 "generator threads, each with its own ring"),
     .letter = 't', .min = 1, .max = 256},
    {PARAM_COUNT("connections", load_profile, connections, "64",
                 "connections over all threads; the clients of a closed loop"),
     .letter = 'c', .min = 1, .max = 1e6},
    {PARAM_RATE("rate", load_profile, rate_per_s, NULL,
                "arrivals of an open loop; without it the loop is closed"),
     .letter = 'R', .min = 0.001, .max = 1e8},
    {PARAM_CHOICE("arrivals", load_profile, arrivals, "constant", "spacing of arrivals", arrivals)},
    {PARAM_CHOICE("shape", load_profile, shape, "flat", "how the rate moves over the phase",
                  shapes)},
    {PARAM_RATE("peak", load_profile, peak_per_s, NULL,
                "rate a ramp ends at, a step goes to or a spike reaches"),
     .min = 0.001, .max = 1e8},
    {PARAM_NS("shape_at", load_profile, shape_at_ns, NULL, "when a step or spike begins")},
    {PARAM_NS("shape_for", load_profile, shape_for_ns, NULL, "how long a spike lasts")},
    {PARAM_NS("think_time", load_profile, think_ns, "0",
              "closed loop: pause before the next request")},
    {PARAM_NS("timeout", load_profile, timeout_ns, "2s",
              "of a request, counted from its intended time; 0: until 1s after the phase"),
     .letter = 'T'},
    {PARAM_COUNT("in_flight_max", load_profile, in_flight_max, "100k",
                 "open loop: requests queued and sent at once; more are shed and counted"),
     .min = 1, .max = 1e7},
    {PARAM_NS("spin", load_profile, spin_ns, "100us",
              "busy-poll when the next arrival is this near; 0: always sleep"),
     .min = 0, .max = 1e9},
    {PARAM_BYTES("reply_limit", load_profile, reply_limit_bytes, "16MiB",
                 "largest reply body that is kept to be checked"),
     .min = 1024, .max = 1 << 30},
    {PARAM_BOOL("keep_alive", load_profile, keep_alive, "true",
                "false: a new connection for every request")},
    {PARAM_CHOICE("check", load_profile, check, "status",
                  "status: 2xx and 3xx are good; token: and the body carries the request's token",
                  checks)},
    {0},
};

const struct param load_request_params[] = {
    {PARAM_TEXT("method", load_request, method, "GET", "HTTP method"), .letter = 'm'},
    {PARAM_TEXT("path", load_request, path, "/", "path and query; {token} is the unique token")},
    {PARAM_TEXT("headers", load_request, headers, NULL, "further header lines"), .letter = 'H'},
    {PARAM_TEXT("body", load_request, body, NULL, "sent as it is, with {token} replaced"),
     .letter = 'b'},
    {PARAM_BYTES("payload", load_request, payload_bytes, NULL,
                 "instead of body: a JSON document of about this size"),
     .min = 64, .max = 64 << 20},
    {PARAM_NUMBER("weight", load_request, weight, "1", "share of the mix, relative to the others"),
     .min = 1e-6, .max = 1e6},
    {0},
};

static int check_shape(const struct load_profile *profile, struct err *err)
{
    bool moves = profile->shape != LOAD_FLAT;
    if (moves && profile->rate_per_s <= 0)
        return err_set(err, -EINVAL, "shape '%s' needs an open loop: give a rate",
                       shapes[profile->shape]);
    if (moves && profile->peak_per_s <= 0)
        return err_set(err, -EINVAL, "shape '%s' needs a peak", shapes[profile->shape]);
    if (!moves && profile->peak_per_s > 0)
        return err_set(err, -EINVAL, "peak needs a shape: ramp, step or spike");
    if (profile->shape == LOAD_SPIKE && profile->shape_for_ns == 0)
        return err_set(err, -EINVAL, "a spike needs shape_for, how long it lasts");
    return 0;
}

int load_profile_check(const struct load_profile *profile, struct err *err)
{
    if (profile->rate_per_s > 0 && profile->think_ns > 0)
        return err_set(err, -EINVAL, "think_time belongs to a closed loop, rate to an open one");
    if (profile->threads > profile->connections)
        return err_set(err, -EINVAL, "%llu threads cannot share %llu connections",
                       (unsigned long long)profile->threads,
                       (unsigned long long)profile->connections);
    return check_shape(profile, err);
}

bool load_request_writes(const struct load_request *request)
{
    return strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0;
}

bool load_request_has_token(const struct load_request *request)
{
    const char *const texts[] = {request->path, request->headers, request->body};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        if (texts[i] && strstr(texts[i], "{token}"))
            return true;
    return request->payload_bytes > 0;
}

int load_request_check(const struct load_request *request, struct err *err)
{
    if (request->body && request->payload_bytes > 0)
        return err_set(err, -EINVAL, "give body or payload, not both");
    if (!request->path || request->path[0] != '/')
        return err_set(err, -EINVAL, "path must begin with '/'");
    for (const char *c = request->path; *c; c++)
        if (iscntrl((unsigned char)*c) || *c == ' ')
            return err_set(err, -EINVAL, "path must not contain blanks or control characters");
    for (const char *c = request->method; *c; c++)
        if (!isupper((unsigned char)*c))
            return err_set(err, -EINVAL, "method must be upper-case letters, such as GET or POST");
    return request->method[0] ? 0 : err_set(err, -EINVAL, "method must not be empty");
}
