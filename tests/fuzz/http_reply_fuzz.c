/* SPDX-License-Identifier: MIT */
/* http_reply_fuzz.c - any bytes as a reply: nothing read beyond, and cuts make no difference. */
#include "core/http1.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_slice(struct slice slice, const char *data, size_t length)
{
    if (slice.data < data || slice.data + slice.length > data + length)
        abort();
}

/* Decodes in pieces of step bytes; returns what came out, or -1. */
static ssize_t dechunk(const char *data, size_t size, size_t step, char *out, bool *done)
{
    struct http1_chunks chunks = {0};
    ssize_t length = 0;
    for (size_t at = 0; at < size && !chunks.done;) {
        size_t piece = size - at < step ? size - at : step, consumed = 0;
        char *copy = malloc(piece);
        if (!copy)
            abort();
        memcpy(copy, data + at, piece);
        ssize_t got = http1_dechunk(&chunks, copy, piece, &consumed);
        if (got > (ssize_t)piece || (got >= 0 && !chunks.done && consumed != piece))
            abort();
        if (got > 0)
            memcpy(out + length, copy, (size_t)got);
        free(copy);
        if (got < 0)
            return -1;
        length += got;
        at += consumed;
    }
    *done = chunks.done;
    return length;
}

static void check_chunks(const char *data, size_t size)
{
    char *whole = malloc(size + 1), *bytes = malloc(size + 1);
    bool whole_done = false, bytes_done = false;
    if (!whole || !bytes)
        abort();
    ssize_t a = dechunk(data, size, size, whole, &whole_done);
    ssize_t b = dechunk(data, size, 1, bytes, &bytes_done);
    if (a != b || whole_done != bytes_done || (a > 0 && memcmp(whole, bytes, (size_t)a) != 0))
        abort();
    free(whole);
    free(bytes);
}

/* The first byte chooses whether the reply is to HEAD, and where it is cut. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http1_head head, part;
    if (size == 0)
        return 0;
    const char *text = (const char *)data + 1;
    size--;
    ssize_t length = http1_parse_reply(text, size, *data & 1, &head);
    if (length > (ssize_t)size)
        abort();
    if (length > 0) {
        size_t cut = (size_t)(*data >> 1) % (size_t)length;
        for (unsigned i = 0; i < head.header_count; i++) {
            check_slice(head.headers[i].name, text, (size_t)length);
            check_slice(head.headers[i].value, text, (size_t)length);
        }
        if (http1_parse_reply(text, cut, *data & 1, &part) != 0 ||
            http1_parse_reply(text, (size_t)length, *data & 1, &part) != length)
            abort();
        text += length;
        size -= (size_t)length;
    }
    check_chunks(text, size);
    return 0;
}
