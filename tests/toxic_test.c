/* SPDX-License-Identifier: MIT */
/* toxic_test.c - faults are checked, aimed and counted. */
#include "test.h"

#include "chain_fixture.h"

#include "core/clock.h"
#include "faults/delay_files.h"
#include "faults/postgres/follow.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UP   FAULT_UPSTREAM
#define DOWN FAULT_DOWNSTREAM

/* ---- Making ---------------------------------------------------------------------------------- */

static void every_kind_is_well_described(void **unused)
{
    (void)unused;
    for (size_t i = 0; fault_types[i]; i++) {
        const struct fault_type *type = fault_types[i];
        assert_ptr_equal(fault_type_find(type->name), type);
        assert_true(strlen(type->summary) > 0 && strlen(type->summary) < 60);
        void *settings = calloc(1, type->state_bytes + 1);
        assert_non_null(settings);
        assert_ok(param_defaults(type->params, settings, NULL));
        assert_true(!type->check || type->check(settings, NULL) == 0);
        param_fini(type->params, settings);
        free(settings);
    }
    assert_null(fault_type_find("latenzy"));
}

static void names_are_given_and_taken(void **unused)
{
    (void)unused;
    struct stand stand;
    struct toxic *other = NULL;
    struct err err = {0};
    stand_init(&stand, 1);
    struct toxic *both = stand_add(&stand, "latency", FAULT_BOTH, NULL, NULL);
    struct toxic *down = stand_add(&stand, "latency", DOWN, "latency=5ms", NULL);
    struct toxic *up = stand_add(&stand, "slicer", UP, NULL, NULL);
    assert_string_equal(toxic_name(down), "latency_downstream");
    assert_int_equal(toxic_stream(down), DOWN);
    assert_int_equal(stand_try(&stand, "latency", DOWN, NULL, NULL, &other, &err), -EEXIST);
    assert_string_equal(err.text, "toxic already exists");
    assert_ptr_equal(toxics_first(stand.toxics), up); /* as Toxiproxy lists them */
    assert_ptr_equal(toxic_next(up), down);
    assert_ptr_equal(toxic_next(down), both);
    assert_null(toxic_next(both));
    assert_ptr_equal(toxics_find(stand.toxics, "slicer_upstream"), up);
    assert_null(toxics_find(stand.toxics, "slicer"));
    stand_fini(&stand);
}

static void mistaken_settings_change_nothing(void **unused)
{
    (void)unused;
    struct stand stand;
    struct toxic *other = NULL;
    struct err err = {0};
    stand_init(&stand, 1);
    assert_int_equal(
        stand_try(&stand, "partition", FAULT_BOTH, "how=refuse dead=true", NULL, &other, &err),
        -EINVAL);
    assert_int_equal(
        stand_try(&stand, "partition", FAULT_BOTH, "connections=new dead=true", NULL, &other, &err),
        -EINVAL);
    assert_int_equal(
        stand_try(&stand, "connect", FAULT_BOTH, "how=syn delay=1s", NULL, &other, &err), -EINVAL);
    assert_int_equal(stand_try(&stand, "flapping", FAULT_BOTH, "duty=0", NULL, &other, &err),
                     -EINVAL);
    assert_int_equal(
        stand_try(&stand, "latency", DOWN, "file=/nowhere/there.hgrm", NULL, &other, &err),
        -ENOENT);
    assert_int_equal(stand_try(&stand, "latency", DOWN, "file=/dev/zero", NULL, &other, &err),
                     -EINVAL);
    assert_int_equal(
        stand_try(&stand, "latency", DOWN, "file=/dev/null jitter=1ms", NULL, &other, &err),
        -EINVAL);
    assert_null(toxics_first(stand.toxics));
    struct toxic *slow = stand_add(&stand, "latency", DOWN, "latency=5ns", NULL);
    struct fault_aim aim = {.toxicity = 1, .source = (char *)(uintptr_t) "300.0.0.1"};
    assert_int_equal(toxic_set(slow, &aim, NULL, 1, &err), -EINVAL);
    assert_non_null(strstr(err.text, "300.0.0.1"));
    assert_null(toxic_aim(slow)->source);
    stand_push(&stand.down, "a", 100);
    stand_expect(&stand.down, 105, "a");
    stand_fini(&stand);
}

