/* SPDX-License-Identifier: MIT */
/* base64.h - binary data as text (RFC 4648, section 4: the common alphabet, padded). */
#ifndef POOLSTORM_MEASURE_BASE64_H
#define POOLSTORM_MEASURE_BASE64_H

#include "core/err.h"

#include <stddef.h>
#include <stdint.h>

/* Sets *text to the heap-allocated, NUL-terminated encoding; the caller frees it. -ENOMEM. */
int base64_encode(const void *data, size_t length_bytes, char **text, struct err *err);

/* Sets *data and *length_bytes to what text encodes; the caller frees *data. Blanks, missing
 * padding and stray bits at the end are refused with -EBADMSG. */
int base64_decode(const char *text, size_t text_length, uint8_t **data, size_t *length_bytes,
                  struct err *err);

#endif
