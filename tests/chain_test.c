/* SPDX-License-Identifier: MIT */
/* chain_test.c - pieces keep their order through faults that come, change and go. */
#include "test.h"

#include "chain_fixture.h"

#include "core/clock.h"

#include <string.h>

#define DOWN FAULT_DOWNSTREAM

/* ---- Order and time -------------------------------------------------------------------------- */

static void nothing_is_in_the_way_without_faults(void **unused)
{
    (void)unused;
    struct stand stand;
    stand_init(&stand, 1);
    (void)stand_add(&stand, "noop", DOWN, NULL, NULL);
    assert_true(chain_is_empty(&stand.down));
    assert_int_equal(chain_next_ns(&stand.down), CLOCK_NEVER);
    stand_push(&stand.down, "abc", 5);
    stand_expect(&stand.down, 5, "abc");
    assert_true(chain_is_empty(&stand.down));
    stand_fini(&stand);
}

static void what_is_delayed_comes_when_it_is_due(void **unused)
{
    (void)unused;
    struct stand stand;
    stand_init(&stand, 1);
    struct toxic *slow = stand_add(&stand, "latency", DOWN, "latency=10ns", NULL);
    stand_push(&stand.down, "abc", 100);
    assert_false(chain_is_empty(&stand.down));
    assert_int_equal(chain_next_ns(&stand.down), 110);
    stand_expect(&stand.down, 109, "");
    stand_push(&stand.down, "de", 109);
    stand_expect(&stand.down, 110, "abc");
    stand_end(&stand.down, 111);
    stand_expect(&stand.down, 119, "de");
    stand_expect(&stand.down, 121, "$");
    assert_int_equal(toxic_effects(slow).pieces, 3);
    assert_int_equal(toxic_effects(slow).bytes, 5);
    assert_int_equal(toxic_effects(slow).links, 1);
    assert_int_equal(toxic_effects(slow).first_ns, 100);
    assert_int_equal(toxic_effects(slow).last_ns, 121);
    assert_true(chain_is_empty(&stand.up)); /* on this stream alone */
    stand_fini(&stand);
}

static void delays_add_up_whenever_somebody_looks(void **unused)
{
    (void)unused;
    struct stand stand;
    stand_init(&stand, 1);
    (void)stand_add(&stand, "latency", DOWN, "latency=10ns", NULL);
    struct toxic_options options = {
        .name = "second", .type = fault_type_find("latency"), .stream = DOWN};
    struct toxic *second = NULL;
    assert_ok(toxics_create(stand.toxics, &options, false, 1, &second, NULL));
    assert_ok(chain_add(&stand.down, second, 1));
    stand_change(&stand, second, "latency=20ns", NULL, 1);
    stand_push(&stand.down, "a", 100);
    assert_int_equal(chain_next_ns(&stand.down), 110);
    stand_expect(&stand.down, 117, ""); /* later than it was due at the first */
    assert_int_equal(chain_next_ns(&stand.down), 130);
    stand_expect(&stand.down, 130, "a");
    stand_fini(&stand);
}

static void a_piece_does_not_overtake_another(void **unused)
{
    (void)unused;
    struct stand stand;
    char text[8];
    stand_init(&stand, 7);
    (void)stand_add(&stand, "latency", DOWN, "latency=500ns jitter=500ns", NULL);
    for (unsigned i = 0; i < 200; i++) {
        text[0] = (char)('0' + i % 10);
        stand_push_bytes(&stand.down, text, 1, 100 + i);
    }
    uint64_t next_ns, last_ns = 0;
    unsigned count = 0;
    struct chain_item item;
    while ((next_ns = chain_next_ns(&stand.down)) != CLOCK_NEVER) {
        last_ns = next_ns > last_ns ? next_ns : last_ns;
        while (chain_take(&stand.down, last_ns, &item)) {
            assert_int_equal(item.size_bytes, 1);
            assert_int_equal(item.data[0], '0' + (int)(count++ % 10));
            chain_sent(&stand.down, 1);
        }
    }
    assert_int_equal(count, 200);
    stand_fini(&stand);
}

