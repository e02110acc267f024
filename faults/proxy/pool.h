/* SPDX-License-Identifier: MIT */
/* pool.h - what big transfers of all links of a set use, kept from one to the next: buffers and
 * pipes. */
#ifndef POOLSTORM_FAULTS_PROXY_POOL_H
#define POOLSTORM_FAULTS_PROXY_POOL_H

#include "faults/proxy/descriptors.h"

#include <stddef.h>

enum { POOL_BUFFERS = 16, POOL_PIPES = 64 }; /* kept at most */

/* Zeroed but for descriptors: nothing is kept. */
struct pool {
    struct descriptors *descriptors; /* that pipes take; outlive it */
    char *buffers[POOL_BUFFERS];
    struct pipe {
        int in, out;       /* ends; non-blocking */
        size_t held_bytes; /* in it, if it is in use */
    } pipes[POOL_PIPES];
    size_t buffers_kept, pipes_kept;
};

/* With 128 KiB at once a byte costs a quarter more CPU. */
enum { COPY_BYTES = 512 << 10, PIPE_BYTES = 512 << 10 };

/* COPY_BYTES; NULL without memory. */
char *pool_take_buffer(struct pool *pool);
void pool_give_buffer(struct pool *pool, char *buffer);

/* An empty one. 0 or -errno. It may come back with bytes in it. */
int pool_take_pipe(struct pool *pool, struct pipe *pipe);
void pool_give_pipe(struct pool *pool, const struct pipe *pipe);

/* Closes the pipes that are kept. */
void pool_trim(struct pool *pool);

void pool_fini(struct pool *pool);

#endif
