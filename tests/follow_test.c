/* SPDX-License-Identifier: MIT */
/* follow_test.c - conversations with PostgreSQL are followed however they are cut, and come through
 * unchanged.
 *
 * Events are lines: "> 2 at 51 T name: SELECT" for the second query, which begins at that byte in
 * state T; "< 2 at 70" where its answer begins, or has "committed". */
#include "follow_talk.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TLS_CODE 80877103
#define GSS_CODE 80877104
#define UP       FAULT_UPSTREAM
#define DOWN     FAULT_DOWNSTREAM

/* Only what happens, without where. */
static void expect(struct talk *talk, const char *events)
{
    struct heard heard;
    char *seen = malloc(1 << 20);
    assert_non_null(seen);
    talk_play(talk, 0, NULL, &heard);
    char *to = seen;
    for (const char *from = heard.events.data; *from; from++) {
        if (strncmp(from, " at ", 4) == 0)
            from += 4 + strspn(from + 4, "0123456789");
        *to++ = *from;
    }
    *to = '\0';
    assert_string_equal(seen, events);
    free(seen);
    struct heard again;
    talk_expect(talk, heard.events.data, &again);
    heard_free(&again);
    heard_free(&heard);
}

static void expect_state(struct talk *talk, const char *events, enum follow_state state)
{
    struct heard heard;
    expect(talk, events);
    talk_play(talk, 0, NULL, &heard);
    assert_int_equal(heard.state, state);
    assert_int_equal(heard.is_over, state >= FOLLOW_ENCRYPTED);
    heard_free(&heard);
    talk_free(talk);
}

static void select_one(struct talk *talk)
{
    SERVER_RAW(talk, 'T', "\0\1x\0\0\0\0\0\0\0\0\0\0\27\0\4\377\377\377\377\0\0");
    SERVER_RAW(talk, 'D', "\0\1\0\0\0\0011");
    SERVER(talk, 'C', "SELECT 1");
    talk_ready(talk, 'I');
}

/* ---- Start-up -------------------------------------------------------------------------------- */

static void start_up_belongs_to_no_query(void **unused)
{
    (void)unused;
    struct talk talk = {0};
    talk_start(&talk);
    expect_state(&talk, "", FOLLOW_READY);
}

static void encryption_is_asked_for(void **unused)
{
    (void)unused;
    struct talk talk = {0};
    talk_packet(&talk, GSS_CODE, NULL, 0);
    talk_bytes(&talk, DOWN, "N", 1);
    talk_packet(&talk, TLS_CODE, NULL, 0);
    talk_bytes(&talk, DOWN, "N", 1);
    talk_start(&talk);
    talk_query(&talk, "SELECT 1");
    select_one(&talk);
    expect_state(&talk, "> 1 I SELECT 1\n< 1\n< 1 committed\n", FOLLOW_READY);

    talk_packet(&talk, TLS_CODE, NULL, 0);
    talk_bytes(&talk, DOWN, "S", 1);
    talk_bytes(&talk, UP, "\26\3\1\2\0\1\0\1\374\3\3Q\0\0\0\15SELECT 1", 25);
    talk_bytes(&talk, DOWN, "\26\3\3Z\0\0\0\5I", 9);
    expect_state(&talk, "", FOLLOW_ENCRYPTED);

    talk_packet(&talk, GSS_CODE, NULL, 0);
    talk_bytes(&talk, DOWN, "G", 1);
    talk_bytes(&talk, UP, "\0\0\0\4abcd", 8);
    expect_state(&talk, "", FOLLOW_ENCRYPTED);

    talk_bytes(&talk, UP, "\26\3\1\0\5hello", 10);
    expect_state(&talk, "", FOLLOW_ENCRYPTED);

    /* A server from before TLS, or one with no room: an ErrorResponse. */
    talk_packet(&talk, TLS_CODE, NULL, 0);
    talk_error(&talk, "53300");
    expect_state(&talk, "", FOLLOW_STARTING);
}

