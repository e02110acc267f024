/* SPDX-License-Identifier: MIT */
/* toxic_arrivals.c - what the faults of a proxy make of new connections: at its door, and behind
 * it. */
#include "faults/proxy/toxic_internal.h"

#include "core/clock.h"

#include <string.h>

enum fault_door toxics_door(struct toxics *toxics, uint64_t now_ns, uint64_t *again_ns)
{
    enum fault_door worst = FAULT_DOOR_OPEN;
    *again_ns = CLOCK_NEVER;
    list_each(link, &toxics->list) {
        struct toxic *toxic = container_of(link, struct toxic, of_all);
        if (!toxic->type->door)
            continue;
        uint64_t again = CLOCK_NEVER;
        enum fault_door door = FAULT_DOOR_OPEN;
        if (toxic_aims_at_all(toxic))
            door = toxic->type->door(toxic->settings, now_ns, &again);
        if (door != FAULT_DOOR_OPEN || toxic->door_shut)
            toxic_date(toxic, now_ns);
        toxic->door_shut = door != FAULT_DOOR_OPEN;
        worst = door > worst ? door : worst;
        *again_ns = again < *again_ns ? again : *again_ns;
    }
    return worst;
}

void toxic_peer_init(struct toxic_peer *peer, struct toxics *toxics, uint64_t number,
                     const struct sockaddr *client)
{
    *peer = (struct toxic_peer){.toxics = toxics, .number = number};
    toxics->links = number > toxics->links ? number : toxics->links;
    peer->client.any.sa_family = AF_UNIX;
    if (client && client->sa_family == AF_INET)
        memcpy(&peer->client.ip4, client, sizeof(peer->client.ip4));
    else if (client && client->sa_family == AF_INET6)
        memcpy(&peer->client.ip6, client, sizeof(peer->client.ip6));
}

/* The toxic that has held the arrival so far does so no more; it may be gone. */
static void release_arrival(struct toxic_peer *peer, uint64_t now_ns)
{
    if (peer->held_by == 0)
        return;
    list_each(link, &peer->toxics->list) {
        struct toxic *toxic = container_of(link, struct toxic, of_all);
        if (toxic->id == peer->held_by)
            toxic_release(toxic, peer, now_ns, peer->held_touched);
    }
    peer->held_by = 0;
}

void toxic_peer_fini(struct toxic_peer *peer)
{
    release_arrival(peer, clock_now_ns());
}

/* What one toxic makes of it. */
static enum fault_verdict arrive_at(struct toxic *toxic, struct toxic_peer *peer,
                                    struct fault_arrival *arrival)
{
    struct rng rng;
    struct fault_link link = {
        .number = peer->number,
        .stream = toxic->stream == FAULT_BOTH ? FAULT_DOWNSTREAM : toxic->stream,
        .begun_ns = arrival->due_ns,
        .rng = &rng,
    };
    if (!toxic->type->on_arrival || !toxic_chooses(toxic, peer, link.stream) ||
        !toxic_wants_link(toxic, peer->number))
        return FAULT_PASS;
    toxic_rng(toxic, peer, toxic->stream, "arrival", &rng);
    return toxic->type->on_arrival(toxic->settings, &link, arrival);
}

enum fault_verdict toxics_arrive(struct toxic_peer *peer, uint64_t arrived_ns, size_t links_open,
                                 uint64_t now_ns, uint64_t *due_ns)
{
    struct fault_arrival arrival = {.due_ns = arrived_ns, .links_open = links_open};
    uint64_t held_before = peer->held_by;
    struct toxic *holder = NULL;
    enum fault_verdict verdict = FAULT_PASS;
    list_each(entry, &peer->toxics->list) {
        struct toxic *toxic = container_of(entry, struct toxic, of_all);
        uint64_t before_ns = arrival.due_ns;
        verdict = arrive_at(toxic, peer, &arrival);
        if (arrival.due_ns < before_ns)
            arrival.due_ns = before_ns;
        if (verdict != FAULT_PASS || (arrival.due_ns > before_ns && arrival.due_ns > now_ns))
            holder = toxic;
        if (verdict != FAULT_PASS)
            break;
    }
    release_arrival(peer, now_ns);
    *due_ns = arrival.due_ns;
    if (!holder)
        return FAULT_PASS;
    if (holder->id != held_before) {
        peer->held_touched = 0;
        holder->effects.refused++;
    }
    toxic_touch(holder, peer, 0, now_ns, &peer->held_touched);
    if (verdict == FAULT_PASS) {
        toxic_hold(holder);
        peer->held_by = holder->id;
    }
    return verdict;
}
