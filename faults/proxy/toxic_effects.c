/* SPDX-License-Identifier: MIT */
/* toxic_effects.c - what a fault of a proxy has really done: when, and to which links. */
#include "faults/proxy/toxic_internal.h"

#include "core/clock.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static_assert(sizeof(((struct toxic_link *)0)->client) >= INET6_ADDRSTRLEN + sizeof("[]:65535"),
              "an address with its port fits");

static void write_client(const struct toxic_peer *peer, char *text, size_t size_bytes)
{
    char address[INET6_ADDRSTRLEN] = "?";
    if (peer->client.any.sa_family == AF_INET6) {
        (void)inet_ntop(AF_INET6, &peer->client.ip6.sin6_addr, address, sizeof(address));
        (void)snprintf(text, size_bytes, "[%s]:%u", address, ntohs(peer->client.ip6.sin6_port));
    } else if (peer->client.any.sa_family == AF_INET) {
        (void)inet_ntop(AF_INET, &peer->client.ip4.sin_addr, address, sizeof(address));
        (void)snprintf(text, size_bytes, "%s:%u", address, ntohs(peer->client.ip4.sin_port));
    } else {
        (void)snprintf(text, size_bytes, "unix");
    }
}

/* Doubles the room for names. Without memory the oldest names give way earlier. */
static void grow_touched(struct toxic *toxic)
{
    size_t room = toxic->touched_room ? 2 * toxic->touched_room : 16;
    if (room > TOXIC_LINKS_MAX)
        return;
    struct toxic_link *grown = calloc(room, sizeof(*grown));
    if (!grown)
        return;
    for (size_t i = 0; i < toxic->touched_room; i++) { /* the latest, each at its place */
        uint64_t n = toxic->effects.links - i;
        grown[n % room] = toxic->touched[n % toxic->touched_room];
    }
    free(toxic->touched);
    toxic->touched = grown;
    toxic->touched_room = room;
}

/* The number of the link among those touched, or 0: the other stream of it, or its arrival, may
 * have been touched before. */
static uint64_t find_touched(const struct toxic *toxic, uint64_t number)
{
    for (uint64_t n = toxic->effects.links; n > 0; n--) {
        if (toxic->effects.links - n >= toxic->touched_room)
            break;
        if (toxic->touched[n % toxic->touched_room].number == number)
            return n;
    }
    return 0;
}

/* Of a link whose name has given way to later ones. */
#define FORGOTTEN UINT64_MAX

/* Notes that the link was touched; whether it had been noted. Without memory it has not. */
static bool note_touched(struct toxic *toxic, uint64_t number)
{
    size_t word = number / 64;
    uint64_t bit = UINT64_C(1) << (number % 64);
    if (word >= toxic->noted_words) {
        size_t words = word + word / 2 + 16;
        uint64_t *grown = reallocarray(toxic->noted, words, sizeof(*grown));
        if (!grown)
            return false;
        memset(grown + toxic->noted_words, 0, (words - toxic->noted_words) * sizeof(*grown));
        toxic->noted = grown;
        toxic->noted_words = words;
    }
    bool before = toxic->noted[word] & bit;
    toxic->noted[word] |= bit;
    return before;
}

static uint64_t add_touched(struct toxic *toxic, const struct toxic_peer *peer, uint64_t now_ns)
{
    if (toxic->effects.links >= toxic->touched_room)
        grow_touched(toxic);
    uint64_t n = ++toxic->effects.links;
    if (toxic->touched_room > 0) {
        struct toxic_link *link = &toxic->touched[n % toxic->touched_room];
        *link = (struct toxic_link){.number = peer->number, .first_ns = now_ns};
        write_client(peer, link->client, sizeof(link->client));
    }
    return n;
}

static struct toxic_link *touched_at(const struct toxic *toxic, uint64_t n)
{
    uint64_t links = toxic->effects.links;
    bool kept = n > 0 && n <= links && links - n < toxic->touched_room;
    return kept ? &toxic->touched[n % toxic->touched_room] : NULL;
}

void toxic_date(struct toxic *toxic, uint64_t now_ns)
{
    if (toxic->effects.first_ns == 0)
        toxic->effects.first_ns = now_ns;
    toxic->effects.last_ns = now_ns;
}

void toxic_touch(struct toxic *toxic, const struct toxic_peer *peer, size_t bytes, uint64_t now_ns,
                 uint64_t *touched)
{
    toxic_date(toxic, now_ns);
    if (*touched == 0)
        *touched = find_touched(toxic, peer->number);
    if (*touched == 0)
        *touched = note_touched(toxic, peer->number) ? FORGOTTEN : add_touched(toxic, peer, now_ns);
    toxic->effects.bytes += bytes;
    struct toxic_link *link = touched_at(toxic, *touched);
    if (link) {
        link->last_ns = now_ns;
        link->bytes += bytes;
    }
}

void toxic_hold(struct toxic *toxic)
{
    toxic->holding++;
}

void toxic_release(struct toxic *toxic, const struct toxic_peer *peer, uint64_t now_ns,
                   uint64_t touched)
{
    assert(toxic->holding > 0);
    toxic->holding--;
    toxic_date(toxic, now_ns);
    struct toxic_link *link = touched_at(toxic, touched);
    if (link && link->number == peer->number)
        link->last_ns = now_ns;
}

struct toxic_effects toxic_effects(const struct toxic *toxic)
{
    struct toxic_effects effects = toxic->effects;
    if (toxic->holding > 0 || toxic->door_shut)
        effects.last_ns = clock_now_ns();
    return effects;
}

size_t toxic_links(const struct toxic *toxic, struct toxic_link *links, size_t size)
{
    size_t count = 0;
    for (uint64_t n = toxic->effects.links; n > 0 && count < size; n--) {
        const struct toxic_link *link = touched_at(toxic, n);
        if (!link)
            break;
        links[count++] = *link;
    }
    return count;
}
