/* SPDX-License-Identifier: MIT */
/* client.c - follows what a PostgreSQL client sends: where queries begin, which answers it awaits.
 */
#include "faults/postgres/follow_internal.h"

#include <string.h>
#include <strings.h>

#define START_BYTES_MAX 10000 /* of a start-up packet: PostgreSQL's own */

enum start_code {
    START_CANCEL = 80877102,
    START_TLS = 80877103,
    START_GSS = 80877104,
};

static const struct step over = {STEP_OVER, 0};

/* ---- Start-up -------------------------------------------------------------------------------- */

/* Its parameters are names and values in turn, ended by an empty name. */
static bool asks_for_replication(const char *data, size_t size_bytes)
{
    const char *end = data + size_bytes;
    while (data < end && *data != '\0') {
        const char *value = memchr(data, '\0', (size_t)(end - data));
        const char *next = value ? memchr(value + 1, '\0', (size_t)(end - value - 1)) : NULL;
        if (!next)
            return false;
        if (strcmp(data, "replication") == 0) {
            static const char *const no[] = {"false", "off", "no", "0", "f", "n", NULL};
            for (size_t i = 0; no[i]; i++)
                if (strcasecmp(value + 1, no[i]) == 0)
                    return false;
            return true;
        }
        data = next + 1;
    }
    return false;
}

/* Packets without a type, one or more of which ask for encryption. */
static struct step client_start(struct follow *follow, const char *data, size_t size_bytes)
{
    if (data[0] != 0) { /* a TLS client that does not ask says 0x16 */
        follow->state = data[0] == 0x16 ? FOLLOW_ENCRYPTED : FOLLOW_LOST;
        return over;
    }
    if (size_bytes < 8)
        return (struct step){STEP_MORE, 8};
    uint32_t length = message_u32(data);
    uint32_t code = message_u32(data + 4);
    if (length < 8 || length > START_BYTES_MAX)
        return over;
    if (size_bytes < length)
        return (struct step){STEP_MORE, length};
    bool is_bounded = true;
    if (code == START_TLS || code == START_GSS) {
        is_bounded = follow_await(follow, code == START_TLS ? AWAIT_TLS : AWAIT_GSS, NULL);
    } else if (code == START_CANCEL) {
        follow->state = FOLLOW_CANCEL;
        return over;
    } else if (code >> 16 != 3) {
        return over;
    } else if (asks_for_replication(data + 8, length - 8)) {
        follow->state = FOLLOW_REPLICATION;
        return over;
    } else {
        follow->typed = true;
        is_bounded = follow_await(follow, AWAIT_START, NULL);
    }
    return is_bounded ? (struct step){STEP_GO, length} : over;
}

/* ---- Queries --------------------------------------------------------------------------------- */

/* What is seen of a message's body. */
struct body {
    const char *data;
    size_t size_bytes;
};

/* Takes a text with its end; NULL when there is no end, or it is longer than a name. */
static const char *body_name(struct body *body)
{
    const char *name = body->data;
    const char *end = memchr(name, '\0', body->size_bytes);
    if (!end)
        return NULL;
    body->data = end + 1;
    body->size_bytes -= (size_t)(end + 1 - name);
    return end - name <= NAME_BYTES_MAX ? name : NULL;
}

static bool client_awaits(struct follow *follow, enum awaited_kind kind, struct query_node *node)
{
    if (!follow->skipping)
        return follow_await(follow, kind, node);
    query_node_release(node);
    return true;
}

static bool client_parse(struct follow *follow, struct body body)
{
    const char *name = body_name(&body);
    /* One with a name may be executed when queries are wanted. */
    if (!name || follow->skipping || (!follow->wanted && *name == '\0'))
        return client_awaits(follow, AWAIT_PARSE, NULL);
    return follow_await_rename(follow, AWAIT_PARSE, name,
                               prepared_create(name, body.data, body.size_bytes));
}

static bool client_bind(struct follow *follow, struct body body)
{
    if (follow->wanted) {
        const char *portal = body_name(&body);
        const char *name = body_name(&body);
        struct named *statement = name ? names_find(&follow->statements, name) : NULL;
        if (portal)
            names_put(&follow->portals, portal,
                      prepared_hold(statement ? statement->prepared : NULL));
    }
    return client_awaits(follow, AWAIT_BIND, NULL);
}

static bool client_close(struct follow *follow, struct body body)
{
    char what = '\0';
    if (body.size_bytes > 0) {
        what = *body.data++;
        body.size_bytes--;
    }
    const char *name = body_name(&body);
    if (name && what == 'S' && !follow->skipping)
        return follow_await_rename(follow, AWAIT_CLOSE, name, NULL);
    if (name && what == 'P')
        names_remove(&follow->portals, name);
    return client_awaits(follow, AWAIT_CLOSE, NULL);
}

/* A query begins. */
static bool client_begins(struct follow *follow, char type, struct prepared *prepared,
                          struct follow_piece *piece)
{
    struct wire *wire = &follow->wires[FAULT_UPSTREAM];
    enum awaited_kind kind = type == 'Q' ? AWAIT_QUERY : AWAIT_EXECUTE;
    struct query_node *node = query_node_create(prepared);
    wire->alone = true;
    if (!node || follow->skipping || follow->copying) {
        query_node_release(node);
        return client_awaits(follow, kind, NULL);
    }
    node->simple = type == 'Q';
    node->message_bytes = MESSAGE_HEADER_BYTES + wire->left;
    node->query.number = follow->queries;
    node->query.transaction = follow->transaction;
    if (!follow_await(follow, kind, node))
        return false;
    wire_show(wire, node, piece);
    return true;
}

