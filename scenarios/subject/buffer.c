/* SPDX-License-Identifier: MIT */
/* buffer.c - growing buffers. */
#include "subject/buffer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { CAPACITY_MIN = 512 };

int buffer_reserve(struct buffer *buffer, size_t more)
{
    size_t needed;
    if (__builtin_add_overflow(buffer->length, more, &needed) || needed > buffer->limit)
        return -EMSGSIZE;
    if (needed <= buffer->capacity)
        return 0;
    size_t capacity = buffer->capacity * 2;
    if (capacity < CAPACITY_MIN)
        capacity = CAPACITY_MIN;
    if (capacity < needed)
        capacity = needed;
    if (capacity > buffer->limit)
        capacity = buffer->limit;
    char *data = realloc(buffer->data, capacity);
    if (!data)
        return -ENOMEM;
    if (buffer->tally) {
        counter_add(&buffer->tally->allocations, 1);
        counter_add(&buffer->tally->bytes, capacity);
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return 0;
}

int buffer_printf(struct buffer *buffer, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    size_t room = buffer->capacity - buffer->length;
    int length = vsnprintf(room ? buffer->data + buffer->length : NULL, room, format, args);
    int rc = length < 0 ? -EINVAL : 0;
    if (!rc && (size_t)length >= room) {
        rc = buffer_reserve(buffer, (size_t)length + 1);
        if (!rc)
            (void)vsnprintf(buffer->data + buffer->length, (size_t)length + 1, format, again);
    }
    if (!rc)
        buffer->length += (size_t)length;
    va_end(again);
    va_end(args);
    return rc;
}

int buffer_append_json(struct buffer *buffer, const char *text, size_t length)
{
    static const char hex[] = "0123456789abcdef";
    int rc = buffer_reserve(buffer, length * 6 + 2);
    if (rc)
        return rc;
    char *out = buffer->data + buffer->length;
    *out++ = '"';
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\') {
            *out++ = '\\';
            *out++ = (char)c;
        } else if (c < 0x20 || c >= 0x7f) {
            memcpy(out, "\\u00", 4);
            out[4] = hex[c >> 4];
            out[5] = hex[c & 15];
            out += 6;
        } else {
            *out++ = (char)c;
        }
    }
    *out++ = '"';
    buffer->length = (size_t)(out - buffer->data);
    return 0;
}

void buffer_free(struct buffer *buffer)
{
    free(buffer->data);
    buffer->data = NULL;
    buffer->length = buffer->capacity = 0;
}
