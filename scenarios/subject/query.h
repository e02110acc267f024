/* SPDX-License-Identifier: MIT */
/* query.h - reads the query of a request's target into a struct, by a table of settings. */
#ifndef POOLSTORM_SUBJECT_QUERY_H
#define POOLSTORM_SUBJECT_QUERY_H

#include "core/err.h"
#include "core/http1.h"
#include "core/param.h"

/* Gives state the defaults of params and sets what "?name=value&…" names, percent-decoded. params
 * should hold no texts, which would be the caller's to free also after an error. -EINVAL with the
 * reason, for people; what was set until then stays set. */
int query_read(struct slice target, const struct param *params, void *state, struct err *err);

#endif