static void other_connections_are_left_alone(void **unused)
{
    (void)unused;
    struct talk talk = {0};
    talk_packet(&talk, 80877102, "\0\0\0\1secr", 8);
    expect_state(&talk, "", FOLLOW_CANCEL);

    talk_packet(&talk, 196608, "user\0a\0replication\0database\0", 29);
    CLIENT(&talk, 'Q', "START_REPLICATION 0/0");
    expect_state(&talk, "", FOLLOW_REPLICATION);

    talk_packet(&talk, 196608, "user\0a\0replication\0off\0", 24);
    SERVER_RAW(&talk, 'R', "\0\0\0\0");
    talk_ready(&talk, 'I');
    expect_state(&talk, "", FOLLOW_READY);

    talk_start(&talk);
    talk_query(&talk, "x");
    SERVER_RAW(&talk, 'W', "\0\0\0");
    SERVER_RAW(&talk, 'd', "w");
    SERVER_RAW(&talk, '?', "whatever");
    expect_state(&talk, "> 1 I x\n< 1\n", FOLLOW_REPLICATION);
}

/* ---- Queries --------------------------------------------------------------------------------- */

static void queries_are_answered(void **unused)
{
    (void)unused;
    struct talk talk = {0};
    talk_start(&talk);
    talk_query(&talk, "SELECT 1");
    SERVER(&talk, 'N', "SNOTICE\0");
    SERVER_RAW(&talk, 'A', "\0\0\0\1c\0p\0");
    select_one(&talk);
    talk_query(&talk, "");
    SERVER_RAW(&talk, 'I', "");
    talk_ready(&talk, 'I');
    talk_query(&talk, "BEGIN; SELECT 1; SELECT 2");
    SERVER(&talk, 'C', "BEGIN");
    SERVER_RAW(&talk, 'D', "\0\0");
    SERVER(&talk, 'C', "SELECT 1");
    SERVER_RAW(&talk, 'D', "\0\0");
    SERVER(&talk, 'C', "SELECT 1");
    talk_ready(&talk, 'T');
    talk_query(&talk, "SELECT nothing");
    talk_error(&talk, "42703");
    talk_ready(&talk, 'E');
    talk_query(&talk, "ROLLBACK");
    SERVER(&talk, 'C', "ROLLBACK");
    talk_ready(&talk, 'I');
    CLIENT_RAW(&talk, 'X', "");
    expect_state(&talk,
                 "> 1 I SELECT 1\n< 1\n< 1 committed\n"
                 "> 2 I \n< 2\n"
                 "> 3 I BEGIN; SELECT 1; SELECT 2\n< 3\n"
                 "> 4 T SELECT nothing\n< 4\n"
                 "> 5 E ROLLBACK\n< 5\n",
                 FOLLOW_READY);
}

static void a_query_begins_at_its_message(void **unused)
{
    (void)unused;
    struct talk talk = {0};
    struct heard heard;
    talk_start(&talk); /* 35 + 19 bytes; 24 + 9 + 18 + 17 + 6 */
    talk_query(&talk, "SELECT 1");
    select_one(&talk);
    talk_expect(&talk, "> 1 at 54 I SELECT 1\n< 1 at 74\n< 1 at 113 committed\n", &heard);
    assert_int_equal(heard.queries, 1);
    assert_int_equal(heard.transaction, 'I');
    heard_free(&heard);
    talk_free(&talk);
}

static void prepared_statements_have_their_texts(void **unused)
{
    (void)unused;
    struct talk talk = {0};
    talk_start(&talk);
    talk_parse(&talk, "ask", "SELECT $1");
    talk_sync(&talk);
    SERVER_RAW(&talk, '1', "");
    talk_ready(&talk, 'I');
    talk_bind(&talk, "", "ask");
    CLIENT(&talk, 'D', "P");
    talk_execute(&talk, "");
    talk_sync(&talk);
    SERVER_RAW(&talk, '2', "");
    SERVER_RAW(&talk, 'T', "\0\0");
    SERVER_RAW(&talk, 'D', "\0\0");
    SERVER(&talk, 'C', "SELECT 1");
    talk_ready(&talk, 'I');
    talk_parse(&talk, "", "UPDATE t SET x = 1");
    talk_bind(&talk, "gate", "");
    CLIENT(&talk, 'D', "Pgate");
    talk_execute(&talk, "gate");
    talk_sync(&talk);
    SERVER_RAW(&talk, '1', "");
    SERVER_RAW(&talk, '2', "");
    SERVER_RAW(&talk, 'n', "");
    SERVER(&talk, 'C', "UPDATE 1");
    talk_ready(&talk, 'I');
    CLIENT(&talk, 'C', "Sask");
    talk_bind(&talk, "", "ask");
    talk_execute(&talk, "");
    talk_sync(&talk);
    SERVER_RAW(&talk, '3', "");
    talk_error(&talk, "26000");
    talk_ready(&talk, 'I');
    expect_state(&talk,
                 "> 1 I ask: SELECT $1\n< 1\n< 1 committed\n"
                 "> 2 I UPDATE t SET x = 1\n< 2 committed\n"
                 "> 3 I ?\n< 3\n",
                 FOLLOW_READY);
}

