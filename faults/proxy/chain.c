/* SPDX-License-Identifier: MIT */
/* chain.c - takes pieces through the faults of a stream, one after another and in order. */
#include "faults/proxy/chain.h"

#include "core/clock.h"
#include "faults/postgres/follow.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Bytes as they were read; pieces are parts of it. */
struct chain_block {
    size_t pieces; /* that are parts of it */
    bool roomy;    /* CHAIN_ROOM_BYTES fit */
    char data[];
};

struct piece {
    struct list link;          /* in an act's fresh or waiting, or in out */
    struct fault_piece is;     /* what hooks see */
    const struct query *query; /* held; is.query, or NULL */
    struct chain_block *block; /* is.data points into it; NULL: no bytes */
    struct fault_error error;  /* what is.error points to; message is of malloc */
    uint64_t request;          /* that it belongs to */
    enum fault_verdict so_far; /* of the faults it has left behind */
    enum fault_verdict here;   /* of the one it waits at */
    bool delayed;              /* by the one it waits at */
    bool rest;                 /* was cut off; not shown before the part before it has left */
};

/* What a toxic does in one stream. */
struct act {
    struct list link;       /* in chain.acts */
    struct toxic *toxic;    /* outlives it */
    struct list fresh;      /* pieces that it has not seen */
    struct list waiting;    /* that it has seen, until they are due */
    struct fault_link seen; /* the stream, for hooks */
    struct rng rng;
    uint64_t time_ns; /* of on_time */
    uint64_t touched; /* for toxic_touch */
    bool chosen;      /* by source and toxicity */
    bool begun;       /* on_begin was called */
    _Alignas(max_align_t) char own[];
};

static struct piece *first_of(const struct list *list)
{
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): see list_pop_front */
    return list_empty(list) ? NULL : container_of(list->next, struct piece, link);
}

static struct piece *take_first(struct list *list)
{
    struct list *link = list_pop_front(list);
    return link ? container_of(link, struct piece, link) : NULL;
}

static void append(struct list *list, struct piece *piece)
{
    assert(list->prev); /* for the analyzer, which loses track of relinked nodes */
    list_push_back(list, &piece->link);
}

static struct piece *last_of(const struct list *list)
{
    return list_empty(list) ? NULL : container_of(list->prev, struct piece, link);
}

/* ---- Pieces ---------------------------------------------------------------------------------- */

/* What could be read into again is kept, for one. */
static void block_let_go(struct chain *chain, struct chain_block *block)
{
    if (!block || --block->pieces > 0)
        return;
    if (block->roomy && !chain->room)
        chain->room = block;
    else
        free(block);
}

static void piece_destroy(struct chain *chain, struct piece *piece)
{
    block_let_go(chain, piece->block);
    chain->queued_bytes -= sizeof(*piece) + piece->is.size_bytes;
    query_release(piece->query);
    free((char *)(uintptr_t)piece->error.message);
    free(piece);
}

static void pieces_destroy(struct chain *chain, struct list *list)
{
    struct piece *piece;
    while ((piece = take_first(list)))
        piece_destroy(chain, piece);
}

/* The input's bytes, in memory of the chain's. NULL without. */
static struct chain_block *block_create(struct chain *chain, const struct chain_input *input)
{
    struct chain_block *block = chain->room;
    if (block && input->data == block->data && input->size_bytes >= CHAIN_ROOM_BYTES / 2) {
        chain->room = NULL;
    } else {
        block = malloc(sizeof(*block) + input->size_bytes);
        if (!block)
            return NULL;
        block->roomy = false;
        memcpy(block->data, input->data, input->size_bytes);
    }
    block->pieces = 1;
    return block;
}

