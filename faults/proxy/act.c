/* SPDX-License-Identifier: MIT */
/* act.c - shows pieces to the hooks of one fault, holds them until they are due, and sends them on.
 */
#include "faults/proxy/act.h"

#include "core/clock.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Verdicts -------------------------------------------------------------------------------- */

/* FAIL gives way to an end of the link; an end is kept. */
static enum fault_verdict both_verdicts(enum fault_verdict so_far, enum fault_verdict here)
{
    if (so_far == FAULT_RESET || here == FAULT_RESET)
        return FAULT_RESET;
    if (so_far == FAULT_CLOSE || here == FAULT_CLOSE)
        return FAULT_CLOSE;
    return here == FAULT_PASS ? so_far : here;
}

void act_decide(struct chain *chain, enum fault_verdict verdict)
{
    if (verdict == FAULT_CLOSE || verdict == FAULT_RESET)
        chain->verdict = both_verdicts(chain->verdict, verdict);
}

/* ---- Out of an act --------------------------------------------------------------------------- */

static struct act *act_behind(const struct chain *chain, const struct act *act)
{
    return act->link.next == &chain->acts ? NULL : container_of(act->link.next, struct act, link);
}

/* Sends a piece on, from an act that it has just been taken out of. */
static void leave(struct chain *chain, struct act *act, struct piece *piece, uint64_t now_ns)
{
    struct act *next = act_behind(chain, act);
    if (piece->delayed)
        toxic_release(act->toxic, chain->peer, now_ns, act->touched);
    piece->delayed = piece->rest = false;
    piece->so_far = both_verdicts(piece->so_far, piece->here);
    piece->here = FAULT_PASS;
    if (piece->so_far == FAULT_RESET) { /* nothing else is worth waiting for */
        act_decide(chain, FAULT_RESET);
        piece_destroy(&chain->memory, piece);
        return;
    }
    if (piece->is.due_ns == CLOCK_NEVER || piece->is.due_ns > now_ns)
        piece->is.due_ns = now_ns; /* let go early */
    piece_append(next ? &next->fresh : &chain->out, piece);
}

static void take_late(struct chain *chain, struct list *list, uint64_t id)
{
    list_each(link, list)
        piece_take_late(&chain->memory, container_of(link, struct piece, link), id);
}

/* From all pieces that have seen it. */
static void act_take_late(struct chain *chain, struct act *act)
{
    uint64_t id = act->toxic->id;
    if (!act->made_late)
        return;
    act->made_late = false;
    take_late(chain, &act->waiting, id);
    for (struct act *next = act_behind(chain, act); next; next = act_behind(chain, next)) {
        take_late(chain, &next->waiting, id);
        take_late(chain, &next->fresh, id);
    }
    take_late(chain, &chain->out, id);
}

void act_release(struct chain *chain, struct act *act, bool unseen, uint64_t now_ns)
{
    struct piece *piece;
    act_take_late(chain, act);
    while ((piece = piece_take_first(&act->waiting))) {
        piece->here = FAULT_PASS;
        leave(chain, act, piece, now_ns);
    }
    while (unseen && (piece = piece_take_first(&act->fresh)))
        leave(chain, act, piece, now_ns);
}

void act_bury(struct chain *chain, struct act *act, uint64_t now_ns)
{
    struct piece *piece;
    while ((piece = piece_take_first(&act->waiting))) {
        if (piece->delayed)
            toxic_release(act->toxic, chain->peer, now_ns, act->touched);
        piece_destroy(&chain->memory, piece);
    }
    pieces_destroy(&chain->memory, &act->fresh);
}

/* ---- Into it --------------------------------------------------------------------------------- */

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

static bool differs(const struct fault_piece *is, const struct fault_piece *was)
{
    return is->size_bytes < was->size_bytes || is->due_ns > was->due_ns || is->changed ||
           is->late_ns != was->late_ns;
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
    if (piece->is.late_ns != was.late_ns)
        piece_add_late(&chain->memory, piece, toxic->id, was.late_ns);
    bool cut = piece->is.size_bytes < was.size_bytes;
    assert(piece->is.size_bytes <= was.size_bytes);
    assert(!cut || piece->is.size_bytes > 0 || verdict == FAULT_CLOSE); /* or it would never end */
    if (verdict != FAULT_PASS || differs(&piece->is, &was)) {
        size_t bytes = verdict == FAULT_PASS ? piece->is.size_bytes : was.size_bytes;
        toxic_touch(toxic, chain->peer, bytes, now_ns, &act->touched);
        toxic->effects.pieces++;
    }
    if (cut && verdict != FAULT_CLOSE) {
        struct piece *rest = piece_cut(&chain->memory, piece, &was);
        if (rest)
            list_push_front(&act->fresh, &rest->link);
    }
    if (!piece_keep_error(piece, &act->error) && verdict == FAULT_FAIL)
        verdict = FAULT_PASS;
    act->made_late = act->made_late || piece->is.late_ns > was.late_ns;
    piece->delayed = piece->is.due_ns > was.due_ns;
    piece->here = verdict;
    return verdict != FAULT_DROP;
}

