/* SPDX-License-Identifier: MIT */
/* body.h - reads the JSON of requests and config files as Toxiproxy does: one value, keys in any
 * case, null as if it were not there, unknown keys passed over.
 *
 * Errors are -EBADMSG with a whole text, "bad request body: …", -ENOMEM, or 0. No I/O. */
#ifndef POOLSTORM_FAULTS_CONTROL_BODY_H
#define POOLSTORM_FAULTS_CONTROL_BODY_H

#include "core/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { BODY_DEPTH_MAX = 32 }; /* of nesting: jansson reads by recursion, and fibers' stacks end */

/* The value that text begins with; the caller's to json_decref. */
int body_parse(const char *text, size_t length_bytes, json_t **out, struct err *err);

/* What is wrong, behind "bad request body: ". Returns -EBADMSG. */
int body_error(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* -EBADMSG unless body is an object (or null). what names it: "proxy 2". */
int body_expect_object(json_t *body, const char *what, struct err *err);

/* The field called name; NULL when it is missing or null. Borrowed. */
json_t *body_field(json_t *object, const char *name);

/* They leave *value alone when the field is missing; texts are borrowed. */
int body_text(json_t *object, const char *name, const char **value, struct err *err);
int body_bool(json_t *object, const char *name, bool *value, struct err *err);
int body_number(json_t *object, const char *name, double *value, struct err *err);

/* "a number", "an object", as messages have it. */
const char *body_kind(json_t *value);

/* A whole number as an integer: what Toxiproxy's clients expect of 1.0. NULL without memory. */
json_t *body_make_number(double value);

#endif
