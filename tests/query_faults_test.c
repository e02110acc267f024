/* SPDX-License-Identifier: MIT */
/* query_faults_test.c - faults that aim at queries act on these and no others, and are undone. */
#include "test.h"

#include "chain_fixture.h"
#include "ring_fixture.h"

#include "core/clock.h"
#include "faults/postgres/queries.h"
#include "faults/query_aim.h"

#include <stdio.h>
#include <string.h>

#define UP   FAULT_UPSTREAM
#define DOWN FAULT_DOWNSTREAM
#define MS   NS_PER_MS

static void begin(struct stand *stand)
{
    stand_init(stand, 7);
    stand->follows = true;
}

/* A query under way, to be released. */
static const struct query *make(uint64_t number, const char *statement, const char *sql)
{
    struct query_node *node =
        query_node_create(sql ? prepared_create(statement, sql, strlen(sql)) : NULL);
    assert_non_null(node);
    node->query.number = number;
    node->query.transaction = 'I';
    return &node->query;
}

static void push(struct chain *chain, const char *data, const struct query *query, bool committed,
                 uint64_t now_ns)
{
    struct chain_input input = {
        .data = data, .size_bytes = strlen(data), .query = query, .committed = committed};
    assert_ok(chain_push(chain, &input, now_ns));
}

/* What comes of one piece of a query at now_ns. */
static void expect_one(struct chain *chain, uint64_t number, const char *statement, const char *sql,
                       const char *expected, uint64_t now_ns)
{
    const struct query *query = make(number, statement, sql);
    push(chain, "x", query, false, now_ns);
    query_release(query);
    stand_expect(chain, now_ns, expected);
}

static bool fired(const struct toxic *toxic)
{
    return toxic_effects(toxic).first_ns != 0;
}

/* ---- Which queries --------------------------------------------------------------------------- */

static void the_pattern_and_the_name_choose(void **unused)
{
    (void)unused;
    struct stand stand;
    begin(&stand);
    struct toxic *toxic = stand_add(&stand, "fail_query", FAULT_BOTH, "match=^select.*t1", NULL);
    expect_one(&stand.up, 1, "", "select 1", "x", 10);
    expect_one(&stand.up, 2, "", NULL, "x", 10); /* a text that nobody knows */
    expect_one(&stand.up, 3, "", "SELECT 1 FROM t1", "x", 10);
    push(&stand.up, "x", NULL, false, 10);
    stand_expect(&stand.up, 10, "x");
    expect_one(&stand.down, 4, "", "select t1", "x", 10);
    assert_false(fired(toxic));
    expect_one(&stand.up, 5, "", "select 1\nfrom t1", "?x", 10);
    assert_true(fired(toxic));
    stand_change(&stand, toxic, "match=^select.*t1 ignore_case=true", NULL, 11);
    expect_one(&stand.up, 6, "", "SELECT 1 FROM t1", "?x", 12);
    stand_change(&stand, toxic, "statement=ask", NULL, 13);
    expect_one(&stand.up, 7, "ask", "anything", "?x", 14);
    expect_one(&stand.up, 8, "answer", "anything", "x", 14);
    stand_change(&stand, toxic, "statement=ask match=^no", NULL, 15);
    expect_one(&stand.up, 9, "ask", "anything", "x", 16);
    stand_remove(&stand, toxic, 17);
    expect_one(&stand.up, 10, "ask", "no", "x", 18);
    stand_fini(&stand);
}

static size_t count_failed(double share, uint64_t seed)
{
    struct stand stand;
    size_t failed = 0;
    char settings[64], text[8];
    stand_init(&stand, seed);
    stand.follows = true;
    (void)snprintf(settings, sizeof(settings), "share=%g", share);
    (void)stand_add(&stand, "fail_query", FAULT_BOTH, settings, NULL);
    for (uint64_t i = 1; i <= 1000; i++) {
        const struct query *query = make(i, "", "x");
        push(&stand.up, "x", query, false, i);
        query_release(query);
        failed += stand_take(&stand.up, i, text, sizeof(text)) == 2;
    }
    stand_fini(&stand);
    return failed;
}

static void a_share_is_drawn_for_each(void **unused)
{
    (void)unused;
    size_t failed = count_failed(0.3, 5);
    assert_in_range(failed, 240, 360);
    assert_int_equal(count_failed(0.3, 5), failed); /* replays */
    assert_int_equal(count_failed(0, 5), 0);
    assert_int_equal(count_failed(1, 5), 1000);
}

