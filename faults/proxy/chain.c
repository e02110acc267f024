/* SPDX-License-Identifier: MIT */
/* chain.c - takes pieces through the faults of a stream, one after another and in order. */
#include "faults/proxy/chain.h"

#include "core/clock.h"
#include "faults/postgres/query.h"
#include "faults/proxy/act.h"
#include "faults/proxy/piece.h"

#include <assert.h>
#include <errno.h>

static struct act *act_of(struct list *link)
{
    return container_of(link, struct act, link);
}

static bool can_step(const struct chain *chain, uint64_t now_ns)
{
    list_each(link, &chain->acts)
        if (act_can_step(chain, act_of(link), now_ns))
            return true;
    return false;
}

/* Everything goes forward only, so one pass does; unless somebody waits for memory that has become
 * free behind it. */
static void chain_run(struct chain *chain, uint64_t now_ns)
{
    do {
        list_each(link, &chain->acts) {
            struct act *act = act_of(link);
            while (act_step(chain, act, now_ns))
                continue;
            act_time(chain, act, now_ns);
        }
    } while (can_step(chain, now_ns));
}

/* ---- Faults come, change, go ----------------------------------------------------------------- */

/* Whether the toxic takes part in this stream at all. */
static bool concerns(const struct chain *chain, const struct toxic *toxic)
{
    const struct fault_type *type = toxic->type;
    return (toxic->stream == chain->stream || toxic->stream == FAULT_BOTH) &&
           (type->on_begin || type->on_piece || type->on_end);
}

static struct act *find_act(const struct chain *chain, const struct toxic *toxic)
{
    list_each(link, &chain->acts)
        if (act_of(link)->toxic == toxic)
            return act_of(link);
    return NULL;
}

static int add(struct chain *chain, struct toxic *toxic, bool established, uint64_t now_ns)
{
    if (!concerns(chain, toxic))
        return 0;
    assert(!find_act(chain, toxic));
    return act_create(chain, toxic, established, now_ns);
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

/* What dead links have queued nobody gets; out may be on its way just now. */
static void bury(struct chain *chain, uint64_t now_ns)
{
    list_each(link, &chain->acts)
        act_bury(chain, act_of(link), now_ns);
}

void chain_fini(struct chain *chain)
{
    if (!chain->peer)
        return;
    uint64_t now_ns = list_empty(&chain->acts) ? 0 : clock_now_ns();
    bury(chain, now_ns);
    while (!list_empty(&chain->acts))
        act_destroy(chain, act_of(chain->acts.next));
    pieces_destroy(&chain->memory, &chain->out);
    room_close(&chain->memory);
    chain->peer = NULL;
}

int chain_add(struct chain *chain, struct toxic *toxic, uint64_t now_ns)
{
    chain_run(chain, now_ns);
    return add(chain, toxic, true, now_ns);
}

void chain_change(struct chain *chain, struct toxic *toxic, uint64_t now_ns)
{
    struct act *act = find_act(chain, toxic);
    if (!act)
        return;
    act_change(chain, act, now_ns);
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
    return room_open(&chain->memory);
}

void chain_no_room(struct chain *chain)
{
    room_close(&chain->memory);
}

int chain_push(struct chain *chain, const struct chain_input *input, uint64_t now_ns)
{
    if (input->size_bytes == 0 && !input->end)
        return 0;
    struct piece *piece = NULL;
    if (!chain->dead) {
        piece = piece_create(&chain->memory, input, now_ns);
        if (!piece)
            return -ENOMEM;
    }
    if (input->size_bytes > 0)
        count_request(chain);
    uint64_t offset = chain->peer->read_bytes[chain->stream];
    chain->peer->read_bytes[chain->stream] += input->size_bytes;
    if (!piece)
        return 0;
    piece->is.offset = offset;
    piece->request = request_of(chain, input);
    chain_run(chain, now_ns);
    struct list *to = &chain->out;
    if (!list_empty(&chain->acts))
        to = &act_of(chain->acts.next)->fresh;
    piece_append(to, piece);
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
        uint64_t act_ns = act_next_ns(act_of(link));
        next_ns = act_ns < next_ns ? act_ns : next_ns;
    }
    return next_ns;
}

bool chain_take(struct chain *chain, uint64_t now_ns, struct chain_item *item)
{
    chain_run(chain, now_ns);
    *item = (struct chain_item){.verdict = chain->verdict};
    if (chain->verdict != FAULT_PASS)
        return true;
    const struct piece *piece = piece_first(&chain->out);
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
    struct piece *piece = piece_first(&chain->out);
    assert(piece && size_bytes <= piece->is.size_bytes - chain->sent_bytes);
    chain->sent_bytes += size_bytes;
    if (chain->sent_bytes < piece->is.size_bytes)
        return;
    chain->sent_bytes = 0;
    if (piece->so_far == FAULT_CLOSE)
        act_decide(chain, FAULT_CLOSE);
    list_remove(&piece->link);
    piece_destroy(&chain->memory, piece);
}
