/* SPDX-License-Identifier: MIT */
/* service.h - the built-in HTTP service: what scenarios measure when they bring no service along.
 */
#ifndef POOLSTORM_SUBJECT_SERVICE_H
#define POOLSTORM_SUBJECT_SERVICE_H

#include "core/ctx.h"
#include "core/err.h"
#include "core/sock.h"
#include "subject/settings.h"

#include <stdint.h>

struct service;

/* Listens and starts settings->threads threads; settings are copied. To be called, like the rest,
 * from a fiber of a ring, which needs not be kept free for the service. -EINVAL for settings that
 * contradict each other, -EADDRINUSE and the like for the address. */
int service_start(struct service **out, const struct service_settings *settings, struct err *err);

/* Where it listens. */
const struct addr *service_addr(const struct service *service);

/* Stops accepting, lets requests in flight finish, closes idle connections, joins the threads and
 * frees the service. Bounded by drain_grace + drain_timeout; when ctx ends first, what is in flight
 * is cut off at once. Returns how many connections were cut off. */
uint64_t service_stop(struct ctx *ctx, struct service *service);

#endif
