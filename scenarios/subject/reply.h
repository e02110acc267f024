/* SPDX-License-Identifier: MIT */
/* reply.h - the heads of the service's answers. */
#ifndef POOLSTORM_SUBJECT_REPLY_H
#define POOLSTORM_SUBJECT_REPLY_H

#include <stdbool.h>
#include <stddef.h>

/* Longest head reply_write_head writes. */
enum { REPLY_HEAD_MAX = 256 };

/* A status the service answers with; the table ends with status 0 and is shorter than
 * COUNTERS_STATUSES. */
struct reply_status {
    int status;
    const char *reason; /* the words behind it */
};

extern const struct reply_status reply_statuses[];

/* Its index in the table; that of 500 for one that is not in it. */
unsigned reply_status_index(int status);

/* What goes into a head beside the status. */
struct reply_head {
    int status;
    const char *content_type;
    const char *allow;   /* value of Allow, or NULL */
    size_t length_bytes; /* of the body */
    int minor;           /* of the request's HTTP version */
    bool keep_alive;
};

/* Writes the head to out, which has REPLY_HEAD_MAX bytes. Returns its length. */
size_t reply_write_head(char *out, const struct reply_head *head);

#endif
