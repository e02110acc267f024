/* SPDX-License-Identifier: MIT */
/* stream.h - the two ways through a proxied connection. */
#ifndef POOLSTORM_FAULTS_STREAM_H
#define POOLSTORM_FAULTS_STREAM_H

enum fault_stream {
    FAULT_UPSTREAM,   /* from the client to the server */
    FAULT_DOWNSTREAM, /* from the server to the client: the default */
    FAULT_BOTH,       /* as asked for, never as seen by a hook: one state a stream */
};

extern const char *const fault_stream_names[]; /* ends with NULL */

#endif