/* Executes what is called name. */
static void say_named(struct talk *talk, const char *name)
{
    talk_bind(talk, "", name);
    talk_execute(talk, "");
    talk_sync(talk);
    SERVER_RAW(talk, '2', "");
    SERVER_RAW(talk, 'D', "\0\0");
    SERVER(talk, 'C', "SELECT 1");
    talk_ready(talk, 'I');
}

/* A name means what the server has taken, whatever it was asked, and however far ahead. */
static void a_refused_parse_renames_nothing(void **unused)
{
    (void)unused;
    struct talk talk = {0};
    talk_start(&talk);
    talk_parse(&talk, "ask", "SELECT 1");
    talk_sync(&talk);
    SERVER_RAW(&talk, '1', "");
    talk_ready(&talk, 'I');
    talk_parse(&talk, "ask", "DELETE"); /* there is one; what follows is skipped */
    CLIENT(&talk, 'C', "Sask");
    talk_parse(&talk, "other", "UPDATE");
    talk_sync(&talk);
    talk_error(&talk, "42P05");
    talk_ready(&talk, 'I');
    say_named(&talk, "ask");
    say_named(&talk, "other");
    talk_parse(&talk, "ask", "DROP"); /* and in one go */
    talk_sync(&talk);
    talk_parse(&talk, "ask", "CREATE");
    talk_sync(&talk);
    CLIENT(&talk, 'C', "Sask");
    talk_parse(&talk, "ask", "INSERT");
    talk_sync(&talk);
    talk_error(&talk, "42P05");
    talk_ready(&talk, 'I');
    talk_error(&talk, "42P05");
    talk_ready(&talk, 'I');
    talk_error(&talk, "57014");
    talk_ready(&talk, 'I');
    say_named(&talk, "ask");
    CLIENT(&talk, 'C', "Sask");
    talk_parse(&talk, "ask", "INSERT");
    talk_sync(&talk);
    SERVER_RAW(&talk, '3', "");
    SERVER_RAW(&talk, '1', "");
    talk_ready(&talk, 'I');
    say_named(&talk, "ask");
    expect_state(&talk,
                 "> 1 I ask: SELECT 1\n< 1\n< 1 committed\n> 2 I ?\n< 2\n< 2 committed\n"
                 "> 3 I ask: SELECT 1\n< 3\n< 3 committed\n> 4 I ask: INSERT\n< 4\n< 4 committed\n",
                 FOLLOW_READY);
}

static void more_rows_are_the_same_query(void **unused)
{
    (void)unused;
    struct talk talk = {0};
    talk_start(&talk);
    talk_parse(&talk, "", "SELECT");
    talk_bind(&talk, "p", "");
    talk_execute(&talk, "p");
    CLIENT_RAW(&talk, 'H', "");
    SERVER_RAW(&talk, '1', "");
    SERVER_RAW(&talk, '2', "");
    SERVER_RAW(&talk, 'D', "\0\0");
    SERVER_RAW(&talk, 's', "");
    talk_execute(&talk, "p");
    talk_sync(&talk);
    SERVER_RAW(&talk, 'D', "\0\0");
    SERVER(&talk, 'C', "SELECT 2");
    talk_ready(&talk, 'I');
    talk_query(&talk, "SELECT 1");
    select_one(&talk);
    expect_state(&talk, "> 1 I SELECT\n< 1\n> 3 I SELECT 1\n< 3\n< 3 committed\n", FOLLOW_READY);
}

static void say_unit(struct talk *talk, const char *sql)
{
    talk_parse(talk, "", sql);
    talk_bind(talk, "", "");
    talk_execute(talk, "");
}

static void answer_unit(struct talk *talk, const char *tag)
{
    SERVER_RAW(talk, '1', "");
    SERVER_RAW(talk, '2', "");
    talk_message(talk, DOWN, 'C', tag, strlen(tag) + 1);
}

