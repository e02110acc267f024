/* SPDX-License-Identifier: MIT */
/* http1.h - reads HTTP/1.1 messages (RFC 9112) out of a buffer: heads without copying, bodies by
 * length, by chunks or until close. Serves the load generator and the service alike; does no I/O.
 */
#ifndef POOLSTORM_CORE_HTTP1_H
#define POOLSTORM_CORE_HTTP1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Bytes inside someone else's buffer; not NUL-terminated. */
struct slice {
    const char *data;
    size_t length;
};

enum { HTTP1_HEADERS_MAX = 64 };

enum http1_framing {
    HTTP1_NO_BODY,     /* nothing follows the head */
    HTTP1_LENGTH,      /* content_length bytes */
    HTTP1_CHUNKED,     /* chunks; see http1_dechunk */
    HTTP1_UNTIL_CLOSE, /* all until the end of stream (replies only) */
};

struct http1_header {
    struct slice name, value; /* value without surrounding blanks */
};

/* A parsed head. Slices point into the buffer that was parsed and live as long as it. */
struct http1_head {
    struct slice method, target; /* requests */
    int status;                  /* replies: 100 to 999 */
    int minor;                   /* 1 for HTTP/1.1, 0 for HTTP/1.0 */
    enum http1_framing framing;  /* of the body that follows */
    uint64_t content_length;     /* for HTTP1_LENGTH */
    bool keep_alive;             /* the connection may carry another message */
    bool expect_continue;        /* the client waits for "100 Continue" */
    unsigned header_count;       /* used entries of headers */
    struct http1_header headers[HTTP1_HEADERS_MAX];
};

/* Parses a head at the start of data. Returns its length in bytes including the empty line, 0 when
 * more bytes are needed, -EBADMSG when it is malformed or its framing is ambiguous (RFC 9112 6.3:
 * both length and chunks, differing lengths, codings other than "chunked"; 3.2: not exactly one
 * Host), -E2BIG with more than HTTP1_HEADERS_MAX headers. Only headers below header_count are
 * written. After 0 or an error head says nothing. One empty line before a request is skipped. */
ssize_t http1_parse_request(const char *data, size_t length, struct http1_head *head);

/* The same for a reply; to_head: it answers a HEAD request, so no body follows. */
ssize_t http1_parse_reply(const char *data, size_t length, bool to_head, struct http1_head *head);

/* Value of the first header called name (without regard to case); data is NULL when absent. */
struct slice http1_header(const struct http1_head *head, const char *name);

/* Where a chunked body is; zeroed at its start. */
struct http1_chunks {
    uint64_t left; /* bytes left of the current chunk */
    int state;     /* private */
    bool done;     /* the last chunk and its trailers have been read */
};

/* Decodes in place: of length bytes at data, *consumed were read and the first returned many of
 * data are now body bytes. All of them are consumed unless the body ends before. -EBADMSG when
 * malformed, or when a size line or the trailers exceed 16 KiB. Stops after the body's end. */
ssize_t http1_dechunk(struct http1_chunks *chunks, char *data, size_t length, size_t *consumed);

#endif