static bool client_query(struct follow *follow, struct body body, struct follow_piece *piece)
{
    follow->queries++;
    if (!follow->wanted)
        return client_awaits(follow, AWAIT_QUERY, NULL);
    return client_begins(follow, 'Q', prepared_create("", body.data, body.size_bytes), piece);
}

static bool client_execute(struct follow *follow, struct body body, struct follow_piece *piece)
{
    follow->queries++;
    if (!follow->wanted)
        return client_awaits(follow, AWAIT_EXECUTE, NULL);
    const char *name = body_name(&body);
    struct named *portal = name ? names_find(&follow->portals, name) : NULL;
    if (portal && portal->used) { /* more rows of a query that has begun */
        follow->wires[FAULT_UPSTREAM].alone = true;
        return client_awaits(follow, AWAIT_EXECUTE, NULL);
    }
    if (portal)
        portal->used = true;
    return client_begins(follow, 'E', prepared_hold(portal ? portal->prepared : NULL), piece);
}

/* ---- Messages -------------------------------------------------------------------------------- */

/* How many bytes of a message are to be seen; 0: its header is enough. */
static size_t client_looks(const struct follow *follow, char type)
{
    switch (type) {
    case 'P':
        return MESSAGE_HEADER_BYTES + NAME_BYTES_MAX + 1 + QUERY_TEXT_MAX;
    case 'C':
        return MESSAGE_HEADER_BYTES + 1 + NAME_BYTES_MAX + 1;
    case 'Q':
        return follow->wanted ? MESSAGE_HEADER_BYTES + QUERY_TEXT_MAX : 0;
    case 'B':
        return follow->wanted ? MESSAGE_HEADER_BYTES + 2 * (NAME_BYTES_MAX + 1) : 0;
    case 'E':
        return follow->wanted ? MESSAGE_HEADER_BYTES + NAME_BYTES_MAX + 1 : 0;
    default:
        return 0;
    }
}

/* Behind the header. False: none of the protocol, or too much. */
static bool client_take(struct follow *follow, char type, struct body body,
                        struct follow_piece *piece)
{
    switch (type) {
    case 'Q':
        return client_query(follow, body, piece);
    case 'P':
        return client_parse(follow, body);
    case 'B':
        return client_bind(follow, body);
    case 'D':
        return client_awaits(follow, AWAIT_DESCRIBE, NULL);
    case 'E':
        return client_execute(follow, body, piece);
    case 'C':
        return client_close(follow, body);
    case 'S':
        if (follow->copying)
            return true;
        follow->skipping = false;
        return follow_await(follow, AWAIT_SYNC, NULL);
    case 'F':
        return client_awaits(follow, AWAIT_FUNCTION, NULL);
    case 'c':
    case 'f':
        follow->copying = false;
        return awaited_count(&follow->awaited) == 0 || client_awaits(follow, AWAIT_COPY_END, NULL);
    case 'd': /* COPY's data */
    case 'H': /* Flush */
    case 'p': /* of the authentication */
    case 'X': /* Terminate */
        return true;
    default:
        return false;
    }
}

/* A message of which the header is enough. Where its first bytes have gone on already, before
 * queries were wanted, this one is not: nothing can stand in its place any more. */
static struct step client_unseen(struct follow *follow, char type, const char *data,
                                 size_t size_bytes, struct follow_piece *piece)
{
    struct wire *wire = &follow->wires[FAULT_UPSTREAM];
    bool wanted = follow->wanted, resumed = wire->head_bytes > 0;
    const uint8_t *head;
    struct step step = wire_head(wire, data, size_bytes, MESSAGE_HEADER_BYTES, &head);
    if (!head)
        return step;
    if (!wire_enter(wire, message_u32((const char *)head + 1)))
        return over;
    follow->wanted = wanted && !resumed;
    bool taken = client_take(follow, type, (struct body){"", 0}, piece);
    follow->wanted = wanted;
    return taken ? step : over;
}

struct step client_message(struct follow *follow, const char *data, size_t size_bytes, bool inside,
                           struct follow_piece *piece)
{
    if (!follow->typed)
        return client_start(follow, data, size_bytes);
    struct wire *wire = &follow->wires[FAULT_UPSTREAM];
    char type = wire->head_bytes ? (char)wire->head[0] : *data;
    size_t looks = wire->head_bytes ? 0 : client_looks(follow, type);
    if (looks == 0)
        return client_unseen(follow, type, data, size_bytes, piece);
    if (inside && (type == 'Q' || type == 'E'))
        return (struct step){STEP_CUT, 0};
    if (size_bytes < MESSAGE_HEADER_BYTES)
        return (struct step){STEP_MORE, MESSAGE_HEADER_BYTES};
    uint32_t length = message_u32(data + 1);
    size_t need = looks < (size_t)length + 1 ? looks : (size_t)length + 1;
    if (length <= MESSAGE_LENGTH_MAX && size_bytes < need)
        return (struct step){STEP_MORE, need};
    if (!wire_enter(wire, length))
        return over;
    struct body body = {data + MESSAGE_HEADER_BYTES, size_bytes - MESSAGE_HEADER_BYTES};
    if (body.size_bytes > wire->left)
        body.size_bytes = (size_t)wire->left;
    if (!client_take(follow, type, body, piece))
        return over;
    return (struct step){STEP_GO, MESSAGE_HEADER_BYTES};
}
