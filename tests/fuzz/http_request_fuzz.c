/* SPDX-License-Identifier: MIT */
/* http_request_fuzz.c - any bytes as requests, one behind the other, as a connection reads them. */
#include "core/http1.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_head(const char *text, size_t size, size_t length, const struct http1_head *head)
{
    const char *end = text + length;
    struct http1_head part;
    if (length > size || head->method.length == 0 || head->target.length == 0 ||
        head->method.data < text || head->target.data + head->target.length > end ||
        head->framing == HTTP1_UNTIL_CLOSE || head->header_count > HTTP1_HEADERS_MAX)
        abort();
    for (unsigned i = 0; i < head->header_count; i++)
        if (head->headers[i].value.data + head->headers[i].value.length > end)
            abort();
    for (size_t cut = 0; cut < length; cut += 1 + length / 16)
        if (http1_parse_request(text, cut, &part) != 0)
            abort();
}

/* Behind the body, or NULL when it is not whole or not sound. */
static char *skip_body(const struct http1_head *head, char *at, const char *end)
{
    size_t left = (size_t)(end - at);
    if (head->framing == HTTP1_NO_BODY)
        return at;
    if (head->framing == HTTP1_LENGTH)
        return head->content_length <= left ? at + head->content_length : NULL;
    struct http1_chunks chunks = {0};
    size_t consumed = 0;
    ssize_t got = http1_dechunk(&chunks, at, left, &consumed);
    if (got > (ssize_t)left || consumed > left)
        abort();
    return got >= 0 && chunks.done ? at + consumed : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size ? size : 1);
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    for (char *at = copy, *end = copy + size; at && at < end;) {
        struct http1_head head;
        ssize_t length = http1_parse_request(at, (size_t)(end - at), &head);
        if (length <= 0)
            break;
        check_head(at, (size_t)(end - at), (size_t)length, &head);
        (void)http1_header(&head, "X-Request-Token");
        at = skip_body(&head, at + length, end);
    }
    free(copy);
    return 0;
}
