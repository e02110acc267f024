/* SPDX-License-Identifier: MIT */
/* pool.c - buffers and pipes for big transfers, kept from one to the next. */
#include "faults/proxy/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { PIPE_DESCRIPTORS = 2 };

char *pool_take_buffer(struct pool *pool)
{
    return pool->buffers_kept > 0 ? pool->buffers[--pool->buffers_kept] : malloc(COPY_BYTES);
}

void pool_give_buffer(struct pool *pool, char *buffer)
{
    if (pool->buffers_kept < POOL_BUFFERS)
        pool->buffers[pool->buffers_kept++] = buffer;
    else
        free(buffer);
}

static void close_pipe(struct pool *pool, const struct pipe *pipe)
{
    (void)close(pipe->in);
    (void)close(pipe->out);
    descriptors_give(pool->descriptors, PIPE_DESCRIPTORS);
}

int pool_take_pipe(struct pool *pool, struct pipe *pipe)
{
    if (pool->pipes_kept > 0) {
        *pipe = pool->pipes[--pool->pipes_kept];
        return 0;
    }
    int ends[PIPE_DESCRIPTORS];
    if (!descriptors_take(pool->descriptors, PIPE_DESCRIPTORS))
        return -EMFILE;
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        int rc = -errno;
        descriptors_give(pool->descriptors, PIPE_DESCRIPTORS);
        return rc;
    }
    /* Refused where the user has too much in pipes already; a small one does, too. */
    (void)fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES);
    *pipe = (struct pipe){.in = ends[1], .out = ends[0]};
    return 0;
}

void pool_give_pipe(struct pool *pool, const struct pipe *pipe)
{
    if (pipe->held_bytes == 0 && pool->pipes_kept < POOL_PIPES)
        pool->pipes[pool->pipes_kept++] = *pipe;
    else
        close_pipe(pool, pipe);
}

void pool_trim(struct pool *pool)
{
    while (pool->pipes_kept > 0)
        close_pipe(pool, &pool->pipes[--pool->pipes_kept]);
}

void pool_fini(struct pool *pool)
{
    while (pool->buffers_kept > 0)
        free(pool->buffers[--pool->buffers_kept]);
    pool_trim(pool);
}
