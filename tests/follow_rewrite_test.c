/* SPDX-License-Identifier: MIT */
/* follow_rewrite_test.c - a server that is made to fail, or to be late: what it is told, and what
 * its client hears. What servers say to that is as PostgreSQL 15 does. */
#include "follow_talk.h"
#include "test.h"

#include <stdio.h>
#include <string.h>

#define UP   FAULT_UPSTREAM
#define DOWN FAULT_DOWNSTREAM

static const struct fault_error cancelled = {.sqlstate = "57014", .message = "enough"};

/* The same conversation as the server, and as the client sees it. */
struct seen {
    struct talk talk, client;
};

/* Plays the talk and expects what the client of the other hears, and what the server is told. */
static void expect_heard(struct seen *seen, const char *events, const char *told, size_t told_bytes)
{
    struct heard heard;
    struct bytes hears = {0};
    talk_expect(&seen->talk, events, &heard);
    assert_true(heard.rewritten);
    for (size_t i = 0; i < seen->client.count; i++)
        bytes_add(&hears, seen->client.turns[i].bytes.data, seen->client.turns[i].bytes.size_bytes);
    assert_int_equal(heard.out[DOWN].size_bytes, hears.size_bytes);
    assert_memory_equal(heard.out[DOWN].data, hears.data, hears.size_bytes);
    if (told)
        assert_non_null(memmem(heard.out[UP].data, heard.out[UP].size_bytes, told, told_bytes));
    assert_int_equal(heard.state, FOLLOW_READY);
    bytes_free(&hears);
    heard_free(&heard);
    talk_free(&seen->talk);
    talk_free(&seen->client);
}

/* Of the server, for the client as it is. */
static void both(struct seen *seen, char type, const void *body, size_t size_bytes)
{
    talk_message(&seen->talk, DOWN, type, body, size_bytes);
    talk_message(&seen->client, DOWN, type, body, size_bytes);
}

#define BOTH(seen, type, body) both(seen, type, body, sizeof(body))

static void begin(struct seen *seen)
{
    struct talk start = {0};
    *seen = (struct seen){.talk.error = cancelled};
    talk_start(&seen->talk);
    talk_start(&start);
    for (size_t i = 0; i < start.count; i++)
        if (start.turns[i].way == DOWN)
            talk_bytes(&seen->client, DOWN, start.turns[i].bytes.data,
                       start.turns[i].bytes.size_bytes);
    talk_free(&start);
}

static void ready(struct seen *seen, char state)
{
    both(seen, 'Z', &state, 1);
}

static void answer(struct seen *seen, const char *tag)
{
    both(seen, 'C', tag, strlen(tag) + 1);
}

/* The server's error, and ours for the client. */
static void error_for(struct seen *seen, const char *sqlstate)
{
    talk_error(&seen->talk, sqlstate);
    SERVER(&seen->client, 'E', "SERROR\0VERROR\0C57014\0Menough\0");
}

static void say_unit(struct seen *seen, const char *sql)
{
    talk_parse(&seen->talk, "", sql);
    talk_bind(&seen->talk, "", "");
    talk_execute(&seen->talk, "");
}

static void bound(struct seen *seen)
{
    both(seen, '1', "", 0);
    both(seen, '2', "", 0);
}

/* The answers to what is executed beside the client's. */
static void ours(struct seen *seen, bool with_row)
{
    struct talk *talk = &seen->talk;
    SERVER_RAW(talk, '3', "");
    SERVER_RAW(talk, '1', "");
    SERVER_RAW(talk, '3', "");
    SERVER_RAW(talk, '2', "");
    if (with_row)
        SERVER_RAW(talk, 'D', "\0\1\0\0\0\0");
    SERVER(talk, 'C', "SELECT 1");
    SERVER_RAW(talk, '3', "");
    SERVER_RAW(talk, '3', "");
}

/* ---- Failing --------------------------------------------------------------------------------- */