static struct piece *piece_create(struct chain *chain, const struct chain_input *input,
                                  uint64_t now_ns)
{
    struct piece *piece = calloc(1, sizeof(*piece));
    if (!piece)
        return NULL;
    if (input->size_bytes > 0) {
        piece->block = block_create(chain, input);
        if (!piece->block) {
            free(piece);
            return NULL;
        }
        piece->is.data = piece->block->data;
    }
    piece->is.size_bytes = input->size_bytes;
    piece->is.arrived_ns = piece->is.due_ns = now_ns;
    piece->is.offset = chain->peer->read_bytes[chain->stream];
    piece->is.end = input->end;
    piece->is.query = piece->query = query_hold(input->query);
    piece->is.committed = input->committed;
    chain->queued_bytes += sizeof(*piece) + input->size_bytes;
    return piece;
}

/* Makes what lies behind size_bytes of a piece, which has now that size, a piece of its own; the
 * piece is as before when there is no memory for it. */
static struct piece *piece_cut(struct chain *chain, struct piece *piece,
                               const struct fault_piece *was)
{
    struct piece *rest = calloc(1, sizeof(*rest));
    if (!rest) {
        piece->is.size_bytes = was->size_bytes;
        return NULL;
    }
    size_t size_bytes = piece->is.size_bytes;
    rest->is = *was;
    rest->is.data = was->data + size_bytes;
    rest->is.size_bytes = was->size_bytes - size_bytes;
    rest->is.offset = was->offset + size_bytes;
    rest->is.query = NULL; /* begins in the part before */
    rest->is.error = NULL; /* which may live in the part before, and goes with it */
    rest->is.committed = false;
    rest->is.late_ns = 0;
    rest->block = piece->block;
    rest->block->pieces++;
    rest->request = piece->request;
    rest->so_far = piece->so_far;
    rest->rest = true;
    if (rest->so_far == FAULT_CLOSE)
        piece->so_far = FAULT_PASS; /* a close comes behind the last byte */
    else
        rest->so_far = FAULT_PASS; /* what fails does so at its beginning */
    chain->queued_bytes += sizeof(*rest);
    return rest;
}

/* Keeps the error for as long as the piece; without memory its text is left out. */
static void piece_keep_error(struct piece *piece)
{
    if (!piece->is.error || piece->is.error == &piece->error)
        return;
    free((char *)(uintptr_t)piece->error.message);
    piece->error = *piece->is.error;
    piece->error.message = piece->error.message ? strdup(piece->error.message) : NULL;
    piece->is.error = &piece->error;
}

/* ---- An act ---------------------------------------------------------------------------------- */

/* FAIL gives way to an end of the link; an end is kept. */
static enum fault_verdict both_verdicts(enum fault_verdict so_far, enum fault_verdict here)
{
    if (so_far == FAULT_RESET || here == FAULT_RESET)
        return FAULT_RESET;
    if (so_far == FAULT_CLOSE || here == FAULT_CLOSE)
        return FAULT_CLOSE;
    return here == FAULT_PASS ? so_far : here;
}

static void decide(struct chain *chain, enum fault_verdict verdict)
{
    if (verdict == FAULT_CLOSE || verdict == FAULT_RESET)
        chain->verdict = both_verdicts(chain->verdict, verdict);
}

static struct list *behind(struct chain *chain, const struct act *act)
{
    if (act->link.next == &chain->acts)
        return &chain->out;
    return &container_of(act->link.next, struct act, link)->fresh;
}

/* Sends a piece on, from an act that it has just been taken out of. */
static void leave(struct chain *chain, struct act *act, struct piece *piece, uint64_t now_ns)
{
    if (piece->delayed)
        toxic_release(act->toxic, chain->peer, now_ns, act->touched);
    piece->delayed = piece->rest = false;
    piece->so_far = both_verdicts(piece->so_far, piece->here);
    piece->here = FAULT_PASS;
    if (piece->so_far == FAULT_RESET) { /* nothing else is worth waiting for */
        decide(chain, FAULT_RESET);
        piece_destroy(chain, piece);
        return;
    }
    if (piece->is.due_ns == CLOCK_NEVER || piece->is.due_ns > now_ns)
        piece->is.due_ns = now_ns; /* let go early */
    append(behind(chain, act), piece);
}