/* ---- Coming, changing, going ----------------------------------------------------------------- */

static void what_a_fault_delayed_goes_on_when_it_goes(void **unused)
{
    (void)unused;
    struct stand stand;
    stand_init(&stand, 1);
    struct toxic *slow = stand_add(&stand, "latency", DOWN, "latency=1s", NULL);
    stand_push(&stand.down, "a", 100);
    stand_push(&stand.down, "b", 101);
    stand_expect(&stand.down, 200, "");
    stand_remove(&stand, slow, 201);
    assert_int_equal(chain_next_ns(&stand.down), 0);
    stand_expect(&stand.down, 201, "a|b");
    assert_true(chain_is_empty(&stand.down));
    stand_fini(&stand);
}

static void what_a_fault_delayed_goes_on_when_it_changes(void **unused)
{
    (void)unused;
    struct stand stand;
    stand_init(&stand, 1);
    struct toxic *slow = stand_add(&stand, "latency", DOWN, "latency=1s", NULL);
    stand_push(&stand.down, "a", 100);
    stand_change(&stand, slow, "latency=50ns", NULL, 200);
    stand_push(&stand.down, "b", 200);
    stand_expect(&stand.down, 200, "a");
    stand_expect(&stand.down, 249, "");
    stand_expect(&stand.down, 250, "b");
    assert_int_equal(toxic_effects(slow).last_ns, 250);
    stand_fini(&stand);
}

static void two_have_to_let_go_of_what_two_hold(void **unused)
{
    (void)unused;
    struct stand stand;
    for (int order = 0; order < 2; order++) {
        stand_init(&stand, 1);
        struct toxic *one = stand_add(&stand, "partition", FAULT_BOTH, NULL, NULL);
        struct toxic *other = stand_add(&stand, "partition", DOWN, NULL, NULL);
        stand_push(&stand.down, "a", 100);
        stand_push(&stand.up, "z", 100);
        stand_end(&stand.down, 101);
        assert_int_equal(chain_next_ns(&stand.down), CLOCK_NEVER);
        stand_remove(&stand, order ? other : one, 200);
        stand_expect(&stand.down, UINT64_MAX - 1, "");
        stand_expect(&stand.up, 300, order ? "" : "z");
        stand_remove(&stand, order ? one : other, 400);
        stand_expect(&stand.down, 400, "a|$");
        stand_expect(&stand.up, 400, order ? "z" : "");
        stand_fini(&stand);
    }
}

static void a_later_fault_gets_what_an_earlier_one_still_delays(void **unused)
{
    (void)unused;
    struct stand stand;
    stand_init(&stand, 1);
    (void)stand_add(&stand, "latency", DOWN, "latency=100ns", NULL);
    stand_push(&stand.down, "a", 100);
    struct toxic *cut = stand_add(&stand, "partition", DOWN, NULL, NULL);
    stand_expect(&stand.down, 1000, "");
    stand_remove(&stand, cut, 1001);
    stand_expect(&stand.down, 1001, "a");
    stand_fini(&stand);
}

static void what_has_left_is_out_of_reach(void **unused)
{
    (void)unused;
    struct stand stand;
    struct chain_item item;
    stand_init(&stand, 1);
    struct toxic *slow = stand_add(&stand, "latency", DOWN, "latency=10ns", NULL);
    stand_push(&stand.down, "abcdef", 100);
    assert_true(chain_take(&stand.down, 110, &item));
    const char *data = item.data;
    chain_sent(&stand.down, 2); /* the socket took no more */
    (void)stand_add(&stand, "partition", DOWN, NULL, NULL);
    stand_push(&stand.down, "gh", 111);
    stand_remove(&stand, slow, 112);
    assert_true(chain_take(&stand.down, 113, &item));
    assert_ptr_equal(item.data, data + 2);
    assert_int_equal(item.size_bytes, 4);
    stand_expect(&stand.down, 113, "cdef");
    assert_int_equal(chain_next_ns(&stand.down), CLOCK_NEVER); /* "gh" is held */
    stand_fini(&stand);
}

