/* SPDX-License-Identifier: MIT */
/* attributes.h - settings of a table as JSON, {"latency": 100}, in the units Toxiproxy has for
 * them: a number counts param_wire of the field's unit. No I/O. */
#ifndef POOLSTORM_FAULTS_CONTROL_ATTRIBUTES_H
#define POOLSTORM_FAULTS_CONTROL_ATTRIBUTES_H

#include "core/err.h"
#include "core/param.h"

#include <jansson.h>

/* Sets what object has of params, and leaves the rest of settings as it is; NULL has nothing. What
 * no setting is called is passed over, as Toxiproxy does. A text is taken in the form param_set
 * reads ("100ms"), too. -EBADMSG with the text of a reply, -ENOMEM; some may have been set then. */
int attributes_read(const struct param *params, json_t *object, void *settings, struct err *err);

/* -EBADMSG, naming the nearest, when object (NULL: none) has something that no setting of the
 * tables is called, which end with NULL. */
int attributes_check_names(const struct param *const *tables, json_t *object, struct err *err);

/* Adds settings to object; texts that are unset are left out, and so are those that equal the ones
 * of usual, a struct like settings (NULL: none is left out), but for the names in always, which are
 * there anyway (" rate jitter ", between blanks; NULL: none). 0 or -ENOMEM. */
int attributes_write(const struct param *params, const void *settings, const void *usual,
                     const char *always, json_t *object);

#endif