static const char percentiles[] = "1 0.5 1\n2 1.0 2\n";

static void write_file(const char *path)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(percentiles, 1, sizeof(percentiles) - 1, file),
                     sizeof(percentiles) - 1);
    assert_ok(fclose(file));
}

/* 0 when the file is read. */
static int try_file(struct stand *stand, const char *path)
{
    char settings[256];
    struct toxic *toxic = NULL;
    struct err err = {0};
    (void)snprintf(settings, sizeof(settings), "file=%s", path);
    int rc = stand_try(stand, "latency", DOWN, settings, NULL, &toxic, &err);
    if (rc == 0)
        stand_remove(stand, toxic, 0);
    return rc;
}

/* A client of the control API gets to what --files says, and nowhere else. */
static void files_are_read_where_that_is_allowed(void **unused)
{
    (void)unused;
    struct stand stand;
    char folder[] = "/tmp/poolstorm-files-XXXXXX", inside[80], outside[80], link[80], around[96];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(inside, sizeof(inside), "%s/a.hgrm", folder);
    (void)snprintf(outside, sizeof(outside), "%s.hgrm", folder);
    (void)snprintf(link, sizeof(link), "%s/link.hgrm", folder);
    (void)snprintf(around, sizeof(around), "%s/../%s", folder, strrchr(outside, '/') + 1);
    write_file(inside);
    write_file(outside);
    assert_ok(symlink(outside, link));
    stand_init(&stand, 1);
    assert_ok(try_file(&stand, outside)); /* whoever runs a scenario may read what he likes */
    delay_confine("");
    assert_int_equal(try_file(&stand, inside), -EINVAL);
    assert_int_equal(try_file(&stand, "/dev/null"), -EINVAL);
    delay_confine(folder);
    assert_ok(try_file(&stand, inside));
    assert_ok(try_file(&stand, "a.hgrm"));
    assert_int_equal(try_file(&stand, outside), -EINVAL); /* its name begins alike */
    assert_int_equal(try_file(&stand, link), -EINVAL);
    assert_int_equal(try_file(&stand, around), -EINVAL);
    assert_int_equal(try_file(&stand, folder), -EINVAL);
    (void)snprintf(around, sizeof(around), "/nowhere\n%s\n", outside);
    delay_confine(around);
    assert_ok(try_file(&stand, outside));
    assert_int_equal(try_file(&stand, inside), -EINVAL);
    delay_confine(NULL);
    stand_fini(&stand);
    assert_ok(unlink(link));
    assert_ok(unlink(outside));
    assert_ok(unlink(inside));
    assert_ok(rmdir(folder));
}

/* ---- Toxicity -------------------------------------------------------------------------------- */

static size_t chosen(const struct toxic *toxic, enum fault_stream stream, bool *which)
{
    size_t count = 0;
    for (uint64_t number = 1; number <= 1000; number++) {
        struct toxic_peer peer = {.toxics = toxic->toxics, .number = number};
        bool is = toxic_chooses(toxic, &peer, stream);
        count += is;
        if (which)
            which[number - 1] = is;
    }
    return count;
}

static void toxicity_is_a_share_of_connections(void **unused)
{
    (void)unused;
    bool before[1000], more[1000], again[1000];
    struct stand stand;
    stand_init(&stand, 1);
    struct toxic *toxic = stand_add(&stand, "latency", DOWN, NULL, "toxicity=0.3");
    assert_in_range(chosen(toxic, DOWN, before), 250, 350);
    stand_change(&stand, toxic, NULL, "toxicity=0.6", 1);
    assert_in_range(chosen(toxic, DOWN, more), 550, 650);
    for (size_t i = 0; i < 1000; i++)
        assert_true(more[i] || !before[i]);
    stand_change(&stand, toxic, NULL, "toxicity=0.3", 1);
    (void)chosen(toxic, DOWN, again);
    assert_memory_equal(again, before, sizeof(again));
    stand_change(&stand, toxic, NULL, "toxicity=0", 1);
    assert_int_equal(chosen(toxic, DOWN, NULL), 0);
    stand_change(&stand, toxic, NULL, "toxicity=1", 1);
    assert_int_equal(chosen(toxic, DOWN, NULL), 1000);
    stand_fini(&stand);
}

