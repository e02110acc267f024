/* SPDX-License-Identifier: MIT */
/* reply_head.c - reading a reply's head, or knowing it again. */
#include "load/reply_head.h"

#include <string.h>

/* A head ends with its empty line, so what the parser says of it depends on no byte behind. */
static bool is_known(const struct reply_head_known *known, const char *data, size_t length,
                     bool to_head)
{
    return known->length > 0 && known->length <= length && known->to_head == to_head &&
           memcmp(known->bytes, data, known->length) == 0;
}

static void remember(struct reply_head_known *known, const char *data, size_t length, bool to_head,
                     const struct reply_head *head)
{
    if (length > sizeof(known->bytes))
        return;
    memcpy(known->bytes, data, length);
    known->length = length;
    known->to_head = to_head;
    known->head = *head;
}

ssize_t reply_head_read(struct reply_head_known *known, const char *data, size_t length,
                        bool to_head, struct reply_head *head)
{
    if (is_known(known, data, length, to_head)) {
        *head = known->head;
        return (ssize_t)known->length;
    }
    struct http1_head parsed; /* its table of headers is large, and written only as far as used */
    ssize_t head_bytes = http1_parse_reply(data, length, to_head, &parsed);
    if (head_bytes <= 0)
        return head_bytes;
    *head = (struct reply_head){.framing = parsed.framing,
                                .status = parsed.status,
                                .content_length = parsed.content_length,
                                .keep_alive = parsed.keep_alive};
    remember(known, data, (size_t)head_bytes, to_head, head);
    return head_bytes;
}