static void pipelines_are_answered_in_order(void **unused)
{
    (void)unused;
    struct talk talk = {0};
    talk_start(&talk);
    say_unit(&talk, "BEGIN");
    say_unit(&talk, "INSERT 1");
    talk_sync(&talk);
    say_unit(&talk, "INSERT 2");
    say_unit(&talk, "SELECT 1/0");
    say_unit(&talk, "INSERT 3");
    talk_sync(&talk);
    say_unit(&talk, "ROLLBACK");
    talk_sync(&talk);
    talk_query(&talk, "SELECT 1");
    answer_unit(&talk, "BEGIN");
    answer_unit(&talk, "INSERT 0 1");
    talk_ready(&talk, 'T');
    answer_unit(&talk, "INSERT 0 1");
    SERVER_RAW(&talk, '1', "");
    SERVER_RAW(&talk, '2', "");
    talk_error(&talk, "22012");
    talk_ready(&talk, 'E');
    answer_unit(&talk, "ROLLBACK");
    talk_ready(&talk, 'I');
    select_one(&talk);
    expect_state(&talk,
                 "> 1 I BEGIN\n> 2 I INSERT 1\n> 3 I INSERT 2\n> 4 I SELECT 1/0\n> 5 I INSERT 3\n"
                 "> 6 I ROLLBACK\n> 7 I SELECT 1\n"
                 "< 1\n< 2\n< 3\n< 4\n< 6\n< 7\n< 7 committed\n",
                 FOLLOW_READY);
}

static void what_the_server_skips_is_no_query(void **unused)
{
    (void)unused;
    struct talk talk = {0};
    talk_start(&talk);
    talk_parse(&talk, "", "SELEC");
    CLIENT_RAW(&talk, 'H', "");
    talk_error(&talk, "42601");
    talk_bind(&talk, "", "");
    talk_execute(&talk, "");
    talk_query(&talk, "SELECT 0");
    talk_sync(&talk);
    talk_query(&talk, "SELECT 1");
    talk_ready(&talk, 'I');
    select_one(&talk);
    expect_state(&talk, "> 3 I SELECT 1\n< 3\n< 3 committed\n", FOLLOW_READY);
}

static void function_calls_are_none(void **unused)
{
    (void)unused;
    struct talk talk = {0};
    talk_start(&talk);
    CLIENT_RAW(&talk, 'F', "\0\0\0\1\0\0\0\0\0\0");
    talk_query(&talk, "SELECT 1");
    SERVER_RAW(&talk, 'V', "\377\377\377\377");
    talk_ready(&talk, 'I');
    select_one(&talk);
    expect_state(&talk, "> 1 I SELECT 1\n< 1\n< 1 committed\n", FOLLOW_READY);
}

/* ---- COPY ------------------------------------------------------------------------------------ */

static void copies_in(struct talk *talk, char end)
{
    SERVER_RAW(talk, 'G', "\0\0\0");
    CLIENT_RAW(talk, 'd', "Q\0\0\0\7no");
    talk_message(talk, UP, end, "why", end == 'f' ? 4 : 0);
}

static void copies_belong_to_their_query(void **unused)
{
    (void)unused;
    struct talk talk = {0};
    talk_start(&talk);
    talk_query(&talk, "COPY t FROM STDIN");
    copies_in(&talk, 'c');
    SERVER(&talk, 'C', "COPY 1");
    talk_ready(&talk, 'I');
    talk_query(&talk, "COPY t FROM STDIN");
    copies_in(&talk, 'f');
    talk_error(&talk, "57014");
    talk_ready(&talk, 'I');
    talk_query(&talk, "COPY t TO STDOUT");
    SERVER_RAW(&talk, 'H', "\0\0\0");
    SERVER_RAW(&talk, 'd', "1\n");
    SERVER_RAW(&talk, 'c', "");
    SERVER(&talk, 'C', "COPY 1");
    talk_ready(&talk, 'I');
    expect_state(&talk,
                 "> 1 I COPY t FROM STDIN\n< 1\n< 1 committed\n"
                 "> 2 I COPY t FROM STDIN\n< 2\n"
                 "> 3 I COPY t TO STDOUT\n< 3\n< 3 committed\n",
                 FOLLOW_READY);
}