/* ---- Cutting --------------------------------------------------------------------------------- */

static void the_rest_of_a_cut_piece_follows_it(void **unused)
{
    (void)unused;
    struct stand stand;
    stand_init(&stand, 1);
    struct toxic *slices = stand_add(&stand, "slicer", DOWN, "average_size=2 delay=10ns", NULL);
    stand_push(&stand.down, "abcde", 100);
    stand_push(&stand.down, "fgh", 100);
    stand_end(&stand.down, 100);
    stand_expect(&stand.down, 100, "ab");
    stand_expect(&stand.down, 110, "cd");
    stand_expect(&stand.down, 120, "e");
    assert_int_equal(toxic_effects(slices).bytes, 7); /* "fg" waits for its turn */
    stand_remove(&stand, slices, 121); /* the slice that was cut, and the rest in one */
    stand_expect(&stand.down, 121, "fg|h|$");
    assert_true(chain_is_empty(&stand.down));
    stand_fini(&stand);
}

static void queued_bytes_are_those_of_all_pieces(void **unused)
{
    (void)unused;
    static char data[10000];
    struct stand stand;
    struct chain_item item;
    stand_init(&stand, 1);
    (void)stand_add(&stand, "slicer", DOWN, "average_size=10 delay=1us", NULL);
    for (int i = 0; i < 3; i++)
        stand_push_bytes(&stand.down, data, sizeof(data), 1);
    size_t least = 3 * sizeof(data);
    assert_in_range(chain_queued_bytes(&stand.down), least, least + 3000);
    uint64_t taken = 0;
    for (uint64_t now_ns = 1; chain_queued_bytes(&stand.down) > 0; now_ns += 1000) {
        while (chain_take(&stand.down, now_ns, &item)) {
            assert_int_equal(item.size_bytes, 10);
            chain_sent(&stand.down, item.size_bytes);
            taken += item.size_bytes;
        }
        assert_in_range(chain_queued_bytes(&stand.down), 0, least + 3000);
    }
    assert_int_equal(taken, least);
    stand_fini(&stand);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

enum { READ_BYTES = 128 << 10, HELD_BYTES = 2 * READ_BYTES };

static size_t most(size_t one, size_t other)
{
    return one > other ? one : other;
}

/* What comes out, one byte at a time; the most that was queued meanwhile. */
static size_t take_numbered(struct chain *chain, uint64_t now_ns, uint64_t *taken)
{
    struct chain_item item;
    size_t queued_bytes = chain_queued_bytes(chain);
    while (chain_take(chain, now_ns, &item)) {
        assert_int_equal(item.verdict, FAULT_PASS);
        assert_int_equal(item.size_bytes, 1);
        if (item.data[0] != (char)(*taken)++)
            fail_msg("byte %d is another", (int)*taken - 1);
        chain_sent(chain, 1);
        queued_bytes = most(queued_bytes, chain_queued_bytes(chain));
    }
    return queued_bytes;
}

/* Much that a partition held is cut into single bytes, which then have to wait. */
static void small_slices_take_no_more_than_their_share(void **unused)
{
    (void)unused;
    static char data[READ_BYTES];
    struct stand stand;
    uint64_t pushed = 0, taken = 0;
    stand_init(&stand, 1);
    struct toxic *cut = stand_add(&stand, "partition", DOWN, NULL, NULL);
    (void)stand_add(&stand, "slicer", DOWN, "average_size=1", NULL);
    (void)stand_add(&stand, "latency", DOWN, "latency=10ns", NULL);
    while (pushed < HELD_BYTES) {
        for (size_t i = 0; i < sizeof(data); i++)
            data[i] = (char)pushed++;
        stand_push_bytes(&stand.down, data, sizeof(data), 1);
    }
    stand_remove(&stand, cut, 2);
    size_t queued_bytes = chain_queued_bytes(&stand.down);
    for (uint64_t now_ns = 2; now_ns != CLOCK_NEVER; now_ns = chain_next_ns(&stand.down))
        queued_bytes = most(queued_bytes, take_numbered(&stand.down, now_ns, &taken));
    assert_int_equal(taken, HELD_BYTES);
    assert_in_range(queued_bytes, HELD_BYTES, HELD_BYTES + CHAIN_CUT_BYTES_MAX + 4096);
    assert_true(chain_queued_bytes(&stand.down) == 0);
    stand_fini(&stand);
}

/* Who waits for memory is not forgotten when it becomes free by loss. */
static void slices_go_on_behind_what_is_lost(void **unused)
{
    (void)unused;
    static char data[READ_BYTES];
    struct stand stand;
    stand_init(&stand, 1);
    (void)stand_add(&stand, "slicer", DOWN, "average_size=1", NULL);
    (void)stand_add(&stand, "slicer", FAULT_BOTH, "average_size=1", NULL);
    (void)stand_add(&stand, "latency", DOWN, "latency=10ns", NULL);
    (void)stand_add(&stand, "timeout", DOWN, NULL, NULL);
    stand_push_bytes(&stand.down, data, sizeof(data), 1);
    assert_true(chain_queued_bytes(&stand.down) > sizeof(data));
    for (uint64_t now_ns = 1; now_ns != CLOCK_NEVER; now_ns = chain_next_ns(&stand.down))
        stand_expect(&stand.down, now_ns, "");
    assert_int_equal(chain_queued_bytes(&stand.down), 0);
    stand_fini(&stand);
}

/* One read is pushed in several pieces, as on a link that is followed; an earlier one goes, and
 * then what has just come is swallowed. */
static void a_room_lasts_until_it_is_asked_for_again(void **unused)
{
    (void)unused;
    struct stand stand;
    enum { FIRST = CHAIN_ROOM_BYTES / 2 + 1000, SECOND = 1000 };
    stand_init(&stand, 3);
    (void)stand_add(&stand, "latency", DOWN, "latency=0 jitter=40ns", NULL);
    (void)stand_add(&stand, "timeout", DOWN, NULL, NULL);
    for (uint64_t now_ns = 1; now_ns < 2000; now_ns += 10) {
        char *room = chain_room(&stand.down);
        assert_non_null(room);
        memset(room, (int)now_ns, FIRST + SECOND);
        stand_push_bytes(&stand.down, room, FIRST, now_ns);
        assert_int_equal(room[FIRST], (char)now_ns);
        stand_push_bytes(&stand.down, room + FIRST, SECOND, now_ns);
        stand_expect(&stand.down, now_ns, "");
    }
    stand_fini(&stand);
}

/* ---- Ends ------------------------------------------------------------------------------------ */

static void a_close_comes_behind_the_last_byte(void **unused)
{
    (void)unused;
    struct stand stand;
    stand_init(&stand, 1);
    (void)stand_add(&stand, "limit_data", DOWN, "bytes=4", NULL);
    (void)stand_add(&stand, "slicer", DOWN, "average_size=3 delay=10ns", NULL);
    (void)stand_add(&stand, "latency", DOWN, "latency=100ns", NULL);
    stand_push(&stand.down, "abcdefgh", 100);
    stand_push(&stand.down, "ijk", 101);
    stand_expect(&stand.down, 199, "");
    stand_expect(&stand.down, 200, "abc");
    stand_expect(&stand.down, 209, "");
    stand_expect(&stand.down, 210, "d!");
    assert_false(chain_is_empty(&stand.down));
    assert_int_equal(chain_next_ns(&stand.down), 0);
    stand_fini(&stand);
}

static void a_close_comes_though_its_piece_is_lost(void **unused)
{
    (void)unused;
    struct stand stand;
    stand_init(&stand, 1);
    (void)stand_add(&stand, "limit_data", DOWN, "bytes=4", NULL);
    (void)stand_add(&stand, "timeout", DOWN, NULL, NULL);
    stand_push(&stand.down, "ab", 100);
    stand_expect(&stand.down, 100, "");
    stand_push(&stand.down, "cdef", 100);
    stand_expect(&stand.down, 100, "!");
    stand_fini(&stand);
}

static void a_reset_waits_for_nothing(void **unused)
{
    (void)unused;
    struct stand stand;
    stand_init(&stand, 1);
    struct toxic *reset = stand_add(&stand, "reset_peer", DOWN, "timeout=50ns", NULL);
    (void)stand_add(&stand, "latency", DOWN, "latency=1s", NULL);
    assert_int_equal(chain_next_ns(&stand.down), 51);
    stand_push(&stand.down, "ab", 20);
    stand_expect(&stand.down, 50, "");
    stand_expect(&stand.down, 51, "#");
    assert_int_equal(toxic_effects(reset).links, 1);
    stand_fini(&stand);
}

/* ---- Replay ---------------------------------------------------------------------------------- */

/* Everything that comes out, with its time. */
static uint64_t transcript(uint64_t seed)
{
    struct stand stand;
    struct chain_item item;
    struct rng rng;
    uint64_t hash = 0, now_ns = 1000;
    stand_init(&stand, seed);
    rng_init(&rng, 3, 3); /* what is sent does not depend on the seed */
    (void)stand_add(&stand, "latency", DOWN, "latency=5us jitter=5us distribution=normal", NULL);
    (void)stand_add(&stand, "slicer", DOWN, "average_size=40 size_variation=30 delay=200ns", NULL);
    (void)stand_add(&stand, "corrupt", DOWN, "share=2% of=bytes", NULL);
    for (int i = 0; i < 300; i++) {
        char data[200];
        size_t size_bytes = 1 + (size_t)rng_below(&rng, sizeof(data));
        memset(data, i, size_bytes);
        stand_push_bytes(&stand.down, data, size_bytes, now_ns);
        while (chain_take(&stand.down, now_ns, &item)) {
            for (size_t j = 0; j < item.size_bytes; j++)
                hash = hash * 31 + (unsigned char)item.data[j];
            hash = hash * 31 + now_ns;
            chain_sent(&stand.down, item.size_bytes);
        }
        now_ns += 1 + rng_below(&rng, 5000);
    }
    stand_fini(&stand);
    return hash;
}

static void the_same_seed_gives_the_same_run(void **unused)
{
    (void)unused;
    assert_true(transcript(5) == transcript(5));
    assert_true(transcript(5) != transcript(6));
}

/* ---- Nothing lost ---------------------------------------------------------------------------- */

static const struct {
    const char *kind, *settings[2];
} harmless[] = {
    {"latency", {"latency=3us jitter=3us", "latency=1us distribution=pareto jitter=1us"}},
    {"slicer", {"average_size=7 size_variation=9 delay=50ns", "average_size=100"}},
    {"bandwidth", {"rate=1MB", "rate=50MB scope=proxy"}},
    {"partition", {"", "connections=established"}},
    {"flapping", {"period=1ms duty=50%", "period=2ms duty=10%"}},
    {"slow_close", {"delay=10us", "delay=0"}},
    {"noop", {"", ""}},
};

enum { KINDS = sizeof(harmless) / sizeof(*harmless) };

/* A stream of numbered bytes, and how far it is. */
struct ride {
    struct stand stand;
    struct rng rng;
    struct toxic *toxics[KINDS];
    uint64_t now_ns, pushed, taken;
};

static void push_some(struct ride *ride)
{
    char data[600];
    size_t size_bytes = 1 + (size_t)rng_below(&ride->rng, sizeof(data));
    for (size_t i = 0; i < size_bytes; i++)
        data[i] = (char)(ride->pushed++ * 131 >> 3);
    stand_push_bytes(&ride->stand.down, data, size_bytes, ride->now_ns);
}

static bool take_some(struct ride *ride, bool all)
{
    struct chain_item item;
    while (chain_take(&ride->stand.down, ride->now_ns, &item)) {
        assert_int_equal(item.verdict, FAULT_PASS);
        if (item.end)
            return true;
        size_t sent = all ? item.size_bytes : 1 + (size_t)rng_below(&ride->rng, item.size_bytes);
        for (size_t i = 0; i < sent; i++)
            assert_int_equal(item.data[i], (char)(ride->taken++ * 131 >> 3));
        chain_sent(&ride->stand.down, sent);
        if (!all && rng_below(&ride->rng, 3) == 0)
            return false;
    }
    return false;
}

static void disturb(struct ride *ride)
{
    size_t which = (size_t)rng_below(&ride->rng, KINDS);
    struct toxic **toxic = &ride->toxics[which];
    const char *settings = harmless[which].settings[rng_below(&ride->rng, 2)];
    ride->stand.now_ns = ride->now_ns;
    if (!*toxic)
        *toxic = stand_add(&ride->stand, harmless[which].kind,
                           rng_below(&ride->rng, 2) ? DOWN : FAULT_BOTH, settings,
                           rng_below(&ride->rng, 3) ? NULL : "toxicity=0.5");
    else if (rng_below(&ride->rng, 3) == 0)
        stand_change(&ride->stand, *toxic, settings,
                     rng_below(&ride->rng, 2) ? NULL : "toxicity=0.7", ride->now_ns);
    else {
        stand_remove(&ride->stand, *toxic, ride->now_ns);
        *toxic = NULL;
    }
}

static void no_byte_is_lost_doubled_or_moved(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct ride ride = {.now_ns = 1000};
        stand_init(&ride.stand, seed);
        rng_init(&ride.rng, seed, 9);
        for (int step = 0; step < 1000; step++) {
            uint64_t what = rng_below(&ride.rng, 10);
            if (what < 4 && chain_queued_bytes(&ride.stand.down) < 65536)
                push_some(&ride);
            else if (what < 9)
                (void)take_some(&ride, false);
            else
                disturb(&ride);
            ride.now_ns += rng_below(&ride.rng, 3000);
        }
        stand_end(&ride.stand.down, ride.now_ns);
        for (size_t i = 0; i < KINDS; i++)
            if (ride.toxics[i])
                stand_remove(&ride.stand, ride.toxics[i], ride.now_ns);
        assert_true(take_some(&ride, true));
        if (ride.taken != ride.pushed)
            fail_msg("seed %d: %d of %d bytes", (int)seed, (int)ride.taken, (int)ride.pushed);
        stand_fini(&ride.stand);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_in_the_way_without_faults),
        cmocka_unit_test(what_is_delayed_comes_when_it_is_due),
        cmocka_unit_test(delays_add_up_whenever_somebody_looks),
        cmocka_unit_test(a_piece_does_not_overtake_another),
        cmocka_unit_test(what_a_fault_delayed_goes_on_when_it_goes),
        cmocka_unit_test(what_a_fault_delayed_goes_on_when_it_changes),
        cmocka_unit_test(two_have_to_let_go_of_what_two_hold),
        cmocka_unit_test(a_later_fault_gets_what_an_earlier_one_still_delays),
        cmocka_unit_test(what_has_left_is_out_of_reach),
        cmocka_unit_test(the_rest_of_a_cut_piece_follows_it),
        cmocka_unit_test(queued_bytes_are_those_of_all_pieces),
        cmocka_unit_test(small_slices_take_no_more_than_their_share),
        cmocka_unit_test(slices_go_on_behind_what_is_lost),
        cmocka_unit_test(a_room_lasts_until_it_is_asked_for_again),
        cmocka_unit_test(a_close_comes_behind_the_last_byte),
        cmocka_unit_test(a_close_comes_though_its_piece_is_lost),
        cmocka_unit_test(a_reset_waits_for_nothing),
        cmocka_unit_test(the_same_seed_gives_the_same_run),
        cmocka_unit_test(no_byte_is_lost_doubled_or_moved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
