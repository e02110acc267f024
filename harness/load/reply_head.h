/* SPDX-License-Identifier: MIT */
/* reply_head.h - what the head of a reply says about the reply, known again when the next one is
 * the same to the byte, as a service's mostly are until its clock moves on by a second. */
#ifndef POOLSTORM_LOAD_REPLY_HEAD_H
#define POOLSTORM_LOAD_REPLY_HEAD_H

#include "core/http1.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { REPLY_HEAD_BYTES_KNOWN = 512 }; /* longer heads are read each time */

struct reply_head {
    enum http1_framing framing; /* of the body that follows */
    int status;                 /* 100 to 999 */
    uint64_t content_length;    /* for HTTP1_LENGTH */
    bool keep_alive;            /* the connection may carry another request */
};

/* The last head that was read; zeroed at first. One thread's. */
struct reply_head_known {
    size_t length;                      /* of bytes; 0: none yet */
    bool to_head;                       /* it answered a HEAD request */
    struct reply_head head;             /* what it said */
    char bytes[REPLY_HEAD_BYTES_KNOWN]; /* itself, with the empty line at its end */
};

/* Reads a head at the start of data, with the results of http1_parse_reply. */
ssize_t reply_head_read(struct reply_head_known *known, const char *data, size_t length,
                        bool to_head, struct reply_head *head);

#endif