/* The server ignores Sync while it copies in: the one behind CopyDone counts. */
static void copying_ignores_sync(void **unused)
{
    (void)unused;
    struct talk talk = {0};
    talk_start(&talk);
    for (int i = 0; i < 2; i++) {
        say_unit(&talk, "COPY t FROM STDIN");
        talk_sync(&talk);
        SERVER_RAW(&talk, '1', "");
        SERVER_RAW(&talk, '2', "");
        SERVER_RAW(&talk, 'G', "\0\0\0");
        CLIENT_RAW(&talk, 'd', "1\n");
        talk_sync(&talk);
        talk_message(&talk, UP, i ? 'f' : 'c', "no", i ? 3 : 0);
        talk_sync(&talk);
        if (i)
            talk_error(&talk, "57014");
        else
            SERVER(&talk, 'C', "COPY 1");
        talk_ready(&talk, 'I');
    }
    /* Said at once, without waiting for the server to ask for it. */
    say_unit(&talk, "COPY t FROM STDIN");
    talk_sync(&talk);
    CLIENT_RAW(&talk, 'd', "1\n");
    CLIENT_RAW(&talk, 'c', "");
    talk_sync(&talk);
    talk_query(&talk, "SELECT 1");
    SERVER_RAW(&talk, '1', "");
    SERVER_RAW(&talk, '2', "");
    SERVER_RAW(&talk, 'G', "\0\0\0");
    SERVER(&talk, 'C', "COPY 1");
    talk_ready(&talk, 'I');
    select_one(&talk);
    expect_state(&talk,
                 "> 1 I COPY t FROM STDIN\n< 1\n< 1 committed\n"
                 "> 2 I COPY t FROM STDIN\n< 2\n"
                 "> 3 I COPY t FROM STDIN\n> 4 I SELECT 1\n< 3\n< 3 committed\n"
                 "< 4\n< 4 committed\n",
                 FOLLOW_READY);
}

/* ---- Commits --------------------------------------------------------------------------------- */

static void commits_are_told(void **unused)
{
    (void)unused;
    struct talk talk = {0};
    talk_start(&talk);
    talk_query(&talk, "BEGIN");
    SERVER(&talk, 'C', "BEGIN");
    talk_ready(&talk, 'T');
    talk_query(&talk, "INSERT");
    SERVER(&talk, 'C', "INSERT 0 1");
    talk_ready(&talk, 'T');
    talk_query(&talk, "COMMIT");
    SERVER(&talk, 'C', "COMMIT");
    talk_ready(&talk, 'I');
    talk_query(&talk, "INSERT"); /* with what may stand between */
    SERVER(&talk, 'C', "INSERT 0 1");
    SERVER_RAW(&talk, 'A', "\0\0\0\1c\0p\0");
    SERVER(&talk, 'S', "a\0b");
    talk_ready(&talk, 'I');
    talk_query(&talk, "BEGIN; INSERT; COMMIT; SELECT");
    SERVER(&talk, 'C', "BEGIN");
    SERVER(&talk, 'C', "INSERT 0 1");
    SERVER(&talk, 'C', "COMMIT");
    SERVER(&talk, 'C', "SELECT 0");
    talk_ready(&talk, 'I');
    talk_query(&talk, "COMMIT"); /* of what has failed */
    SERVER(&talk, 'C', "ROLLBACK");
    talk_ready(&talk, 'I');
    expect_state(&talk,
                 "> 1 I BEGIN\n< 1\n> 2 T INSERT\n< 2\n> 3 T COMMIT\n< 3 committed\n"
                 "> 4 I INSERT\n< 4 committed\n"
                 "> 5 I BEGIN; INSERT; COMMIT; SELECT\n< 5\n< 5 committed\n< 5 committed\n"
                 "> 6 I COMMIT\n< 6\n",
                 FOLLOW_READY);
}

/* CommandComplete is kept back for ReadyForQuery only where that is sure to come. */
static void nothing_is_kept_back_without_need(void **unused)
{
    (void)unused;
    struct talk talk = {0};
    struct heard heard;
    talk_start(&talk);
    say_unit(&talk, "INSERT");
    CLIENT_RAW(&talk, 'H', "");
    answer_unit(&talk, "INSERT 0 1");
    talk_play(&talk, 0, NULL, &heard);
    size_t sent_bytes = heard.out[DOWN].size_bytes;
    heard_free(&heard);
    struct follow *follow;
    struct follow_piece piece;
    assert_ok(follow_create(&follow, NULL));
    follow_want(follow, true);
    size_t heard_bytes = 0;
    for (size_t i = 0; i < talk.count; i++) {
        struct follow_bytes bytes = {talk.turns[i].bytes.data, talk.turns[i].bytes.size_bytes};
        while (follow_next(follow, talk.turns[i].way, &bytes, &piece))
            heard_bytes += talk.turns[i].way == DOWN ? piece.size_bytes : 0;
    }
    assert_int_equal(heard_bytes, sent_bytes);
    follow_destroy(follow);
    talk_free(&talk);
}