static void streams_are_drawn_apart_but_for_both(void **unused)
{
    (void)unused;
    bool up[1000], down[1000];
    struct stand stand;
    stand_init(&stand, 1);
    struct toxic *one = stand_add(&stand, "latency", DOWN, NULL, "toxicity=0.5");
    struct toxic *both = stand_add(&stand, "partition", FAULT_BOTH, NULL, "toxicity=0.5");
    (void)chosen(one, UP, up);
    (void)chosen(one, DOWN, down);
    assert_memory_not_equal(up, down, sizeof(up));
    (void)chosen(both, UP, up);
    (void)chosen(both, DOWN, down);
    assert_memory_equal(up, down, sizeof(up));
    stand_fini(&stand);
}

static void whom_it_does_not_choose_it_does_not_touch(void **unused)
{
    (void)unused;
    struct stand stand;
    stand_init(&stand, 1);
    struct toxic *cut = stand_add(&stand, "partition", FAULT_BOTH, NULL, "toxicity=0");
    assert_true(chain_is_empty(&stand.down));
    stand_push(&stand.down, "a", 100);
    stand_expect(&stand.down, 100, "a");
    stand_change(&stand, cut, NULL, "toxicity=1", 200);
    assert_false(chain_is_empty(&stand.down));
    stand_push(&stand.down, "b", 200);
    stand_expect(&stand.down, 300, "");
    stand_change(&stand, cut, NULL, "toxicity=0", 400);
    stand_expect(&stand.down, 400, "b");
    assert_true(chain_is_empty(&stand.down));
    assert_int_equal(toxic_effects(cut).pieces, 1);
    stand_fini(&stand);
}

/* ---- Source ---------------------------------------------------------------------------------- */

static bool reaches(struct toxic *toxic, const char *source, int family, const char *client)
{
    struct fault_aim aim = {.toxicity = 1, .source = (char *)(uintptr_t)source};
    assert_ok(toxic_set(toxic, &aim, NULL, 1, NULL));
    struct sockaddr_in6 ip6 = {.sin6_family = AF_INET6};
    struct sockaddr_in ip4 = {.sin_family = AF_INET};
    struct toxic_peer peer;
    if (family == AF_INET6)
        assert_int_equal(inet_pton(AF_INET6, client, &ip6.sin6_addr), 1);
    else if (family == AF_INET)
        assert_int_equal(inet_pton(AF_INET, client, &ip4.sin_addr), 1);
    toxic_peer_init(&peer, toxic->toxics, 1,
                    family == AF_INET6  ? (const struct sockaddr *)&ip6
                    : family == AF_INET ? (const struct sockaddr *)&ip4
                                        : NULL);
    return toxic_chooses(toxic, &peer, DOWN);
}

