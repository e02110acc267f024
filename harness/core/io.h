/* SPDX-License-Identifier: MIT */
/* io.h - file descriptors on the ring: read, write, poll, signals. Each call parks its fiber. */
#ifndef POOLSTORM_CORE_IO_H
#define POOLSTORM_CORE_IO_H

#include "core/ctx.h"

#include <signal.h>
#include <stddef.h>
#include <sys/types.h>

/* Every call returns a count or 0, or -errno; -ECANCELED or -ETIMEDOUT when ctx ended first. */

/* From the current position. 0: end of file. */
ssize_t io_read(struct ctx *ctx, int fd, void *buffer, size_t size_bytes);

/* All of it, in as many writes as it takes. Returns 0 or -errno. */
int io_write_all(struct ctx *ctx, int fd, const void *data, size_t size_bytes);

/* Waits for POLLIN, POLLOUT, …; returns what came. */
int io_poll(struct ctx *ctx, int fd, short events);

/* ---- Becoming readable, again and again -------------------------------------------------------
 */

/* One request to the kernel that serves all the waiting for a descriptor's input: half of what
 * io_poll costs, which makes a request each time. Belongs to its ring's thread, and to one fiber at
 * a time. What it tells is that input ARRIVED, once: whoever did not read all of it must look for
 * the rest himself (io_poll does). That the peer has closed is told every time. */
struct io_alert;

/* fd must stay open, and stays open in the kernel, until io_alert_destroy. -ENOMEM. */
int io_alert_create(struct io_alert **out, int fd);

/* Does not wait; nobody may be waiting for it. NULL is allowed. */
void io_alert_destroy(struct io_alert *alert);

/* Forgets input that arrived until now. */
void io_alert_forget(struct io_alert *alert);

/* Waits until input has arrived since the last call (or io_alert_forget); there may be none of it
 * after all. 0, or the ctx's error: also when ctx ended before and input is there. */
int io_alert_wait(struct ctx *ctx, struct io_alert *alert);

/* ---- Signals and files ------------------------------------------------------------------------
 */

/* Waits for a signal of the set (blocked by the caller on all threads) and returns its number. */
int io_signal(struct ctx *ctx, int signal_fd);

/* Reads a whole (small) file, such as those of /proc, without the ring. The caller frees *text,
 * which is NUL-terminated. 0 or -errno; -EFBIG beyond limit_bytes. */
int io_read_file(const char *path, size_t limit_bytes, char **text, size_t *length);

/* Lets the process open as many descriptors as it may (RLIMIT_NOFILE's soft limit becomes the hard
 * one): every connection is one. Best effort; too few show as EMFILE later. */
void io_raise_descriptor_limit(void);

#endif