/* A piece that nobody gets: what earlier faults wanted of the link is kept. */
static void drop(struct chain *chain, struct act *act, struct piece *piece)
{
    if (piece->so_far != FAULT_CLOSE) {
        piece_destroy(&chain->memory, piece);
        return;
    }
    piece_empty(&chain->memory, piece);
    piece->here = FAULT_PASS;
    piece->delayed = false;
    piece_append(&act->waiting, piece);
}

/* Takes in one piece that the act has not seen. */
static void act_admit(struct chain *chain, struct act *act, struct piece *piece, uint64_t now_ns)
{
    const struct toxic *toxic = act->toxic;
    const struct piece *last = piece_last(&act->waiting);
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
    piece_append(&act->waiting, piece);
}

/* ---- Its turn -------------------------------------------------------------------------------- */

static bool nothing_behind(const struct chain *chain, const struct act *act)
{
    const struct act *next = act;
    while ((next = act_behind(chain, next)))
        if (!list_empty(&next->fresh) || !list_empty(&next->waiting))
            return false;
    return list_empty(&chain->out);
}

/* Whether there is a piece to be shown. Once cut pieces have their share of memory, no more are cut
 * before others have gone; where there are none behind, one more has to be, or nothing moves. */
static bool may_admit(const struct chain *chain, const struct act *act)
{
    const struct piece *fresh = piece_first(&act->fresh);
    if (!fresh || !fresh->rest)
        return fresh != NULL;
    return list_empty(&act->waiting) &&
           (chain->memory.cut_bytes < CHAIN_CUT_BYTES_MAX || nothing_behind(chain, act));
}

static bool is_due(const struct act *act, uint64_t now_ns)
{
    const struct piece *piece = piece_first(&act->waiting);
    return piece && piece->is.due_ns <= now_ns;
}

bool act_can_step(const struct chain *chain, const struct act *act, uint64_t now_ns)
{
    return is_due(act, now_ns) || may_admit(chain, act);
}

bool act_step(struct chain *chain, struct act *act, uint64_t now_ns)
{
    if (is_due(act, now_ns))
        leave(chain, act, piece_take_first(&act->waiting), now_ns);
    else if (may_admit(chain, act))
        act_admit(chain, act, piece_take_first(&act->fresh), now_ns);
    else
        return false;
    return true;
}

void act_time(struct chain *chain, struct act *act, uint64_t now_ns)
{
    if (act->time_ns > now_ns)
        return;
    act->time_ns = CLOCK_NEVER;
    enum fault_verdict verdict = act->toxic->type->on_time(act->toxic->settings, act->own,
                                                           &act->seen, now_ns, &act->time_ns);
    if (verdict == FAULT_PASS)
        return;
    toxic_touch(act->toxic, chain->peer, 0, now_ns, &act->touched);
    act_decide(chain, verdict);
}

uint64_t act_next_ns(const struct act *act)
{
    const struct piece *piece = piece_first(&act->waiting);
    return piece && piece->is.due_ns < act->time_ns ? piece->is.due_ns : act->time_ns;
}

/* ---- It comes, changes, goes ----------------------------------------------------------------- */

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

int act_create(struct chain *chain, struct toxic *toxic, bool established, uint64_t now_ns)
{
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

void act_destroy(struct chain *chain, struct act *act)
{
    assert(list_empty(&act->waiting) && list_empty(&act->fresh));
    list_remove(&act->link);
    if (act->chosen)
        chain->acting--;
    piece_error_release(act->error);
    free(act);
}

void act_end(struct chain *chain, struct act *act, uint64_t now_ns)
{
    const struct fault_type *type = act->toxic->type;
    enum fault_verdict verdict = FAULT_PASS;
    if (act->chosen && act->begun && type->on_end)
        verdict = type->on_end(act->toxic->settings, act->own, &act->seen);
    if (verdict != FAULT_PASS)
        toxic_touch(act->toxic, chain->peer, 0, now_ns, &act->touched);
    act_decide(chain, verdict);
    chain->dead = chain->dead || verdict == FAULT_DROP;
}

void act_change(struct chain *chain, struct act *act, uint64_t now_ns)
{
    bool was_chosen = act->chosen;
    act_release(chain, act, false, now_ns);
    if (act->chosen)
        chain->acting--;
    act_choose(chain, act, now_ns);
    if (!was_chosen || act->chosen)
        return;
    act->chosen = true; /* for the hook: it is only now that it ends */
    act_end(chain, act, now_ns);
    act->chosen = act->begun = false;
    act->time_ns = CLOCK_NEVER;
    memset(act->own, 0, act->toxic->type->own_bytes);
}