static void a_source_is_an_address_or_a_network(void **unused)
{
    (void)unused;
    struct stand stand;
    stand_init(&stand, 1);
    struct toxic *t = stand_add(&stand, "latency", DOWN, NULL, NULL);
    assert_true(reaches(t, "10.1.2.3", AF_INET, "10.1.2.3"));
    assert_false(reaches(t, "10.1.2.3", AF_INET, "10.1.2.2"));
    assert_true(reaches(t, "10.1.2.3/8", AF_INET, "10.255.0.0"));
    assert_false(reaches(t, "10.0.0.0/8", AF_INET, "11.0.0.0"));
    assert_true(reaches(t, "10.0.0.0/7", AF_INET, "11.0.0.0"));
    assert_false(reaches(t, "192.168.1.128/25", AF_INET, "192.168.1.127"));
    assert_true(reaches(t, "0.0.0.0/0", AF_INET, "1.2.3.4"));
    assert_true(reaches(t, "10.0.0.0/8", AF_INET6, "::ffff:10.9.9.9"));
    assert_false(reaches(t, "10.0.0.0/8", AF_INET6, "::1"));
    assert_true(reaches(t, "::1", AF_INET6, "::1"));
    assert_true(reaches(t, "2001:db8::/33", AF_INET6, "2001:db8:7fff::1"));
    assert_false(reaches(t, "2001:db8::/33", AF_INET6, "2001:db8:8000::1"));
    assert_false(reaches(t, "::/0", AF_INET, "1.2.3.4"));
    assert_false(reaches(t, "0.0.0.0/0", AF_UNIX, ""));
    assert_true(reaches(t, NULL, AF_UNIX, ""));
    stand_fini(&stand);
}

static void what_is_no_source_is_refused(void **unused)
{
    (void)unused;
    static const char *const bad[] = {
        "10.0.0", "10.0.0.0/33",  "10.0.0.0/",
        "/8",     "10.0.0.0/8x",  "::1/129",
        "host",   "10.0.0.0/-1",  "10.0.0.0/ 8",
        "1:2",    "10.0.0.0/8/8", "0123456789012345678901234567890123456789012345678901234567890",
    };
    struct stand stand;
    stand_init(&stand, 1);
    struct toxic *toxic = stand_add(&stand, "latency", DOWN, NULL, NULL);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct fault_aim aim = {.toxicity = 1, .source = (char *)(uintptr_t)bad[i]};
        assert_int_equal(toxic_set(toxic, &aim, NULL, 1, NULL), -EINVAL);
    }
    stand_fini(&stand);
}

/* ---- Requests -------------------------------------------------------------------------------- */

/* A request and its answer; what of them comes through by then: "r", "a". */
static void exchange(struct stand *stand, uint64_t now_ns, const char *request, const char *answer)
{
    stand_push(&stand->up, "r", now_ns);
    stand_expect(&stand->up, now_ns, request);
    stand_push(&stand->down, "a", now_ns);
    stand_expect(&stand->down, now_ns, answer);
}

static void requests_are_counted_over_the_proxy(void **unused)
{
    (void)unused;
    struct stand stand, second;
    stand_init(&stand, 1);
    stand_join(&second, &stand, 2, 1);
    exchange(&stand, 2, "r", "a"); /* before it */
    assert_false(toxics_count_requests(stand.toxics));
    struct toxic *cut = stand_add(&stand, "partition", FAULT_BOTH, NULL, "after=2 first=2");
    assert_true(toxics_count_requests(stand.toxics));
    exchange(&stand, 3, "r", "a");
    exchange(&second, 4, "r", "a");
    exchange(&second, 5, "", ""); /* 3 and 4, each with its answer */
    exchange(&stand, 6, "", "");
    assert_int_equal(toxic_effects(cut).links, 2);
    stand_remove(&stand, cut, 7);
    stand_expect(&stand.up, 7, "r");
    stand_expect(&stand.down, 7, "a");
    (void)stand_add(&stand, "timeout", DOWN, NULL, "first=1"); /* counted from here on */
    exchange(&second, 8, "r|r", "a"); /* what was held; its own answer is lost */
    exchange(&second, 9, "r", "a");
    stand_fini(&stand);
}

static void what_passes_by_the_chain_is_counted_too(void **unused)
{
    (void)unused;
    struct stand stand;
    stand_init(&stand, 1);
    struct toxic *cut = stand_add(&stand, "partition", DOWN, NULL, "after=1");
    chain_note(&stand.up, 10); /* that stream has no fault */
    chain_note(&stand.up, 10); /* the same request */
    stand_push(&stand.down, "a", 3);
    stand_expect(&stand.down, 3, "a");
    chain_note(&stand.up, 10);
    stand_push(&stand.down, "b", 4);
    stand_expect(&stand.down, 4, "");
    assert_int_equal(toxic_effects(cut).bytes, 1);
    assert_int_equal(stand.peer.read_bytes[UP], 30);
    assert_int_equal(stand.peer.read_bytes[DOWN], 2);
    stand_fini(&stand);
}

