/* SPDX-License-Identifier: MIT */
/* toxic_aim.c - whom a fault of a proxy acts on: draws, sources, and requests by their number. */
#include "faults/proxy/toxic_internal.h"

#include "faults/postgres/query.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Draws ----------------------------------------------------------------------------------- */

uint64_t toxic_hash(uint64_t hash, const char *text)
{
    do {
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    } while (*text++);
    return hash;
}

void toxic_rng(const struct toxic *toxic, const struct toxic_peer *peer, enum fault_stream stream,
               const char *purpose, struct rng *rng)
{
    uint64_t hash = toxic_hash(TOXIC_HASH_BASIS, toxic->name);
    hash = toxic_hash(hash, purpose);
    uint64_t mixed = peer->number * 4 + (uint64_t)stream;
    rng_init(rng, toxic->toxics->seed ^ hash, rng_splitmix(&mixed));
}

/* ---- Aim ------------------------------------------------------------------------------------- */

int toxic_source_read(const char *text, struct toxic_source *source, struct err *err)
{
    char address[INET6_ADDRSTRLEN + 1];
    *source = (struct toxic_source){0};
    if (!text || text[0] == '\0')
        return 0;
    size_t length = strcspn(text, "/");
    if (length >= sizeof(address))
        goto bad;
    memcpy(address, text, length);
    address[length] = '\0';
    source->family = strchr(address, ':') ? AF_INET6 : AF_INET;
    if (inet_pton(source->family, address, source->address) != 1)
        goto bad;
    unsigned bits_max = source->family == AF_INET6 ? 128 : 32;
    source->bits = bits_max;
    if (text[length] == '/') {
        char *end = NULL;
        const char *digits = text + length + 1;
        unsigned long bits = strtoul(digits, &end, 10);
        if (digits[0] < '0' || digits[0] > '9' || *end != '\0' || bits > bits_max)
            goto bad;
        source->bits = (unsigned)bits;
    }
    return 0;
bad:
    return err_set(err, -EINVAL,
                   "source: expected an address or a network such as 10.0.0.0/8, not '%.80s'",
                   text);
}

static bool same_network(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    if (memcmp(a, b, bits / 8) != 0)
        return false;
    unsigned rest = bits % 8;
    return rest == 0 || (a[bits / 8] >> (8 - rest)) == (b[bits / 8] >> (8 - rest));
}

static bool source_matches(const struct toxic_source *source, const struct toxic_peer *peer)
{
    if (source->family == 0)
        return true;
    if (peer->client.any.sa_family == AF_INET)
        return source->family == AF_INET &&
               same_network(source->address, (const uint8_t *)&peer->client.ip4.sin_addr,
                            source->bits);
    if (peer->client.any.sa_family != AF_INET6)
        return false;
    const struct in6_addr *address = &peer->client.ip6.sin6_addr;
    if (source->family == AF_INET6)
        return same_network(source->address, address->s6_addr, source->bits);
    return IN6_IS_ADDR_V4MAPPED(address) &&
           same_network(source->address, address->s6_addr + 12, source->bits);
}

/* The draw is kept by being drawn from its own sequence, always the same. */
bool toxic_chooses(const struct toxic *toxic, const struct toxic_peer *peer,
                   enum fault_stream stream)
{
    struct rng rng;
    if (!source_matches(&toxic->source, peer))
        return false;
    toxic_rng(toxic, peer, toxic->stream == FAULT_BOTH ? FAULT_BOTH : stream, "toxicity", &rng);
    return rng_unit(&rng) < toxic->aim.toxicity;
}

static bool aimed_at(const struct fault_aim *aim, uint64_t number)
{
    return number > aim->after && (aim->first == 0 || number - aim->after <= aim->first);
}

bool toxic_counts(const struct toxic *toxic)
{
    return toxic->aim.after != 0 || toxic->aim.first != 0;
}

bool toxic_wants(const struct toxic *toxic, uint64_t request)
{
    if (!toxic_counts(toxic))
        return true;
    /* What belongs to no request, or to one from before, passes. */
    return request > toxic->requests_before &&
           aimed_at(&toxic->aim, request - toxic->requests_before);
}

bool toxic_wants_link(const struct toxic *toxic, uint64_t number)
{
    if (!toxic_counts(toxic))
        return true;
    return number > toxic->links_before && aimed_at(&toxic->aim, number - toxic->links_before);
}

/* A door is shut for everybody or for nobody: those who aim are asked by arrival. */
bool toxic_aims_at_all(const struct toxic *toxic)
{
    return toxic->aim.toxicity >= 1 && toxic->source.family == 0 && !toxic_counts(toxic);
}

/* ---- Requests -------------------------------------------------------------------------------- */

bool toxics_count_requests(const struct toxics *toxics)
{
    list_each(link, &toxics->list)
        if (toxic_counts(container_of(link, struct toxic, of_all)))
            return true;
    return false;
}

bool toxics_want_queries(const struct toxics *toxics)
{
    list_each(link, &toxics->list)
        if (container_of(link, struct toxic, of_all)->type->needs_queries)
            return true;
    return toxics_count_requests(toxics);
}

void toxic_peer_query(struct toxic_peer *peer, const struct query *query)
{
    if (query->request == 0)
        query_set_request(query, ++peer->toxics->requests);
}