static void act_begin(struct act *act, uint64_t now_ns)
{
    const struct fault_type *type = act->toxic->type;
    if (!act->begun)
        act->seen.begun_ns = now_ns;
    act->begun = true;
    act->time_ns = CLOCK_NEVER;
    if (type->on_begin)
        act->time_ns = type->on_begin(act->toxic->settings, act->own, &act->seen, now_ns);
}

/* Shows a piece to the hook; whether it is still there. */
static bool act_show(struct chain *chain, struct act *act, struct piece *piece, uint64_t now_ns)
{
    struct toxic *toxic = act->toxic;
    struct fault_piece was = piece->is;
    piece->is.changed = false;
    enum fault_verdict verdict =
        toxic->type->on_piece(toxic->settings, act->own, &act->seen, &piece->is);
    if (piece->is.due_ns < was.due_ns)
        piece->is.due_ns = was.due_ns;
    bool cut = piece->is.size_bytes < was.size_bytes;
    assert(piece->is.size_bytes <= was.size_bytes);
    assert(!cut || piece->is.size_bytes > 0 || verdict == FAULT_CLOSE); /* or it would never end */
    bool delayed = piece->is.due_ns > was.due_ns;
    bool changed = piece->is.changed || piece->is.late_ns != was.late_ns;
    if (cut || delayed || changed || verdict != FAULT_PASS) {
        size_t bytes = verdict == FAULT_PASS ? piece->is.size_bytes : was.size_bytes;
        toxic_touch(toxic, chain->peer, bytes, now_ns, &act->touched);
        toxic->effects.pieces++;
    }
    if (verdict == FAULT_CLOSE && cut) {
        chain->queued_bytes -= was.size_bytes - piece->is.size_bytes;
    } else if (cut) {
        struct piece *rest = piece_cut(chain, piece, &was);
        if (rest)
            list_push_front(&act->fresh, &rest->link);
    }
    piece_keep_error(piece);
    piece->delayed = delayed;
    piece->here = verdict;
    return verdict != FAULT_DROP;
}

/* A piece that nobody gets: what earlier faults wanted of the link is kept. */
static void drop(struct chain *chain, struct act *act, struct piece *piece)
{
    enum fault_verdict so_far = piece->so_far;
    if (so_far != FAULT_CLOSE) {
        piece_destroy(chain, piece);
        return;
    }
    chain->queued_bytes -= piece->is.size_bytes;
    piece->is.size_bytes = 0;
    piece->here = FAULT_PASS;
    piece->delayed = false;
    append(&act->waiting, piece);
}

/* Takes in one piece that the act has not seen. */
static void act_admit(struct chain *chain, struct act *act, struct piece *piece, uint64_t now_ns)
{
    const struct toxic *toxic = act->toxic;
    const struct piece *last = last_of(&act->waiting);
    piece->rest = false;
    if (act->chosen && toxic_wants(toxic, piece->request)) {
        if (!act->begun)
            act_begin(act, now_ns);
        if (toxic->type->on_piece && !act_show(chain, act, piece, now_ns)) {
            drop(chain, act, piece);
            return;
        }
    }
    if (last && piece->is.due_ns < last->is.due_ns)
        piece->is.due_ns = last->is.due_ns;
    piece->delayed = piece->delayed && piece->is.due_ns > now_ns;
    if (piece->delayed)
        toxic_hold(act->toxic);
    append(&act->waiting, piece);
}

