/* SPDX-License-Identifier: MIT */
/* chain_fuzz.c - any faults, in any order, coming, changing and going under any pieces: what comes
 * out is what went in, in its order, unless a fault was there that takes, changes or ends it.
 *
 * The input is a seed and then commands, a byte each with the bytes it wants (enum command). What a
 * byte of the stream is follows from its place in it, so that each that comes out can be judged by
 * its piece's offset. */
#include "core/clock.h"
#include "core/param.h"
#include "faults/postgres/queries.h"
#include "faults/proxy/act.h"
#include "faults/proxy/chain.h"
#include "faults/proxy/toxic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum command { PUSH, PUSH_ROOM, TAKE, TAKE_PART, PASS_TIME, ADD, CHANGE, REMOVE, END, COMMANDS };

enum harm {
    NO_HARM, /* all bytes come, at last */
    CHANGES, /* they are other bytes */
    LOSES,   /* or none; the link may end */
};

/* What there is to be added; each may be there once a stream. */
static const struct {
    const char *kind, *settings[2]; /* the second: changed to */
    enum harm harm;
} faults[] = {
    {"latency", {"latency=3us jitter=3us", "latency=0 distribution=pareto jitter=1us"}, NO_HARM},
    {"slicer", {"average_size=4", "average_size=7 size_variation=9 delay=50ns"}, NO_HARM},
    {"slicer", {"average_size=100 delay=1us", "average_size=2 size_variation=2"}, NO_HARM},
    {"bandwidth", {"rate=1MB", "rate=50MB scope=proxy"}, NO_HARM},
    {"bandwidth", {"rate=0", "rate=1GB"}, NO_HARM},
    {"partition", {"", "connections=established"}, NO_HARM},
    {"flapping", {"period=1ms duty=50%", "period=2ms duty=10%"}, NO_HARM},
    {"slow_close", {"delay=10us", "delay=0"}, NO_HARM},
    {"noop", {"", ""}, NO_HARM},
    {"slow_query", {"delay=10us", "delay=5us side=client"}, NO_HARM},
    {"slow_query", {"delay=10us side=request", "delay=1h"}, NO_HARM},
    {"corrupt", {"share=50%", "share=2% of=bytes"}, CHANGES},
    {"timeout", {"timeout=0", "timeout=20us"}, LOSES},
    {"limit_data", {"bytes=100000", "bytes=10"}, LOSES},
    {"reset_peer", {"timeout=20us", "timeout=1s"}, LOSES},
    {"close_after", {"time=50us", "time=1s"}, LOSES},
    {"partition", {"dead=true", "how=refuse"}, LOSES},
    {"fail_query", {"share=50%", "sqlstate=40001 message=again"}, NO_HARM},
    {"cut_answer", {"share=5%", "how=close"}, LOSES},
    {"cut_commit", {"autocommit=true", "how=close"}, LOSES},
};

/* Whom they are aimed at. */
static const char *const aims[] = {"", "toxicity=0.5", "after=2", "first=3", "source=10.0.0.0/8"};

enum {
    FAULTS = sizeof(faults) / sizeof(*faults),
    AIMS = sizeof(aims) / sizeof(*aims),
    PUSHED_BYTES_MAX = 256 << 10, /* an input: small slices take their time */
};

/* One stream, judged. */
struct side {
    struct chain chain;
    uint64_t pushed, next; /* bytes, and the place of the next that may come */
    bool ended, over;      /* the end was pushed; it has come, or the link's */
};

struct play {
    const uint8_t *data;
    size_t size;
    struct toxics toxics;
    struct toxic_peer peer;
    struct side sides[2];
    struct toxic *there[FAULTS];
    const struct query *query; /* the last that began */
    uint64_t now_ns, queries;
    bool loses, changes; /* somebody there, or gone, does */
};

static void demand(bool so, const char *what)
{
    if (so)
        return;
    fprintf(stderr, "not so: %s\n", what);
    abort();
}

static unsigned next_byte(struct play *play)
{
    if (play->size == 0)
        return 0;
    play->size--;
    return *play->data++;
}

static char byte_at(uint64_t place)
{
    return (char)(place * 131 >> 3);
}

/* ---- Faults ---------------------------------------------------------------------------------- */

static void read_settings(const struct param *params, void *settings, const char *words)
{
    char copy[128], *rest = copy;
    demand(param_defaults(params, settings, NULL) == 0, "there are defaults");
    (void)snprintf(copy, sizeof(copy), "%s", words);
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(word, '=');
        demand(value, "a setting has a value");
        *value++ = '\0';
        const struct param *param = param_find(params, word);
        demand(param && param_set(param, settings, value, NULL) == 0, "a setting is one");
    }
}

