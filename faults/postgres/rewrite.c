/* SPDX-License-Identifier: MIT */
/* rewrite.c - makes a PostgreSQL server refuse a query, or be late with it, by other messages. */
#include "core/clock.h"
#include "faults/postgres/follow_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUR_NAME        "poolstorm"         /* of our statement and portal */
#define REFUSED_NAME    "poolstorm_refused" /* of what there is not */
#define ERROR_BYTES_MAX 1024                /* of an error's message */
#define SYNC_BYTES      MESSAGE_HEADER_BYTES

/* ---- What is sent in the client's stead ------------------------------------------------------ */

static bool own_begin(struct follow *follow, struct message_writer *writer)
{
    if (!follow->own)
        follow->own = malloc(FOLLOW_OWN_BYTES);
    *writer = (struct message_writer){.data = follow->own};
    return follow->own != NULL;
}

static void write_close(struct message_writer *writer, char what)
{
    message_begin(writer, 'C');
    message_add_char(writer, what);
    message_add_text(writer, OUR_NAME);
    message_end(writer);
}

static void write_execute(struct message_writer *writer, const char *portal)
{
    static const char all_rows[4] = {0};
    message_begin(writer, 'E');
    message_add_text(writer, portal);
    message_add(writer, all_rows, sizeof(all_rows));
    message_end(writer);
}

/* Executes sql beside what the client has prepared and bound, and leaves nothing behind. One that
 * failed has left its statement: so both are closed before, too. */
static void write_ours(struct message_writer *writer, const char *sql)
{
    static const char none[6] = {0}; /* no types, no formats, no values, no result formats */
    write_close(writer, 'S');
    message_begin(writer, 'P');
    message_add_text(writer, OUR_NAME);
    message_add_text(writer, sql);
    message_add(writer, none, 2);
    message_end(writer);
    write_close(writer, 'P');
    message_begin(writer, 'B');
    message_add_text(writer, OUR_NAME);
    message_add_text(writer, OUR_NAME);
    message_add(writer, none, 6);
    message_end(writer);
    write_execute(writer, OUR_NAME);
    write_close(writer, 'S');
    write_close(writer, 'P');
}

/* The answers to these, a row of pg_sleep's included. */
#define OURS_SLEEPS     "3132DC33"
#define OURS_ROLLS_BACK "3132C33"

static void write_query(struct message_writer *writer, const char *sql)
{
    message_begin(writer, 'Q');
    message_add_text(writer, sql);
    message_end(writer);
}

/* ---- Its answers ----------------------------------------------------------------------------- */

/* Where the query's answer is awaited; false when the server skips it, or has answered. */
static bool find_entry(struct follow *follow, const struct query_node *node, uint32_t *index)
{
    struct awaited *awaited = &follow->awaited;
    if (!list_linked(&node->link))
        return false;
    const struct list *at = &follow->nodes;
    for (uint32_t i = awaited->head; i != awaited->tail; i++) {
        if (!(*awaited_at(awaited, i) & AWAITED_NODE))
            continue;
        at = at->next;
        if (at == &node->link) {
            *index = i;
            return true;
        }
    }
    return false;
}

/* Before the query at index, the server answers messages of ours. */
static bool await_ours(struct follow *follow, struct query_node *before, uint32_t index,
                       const char *answers)
{
    struct query_node *node = query_node_create(NULL);
    if (!node)
        return false;
    if (awaited_insert(&follow->awaited, index, AWAIT_OURS | AWAITED_NODE)) {
        query_node_release(node);
        return false;
    }
    node->ours = answers;
    list_push_back(&before->link, &node->link);
    follow->rewrites++;
    return true;
}

/* ---- Late ------------------------------------------------------------------------------------ */

static bool can_be_late(struct follow *follow, const struct query_node *node, size_t size_bytes,
                        uint32_t *index)
{
    if (follow->state != FOLLOW_READY || follow->transaction == 'E' || node->refusal ||
        !(node->query.kind & QUERY_PLAIN) || size_bytes < node->message_bytes)
        return false;
    (void)follow_head(follow);
    if (!find_entry(follow, node, index))
        return false;
    if (node->simple)
        return *index == follow->awaited.head;
    for (uint32_t i = follow->awaited.head; i != *index; i++)
        if (awaited_ends_ready(*awaited_at(&follow->awaited, i)))
            return false;
    return true;
}