/* One thing that can be done at an act; false when there is none. */
static bool act_step(struct chain *chain, struct act *act, uint64_t now_ns)
{
    struct piece *piece = first_of(&act->waiting);
    if (piece && piece->is.due_ns <= now_ns) {
        list_remove(&piece->link);
        leave(chain, act, piece, now_ns);
        return true;
    }
    struct piece *fresh = first_of(&act->fresh);
    if (!fresh || (fresh->rest && piece))
        return false;
    list_remove(&fresh->link);
    act_admit(chain, act, fresh, now_ns);
    return true;
}

static void act_time(struct chain *chain, struct act *act, uint64_t now_ns)
{
    if (act->time_ns > now_ns)
        return;
    act->time_ns = CLOCK_NEVER;
    enum fault_verdict verdict = act->toxic->type->on_time(act->toxic->settings, act->own,
                                                           &act->seen, now_ns, &act->time_ns);
    if (verdict == FAULT_PASS)
        return;
    toxic_touch(act->toxic, chain->peer, 0, now_ns, &act->touched);
    decide(chain, verdict);
}

/* Everything goes forward only, so one pass does. */
static void chain_run(struct chain *chain, uint64_t now_ns)
{
    list_each(link, &chain->acts) {
        struct act *act = container_of(link, struct act, link);
        while (act_step(chain, act, now_ns)) /* NOLINT(clang-analyzer-unix.Malloc): as above */
            continue;
        act_time(chain, act, now_ns);
    }
}

/* Lets everything go on that is at the act, seen by it or not. */
static void act_release(struct chain *chain, struct act *act, bool unseen, uint64_t now_ns)
{
    struct piece *piece;
    while ((piece = take_first(&act->waiting))) {
        piece->here = FAULT_PASS;
        leave(chain, act, piece, now_ns);
    }
    while (unseen && (piece = take_first(&act->fresh)))
        leave(chain, act, piece, now_ns);
}

/* ---- The chain ------------------------------------------------------------------------------- */

/* Whether the toxic takes part in this stream at all. */
static bool concerns(const struct chain *chain, const struct toxic *toxic)
{
    const struct fault_type *type = toxic->type;
    return (toxic->stream == chain->stream || toxic->stream == FAULT_BOTH) &&
           (type->on_begin || type->on_piece || type->on_end);
}

static struct act *find_act(const struct chain *chain, const struct toxic *toxic)
{
    list_each(link, &chain->acts) {
        struct act *act = container_of(link, struct act, link);
        if (act->toxic == toxic)
            return act;
    }
    return NULL;
}

/* Begins to act where it is chosen; where requests are counted, with the first of them. */
static void act_choose(struct chain *chain, struct act *act, uint64_t now_ns)
{
    act->chosen = toxic_chooses(act->toxic, chain->peer, chain->stream);
    if (!act->chosen)
        return;
    chain->acting++;
    if (act->begun || !toxic_counts(act->toxic))
        act_begin(act, now_ns);
}

static int add(struct chain *chain, struct toxic *toxic, bool established, uint64_t now_ns)
{
    if (!concerns(chain, toxic))
        return 0;
    assert(!find_act(chain, toxic));
    struct act *act = calloc(1, sizeof(*act) + toxic->type->own_bytes);
    if (!act)
        return -ENOMEM;
    act->toxic = toxic;
    act->time_ns = CLOCK_NEVER;
    act->seen = (struct fault_link){
        .number = chain->peer->number,
        .stream = chain->stream,
        .established = established,
        .rng = &act->rng,
    };
    toxic_rng(toxic, chain->peer, chain->stream, "pieces", &act->rng);
    list_init(&act->fresh);
    list_init(&act->waiting);
    list_push_back(&chain->acts, &act->link);
    act_choose(chain, act, now_ns);
    return 0;
}

int chain_init(struct chain *chain, struct toxic_peer *peer, enum fault_stream stream,
               uint64_t now_ns)
{
    assert(stream != FAULT_BOTH);
    *chain = (struct chain){.peer = peer, .stream = stream};
    list_init(&chain->acts);
    list_init(&chain->out);
    list_each(link, &peer->toxics->list) {
        int rc = add(chain, container_of(link, struct toxic, of_all), false, now_ns);
        if (rc) {
            chain_fini(chain);
            return rc;
        }
    }
    return 0;
}