static void add(struct play *play, unsigned which, unsigned how)
{
    const struct fault_type *type = fault_type_find(faults[which].kind);
    struct fault_aim aim = {0};
    char name[16];
    void *settings = calloc(1, type->state_bytes + 1);
    (void)snprintf(name, sizeof(name), "%u", which);
    read_settings(type->params, settings, faults[which].settings[0]);
    read_settings(fault_aim_params, &aim, aims[how % AIMS]);
    struct toxic_options options = {
        .name = name, .type = type, .stream = how / AIMS % 3, .aim = &aim, .settings = settings};
    demand(toxics_create(&play->toxics, &options, true, play->now_ns, &play->there[which], NULL) ==
               0,
           "a fault can be made");
    for (int way = 0; way < 2; way++)
        demand(chain_add(&play->sides[way].chain, play->there[which], play->now_ns) == 0,
               "and added");
    play->loses = play->loses || faults[which].harm == LOSES;
    play->changes = play->changes || faults[which].harm == CHANGES;
    param_fini(fault_aim_params, &aim);
    param_fini(type->params, settings);
    free(settings);
}

static void change(struct play *play, unsigned which, unsigned how)
{
    struct toxic *toxic = play->there[which];
    const struct fault_type *type = toxic_type(toxic);
    struct fault_aim aim = {0};
    void *settings = calloc(1, type->state_bytes + 1);
    read_settings(type->params, settings, faults[which].settings[how & 1]);
    read_settings(fault_aim_params, &aim, aims[how / 2 % AIMS]);
    demand(toxic_set(toxic, &aim, settings, play->now_ns, NULL) == 0, "a fault can be changed");
    for (int way = 0; way < 2; way++)
        chain_change(&play->sides[way].chain, toxic, play->now_ns);
    param_fini(fault_aim_params, &aim);
    param_fini(type->params, settings);
    free(settings);
}

static void take_away(struct play *play, unsigned which)
{
    for (int way = 0; way < 2; way++)
        chain_remove(&play->sides[way].chain, play->there[which], play->now_ns);
    toxic_destroy(play->there[which]);
    play->there[which] = NULL;
}

/* ---- In -------------------------------------------------------------------------------------- */

static void begin_query(struct play *play)
{
    static const char sql[] = "SELECT 1";
    struct query_node *node = query_node_create(prepared_create("", sql, sizeof(sql) - 1));
    demand(node, "there is memory");
    query_release(play->query);
    node->query.number = ++play->queries;
    node->query.transaction = 'I';
    play->query = &node->query;
    toxic_peer_query(&play->peer, play->query);
}

static void push_piece(struct play *play, int way, char *data, size_t size_bytes, unsigned how)
{
    struct side *side = &play->sides[way];
    struct chain_input input = {.data = data, .size_bytes = size_bytes};
    if (how & 1 && way == FAULT_UPSTREAM)
        begin_query(play);
    if (how & 1)
        input.query = play->query;
    input.committed = way == FAULT_DOWNSTREAM && input.query && how & 2;
    for (size_t i = 0; i < size_bytes; i++)
        demand(data[i] == byte_at(side->pushed + i), "what was read stays as it is");
    demand(chain_push(&side->chain, &input, play->now_ns) == 0, "a piece can be pushed");
    side->pushed += size_bytes;
}

/* One read, in one or more pieces; room: read into the chain's own memory. */
static void push(struct play *play, int way, bool room)
{
    struct side *side = &play->sides[way];
    unsigned how = next_byte(play), cut = how >> 4;
    size_t size_bytes = (1 + next_byte(play)) << (how >> 2 & 7) << (room ? 2 : 0);
    if (side->ended || !chain_has_room(&side->chain) || size_bytes > CHAIN_ROOM_BYTES ||
        side->pushed + size_bytes > PUSHED_BYTES_MAX)
        return;
    char *data = room ? chain_room(&side->chain) : malloc(size_bytes);
    demand(data, "there is memory");
    for (size_t i = 0; i < size_bytes; i++)
        data[i] = byte_at(side->pushed + i);
    size_t first_bytes = size_bytes * cut / 16;
    if (first_bytes > 0)
        push_piece(play, way, data, first_bytes, how);
    push_piece(play, way, data + first_bytes, size_bytes - first_bytes, how ^ 1);
    if (!room)
        free(data);
}

/* ---- Out ------------------------------------------------------------------------------------- */

static void judge_bytes(const struct play *play, struct side *side, const struct chain_item *item,
                        size_t size_bytes)
{
    uint64_t place = item->piece->offset + (item->piece->size_bytes - item->size_bytes);
    demand(place >= side->next, "no byte comes twice, or before another");
    demand(place == side->next || play->loses, "none is lost");
    demand(place + size_bytes <= side->pushed, "nor made");
    for (size_t i = 0; i < size_bytes && !play->changes; i++)
        demand(item->data[i] == byte_at(place + i), "nor changed");
    side->next = place + size_bytes;
}

/* There is nothing to be said before something changes: a fault holds what is there for ever. */
static void judge_silence(const struct chain *chain, uint64_t now_ns)
{
    uint64_t next_ns = chain_next_ns(chain);
    demand(next_ns > now_ns, "who has nothing to say has said all that is due");
    bool held = chain_queued_bytes(chain) == 0;
    list_each(link, &chain->acts) {
        const struct piece *piece = piece_first(&container_of(link, struct act, link)->waiting);
        held = held || (piece && piece->is.due_ns == CLOCK_NEVER);
    }
    demand(next_ns != CLOCK_NEVER || held, "nothing is forgotten");
}