static void a_counted_fault_begins_with_its_first_request(void **unused)
{
    (void)unused;
    struct stand stand;
    stand_init(&stand, 1);
    (void)stand_add(&stand, "close_after", UP, "time=10ns", "after=1");
    assert_int_equal(chain_next_ns(&stand.up), CLOCK_NEVER);
    exchange(&stand, 100, "r", "a");
    assert_int_equal(chain_next_ns(&stand.up), CLOCK_NEVER);
    exchange(&stand, 200, "r", "a");
    assert_int_equal(chain_next_ns(&stand.up), 210);
    stand_expect(&stand.up, 210, "!");
    stand_fini(&stand);
}

/* The first query among those bytes. */
static const struct query *followed(struct follow *follow, enum fault_stream stream,
                                    const char *text, size_t size_bytes)
{
    char data[32];
    struct follow_bytes bytes = {data, size_bytes};
    struct follow_piece piece;
    const struct query *query = NULL;
    memcpy(data, text, size_bytes);
    while (follow_next(follow, stream, &bytes, &piece))
        query = query ? query : piece.query;
    return query;
}

static void a_followed_link_counts_its_queries(void **unused)
{
    (void)unused;
    struct stand stand;
    stand_init(&stand, 1);
    struct follow *follow = NULL;
    stand.peer.followed = true;
    assert_ok(follow_create(&follow, NULL));
    follow_want(follow, true);
    (void)followed(follow, UP, "\0\0\0\x10\0\3\0\0user\0x\0", 16);
    (void)followed(follow, DOWN, "R\0\0\0\x08\0\0\0\0Z\0\0\0\5I", 15);
    (void)stand_add(&stand, "partition", DOWN, NULL, "after=1 first=1");
    assert_true(toxics_want_queries(stand.toxics));
    stand_push(&stand.down, "x", 2); /* of no query */
    stand_expect(&stand.down, 2, "x");
    struct chain_input input = {.data = "x", .size_bytes = 1};
    const char *const expected[] = {"x|rest", "", ""};
    for (int i = 0; i < 3; i++) {
        input.query = followed(follow, UP, "Q\0\0\0\x0aTABLE\0", 11);
        assert_non_null(input.query);
        toxic_peer_query(&stand.peer, input.query);
        toxic_peer_query(&stand.peer, input.query); /* counted once */
        assert_int_equal(input.query->request, i + 1);
        assert_ok(chain_push(&stand.down, &input, 3));
        stand_push(&stand.down, "rest", 3); /* of the same answer */
        stand_expect(&stand.down, 3, expected[i]);
    }
    follow_destroy(follow); /* what is held outlives it */
    stand_fini(&stand);
}

/* ---- Effects --------------------------------------------------------------------------------- */

static void what_is_held_counts_until_it_is_let_go(void **unused)
{
    (void)unused;
    struct stand stand;
    stand_init(&stand, 1);
    struct toxic *cut = stand_add(&stand, "partition", DOWN, NULL, NULL);
    assert_int_equal(toxic_effects(cut).first_ns, 0);
    uint64_t before_ns = clock_now_ns();
    stand_push(&stand.down, "abc", before_ns);
    assert_true(toxic_effects(cut).last_ns >= before_ns);
    assert_int_equal(toxic_effects(cut).first_ns, before_ns);
    stand_change(&stand, cut, "how=refuse", NULL, before_ns + 50);
    assert_int_equal(toxic_effects(cut).last_ns, before_ns + 50);
    assert_int_equal(toxic_effects(cut).bytes, 3);
    stand_fini(&stand);
}