/* A short answer may hold a long query. */
static void held_queries_are_counted(void **unused)
{
    (void)unused;
    static char sql[QUERY_TEXT_MAX + 1], out[16 << 10];
    struct stand stand;
    uint64_t count = 0;
    memset(sql, 'x', QUERY_TEXT_MAX);
    begin(&stand);
    struct toxic *cut = stand_add(&stand, "partition", DOWN, NULL, NULL);
    for (; chain_has_room(&stand.down); count++) {
        const struct query *query = make(count, "", sql);
        push(&stand.down, "x", query, false, 1);
        query_release(query);
        assert_true(count * QUERY_TEXT_MAX <= CHAIN_QUEUE_BYTES_MAX);
    }
    assert_true(count > CHAIN_QUEUE_BYTES_MAX / (2 * QUERY_TEXT_MAX)); /* and no more than is so */
    stand_remove(&stand, cut, 2);
    assert_int_equal(stand_take(&stand.down, 2, out, sizeof(out)), 2 * count - 1);
    assert_true(chain_is_empty(&stand.down));
    stand_fini(&stand);
}

static void patterns_are_bounded(void **unused)
{
    (void)unused;
    static const struct {
        const char *pattern, *error;
    } cases[] = {
        {"(", "match: expected an extended regular expression"},
        {"(a*)*\\1", "back references such as \\1"},
        {"((a{40}){40}){40}", "no more than 1000 repeats"},
        {"a{0,99999}", "no more than 1000 repeats"},
        {"((((((((((a+)+)+)+)+)+)+)+)+)+)+", "fewer groups that repeat"},
        {"a++++++++++++", "fewer groups that repeat"},
        {"(a)?+*+?+{1}+*+?+*+?+*+?+*+", "fewer groups that repeat"},
        {"((((((((((a{1,}){1,}){1,}){1,}){1,}){1,}){1,}){1,}){1,}){1,})",
         "no more than 1000 repeats"},
        {"a{99999999999999999999}", "no more than 1000 repeats"},
    };
    struct stand stand;
    begin(&stand);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct toxic *toxic = NULL;
        struct err err = {0};
        char settings[200];
        (void)snprintf(settings, sizeof(settings), "match=%s", cases[i].pattern);
        int rc = stand_try(&stand, "slow_query", FAULT_BOTH, settings, NULL, &toxic, &err);
        assert_int_equal(rc, -EINVAL);
        assert_non_null(strstr(err.text, cases[i].error));
    }
    (void)stand_add(&stand, "slow_query", FAULT_BOTH, "match=(a{10}){10}\\{9999", NULL);
    stand_fini(&stand);
}

/* As deep as its length allows, on a fiber. */
static void deep_pattern(struct ctx *ctx, void *arg)
{
    (void)ctx, (void)arg;
    enum { DEPTH = 499 };
    char match[2 * DEPTH + 2] = "";
    struct err err = {0};
    memset(match, '(', DEPTH);
    match[DEPTH] = 'a';
    memset(match + DEPTH + 1, ')', DEPTH);
    struct query_aim aim = {.match = match};
    assert_ok(query_aim_check(&aim, &err));
    for (size_t i = 0; i < sizeof(match) - 1; i++)
        match[i] = i % 2 ? '*' : 'a';
    assert_ok(query_aim_prepare(&aim, &err));
    query_aim_fini(&aim);
}

static void texts_are_bounded_however_often_names_are_put(void **unused)
{
    (void)unused;
    enum { NAMES = 200, TEXT_BYTES = 4000 };
    struct names names = {0};
    char name[16], text[TEXT_BYTES];
    memset(text, 'x', sizeof(text));
    for (int i = 0; i < 2 * NAMES; i++) {
        (void)snprintf(name, sizeof(name), "s%d", i % NAMES);
        names_put(&names, name, prepared_create(name, text, i < NAMES ? 10 : sizeof(text)));
        assert_true(names.texts_bytes <= 256 << 10);
    }
    assert_true(names.count > 0 && names.count < NAMES);
    assert_non_null(names_find(&names, name)); /* the latest */
    names_fini(&names);
    assert_int_equal(names.texts_bytes, 0);
}

static void patterns_may_be_deep(void **unused)
{
    (void)unused;
    (void)run_on_ring(deep_pattern, NULL);
}