/* One item, or a part of it; false when there is none. */
static bool take(struct play *play, struct side *side, size_t most_bytes)
{
    struct chain_item item;
    if (side->over)
        return false;
    if (!chain_take(&side->chain, play->now_ns, &item)) {
        judge_silence(&side->chain, play->now_ns);
        return false;
    }
    if (item.verdict == FAULT_CLOSE || item.verdict == FAULT_RESET) {
        demand(play->loses, "only who loses bytes ends links");
        side->over = true;
        return false;
    }
    demand(item.verdict != FAULT_FAIL || (item.piece->error && item.piece->error->sqlstate[0]),
           "what fails has an error");
    size_t sent = item.size_bytes < most_bytes ? item.size_bytes : most_bytes;
    judge_bytes(play, side, &item, sent);
    demand(!item.end || play->loses || side->next == side->pushed, "the end is behind all");
    side->over = item.end;
    chain_sent(&side->chain, sent);
    return true;
}

static void judge_memory(const struct play *play)
{
    size_t read_bytes = 2 * (CHAIN_ROOM_BYTES + 1024), count = 0;
    for (size_t i = 0; i < FAULTS; i++)
        count += play->there[i] != NULL;
    for (int way = 0; way < 2; way++) {
        const struct chain *chain = &play->sides[way].chain;
        size_t most = CHAIN_QUEUE_BYTES_MAX + CHAIN_CUT_BYTES_MAX + read_bytes + 1024 * count;
        demand(chain_queued_bytes(chain) <= most, "memory is bounded");
        demand(chain->memory.cut_bytes <= CHAIN_CUT_BYTES_MAX + 1024 * (count + 1),
               "what is cut has its share");
    }
}

/* ---- All of it ------------------------------------------------------------------------------- */

static void pass_time(struct play *play)
{
    unsigned how = next_byte(play);
    uint64_t next_ns = chain_next_ns(&play->sides[how & 1].chain);
    if (how & 2)
        play->now_ns += (uint64_t)(how >> 2) << (how >> 4);
    else if (next_ns != CLOCK_NEVER && next_ns > play->now_ns)
        play->now_ns = next_ns;
}

static void obey(struct play *play)
{
    unsigned byte = next_byte(play), way = byte & 1, which = 0;
    struct side *side = &play->sides[way];
    enum command command = (byte >> 1) % COMMANDS;
    if (command >= ADD && command <= REMOVE)
        which = next_byte(play) % FAULTS;
    switch (command) {
    case PUSH:
    case PUSH_ROOM:
        push(play, (int)way, command == PUSH_ROOM);
        break;
    case TAKE:
        while (take(play, side, SIZE_MAX))
            continue;
        break;
    case TAKE_PART:
        (void)take(play, side, 1 + next_byte(play));
        break;
    case PASS_TIME:
        pass_time(play);
        break;
    case ADD:
        if (!play->there[which])
            add(play, which, next_byte(play));
        break;
    case CHANGE:
        if (play->there[which])
            change(play, which, next_byte(play));
        break;
    case REMOVE:
        if (play->there[which])
            take_away(play, which);
        break;
    default:
        if (!side->ended)
            demand(chain_push(&side->chain, &(struct chain_input){.end = true}, play->now_ns) == 0,
                   "an end can be pushed");
        side->ended = true;
        break;
    }
}

/* Without faults all that is there comes at once. */
static void finish(struct play *play)
{
    for (unsigned i = 0; i < FAULTS; i++)
        if (play->there[i])
            take_away(play, i);
    for (int way = 0; way < 2; way++) {
        struct side *side = &play->sides[way];
        while (take(play, side, SIZE_MAX))
            continue;
        bool dead = side->over || side->chain.dead;
        demand(dead || chain_is_empty(&side->chain), "nothing stays behind");
        demand(play->loses || side->next == side->pushed, "all have come");
        demand(play->loses || side->over == side->ended, "and the end");
        chain_fini(&side->chain);
        demand(side->chain.memory.queued_bytes == 0 && side->chain.memory.cut_bytes == 0,
               "memory is counted");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct play play = {.data = data, .size = size, .now_ns = 1000};
    toxics_init(&play.toxics, next_byte(&play), "p");
    toxic_peer_init(&play.peer, &play.toxics, 1, NULL);
    play.peer.followed = next_byte(&play) & 1;
    for (enum fault_stream way = FAULT_UPSTREAM; way <= FAULT_DOWNSTREAM; way++)
        demand(chain_init(&play.sides[way].chain, &play.peer, way, play.now_ns) == 0, "it begins");
    while (play.size > 0) {
        obey(&play);
        judge_memory(&play);
    }
    finish(&play);
    query_release(play.query);
    toxic_peer_fini(&play.peer);
    toxics_fini(&play.toxics);
    return 0;
}
