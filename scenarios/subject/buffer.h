/* SPDX-License-Identifier: MIT */
/* buffer.h - bytes that grow: what a request's body and its answer are kept in. */
#ifndef POOLSTORM_SUBJECT_BUFFER_H
#define POOLSTORM_SUBJECT_BUFFER_H

#include "subject/counters.h"

#include <stddef.h>
#include <string.h>

/* Zeroed is empty and owns nothing. One thread at a time. */
struct buffer {
    char *data;          /* capacity bytes of the allocator's, NULL at first */
    size_t length;       /* used */
    size_t capacity;     /* allocated */
    size_t limit;        /* capacity never exceeds it */
    struct tally *tally; /* counts what growing allocates; NULL: nobody does */
};

/* Room for more bytes behind length: 0, -ENOMEM, or -EMSGSIZE above the limit. Grows at least
 * twofold. */
int buffer_reserve(struct buffer *buffer, size_t more);

/* The same errors; then nothing was appended. */
static inline int buffer_append(struct buffer *buffer, const void *data, size_t length)
{
    if (__builtin_expect(buffer->capacity - buffer->length < length, 0)) {
        int rc = buffer_reserve(buffer, length);
        if (rc)
            return rc;
    }
    if (length > 0) /* data may be NULL where the buffer has nothing yet */
        memcpy(buffer->data + buffer->length, data, length);
    buffer->length += length;
    return 0;
}

int buffer_printf(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A JSON string with its quotes; bytes above ASCII are taken as Latin-1. */
int buffer_append_json(struct buffer *buffer, const char *text, size_t length);

/* Gives the memory back. */
void buffer_free(struct buffer *buffer);

#endif