static void act_destroy(struct chain *chain, struct act *act)
{
    list_remove(&act->link);
    pieces_destroy(chain, &act->fresh);
    if (act->chosen)
        chain->acting--;
    free(act);
}

void chain_fini(struct chain *chain)
{
    if (!chain->peer)
        return;
    uint64_t now_ns = list_empty(&chain->acts) ? 0 : clock_now_ns();
    while (!list_empty(&chain->acts)) {
        struct act *act = container_of(chain->acts.next, struct act, link);
        list_each(link, &act->waiting)
            if (container_of(link, struct piece, link)->delayed)
                toxic_release(act->toxic, chain->peer, now_ns, act->touched);
        pieces_destroy(chain, &act->waiting);
        act_destroy(chain, act);
    }
    pieces_destroy(chain, &chain->out);
    chain_no_room(chain);
    chain->peer = NULL;
}

int chain_add(struct chain *chain, struct toxic *toxic, uint64_t now_ns)
{
    chain_run(chain, now_ns);
    return add(chain, toxic, true, now_ns);
}

/* A fault ends for this stream. */
static void act_end(struct chain *chain, struct act *act, uint64_t now_ns)
{
    const struct fault_type *type = act->toxic->type;
    enum fault_verdict verdict = FAULT_PASS;
    if (act->chosen && act->begun && type->on_end)
        verdict = type->on_end(act->toxic->settings, act->own, &act->seen);
    if (verdict != FAULT_PASS)
        toxic_touch(act->toxic, chain->peer, 0, now_ns, &act->touched);
    decide(chain, verdict);
    chain->dead = chain->dead || verdict == FAULT_DROP;
}

/* What dead links have queued nobody gets; out may be on its way just now. */
static void bury(struct chain *chain, uint64_t now_ns)
{
    list_each(link, &chain->acts) {
        struct act *act = container_of(link, struct act, link);
        struct piece *piece;
        while ((piece = take_first(&act->waiting))) {
            if (piece->delayed)
                toxic_release(act->toxic, chain->peer, now_ns, act->touched);
            piece_destroy(chain, piece);
        }
        pieces_destroy(chain, &act->fresh);
    }
}

void chain_change(struct chain *chain, struct toxic *toxic, uint64_t now_ns)
{
    struct act *act = find_act(chain, toxic);
    if (!act)
        return;
    bool was_chosen = act->chosen;
    act_release(chain, act, false, now_ns);
    if (act->chosen)
        chain->acting--;
    act_choose(chain, act, now_ns);
    if (was_chosen && !act->chosen) {
        act->chosen = true; /* for the hook: it is only now that it ends */
        act_end(chain, act, now_ns);
        act->chosen = act->begun = false;
        act->time_ns = CLOCK_NEVER;
        memset(act->own, 0, toxic->type->own_bytes);
    }
    if (chain->dead)
        bury(chain, now_ns);
    chain_run(chain, now_ns);
}

void chain_remove(struct chain *chain, struct toxic *toxic, uint64_t now_ns)
{
    struct act *act = find_act(chain, toxic);
    if (!act)
        return;
    act_end(chain, act, now_ns);
    if (chain->dead)
        bury(chain, now_ns);
    act_release(chain, act, true, now_ns);
    act_destroy(chain, act);
    chain_run(chain, now_ns);
}

/* ---- In and out ------------------------------------------------------------------------------ */

/* On a link that nobody follows, a request is what goes up after something came down. */
static void count_request(struct chain *chain)
{
    struct toxic_peer *peer = chain->peer;
    if (chain->stream == FAULT_DOWNSTREAM) {
        peer->answered = true;
    } else if (!peer->followed && (peer->answered || peer->request == 0)) {
        peer->request = ++peer->toxics->requests;
        peer->answered = false;
    }
}

