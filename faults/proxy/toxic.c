/* SPDX-License-Identifier: MIT */
/* toxic.c - makes, checks and aims the faults of a proxy, and counts what they have done. */
#include "faults/proxy/toxic.h"

#include "core/clock.h"
#include "faults/postgres/follow.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static_assert(sizeof(((struct toxic_link *)0)->client) >= INET6_ADDRSTRLEN + sizeof("[]:65535"),
              "an address with its port fits");

/* ---- Draws ----------------------------------------------------------------------------------- */

/* FNV-1a, of a text with its end, so that two texts are not their concatenation. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    do {
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    } while (*text++);
    return hash;
}

void toxic_rng(const struct toxic *toxic, const struct toxic_peer *peer, enum fault_stream stream,
               const char *purpose, struct rng *rng)
{
    uint64_t hash = hash_text(UINT64_C(0xcbf29ce484222325), toxic->name);
    hash = hash_text(hash, purpose);
    uint64_t mixed = peer->number * 4 + (uint64_t)stream;
    rng_init(rng, toxic->toxics->seed ^ hash, rng_splitmix(&mixed));
}

/* ---- Aim ------------------------------------------------------------------------------------- */

static int read_source(const char *text, struct toxic_source *source, struct err *err)
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

/* ---- Effects --------------------------------------------------------------------------------- */

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
    bool kept = n > 0 && toxic->effects.links - n < toxic->touched_room;
    return kept ? &toxic->touched[n % toxic->touched_room] : NULL;
}

static void date_effect(struct toxic *toxic, uint64_t now_ns)
{
    if (toxic->effects.first_ns == 0)
        toxic->effects.first_ns = now_ns;
    toxic->effects.last_ns = now_ns;
}