static void a_query_fails(void **unused)
{
    (void)unused;
    struct seen seen;
    begin(&seen);
    seen.talk.fails = 2;
    talk_query(&seen.talk, "BEGIN");
    answer(&seen, "BEGIN");
    ready(&seen, 'T');
    talk_query(&seen.talk, "SELECT 2");
    error_for(&seen, "42601");
    ready(&seen, 'E');
    talk_query(&seen.talk, "ROLLBACK");
    answer(&seen, "ROLLBACK");
    ready(&seen, 'I');
    expect_heard(&seen,
                 "> 1 at 54 I BEGIN\n< 1 at 74\n> 2 at 65 T SELECT 2\n< 2 at 91\n"
                 "> 3 at 88 E ROLLBACK\n< 3 at 132\n",
                 "Q\0\0\0\026poolstorm_refused\0Q\0\0\0\015ROLLBACK", 36);
}

/* The transaction has ended, as it has where PostgreSQL refuses to commit. */
static void a_commit_fails(void **unused)
{
    (void)unused;
    struct seen seen;
    begin(&seen);
    seen.talk.fails = 1;
    talk_query(&seen.talk, "COMMIT");
    SERVER(&seen.talk, 'N', "SWARNING\0");
    SERVER(&seen.talk, 'C', "ROLLBACK");
    error_for(&seen, "26000");
    ready(&seen, 'I');
    expect_heard(&seen, "> 1 at 54 I COMMIT\n< 1 at 74\n", "ROLLBACK; EXECUTE poolstorm_refused",
                 36);
    begin(&seen);
    seen.talk.fails = 1;
    say_unit(&seen, "END");
    talk_sync(&seen.talk);
    bound(&seen);
    ours(&seen, false);
    error_for(&seen, "34000");
    ready(&seen, 'I');
    expect_heard(&seen, "> 1 at 79 I END\n< 1 at 84\n", "poolstorm\0ROLLBACK\0\0", 21);
}

static void an_executed_query_fails(void **unused)
{
    (void)unused;
    struct seen seen;
    begin(&seen);
    seen.talk.fails = 2;
    say_unit(&seen, "INSERT 1");
    say_unit(&seen, "INSERT 2");
    say_unit(&seen, "INSERT 3");
    talk_sync(&seen.talk);
    talk_query(&seen.talk, "SELECT 4");
    bound(&seen);
    answer(&seen, "INSERT 0 1");
    bound(&seen);
    error_for(&seen, "34000");
    ready(&seen, 'I');
    answer(&seen, "SELECT 0");
    ready(&seen, 'I');
    expect_heard(&seen,
                 "> 1 at 84 I INSERT 1\n> 2 at 124 I INSERT 2\n> 3 at 181 I INSERT 3\n"
                 "> 4 at 196 I SELECT 4\n"
                 "< 1 at 84\n< 2 at 110\n< 4 at 151 committed\n",
                 "E\0\0\0\032poolstorm_refused\0\0\0\0\0P", 28);
}

/* What the server refuses for another reason is that. */
static void other_errors_are_the_servers(void **unused)
{
    (void)unused;
    struct seen seen;
    begin(&seen);
    seen.talk.fails = 1;
    talk_query(&seen.talk, "SELECT 1");
    talk_error(&seen.talk, "57P01");
    talk_error(&seen.client, "57P01");
    ready(&seen, 'I');
    say_unit(&seen, "SELECT 2"); /* is not to fail */
    talk_sync(&seen.talk);
    talk_error(&seen.talk, "34000");
    talk_error(&seen.client, "34000");
    ready(&seen, 'I');
    expect_heard(&seen, "> 1 at 54 I SELECT 1\n< 1 at 74\n> 2 at 107 I SELECT 2\n< 2 at 111\n",
                 NULL, 0);
    begin(&seen);
    seen.talk.fails = 1;
    say_unit(&seen, "SELECT 1"); /* does not get as far */
    talk_sync(&seen.talk);
    talk_error(&seen.talk, "42P01");
    talk_error(&seen.client, "42P01");
    ready(&seen, 'I');
    expect_heard(&seen, "> 1 at 84 I SELECT 1\n< 1 at 74\n", NULL, 0);
}