static void the_protocol_must_be_followed(void **unused)
{
    (void)unused;
    static const char *const kinds[] = {"slow_query", "fail_query", "cut_answer", "cut_commit"};
    struct stand stand;
    stand_init(&stand, 1);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        struct toxic *toxic = NULL;
        struct err err = {0};
        int rc = stand_try(&stand, kinds[i], FAULT_BOTH, NULL, NULL, &toxic, &err);
        assert_int_equal(rc, -EPROTO);
        assert_non_null(strstr(err.text, "protocol: postgres"));
    }
    stand_fini(&stand);
}

/* ---- slow_query ------------------------------------------------------------------------------ */

/* The first piece that is due at now_ns: how late its server is to be. */
static uint64_t late_of(struct chain *chain, uint64_t now_ns)
{
    struct chain_item item;
    assert_true(chain_take(chain, now_ns, &item));
    uint64_t late_ns = item.piece->late_ns;
    chain_sent(chain, item.size_bytes);
    return late_ns;
}

static void servers_are_late_where_they_can_be(void **unused)
{
    (void)unused;
    struct stand stand;
    begin(&stand);
    struct toxic *toxic = stand_add(&stand, "slow_query", FAULT_BOTH, "delay=20ms", NULL);
    const struct query *plain = make(1, "", "SELECT 1"), *commit = make(2, "", "COMMIT");
    push(&stand.up, "a", plain, false, 10);
    assert_int_equal(late_of(&stand.up, 10), 20 * MS);
    assert_true(fired(toxic));
    push(&stand.down, "b", plain, false, 11); /* its answer is as fast as it comes */
    stand_expect(&stand.down, 11, "b");
    push(&stand.up, "c", commit, false, 12); /* held instead */
    push(&stand.up, "d", NULL, false, 12);
    stand_expect(&stand.up, 12 + 20 * MS - 1, "");
    assert_int_equal(chain_next_ns(&stand.up), 12 + 20 * MS);
    stand_remove(&stand, toxic, 20);
    stand_expect(&stand.up, 20, "c|d");
    query_release(plain);
    query_release(commit);
    stand_fini(&stand);
}

/* Also from what is on its way behind the fault; another's part stays. */
static void who_goes_takes_its_lateness_back(void **unused)
{
    (void)unused;
    struct stand stand;
    begin(&stand);
    struct toxic *one = stand_add(&stand, "slow_query", FAULT_BOTH, "delay=20ms", NULL);
    struct toxic *other = stand_add(&stand, "slow_query", UP, "delay=3ms", NULL);
    (void)stand_add(&stand, "latency", UP, "latency=100ns", NULL);
    const struct query *queries[4];
    for (uint64_t i = 0; i < 4; i++)
        queries[i] = make(i + 1, "", "SELECT 1");
    for (uint64_t i = 0; i < 3; i++)
        push(&stand.up, "a", queries[i], false, 10 + i);
    assert_int_equal(late_of(&stand.up, 110), 23 * MS);
    stand_remove(&stand, one, 110);
    assert_int_equal(late_of(&stand.up, 111), 3 * MS);
    stand_change(&stand, other, "delay=2ms", NULL, 111);
    assert_int_equal(late_of(&stand.up, 112), 0);
    push(&stand.up, "a", queries[3], false, 200);
    assert_int_equal(late_of(&stand.up, 300), 2 * MS);
    for (uint64_t i = 0; i < 4; i++)
        query_release(queries[i]);
    stand_fini(&stand);
}

static void failed_transactions_are_not_slept_in(void **unused)
{
    (void)unused;
    struct stand stand;
    begin(&stand);
    (void)stand_add(&stand, "slow_query", FAULT_BOTH, "delay=20ms", NULL);
    struct query_node *node = query_node_create(prepared_create("", "SELECT 1", 8));
    node->query.number = 1;
    node->query.transaction = 'E';
    push(&stand.up, "a", &node->query, false, 10);
    assert_int_equal(chain_next_ns(&stand.up), 10 + 20 * MS);
    assert_int_equal(late_of(&stand.up, 10 + 20 * MS), 0);
    query_node_release(node);
    stand_fini(&stand);
}