/* A server that fails while it sleeps skips what follows up to a Sync. For a query of the extended
 * protocol that is the client's; behind a Query there is one of ours, whose ReadyForQuery the
 * client does not see; or sees as its Query's, when that was skipped. */
bool follow_late(struct follow *follow, const struct query *query, size_t size_bytes,
                 uint64_t late_ns, struct follow_rewrite *rewrite)
{
    struct query_node *node = query_node_of(query);
    struct message_writer writer;
    uint32_t index = 0;
    *rewrite = (struct follow_rewrite){0};
    if (late_ns == 0 || !can_be_late(follow, node, size_bytes, &index) ||
        !own_begin(follow, &writer))
        return false;
    if (node->simple) {
        if (awaited_insert(&follow->awaited, index + 1, AWAIT_OUR_SYNC))
            return false;
        follow->rewrites++;
        (void)find_entry(follow, node, &index); /* growing has moved it */
    }
    if (!await_ours(follow, node, index, OURS_SLEEPS)) {
        if (node->simple)
            follow_void(follow, awaited_at(&follow->awaited, index + 1));
        return false;
    }
    late_ns = late_ns < FOLLOW_LATE_NS_MAX ? late_ns : FOLLOW_LATE_NS_MAX;
    char sql[96];
    (void)snprintf(sql, sizeof(sql), "SELECT pg_catalog.pg_sleep(%" PRIu64 ".%06" PRIu64 ")",
                   late_ns / NS_PER_S, late_ns % NS_PER_S / NS_PER_US);
    write_ours(&writer, sql);
    rewrite->before = writer.data;
    rewrite->before_bytes = writer.size_bytes;
    if (!node->simple)
        return true;
    message_begin(&writer, 'S');
    message_end(&writer);
    rewrite->after = rewrite->before + rewrite->before_bytes;
    rewrite->after_bytes = SYNC_BYTES;
    return true;
}

/* ---- Refused --------------------------------------------------------------------------------- */

/* ErrorResponse as the client is to see it. */
static bool refusal_write(struct query_node *node, const char *sqlstate, const char *message)
{
    const char *text = message ? message : "";
    size_t text_bytes = strnlen(text, ERROR_BYTES_MAX);
    struct message_writer writer = {.data = malloc(64 + text_bytes)};
    if (!writer.data)
        return false;
    message_begin(&writer, 'E');
    message_add(&writer, "SERROR\0VERROR", sizeof("SERROR\0VERROR"));
    message_add_char(&writer, 'C');
    message_add_text(&writer, sqlstate);
    message_add_char(&writer, 'M');
    message_add(&writer, text, text_bytes);
    message_add(&writer, "\0", 2); /* of the text, and of the fields */
    message_end(&writer);
    node->refusal = writer.data;
    node->refusal_bytes = writer.size_bytes;
    return true;
}

/* A statement that fails leaves its transaction failed, and ends one of its own. But a COMMIT that
 * fails has ended its transaction: that one is rolled back before. */
bool follow_fail(struct follow *follow, const struct query *query, const char *sqlstate,
                 const char *message, struct follow_rewrite *rewrite)
{
    struct query_node *node = query_node_of(query);
    struct message_writer writer;
    uint32_t index;
    *rewrite = (struct follow_rewrite){0};
    (void)follow_head(follow);
    if (node->refusal || !find_entry(follow, node, &index) || !own_begin(follow, &writer) ||
        !refusal_write(node, sqlstate, message))
        return false;
    follow->rewrites++;
    bool commits = node->query.kind & QUERY_COMMITS;
    if (commits && !node->simple && !await_ours(follow, node, index, OURS_ROLLS_BACK))
        commits = false; /* without memory: the transaction has failed, but not ended */
    if (node->simple) {
        node->provoked = commits ? "26000" : "42601"; /* no such statement; syntax error */
        node->ours = commits ? "C" : NULL;
        write_query(&writer, commits ? "ROLLBACK; EXECUTE " REFUSED_NAME : REFUSED_NAME);
    } else {
        node->provoked = "34000"; /* no such portal */
        if (commits)
            write_ours(&writer, "ROLLBACK");
        write_execute(&writer, REFUSED_NAME);
    }
    rewrite->before = writer.data;
    rewrite->before_bytes = writer.size_bytes;
    rewrite->skip_bytes = node->message_bytes;
    return true;
}