/* A message that comes in many pieces is left out altogether. */
static void a_long_query_fails(void **unused)
{
    (void)unused;
    static char sql[30000];
    struct seen seen;
    memset(sql, 'x', sizeof(sql) - 1);
    begin(&seen);
    seen.talk.fails = 1;
    talk_query(&seen.talk, sql);
    talk_query(&seen.talk, "SELECT 2");
    error_for(&seen, "42601");
    ready(&seen, 'I');
    answer(&seen, "SELECT 0");
    ready(&seen, 'I');
    expect_heard(&seen,
                 "> 1 at 54 I xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n> 2 at 77 I SELECT 2\n"
                 "< 1 at 74\n< 2 at 115 committed\n",
                 "poolstorm_refused\0Q\0\0\0\015SELECT 2", 31);
}

/* ---- Being late ------------------------------------------------------------------------------ */

static void a_query_is_late(void **unused)
{
    (void)unused;
    struct seen seen;
    begin(&seen);
    seen.talk.late = 1;
    talk_query(&seen.talk, "SELECT 1");
    talk_query(&seen.talk, "SELECT 2");
    ours(&seen, true);
    answer(&seen, "SELECT 1");
    ready(&seen, 'I');
    talk_ready(&seen.talk, 'I'); /* to our Sync */
    answer(&seen, "SELECT 2");
    ready(&seen, 'I');
    expect_heard(&seen,
                 "> 1 at 54 I SELECT 1\n> 2 at 241 I SELECT 2\n"
                 "< 1 at 74 committed\n< 2 at 94 committed\n",
                 "SELECT pg_catalog.pg_sleep(0.001500)\0\0\0", 39);
}

/* The server's timeout strikes while it sleeps: it skips the query, and the client is told so. */
static void a_late_query_times_out(void **unused)
{
    (void)unused;
    struct seen seen;
    begin(&seen);
    seen.talk.late = 1;
    talk_query(&seen.talk, "SELECT 1");
    SERVER_RAW(&seen.talk, '3', "");
    SERVER_RAW(&seen.talk, '1', "");
    SERVER_RAW(&seen.talk, '3', "");
    SERVER_RAW(&seen.talk, '2', "");
    talk_error(&seen.talk, "57014");
    talk_error(&seen.client, "57014");
    ready(&seen, 'I');
    talk_query(&seen.talk, "SELECT 2");
    answer(&seen, "SELECT 2");
    ready(&seen, 'I');
    expect_heard(&seen,
                 "> 1 at 54 I SELECT 1\n< 1 at 74\n> 2 at 241 I SELECT 2\n< 2 at 111 committed\n",
                 NULL, 0);
    begin(&seen);
    seen.talk.late = 1;
    say_unit(&seen, "SELECT 1");
    say_unit(&seen, "SELECT 2");
    talk_sync(&seen.talk);
    bound(&seen);
    SERVER_RAW(&seen.talk, '3', "");
    SERVER_RAW(&seen.talk, '1', "");
    talk_error(&seen.talk, "57014");
    talk_error(&seen.client, "57014");
    ready(&seen, 'I');
    expect_heard(&seen, "> 1 at 84 I SELECT 1\n> 2 at 292 I SELECT 2\n< 1 at 84\n", NULL, 0);
}

static void an_executed_query_is_late(void **unused)
{
    (void)unused;
    struct seen seen;
    begin(&seen);
    seen.talk.late = 2;
    say_unit(&seen, "SELECT 1");
    say_unit(&seen, "SELECT 2");
    talk_sync(&seen.talk);
    bound(&seen);
    answer(&seen, "SELECT 1");
    bound(&seen);
    ours(&seen, true);
    both(&seen, 'A', "\0\0\0\1c\0p\0", 8);
    answer(&seen, "SELECT 1");
    ready(&seen, 'I');
    expect_heard(&seen,
                 "> 1 at 84 I SELECT 1\n> 2 at 124 I SELECT 2\n"
                 "< 1 at 84\n< 2 at 121 committed\n",
                 "pg_sleep", 8);
}