static void requests_or_answers_are_late(void **unused)
{
    (void)unused;
    struct stand stand;
    begin(&stand);
    struct toxic *toxic =
        stand_add(&stand, "slow_query", FAULT_BOTH, "delay=20ms side=request", NULL);
    const struct query *query = make(1, "", "SELECT 1");
    push(&stand.up, "a", query, false, 10);
    push(&stand.down, "b", query, false, 10);
    stand_expect(&stand.down, 10, "b");
    stand_expect(&stand.up, 10, "");
    stand_expect(&stand.up, 10 + 20 * MS, "a");
    query_release(query);
    uint64_t now_ns = 30 * MS;
    stand_change(&stand, toxic, "delay=20ms side=client", NULL, now_ns);
    query = make(2, "", "SELECT 1");
    push(&stand.up, "a", query, false, now_ns);
    stand_expect(&stand.up, now_ns, "a");
    push(&stand.down, "T", query, false, now_ns);
    push(&stand.down, "C", query, true, now_ns); /* not twice for one query */
    stand_expect(&stand.down, now_ns + 20 * MS - 1, "");
    stand_expect(&stand.down, now_ns + 20 * MS, "T|C");
    query_release(query);
    stand_fini(&stand);
}

/* ---- fail_query ------------------------------------------------------------------------------ */

static void errors_have_their_words(void **unused)
{
    (void)unused;
    static const struct {
        const char *settings, *sqlstate, *message;
    } cases[] = {
        {"", "57014", "canceling statement due to statement timeout"},
        {"sqlstate=55P03", "55P03", "canceling statement due to lock timeout"},
        {"sqlstate=40001", "40001", "could not serialize access due to concurrent update"},
        {"sqlstate=53300", "53300", "sorry, too many clients already"},
        {"sqlstate=XX000", "XX000", "failed by a fault"},
        {"sqlstate=40001 message=again", "40001", "again"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct stand stand;
        struct chain_item item;
        begin(&stand);
        struct toxic *toxic = stand_add(&stand, "fail_query", FAULT_BOTH, cases[i].settings, NULL);
        const struct query *query = make(1, "", "SELECT 1");
        push(&stand.up, "x", query, false, 10);
        query_release(query);
        stand_remove(&stand, toxic, 10); /* what it has decided stands, and outlives it */
        assert_true(chain_take(&stand.up, 10, &item));
        assert_int_equal(item.verdict, FAULT_FAIL);
        assert_string_equal(item.piece->error->sqlstate, cases[i].sqlstate);
        assert_string_equal(item.piece->error->message, cases[i].message);
        stand_fini(&stand);
    }
}

static void states_must_be_errors(void **unused)
{
    (void)unused;
    static const char *const bad[] = {"", "4000", "400011", "4000a", "00000", "01000", "02000"};
    struct stand stand;
    begin(&stand);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct toxic *toxic = NULL;
        struct err err = {0};
        char settings[64];
        (void)snprintf(settings, sizeof(settings), "sqlstate=%s", bad[i]);
        int rc = stand_try(&stand, "fail_query", FAULT_BOTH, settings, NULL, &toxic, &err);
        assert_int_equal(rc, -EINVAL);
        assert_non_null(strstr(err.text, "sqlstate: expected five"));
    }
    (void)stand_add(&stand, "fail_query", FAULT_BOTH, "sqlstate=08006", NULL);
    stand_fini(&stand);
}

/* Whoever sees the rest of what is cut does not see the error of its beginning, which goes first.
 */
static void errors_end_with_the_piece_that_has_them(void **unused)
{
    (void)unused;
    struct stand stand;
    struct chain_item item;
    begin(&stand);
    (void)stand_add(&stand, "fail_query", FAULT_BOTH, NULL, NULL);
    (void)stand_add(&stand, "slicer", UP, "average_size=2 delay=10ns", NULL);
    (void)stand_add(&stand, "latency", UP, "latency=1ns", NULL);
    const struct query *query = make(1, "", "SELECT 1");
    push(&stand.up, "abcdef", query, false, 100);
    query_release(query);
    assert_true(chain_take(&stand.up, 101, &item));
    assert_int_equal(item.verdict, FAULT_FAIL);
    assert_string_equal(item.piece->error->sqlstate, "57014");
    chain_sent(&stand.up, 2);
    for (uint64_t now_ns = 111; now_ns <= 121; now_ns += 10) {
        stand_expect(&stand.up, now_ns - 1, "");
        assert_true(chain_take(&stand.up, now_ns, &item));
        assert_int_equal(item.verdict, FAULT_PASS);
        assert_null(item.piece->error);
        chain_sent(&stand.up, 2);
    }
    stand_fini(&stand);
}