void toxic_touch(struct toxic *toxic, const struct toxic_peer *peer, size_t bytes, uint64_t now_ns,
                 uint64_t *touched)
{
    date_effect(toxic, now_ns);
    if (*touched == 0)
        *touched = find_touched(toxic, peer->number);
    if (*touched == 0)
        *touched = add_touched(toxic, peer, now_ns);
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
    date_effect(toxic, now_ns);
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

/* ---- Making and changing --------------------------------------------------------------------- */

void toxics_init(struct toxics *toxics, uint64_t seed, const char *name)
{
    *toxics = (struct toxics){.seed = hash_text(UINT64_C(0xcbf29ce484222325) ^ seed, name)};
    list_init(&toxics->list);
}

static void settings_destroy(const struct fault_type *type, void *settings)
{
    if (!settings)
        return;
    if (type->fini)
        type->fini(settings);
    param_fini(type->params, settings);
    free(settings);
}

/* from may be NULL: the defaults. */
static int settings_create(const struct fault_type *type, const void *from, void **out,
                           struct err *err)
{
    void *settings = calloc(1, type->state_bytes ? type->state_bytes : 1);
    if (!settings)
        return err_sys(err, -ENOMEM, "make a fault");
    int rc = from ? param_copy(type->params, settings, from, err)
                  : param_defaults(type->params, settings, err);
    if (rc == 0 && type->check)
        rc = type->check(settings, err);
    if (rc == 0 && type->prepare)
        rc = type->prepare(settings, err);
    if (rc) {
        settings_destroy(type, settings);
        return rc;
    }
    *out = settings;
    return 0;
}

/* from may be NULL: the defaults. */
static int aim_create(struct fault_aim *aim, struct toxic_source *source,
                      const struct fault_aim *from, struct err *err)
{
    *aim = (struct fault_aim){0};
    int rc = from ? param_copy(fault_aim_params, aim, from, err)
                  : param_defaults(fault_aim_params, aim, err);
    if (rc == 0 && isnan(aim->toxicity))
        rc = err_set(err, -EINVAL, "toxicity: expected a share between 0 and 1");
    if (rc == 0)
        rc = read_source(aim->source, source, err);
    if (rc)
        param_fini(fault_aim_params, aim);
    return rc;
}

static const char *stream_text(const struct toxic_options *options)
{
    return options->stream_text ? options->stream_text : fault_stream_names[options->stream];
}

static int name_toxic(const struct toxic_options *options, char **out, struct err *err)
{
    bool given = options->name && options->name[0];
    int rc = given ? asprintf(out, "%s", options->name)
                   : asprintf(out, "%s_%s", options->type->name, stream_text(options));
    if (rc < 0) {
        *out = NULL;
        return err_sys(err, -ENOMEM, "make a fault");
    }
    return 0;
}

static void toxic_free(struct toxic *toxic)
{
    settings_destroy(toxic->type, toxic->settings);
    param_fini(fault_aim_params, &toxic->aim);
    free(toxic->touched);
    free(toxic->stream_text);
    free(toxic->name);
    free(toxic);
}

void toxics_fini(struct toxics *toxics)
{
    struct list *link;
    while ((link = list_pop_front(&toxics->list)))
        toxic_free(container_of(link, struct toxic, of_all));
}

int toxics_create(struct toxics *toxics, const struct toxic_options *options, bool follows,
                  struct toxic **out, struct err *err)
{
    if (options->type->needs_queries && !follows)
        return err_set(err, -EPROTO,
                       "%s: needs a proxy that follows a protocol (protocol: postgres)",
                       options->type->name);
    struct toxic *toxic = calloc(1, sizeof(*toxic));
    if (!toxic)
        return err_sys(err, -ENOMEM, "make a fault");
    toxic->type = options->type;
    toxic->stream = options->stream;
    toxic->toxics = toxics;
    toxic->requests_before = toxics->requests;
    toxic->links_before = toxics->links;
    toxic->stream_text = strdup(stream_text(options));
    int rc = toxic->stream_text ? 0 : err_sys(err, -ENOMEM, "make a fault");
    if (rc == 0)
        rc = name_toxic(options, &toxic->name, err);
    if (rc == 0 && toxics_find(toxics, toxic->name))
        rc = err_set(err, -EEXIST, "toxic already exists");
    if (rc == 0)
        rc = aim_create(&toxic->aim, &toxic->source, options->aim, err);
    if (rc == 0)
        rc = settings_create(toxic->type, options->settings, &toxic->settings, err);
    if (rc) {
        toxic_free(toxic);
        return rc;
    }
    toxic->id = ++toxics->created;
    list_push_back(&toxics->list, &toxic->of_all);
    *out = toxic;
    return 0;
}

int toxic_set(struct toxic *toxic, const struct fault_aim *aim, const void *settings,
              struct err *err)
{
    struct fault_aim new_aim = {0};
    struct toxic_source new_source = {0};
    void *new_settings = NULL;
    int rc = aim_create(&new_aim, &new_source, aim ? aim : &toxic->aim, err);
    if (rc)
        return rc;
    rc = settings_create(toxic->type, settings ? settings : toxic->settings, &new_settings, err);
    if (rc) {
        param_fini(fault_aim_params, &new_aim);
        return rc;
    }
    param_fini(fault_aim_params, &toxic->aim);
    settings_destroy(toxic->type, toxic->settings);
    toxic->aim = new_aim;
    toxic->source = new_source;
    toxic->settings = new_settings;
    return 0;
}

void toxic_destroy(struct toxic *toxic)
{
    list_remove(&toxic->of_all);
    toxic_free(toxic);
}

/* ---- Listing --------------------------------------------------------------------------------- */

/* The first of that stream or a later one, from link on. */
static struct toxic *listed(struct toxics *toxics, struct list *link, int stream)
{
    for (; stream <= FAULT_BOTH; stream++, link = toxics->list.next) {
        for (; link != &toxics->list; link = link->next) {
            struct toxic *toxic = container_of(link, struct toxic, of_all);
            if ((int)toxic->stream == stream)
                return toxic;
        }
    }
    return NULL;
}

struct toxic *toxics_first(struct toxics *toxics)
{
    return listed(toxics, toxics->list.next, FAULT_UPSTREAM);
}

struct toxic *toxic_next(struct toxic *toxic)
{
    return listed(toxic->toxics, toxic->of_all.next, (int)toxic->stream);
}

struct toxic *toxics_find(struct toxics *toxics, const char *name)
{
    list_each(link, &toxics->list) {
        struct toxic *toxic = container_of(link, struct toxic, of_all);
        if (strcmp(toxic->name, name) == 0)
            return toxic;
    }
    return NULL;
}

const char *toxic_name(const struct toxic *toxic)
{
    return toxic->name;
}

const struct fault_type *toxic_type(const struct toxic *toxic)
{
    return toxic->type;
}

enum fault_stream toxic_stream(const struct toxic *toxic)
{
    return toxic->stream;
}

const char *toxic_stream_text(const struct toxic *toxic)
{
    return toxic->stream_text;
}

const struct fault_aim *toxic_aim(const struct toxic *toxic)
{
    return &toxic->aim;
}

const void *toxic_settings(const struct toxic *toxic)
{
    return toxic->settings;
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
    struct query *ours = (struct query *)(uintptr_t)query; /* that field is */
    if (ours->request == 0)
        ours->request = ++peer->toxics->requests;
}

/* ---- New connections ------------------------------------------------------------------------- */

/* A door is shut for everybody or for nobody: those who aim are asked by arrival. */
static bool aims_at_all(const struct toxic *toxic)
{
    return toxic->aim.toxicity >= 1 && toxic->source.family == 0 && !toxic_counts(toxic);
}

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
        if (aims_at_all(toxic))
            door = toxic->type->door(toxic->settings, now_ns, &again);
        if (door != FAULT_DOOR_OPEN || toxic->door_shut)
            date_effect(toxic, now_ns);
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
    if (!toxic->type->on_arrival || !toxic_chooses(toxic, peer, link.stream))
        return FAULT_PASS;
    if (toxic_counts(toxic) && (peer->number <= toxic->links_before ||
                                !aimed_at(&toxic->aim, peer->number - toxic->links_before)))
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
