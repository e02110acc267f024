/* SPDX-License-Identifier: MIT */
/* followed.c - links whose protocol is followed: their bytes cut where queries begin and are
 * answered, and queries that faults make fail or be late at the server. */
#include "faults/proxy/internal.h"

#include <errno.h>
#include <stdlib.h>

struct followed {
    struct follow *follow; /* the protocol */
    uint64_t queries;      /* counted for the proxy so far */
    bool over;             /* nothing is to be followed any more */
};

/* ---- Of a link ------------------------------------------------------------------------------- */

int followed_create(struct link *link)
{
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
    link->wanted = wanted;
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

/* The server cannot be late with it by itself: it gets it late. Over when nobody wants that any
 * more. */
static int hold_back(struct stream *stream, uint64_t late_ns)
{
    struct link *link = stream->link;
    uint64_t until_ns = clock_after(clock_now_ns(), late_ns);
    while (link->wanted && clock_now_ns() < until_ns) {
        uint64_t due_ns = chain_due_ns(&stream->chain);
        int rc = stream_wait_time(stream, due_ns < until_ns ? due_ns : until_ns);
        if (rc)
            return rc;
    }
    return 0;
}

int followed_rewrite(struct stream *stream, const struct chain_item *item)
{
    struct link *link = stream->link;
    struct follow_rewrite rewrite = {0};
    const struct fault_piece *piece = item->piece;
    if (!link_is_followed(link) || !piece->query)
        return 0;
    struct follow *follow = link->followed->follow;
    if (item->verdict == FAULT_FAIL && piece->error)
        (void)follow_fail(follow, piece->query, piece->error,
                          &rewrite); /* or it is sent as it is */
    else if (!follow_late(follow, piece->query, piece->size_bytes, piece->late_ns, &rewrite))
        return hold_back(stream, piece->late_ns);
    stream->behind = rewrite.after;
    stream->behind_bytes = rewrite.after_bytes;
    int rc = stream_send(stream, rewrite.before, rewrite.before_bytes);
    stream->skip_bytes = rewrite.skip_bytes;
    return rc;
}
