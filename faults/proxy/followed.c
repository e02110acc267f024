/* SPDX-License-Identifier: MIT */
/* followed.c - links whose protocol is followed: their bytes cut where queries begin and are
 * answered, and queries that faults make fail or be late at the server. */
#include "faults/proxy/followed.h"

#include "faults/proxy/stream.h"

#include <errno.h>
#include <stdlib.h>

struct followed {
    struct follow *follow; /* the protocol */
    uint64_t queries;      /* counted for the proxy so far */
    bool over;             /* nothing is to be followed any more */
};

/* ---- Of a link ------------------------------------------------------------------------------- */

bool proxy_is_followed(const struct proxy *proxy)
{
    return proxy->protocol == PROXY_POSTGRES;
}

int followed_create(struct link *link)
{
    if (!proxy_is_followed(link->proxy))
        return 0;
    struct followed *followed = calloc(1, sizeof(*followed));
    if (!followed)
        return -ENOMEM;
    int rc = follow_create(&followed->follow, NULL);
    if (rc) {
        free(followed);
        return rc;
    }
    link->followed = followed;
    link->peer.followed = true;
    return 0;
}

void followed_destroy(struct link *link)
{
    if (link->followed)
        follow_destroy(link->followed->follow);
    free(link->followed);
    link->followed = NULL;
}

void followed_want(struct link *link, bool wanted)
{
    if (link->followed && !link->followed->over)
        follow_want(link->followed->follow, wanted);
}

bool followed_is_encrypted(const struct link *link)
{
    return link->followed && follow_state(link->followed->follow) == FOLLOW_ENCRYPTED;
}

bool link_is_followed(const struct link *link)
{
    return link->followed && !link->followed->over;
}

/* ---- Cutting --------------------------------------------------------------------------------- */

/* Counts what has become known of the link. */
static void count(struct link *link)
{
    struct followed *followed = link->followed;
    struct proxy_figures *figures = &link->proxy->figures;
    uint64_t queries = follow_queries(followed->follow);
    figures->queries += queries - followed->queries;
    followed->queries = queries;
    if (!follow_is_over(followed->follow))
        return;
    followed->over = true;
    link->peer.followed = false;
    figures->opaque_links += follow_state(followed->follow) != FOLLOW_CANCEL;
}

bool followed_cut(struct stream *stream, struct follow_bytes *bytes, struct chain_input *input)
{
    struct link *link = stream->link;
    struct follow_piece piece;
    *input = (struct chain_input){0};
    if (!link_is_followed(link)) {
        input->data = bytes->data;
        input->size_bytes = bytes->size_bytes;
        bytes->size_bytes = 0;
        return input->size_bytes > 0;
    }
    bool more = follow_next(link->followed->follow, stream->way, bytes, &piece);
    if (!more) {
        count(link);
        return false;
    }
    if (piece.query && stream->way == FAULT_UPSTREAM)
        toxic_peer_query(&link->peer, piece.query);
    *input = (struct chain_input){.data = piece.data,
                                  .size_bytes = piece.size_bytes,
                                  .query = piece.query,
                                  .committed = piece.committed};
    return true;
}

bool followed_rest(struct stream *stream, struct chain_input *input)
{
    struct link *link = stream->link;
    struct follow_piece piece;
    if (!link_is_followed(link) || !follow_rest(link->followed->follow, stream->way, &piece))
        return false;
    *input = (struct chain_input){.data = piece.data, .size_bytes = piece.size_bytes};
    return true;
}

/* ---- Rewriting ------------------------------------------------------------------------------- */

/* How late its query still is to be, held since since_ns. A fault that goes or changes takes its
 * part of that back at any time. */
static uint64_t late_still_ns(const struct fault_piece *piece, uint64_t since_ns)
{
    uint64_t until_ns = clock_after(since_ns, piece->late_ns), now_ns = clock_now_ns();
    return until_ns > now_ns ? until_ns - now_ns : 0;
}

/* Holds it until no more than rest_ns of that is left. 0, or why the link is over. */
static int hold_back(struct stream *stream, const struct fault_piece *piece, uint64_t since_ns,
                     uint64_t rest_ns)
{
    uint64_t late_ns;
    while ((late_ns = late_still_ns(piece, since_ns)) > rest_ns) {
        uint64_t due_ns = chain_due_ns(&stream->chain);
        uint64_t until_ns = clock_after(clock_now_ns(), late_ns - rest_ns);
        int rc = stream_wait_time(stream, due_ns < until_ns ? due_ns : until_ns);
        if (rc)
            return rc;
    }
    return 0;
}

/* Has the server be late by itself, as far as it can be and that may be left to it. */
static int make_late(struct stream *stream, const struct fault_piece *piece,
                     struct follow_rewrite *rewrite)
{
    uint64_t since_ns = clock_now_ns();
    int rc = hold_back(stream, piece, since_ns, FOLLOW_LATE_NS_MAX);
    if (rc || follow_late(stream->link->followed->follow, piece->query, piece->size_bytes,
                          late_still_ns(piece, since_ns), rewrite))
        return rc;
    return hold_back(stream, piece, since_ns, 0);
}

int followed_rewrite(struct stream *stream, const struct chain_item *item)
{
    struct link *link = stream->link;
    struct follow_rewrite rewrite = {0};
    const struct fault_piece *piece = item->piece;
    if (!link_is_followed(link) || !piece->query)
        return 0;
    int rc = 0;
    if (item->verdict == FAULT_FAIL && piece->error)
        (void)follow_fail(link->followed->follow, piece->query, piece->error->sqlstate,
                          piece->error->message, &rewrite); /* or it is sent as it is */
    else
        rc = make_late(stream, piece, &rewrite);
    if (rc)
        return rc;
    stream->behind = rewrite.after;
    stream->behind_bytes = rewrite.after_bytes;
    rc = stream_send(stream, rewrite.before, rewrite.before_bytes);
    stream->skip_bytes = rewrite.skip_bytes;
    return rc;
}
