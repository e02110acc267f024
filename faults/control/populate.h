/* SPDX-License-Identifier: MIT */
/* populate.h - makes a list of proxies so: what a config file and POST /populate ask for. */
#ifndef POOLSTORM_FAULTS_CONTROL_POPULATE_H
#define POOLSTORM_FAULTS_CONTROL_POPULATE_H

#include "faults/proxy/proxy.h"

#include <jansson.h>
#include <stddef.h>

/* text is a JSON array of proxies. Each is checked first: -EBADMSG changes nothing. Then they are
 * made in order, up to the first that fails. One that exists is left alone, its toxics and whether
 * it is enabled included, unless listen, upstream or protocol differ: then it starts afresh without
 * toxics. "toxics" of a proxy, where there are any, replace those it has.
 *
 * *made is an array of the proxies as they are then, to be decref'd, or NULL when there are none.
 * Errors have the text of a reply. */
int populate(struct proxy_set *set, const char *text, size_t length_bytes, json_t **made,
             struct err *err);

#endif