static void touched_links_can_be_named(void **unused)
{
    (void)unused;
    struct stand stand, second;
    struct toxic_link links[4];
    stand_init(&stand, 1);
    stand_join(&second, &stand, 2, 1);
    struct toxic *slow = stand_add(&stand, "latency", FAULT_BOTH, "latency=10ns", NULL);
    stand_push(&stand.down, "abc", 100);
    stand_push(&stand.up, "de", 200);
    assert_int_equal(toxic_effects(slow).links, 1);
    stand_push(&second.up, "f", 300);
    assert_int_equal(toxic_effects(slow).links, 2);
    assert_int_equal(toxic_links(slow, links, 4), 2);
    assert_int_equal(links[0].number, 2); /* the latest first */
    assert_int_equal(links[1].number, 1);
    assert_string_equal(links[1].client, "127.0.0.1:5000");
    assert_int_equal(links[1].bytes, 5);
    assert_int_equal(links[1].first_ns, 100);
    assert_int_equal(links[1].last_ns, 200);
    assert_int_equal(toxic_links(slow, links, 1), 1);
    stand_fini(&stand);
}

static void the_latest_touched_links_are_kept(void **unused)
{
    (void)unused;
    static struct toxic_link links[2 * TOXIC_LINKS_MAX];
    struct stand stand;
    stand_init(&stand, 1);
    struct toxic *slow = stand_add(&stand, "latency", DOWN, "latency=10ns", NULL);
    for (uint64_t number = 2; number <= 3000; number++) {
        struct stand one;
        stand_join(&one, &stand, number, number);
        stand_push(&one.down, "x", number);
        stand_part(&one, &stand);
        size_t kept = number - 1 < TOXIC_LINKS_MAX ? (size_t)number - 1 : TOXIC_LINKS_MAX;
        if (number % 100 == 0 || number < 70)
            assert_int_equal(toxic_links(slow, links, 2 * TOXIC_LINKS_MAX), kept);
    }
    assert_int_equal(toxic_effects(slow).links, 2999);
    assert_int_equal(toxic_links(slow, links, 2 * TOXIC_LINKS_MAX), TOXIC_LINKS_MAX);
    for (size_t i = 0; i < TOXIC_LINKS_MAX; i++)
        assert_int_equal(links[i].number, 3000 - i);
    stand_fini(&stand);
}

/* Also when so many others come between its two streams that its name has given way. */
static void a_link_is_counted_once(void **unused)
{
    (void)unused;
    struct stand stand;
    stand_init(&stand, 1);
    struct toxic *slow = stand_add(&stand, "latency", DOWN, "latency=10ns", NULL);
    for (int again = 0; again < 2; again++) {
        for (uint64_t number = 2; number <= 3000; number++) {
            struct stand one;
            stand_join(&one, &stand, number, number);
            stand_push(&one.down, "x", number);
            stand_push(&one.down, "y", number);
            stand_part(&one, &stand);
        }
    }
    assert_int_equal(toxic_effects(slow).links, 2999);
    assert_int_equal(toxic_effects(slow).pieces, 4 * 2999);
    stand_fini(&stand);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_well_described),
        cmocka_unit_test(names_are_given_and_taken),
        cmocka_unit_test(mistaken_settings_change_nothing),
        cmocka_unit_test(files_are_read_where_that_is_allowed),
        cmocka_unit_test(toxicity_is_a_share_of_connections),
        cmocka_unit_test(streams_are_drawn_apart_but_for_both),
        cmocka_unit_test(whom_it_does_not_choose_it_does_not_touch),
        cmocka_unit_test(a_source_is_an_address_or_a_network),
        cmocka_unit_test(what_is_no_source_is_refused),
        cmocka_unit_test(requests_are_counted_over_the_proxy),
        cmocka_unit_test(what_passes_by_the_chain_is_counted_too),
        cmocka_unit_test(a_counted_fault_begins_with_its_first_request),
        cmocka_unit_test(a_followed_link_counts_its_queries),
        cmocka_unit_test(what_is_held_counts_until_it_is_let_go),
        cmocka_unit_test(touched_links_can_be_named),
        cmocka_unit_test(the_latest_touched_links_are_kept),
        cmocka_unit_test(a_link_is_counted_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