/* Nobody can take a sleep back. */
static void a_server_sleeps_no_longer_than_it_may(void **unused)
{
    (void)unused;
    struct seen seen;
    begin(&seen);
    seen.talk.late = 1;
    seen.talk.late_ns = UINT64_MAX;
    talk_query(&seen.talk, "SELECT 1");
    ours(&seen, true);
    answer(&seen, "SELECT 1");
    ready(&seen, 'I');
    expect_heard(&seen, "> 1 at 54 I SELECT 1\n< 1 at 74 committed\n", "pg_sleep(60.000000)", 19);
}

/* One that begins to copy in after all ignores our Sync. */
static void a_late_copy_is_followed(void **unused)
{
    (void)unused;
    struct seen seen;
    begin(&seen);
    seen.talk.late = 1;
    talk_query(&seen.talk, "SELECT 1; COPY t FROM STDIN");
    ours(&seen, true);
    answer(&seen, "SELECT 1");
    both(&seen, 'G', "\0\0\0", 3);
    CLIENT_RAW(&seen.talk, 'c', "");
    answer(&seen, "COPY 0");
    ready(&seen, 'I');
    talk_query(&seen.talk, "SELECT 2");
    answer(&seen, "SELECT 2");
    ready(&seen, 'I');
    expect_heard(&seen,
                 "> 1 at 54 I SELECT 1; COPY t FROM STDIN\n< 1 at 74\n< 1 at 96 committed\n"
                 "> 2 at 265 I SELECT 2\n< 2 at 114 committed\n",
                 NULL, 0);
}

static void expect_not_late(struct seen *seen)
{
    struct heard heard;
    talk_play(&seen->talk, 0, NULL, &heard);
    assert_false(heard.rewritten);
    struct heard again;
    talk_expect(&seen->talk, heard.events.data, &again);
    heard_free(&again);
    heard_free(&heard);
    talk_free(&seen->talk);
    talk_free(&seen->client);
}

static void not_all_can_be_late(void **unused)
{
    (void)unused;
    static const char *const others[] = {"COMMIT", "BEGIN", "VACUUM", "COPY t FROM STDIN", ""};
    struct seen seen;
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        begin(&seen);
        seen.talk.late = 1;
        talk_query(&seen.talk, others[i]);
        expect_not_late(&seen);
    }
    begin(&seen); /* in a transaction that has failed */
    seen.talk.late = 2;
    talk_query(&seen.talk, "oops");
    talk_error(&seen.talk, "42601");
    talk_ready(&seen.talk, 'E');
    talk_query(&seen.talk, "SELECT 2");
    expect_not_late(&seen);
    begin(&seen); /* behind what is not answered */
    seen.talk.late = 2;
    talk_query(&seen.talk, "SELECT 1");
    talk_query(&seen.talk, "SELECT 2");
    expect_not_late(&seen);
    begin(&seen);
    seen.talk.late = 2;
    say_unit(&seen, "SELECT 1");
    talk_sync(&seen.talk);
    say_unit(&seen, "SELECT 2");
    talk_sync(&seen.talk);
    expect_not_late(&seen);
    begin(&seen); /* in more than one piece */
    seen.talk.late = 1;
    static char sql[10000];
    memset(sql, ' ', sizeof(sql) - 1);
    memcpy(sql, "SELECT", 6);
    talk_query(&seen.talk, sql);
    struct heard heard;
    talk_play(&seen.talk, 5000, NULL, &heard);
    assert_false(heard.rewritten);
    heard_free(&heard);
    talk_free(&seen.talk);
    talk_free(&seen.client);
}

/* ---- Late decisions -------------------------------------------------------------------------- */