/* ---- Cuts ------------------------------------------------------------------------------------ */

static void answers_are_cut(void **unused)
{
    (void)unused;
    static const struct {
        const char *settings, *expected;
    } cases[] = {{"match=2", "#"}, {"match=2 how=close", "!"}};
    for (size_t i = 0; i < 2; i++) {
        struct stand stand;
        begin(&stand);
        struct toxic *toxic = stand_add(&stand, "cut_answer", FAULT_BOTH, cases[i].settings, NULL);
        expect_one(&stand.up, 1, "", "SELECT 2", "x", 10); /* the query goes through */
        expect_one(&stand.down, 2, "", "SELECT 1", "x", 10);
        assert_false(fired(toxic));
        expect_one(&stand.down, 1, "", "SELECT 2", cases[i].expected, 10);
        assert_true(fired(toxic));
        stand_fini(&stand);
    }
}

/* Whether the word of a commit comes through. */
static bool is_cut(const char *settings, const char *sql, char transaction, bool committed)
{
    struct stand stand;
    char text[64];
    begin(&stand);
    struct toxic *toxic = stand_add(&stand, "cut_commit", FAULT_BOTH, settings, NULL);
    struct query_node *node = query_node_create(prepared_create("", sql, strlen(sql)));
    node->query.number = 1;
    node->query.transaction = transaction;
    push(&stand.down, "T", &node->query, false, 10);
    stand_expect(&stand.down, 10, "T");
    push(&stand.down, "C", &node->query, committed, 10);
    (void)stand_take(&stand.down, 10, text, sizeof(text));
    bool cut = strcmp(text, "C") != 0;
    assert_int_equal(fired(toxic), cut);
    if (cut)
        assert_string_equal(text, "#");
    query_node_release(node);
    stand_fini(&stand);
    return cut;
}

static void commits_are_cut(void **unused)
{
    (void)unused;
    assert_true(is_cut("", "COMMIT", 'T', true));
    assert_false(is_cut("", "COMMIT", 'E', false)); /* has rolled back */
    assert_true(is_cut("", "BEGIN; INSERT; COMMIT", 'I', true));
    assert_true(is_cut("", "INSERT; COMMIT", 'T', true));
    assert_false(is_cut("", "INSERT", 'I', true));
    assert_true(is_cut("autocommit=true", "INSERT", 'I', true));
    assert_true(is_cut("autocommit=true match=INSERT", "INSERT", 'I', true));
    assert_false(is_cut("autocommit=true match=UPDATE", "INSERT", 'I', true));
    assert_false(is_cut("autocommit=true", "INSERT", 'T', false));
}

static void what_would_be_cut_goes_on_without_the_fault(void **unused)
{
    (void)unused;
    static const char *const kinds[] = {"cut_answer", "cut_commit"};
    for (size_t i = 0; i < 2; i++) {
        struct stand stand;
        begin(&stand);
        struct toxic *toxic = stand_add(&stand, kinds[i], FAULT_BOTH, NULL, NULL);
        const struct query *query = make(1, "", "COMMIT");
        stand_remove(&stand, toxic, 10); /* the query is at the server */
        push(&stand.down, "C", query, true, 11);
        stand_expect(&stand.down, 11, "C");
        assert_true(chain_is_empty(&stand.down));
        query_release(query);
        stand_fini(&stand);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_pattern_and_the_name_choose),
        cmocka_unit_test(a_share_is_drawn_for_each),
        cmocka_unit_test(held_queries_are_counted),
        cmocka_unit_test(patterns_are_bounded),
        cmocka_unit_test(patterns_may_be_deep),
        cmocka_unit_test(texts_are_bounded_however_often_names_are_put),
        cmocka_unit_test(the_protocol_must_be_followed),
        cmocka_unit_test(servers_are_late_where_they_can_be),
        cmocka_unit_test(who_goes_takes_its_lateness_back),
        cmocka_unit_test(failed_transactions_are_not_slept_in),
        cmocka_unit_test(requests_or_answers_are_late),
        cmocka_unit_test(errors_have_their_words),
        cmocka_unit_test(states_must_be_errors),
        cmocka_unit_test(errors_end_with_the_piece_that_has_them),
        cmocka_unit_test(answers_are_cut),
        cmocka_unit_test(commits_are_cut),
        cmocka_unit_test(what_would_be_cut_goes_on_without_the_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