static void kinds_are_told_by_the_first_word(void **unused)
{
    (void)unused;
    static const struct {
        const char *sql;
        unsigned kind;
    } cases[] = {
        {"select 1", QUERY_PLAIN},
        {" -- why\n /* a /* b */ c */ (SELECT 1)", QUERY_PLAIN},
        {"/* open", 0},
        {"WITH x AS (SELECT 1) TABLE x", QUERY_PLAIN},
        {"selection", 0},
        {"commit", QUERY_COMMITS},
        {"END;", QUERY_COMMITS},
        {"PREPARE TRANSACTION 'x'", QUERY_COMMITS},
        {"PREPARE x AS SELECT 1", 0},
        {"ROLLBACK", QUERY_ROLLS_BACK},
        {"ROLLBACK AND CHAIN", QUERY_ROLLS_BACK},
        {"ROLLBACK TO x", 0},
        {"rollback work to savepoint x", 0},
        {"Abort", QUERY_ROLLS_BACK},
        {"start transaction", QUERY_BEGINS},
        {"", 0},
        {"VACUUM", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct talk talk = {0};
        struct follow *follow;
        struct follow_piece piece;
        talk_start(&talk);
        talk_query(&talk, cases[i].sql);
        assert_ok(follow_create(&follow, NULL));
        follow_want(follow, true);
        const struct query *query = NULL;
        for (size_t j = 0; j < talk.count; j++) {
            struct follow_bytes bytes = {talk.turns[j].bytes.data, talk.turns[j].bytes.size_bytes};
            while (follow_next(follow, talk.turns[j].way, &bytes, &piece))
                query = piece.query ? query_hold(piece.query) : query;
        }
        follow_destroy(follow);
        assert_non_null(query);
        if (!query) /* for the analyzer, which does not know that the assertion ends the test */
            return;
        assert_string_equal(query->text, cases[i].sql); /* is held: the follower has gone */
        assert_int_equal(query->kind, cases[i].kind);
        query_release(query);
        talk_free(&talk);
    }
}

/* ---- Bounds ---------------------------------------------------------------------------------- */

static void long_texts_are_cut(void **unused)
{
    (void)unused;
    struct talk talk = {0};
    size_t size_bytes = 100000;
    char *sql = malloc(size_bytes);
    assert_non_null(sql);
    memset(sql, 'x', size_bytes - 1);
    memcpy(sql, "SELECT", 6);
    sql[size_bytes - 1] = '\0';
    talk_start(&talk);
    talk_query(&talk, sql);
    select_one(&talk);
    talk_parse(&talk, "", sql);
    talk_bind(&talk, "", "");
    talk_execute(&talk, "");
    talk_sync(&talk);
    answer_unit(&talk, "SELECT 0");
    talk_ready(&talk, 'I');
    expect_state(&talk,
                 "> 1 I SELECTxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n< 1\n< 1 committed\n"
                 "> 2 I SELECTxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n< 2 committed\n",
                 FOLLOW_READY);
    free(sql);
}

/* Names that are too long, or too many, are not remembered; what was prepared last is. */
static void statements_are_bounded(void **unused)
{
    (void)unused;
    struct talk talk = {0};
    char name[400];
    talk_start(&talk);
    for (int i = 0; i < 300; i++) {
        (void)snprintf(name, sizeof(name), "s%d", i);
        talk_parse(&talk, name, name);
    }
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    talk_parse(&talk, name, "SELECT 1");
    talk_bind(&talk, "", name);
    talk_execute(&talk, "");
    talk_bind(&talk, "", "s0");
    talk_execute(&talk, "");
    talk_bind(&talk, "", "s299");
    talk_execute(&talk, "");
    talk_bind(&talk, name, "s298");
    talk_execute(&talk, name);
    expect_state(&talk, "> 1 I ?\n> 2 I ?\n> 3 I s299: s299\n> 4 I ?\n", FOLLOW_READY);
}

static void unanswered_queries_are_bounded(void **unused)
{
    (void)unused;
    struct talk talk = {0};
    struct heard heard;
    talk_start(&talk);
    for (int i = 0; i < 70000; i++)
        talk_sync(&talk);
    talk_query(&talk, "SELECT 1");
    talk_play(&talk, 4096, NULL, &heard);
    assert_int_equal(heard.state, FOLLOW_LOST);
    assert_int_equal(heard.out[UP].size_bytes, 54 + 70000 * 5 + 14);
    heard_free(&heard);
    talk_free(&talk);
}

static void what_is_no_protocol_is_passed_on(void **unused)
{
    (void)unused;
    static const struct {
        enum fault_stream way;
        const char *bytes;
        size_t size_bytes;
    } cases[] = {
        {UP, "~\0\0\0\4", 5},     {UP, "Q\0\0\0\3", 5},       {UP, "S\377\377\377\377", 5},
        {UP, "d\0\0\0\0", 5},     {DOWN, "~\0\0\0\4", 5},     {DOWN, "Z\0\0\0\5x", 6},
        {DOWN, "Z\0\0\0\6II", 7}, {DOWN, "D\0\0\0\1", 5},     {DOWN, "C\0\0\0\3", 5},
        {DOWN, "E\377\0\0\0", 5}, {DOWN, "HTTP/1.1 200", 12}, {UP, "GET / HTTP/1.1", 14},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct talk talk = {0};
        talk_start(&talk);
        talk_query(&talk, "SELECT 1");
        talk_bytes(&talk, cases[i].way, cases[i].bytes, cases[i].size_bytes);
        talk_query(&talk, "SELECT 2");
        select_one(&talk);
        struct heard heard;
        talk_play(&talk, 0, NULL, &heard);
        assert_int_equal(heard.state, FOLLOW_LOST);
        assert_true(heard.is_over);
        struct heard again;
        talk_expect(&talk, heard.events.data, &again);
        heard_free(&again);
        heard_free(&heard);
        talk_free(&talk);
    }
}

static void no_start_up_is_passed_on(void **unused)
{
    (void)unused;
    struct talk talk = {0};
    talk_bytes(&talk, UP, "GET / HTTP/1.1\r\n\r\n", 18);
    talk_bytes(&talk, DOWN, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
    expect_state(&talk, "", FOLLOW_LOST);
    talk_bytes(&talk, UP, "\0\0\0\7abc", 7);
    talk_bytes(&talk, UP, "more", 4);
    expect_state(&talk, "", FOLLOW_LOST);
    talk_bytes(&talk, UP, "\0\1\0\0\0\3\0\0", 8);
    expect_state(&talk, "", FOLLOW_LOST);
    talk_packet(&talk, 131072, "user", 5); /* protocol 2 */
    expect_state(&talk, "", FOLLOW_LOST);
    talk_bytes(&talk, UP, "\0\0\0", 3); /* ends too early: comes out as it is */
    expect_state(&talk, "", FOLLOW_STARTING);
}

/* ---- Without faults that need queries -------------------------------------------------------- */

static void unwanted_queries_are_counted_only(void **unused)
{
    (void)unused;
    struct talk talk = {.not_wanted = true};
    struct heard heard;
    talk_start(&talk);
    talk_query(&talk, "SELECT 1");
    select_one(&talk);
    say_unit(&talk, "SELECT 1");
    talk_sync(&talk);
    answer_unit(&talk, "SELECT 1");
    talk_ready(&talk, 'T');
    say_unit(&talk, "SELECT 1/0");
    say_unit(&talk, "SELECT 2");
    talk_sync(&talk);
    talk_error(&talk, "22012");
    talk_ready(&talk, 'E');
    talk_expect(&talk, "", &heard);
    assert_int_equal(heard.queries, 4);
    assert_int_equal(heard.transaction, 'E');
    assert_int_equal(heard.state, FOLLOW_READY);
    heard_free(&heard);
    talk_free(&talk);
}

/* Gives a turn; returns the number of the query that a piece was about, or 0. */
static uint64_t give(struct follow *follow, struct talk *talk, size_t turn, size_t *pieces)
{
    uint64_t number = 0;
    struct follow_piece piece;
    struct follow_bytes bytes = {talk->turns[turn].bytes.data, talk->turns[turn].bytes.size_bytes};
    for (*pieces = 0; follow_next(follow, talk->turns[turn].way, &bytes, &piece); ++*pieces)
        number = piece.query ? piece.query->number : number;
    return number;
}

static void queries_may_be_wanted_later(void **unused)
{
    (void)unused;
    struct talk talk = {0};
    struct follow *follow;
    size_t pieces, turn;
    talk_start(&talk);
    size_t begun = talk.count;
    talk_parse(&talk, "ask", "SELECT 5");
    talk_query(&talk, "SELECT 1");
    SERVER_RAW(&talk, '1', "");
    select_one(&talk);
    talk_bind(&talk, "", "ask");
    talk_execute(&talk, "");
    talk_sync(&talk);
    SERVER_RAW(&talk, '2', "");
    SERVER(&talk, 'C', "SELECT 1");
    talk_ready(&talk, 'I');
    assert_ok(follow_create(&follow, NULL));
    for (turn = 0; turn <= begun; turn++) {
        assert_int_equal(give(follow, &talk, turn, &pieces), 0);
        assert_int_equal(pieces, 1);
    }
    follow_want(follow, true); /* with a query under way: it is not reported */
    assert_int_equal(give(follow, &talk, turn++, &pieces), 0);
    struct follow_bytes bytes = {talk.turns[turn].bytes.data, talk.turns[turn].bytes.size_bytes};
    struct follow_piece piece;
    assert_true(follow_next(follow, UP, &bytes, &piece));
    assert_null(piece.query);
    assert_true(follow_next(follow, UP, &bytes, &piece));
    assert_string_equal(piece.query->text, "SELECT 5"); /* prepared before */
    assert_string_equal(piece.query->statement, "ask");
    assert_true(follow_next(follow, UP, &bytes, &piece));
    assert_false(follow_next(follow, UP, &bytes, &piece));
    follow_want(follow, false); /* its answer is none of ours any more */
    assert_int_equal(give(follow, &talk, turn + 1, &pieces), 0);
    assert_int_equal(pieces, 1);
    assert_int_equal(follow_queries(follow), 2);
    follow_destroy(follow);
    talk_free(&talk);
}

/* Nothing can stand in the place of a query whose first bytes have gone on. */
static void a_query_that_has_gone_on_in_part_is_not_wanted(void **unused)
{
    (void)unused;
    for (size_t cut = 1; cut <= 5; cut++) {
        struct talk talk = {0};
        struct follow *follow;
        struct follow_piece piece;
        size_t pieces, turn;
        talk_start(&talk);
        size_t begun = talk.count;
        talk_query(&talk, "SELECT 1");
        assert_ok(follow_create(&follow, NULL));
        for (turn = 0; turn < begun; turn++)
            assert_int_equal(give(follow, &talk, turn, &pieces), 0);
        struct follow_bytes bytes = {talk.turns[turn].bytes.data, cut};
        assert_true(follow_next(follow, UP, &bytes, &piece));
        assert_int_equal(bytes.size_bytes, 0);
        follow_want(follow, true);
        bytes = (struct follow_bytes){talk.turns[turn].bytes.data + cut,
                                      talk.turns[turn].bytes.size_bytes - cut};
        while (follow_next(follow, UP, &bytes, &piece))
            assert_null(piece.query);
        assert_int_equal(follow_queries(follow), 1);
        assert_int_equal(follow_state(follow), FOLLOW_READY);
        follow_destroy(follow);
        talk_free(&talk);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start_up_belongs_to_no_query),
        cmocka_unit_test(encryption_is_asked_for),
        cmocka_unit_test(other_connections_are_left_alone),
        cmocka_unit_test(queries_are_answered),
        cmocka_unit_test(a_query_begins_at_its_message),
        cmocka_unit_test(prepared_statements_have_their_texts),
        cmocka_unit_test(a_refused_parse_renames_nothing),
        cmocka_unit_test(more_rows_are_the_same_query),
        cmocka_unit_test(pipelines_are_answered_in_order),
        cmocka_unit_test(what_the_server_skips_is_no_query),
        cmocka_unit_test(function_calls_are_none),
        cmocka_unit_test(copies_belong_to_their_query),
        cmocka_unit_test(copying_ignores_sync),
        cmocka_unit_test(commits_are_told),
        cmocka_unit_test(nothing_is_kept_back_without_need),
        cmocka_unit_test(kinds_are_told_by_the_first_word),
        cmocka_unit_test(long_texts_are_cut),
        cmocka_unit_test(statements_are_bounded),
        cmocka_unit_test(unanswered_queries_are_bounded),
        cmocka_unit_test(what_is_no_protocol_is_passed_on),
        cmocka_unit_test(no_start_up_is_passed_on),
        cmocka_unit_test(unwanted_queries_are_counted_only),
        cmocka_unit_test(queries_may_be_wanted_later),
        cmocka_unit_test(a_query_that_has_gone_on_in_part_is_not_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