/* A piece that a fault holds is decided upon when more has been read, or never needed to be. */
static void what_is_decided_later_counts(void **unused)
{
    (void)unused;
    struct seen seen;
    struct follow *follow;
    struct follow_piece piece;
    struct follow_rewrite rewrite;
    const struct query *queries[3] = {NULL};
    size_t count = 0;
    begin(&seen);
    say_unit(&seen, "SELECT 1");
    say_unit(&seen, "SELECT 2");
    talk_sync(&seen.talk);
    talk_query(&seen.talk, "SELECT 3");
    bound(&seen);
    size_t all = seen.talk.count;
    talk_error(&seen.talk, "22012");
    assert_ok(follow_create(&follow, NULL));
    follow_want(follow, true);
    for (size_t i = 0; i < all; i++) {
        const struct turn *turn = &seen.talk.turns[i];
        struct follow_bytes bytes = {turn->bytes.data, turn->bytes.size_bytes};
        if (i + 1 == all) /* the last turn has the error */
            break;
        while (follow_next(follow, turn->way, &bytes, &piece))
            if (piece.query)
                queries[count++] = query_hold(piece.query);
    }
    assert_int_equal(count, 3);
    assert_false(follow_late(follow, queries[2], 14, 1000000, &rewrite)); /* others go first */
    assert_true(follow_late(follow, queries[0], 10, 1000000, &rewrite));
    assert_true(follow_fail(follow, queries[1], cancelled.sqlstate, cancelled.message, &rewrite));
    assert_false(follow_fail(follow, queries[1], cancelled.sqlstate, cancelled.message,
                             &rewrite)); /* once */
    assert_true(follow_fail(follow, queries[2], cancelled.sqlstate, cancelled.message, &rewrite));
    const struct turn *last = &seen.talk.turns[all - 1];
    struct follow_bytes bytes = {last->bytes.data, last->bytes.size_bytes};
    while (follow_next(follow, DOWN, &bytes, &piece))
        continue;
    assert_false(follow_fail(follow, queries[0], cancelled.sqlstate, cancelled.message,
                             &rewrite)); /* the server skips it */
    assert_false(follow_late(follow, queries[0], 10, 1000000, &rewrite));
    for (size_t i = 0; i < count; i++)
        query_release(queries[i]);
    follow_destroy(follow);
    talk_free(&seen.talk);
    talk_free(&seen.client);
}

/* Even when the client talks nonsense, it does not hear what is not for it. */
static void nonsense_does_not_uncover_ours(void **unused)
{
    (void)unused;
    struct seen seen;
    struct heard heard;
    begin(&seen);
    seen.talk.late = 1;
    talk_query(&seen.talk, "SELECT 1");
    talk_pause(&seen.talk);
    talk_bytes(&seen.talk, UP, "~~~~~~~~", 8);
    ours(&seen, true);
    answer(&seen, "SELECT 1");
    ready(&seen, 'I');
    talk_ready(&seen.talk, 'I');
    both(&seen, 'N', "SERROR\0", 8);
    talk_expect(&seen.talk, "> 1 at 54 I SELECT 1\n< 1 at 74 committed\n", &heard);
    assert_int_equal(heard.state, FOLLOW_LOST);
    assert_true(heard.is_over);
    size_t size_bytes = seen.client.turns[0].bytes.size_bytes;
    assert_int_equal(heard.out[DOWN].size_bytes, size_bytes);
    assert_memory_equal(heard.out[DOWN].data, seen.client.turns[0].bytes.data, size_bytes);
    heard_free(&heard);
    talk_free(&seen.talk);
    talk_free(&seen.client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_query_fails),
        cmocka_unit_test(a_commit_fails),
        cmocka_unit_test(an_executed_query_fails),
        cmocka_unit_test(other_errors_are_the_servers),
        cmocka_unit_test(a_long_query_fails),
        cmocka_unit_test(a_query_is_late),
        cmocka_unit_test(a_late_query_times_out),
        cmocka_unit_test(an_executed_query_is_late),
        cmocka_unit_test(a_server_sleeps_no_longer_than_it_may),
        cmocka_unit_test(a_late_copy_is_followed),
        cmocka_unit_test(not_all_can_be_late),
        cmocka_unit_test(what_is_decided_later_counts),
        cmocka_unit_test(nonsense_does_not_uncover_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
