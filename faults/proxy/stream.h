/* SPDX-License-Identifier: MIT */
/* stream.h - carries one stream of a link: the ways there are to do so, and what they share. */
#ifndef POOLSTORM_FAULTS_PROXY_STREAM_H
#define POOLSTORM_FAULTS_PROXY_STREAM_H

#include "faults/proxy/link.h"

#include <sys/types.h>

/* How a stream is carried at the moment. */
enum pump {
    PUMP_OVER,  /* no more */
    PUMP_SMALL, /* little at a time: small.c */
    PUMP_BULK,  /* much: bulk.c */
    PUMP_CHAIN, /* through faults: faulty.c */
};

/* Each carries a stream until another way is better: which one, or -errno when the link is over. */
int carry_small(struct stream *stream);
int carry_bulk(struct stream *stream);
int carry_faulty(struct stream *stream);

/* Puts what was read into the chain. PUMP_CHAIN, or -ENOMEM. */
int stream_push(struct stream *stream, char *data, size_t size_bytes);

/* Carries a stream until its end, an error or the end of the link's ctx. 0: its end has been handed
 * on; the link is over when both streams are. Otherwise why the link is over now. */
int pump_stream(struct stream *stream);

/* Ends the wait of its fiber, which looks anew at the chain. */
void stream_nudge(struct stream *stream);

/* Parks until fd (-1: none) is ready for events: 0, then; -ETIMEDOUT at until_ns, -EAGAIN for a
 * nudge, or the error of the link's ctx. */
int stream_wait(struct stream *stream, int fd, short events, uint64_t until_ns);

/* Parks until to may take more, or what faults say ends the link. 0 or -errno. */
int stream_wait_room(struct stream *stream);

/* Parks until until_ns, a nudge, or what faults say ends the link. 0 or -errno. */
int stream_wait_time(struct stream *stream, uint64_t until_ns);

/* What a fault has decided upon the link: ends it. */
int stream_obey(struct stream *stream, enum fault_verdict verdict);

/* Lets others run, and the loop see to the kernel. 0, or the error of the link's ctx. */
int stream_breathe(struct stream *stream);

/* Books bytes that were read and go past the chain, or that were sent. */
void stream_received(struct stream *stream, size_t size_bytes);
void stream_sent(struct stream *stream, size_t size_bytes);

/* No fault and nothing else wants to see its bytes. */
bool stream_may_splice(const struct stream *stream);

/* ---- Straight on: forward.c ------------------------------------------------------------------ */

/* Sends what can be sent at once: less than all when there is no room. -errno; unheard is set. */
ssize_t stream_send_some(struct stream *stream, const char *data, size_t size_bytes);

/* Sends all of the caller's bytes, however long that takes. 0 or -errno. */
int stream_send(struct stream *stream, const char *data, size_t size_bytes);

/* Sends all that was read, as whoever follows the link cuts it. shared: the bytes are the inbox's;
 * before it parks, it copies them and all else that has come, so that it holds none of the buffers
 * which all share. 0 or -errno. */
int stream_forward(struct stream *stream, char *data, size_t size_bytes, bool shared);

/* The same for all of what the inbox has given last, on links that are not followed; returns at
 * once. After the next inbox_recv_until, which gave got and data, stream_settle has to see to it:
 * that is done, and what the other side had no room for has been sent slowly, with got's bytes
 * behind it (-EAGAIN then). 0 or -errno. */
void stream_forward_soon(struct stream *stream, size_t size_bytes);
int stream_settle(struct stream *stream, ssize_t *got, char *data);

/* Nothing more comes: for 0, a stream's end, hands that on; otherwise it is why. */
int stream_over(struct stream *stream, ssize_t got);

#endif