void chain_note(struct chain *chain, size_t size_bytes)
{
    if (size_bytes > 0)
        count_request(chain);
    chain->peer->read_bytes[chain->stream] += size_bytes;
}

/* The request that what is pushed belongs to. */
static uint64_t request_of(struct chain *chain, const struct chain_input *input)
{
    if (!chain->peer->followed)
        return chain->peer->request;
    if (input->query)
        chain->request = input->query->request;
    return chain->request;
}

char *chain_room(struct chain *chain)
{
    if (chain->room)
        return chain->room->data;
    struct chain_block *block = malloc(sizeof(*block) + CHAIN_ROOM_BYTES);
    if (!block)
        return NULL;
    *block = (struct chain_block){.roomy = true};
    chain->room = block;
    return block->data;
}

void chain_no_room(struct chain *chain)
{
    free(chain->room);
    chain->room = NULL;
}

int chain_push(struct chain *chain, const struct chain_input *input, uint64_t now_ns)
{
    if (input->size_bytes == 0 && !input->end)
        return 0;
    struct piece *piece = NULL;
    if (!chain->dead) {
        piece = piece_create(chain, input, now_ns);
        if (!piece)
            return -ENOMEM;
    }
    if (input->size_bytes > 0)
        count_request(chain);
    chain->peer->read_bytes[chain->stream] += input->size_bytes;
    if (!piece)
        return 0;
    piece->request = request_of(chain, input);
    chain_run(chain, now_ns);
    struct list *to = &chain->out;
    if (!list_empty(&chain->acts))
        to = &container_of(chain->acts.next, struct act, link)->fresh;
    append(to, piece);
    chain_run(chain, now_ns);
    return 0;
}

uint64_t chain_next_ns(const struct chain *chain)
{
    return list_empty(&chain->out) ? chain_due_ns(chain) : 0;
}

uint64_t chain_due_ns(const struct chain *chain)
{
    if (chain->verdict != FAULT_PASS)
        return 0;
    uint64_t next_ns = CLOCK_NEVER;
    list_each(link, &chain->acts) {
        const struct act *act = container_of(link, struct act, link);
        const struct piece *piece = first_of(&act->waiting);
        if (piece && piece->is.due_ns < next_ns)
            next_ns = piece->is.due_ns;
        if (act->time_ns < next_ns)
            next_ns = act->time_ns;
    }
    return next_ns;
}

bool chain_take(struct chain *chain, uint64_t now_ns, struct chain_item *item)
{
    chain_run(chain, now_ns);
    *item = (struct chain_item){.verdict = chain->verdict};
    if (chain->verdict != FAULT_PASS)
        return true;
    const struct piece *piece = first_of(&chain->out);
    if (!piece)
        return false;
    size_t left_bytes = piece->is.size_bytes - chain->sent_bytes;
    if (piece->so_far == FAULT_CLOSE && left_bytes == 0) {
        item->verdict = FAULT_CLOSE;
        return true;
    }
    item->verdict = piece->so_far == FAULT_FAIL ? FAULT_FAIL : FAULT_PASS;
    item->data = left_bytes ? piece->is.data + chain->sent_bytes : NULL;
    item->size_bytes = left_bytes;
    item->end = piece->is.end;
    item->piece = &piece->is;
    return true;
}

void chain_sent(struct chain *chain, size_t size_bytes)
{
    struct piece *piece = first_of(&chain->out);
    assert(piece && size_bytes <= piece->is.size_bytes - chain->sent_bytes);
    chain->sent_bytes += size_bytes;
    if (chain->sent_bytes < piece->is.size_bytes)
        return;
    chain->sent_bytes = 0;
    if (piece->so_far == FAULT_CLOSE)
        decide(chain, FAULT_CLOSE);
    list_remove(&piece->link);
    piece_destroy(chain, piece);
}
