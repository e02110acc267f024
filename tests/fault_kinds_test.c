/* SPDX-License-Identifier: MIT */
/* fault_kinds_test.c - every kind of fault: that it does what it says, and that it is undone. */
#include "test.h"

#include "chain_fixture.h"

#include "core/clock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UP   FAULT_UPSTREAM
#define DOWN FAULT_DOWNSTREAM
#define BOTH FAULT_BOTH
#define MS   NS_PER_MS

/* Whether it has done something. */
static bool fired(const struct toxic *toxic)
{
    return toxic_effects(toxic).first_ns != 0;
}

/* What is sent now comes out now. */
static void expect_undone(struct stand *stand, uint64_t now_ns)
{
    stand_push(&stand->down, "free", now_ns);
    stand_expect(&stand->down, now_ns, "free");
    assert_true(chain_is_empty(&stand->down));
    assert_true(chain_is_empty(&stand->up));
}

/* ---- latency --------------------------------------------------------------------------------- */

/* When each of many pieces is due after it came, in ms. To be freed. */
static double *draws_ms(const char *settings, size_t count)
{
    struct stand stand;
    double *delays_ms = calloc(count, sizeof(*delays_ms));
    assert_non_null(delays_ms);
    stand_init(&stand, 42);
    (void)stand_add(&stand, "latency", DOWN, settings, NULL);
    uint64_t now_ns = 1000;
    for (size_t i = 0; i < count; i++) {
        stand_push(&stand.down, "x", now_ns);
        uint64_t due_ns = chain_next_ns(&stand.down);
        due_ns = due_ns < now_ns ? now_ns : due_ns;
        delays_ms[i] = (double)(due_ns - now_ns) / 1e6;
        stand_expect(&stand.down, due_ns, "x");
        now_ns = due_ns + 1;
    }
    stand_fini(&stand);
    return delays_ms;
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void assert_near(double value, double expected, double within)
{
    if (!(fabs(value - expected) <= within))
        fail_msg("%g is not %g +- %g", value, expected, within);
}

static double mean_of(const double *values, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += values[i];
    return sum / (double)count;
}

static void latency_delays_and_lets_go(void **unused)
{
    (void)unused;
    struct stand stand;
    stand_init(&stand, 1);
    struct toxic *toxic = stand_add(&stand, "latency", DOWN, "latency=100ms", NULL);
    stand_push(&stand.down, "a", MS);
    stand_expect(&stand.down, 101 * MS - 1, "");
    stand_expect(&stand.down, 101 * MS, "a");
    stand_push(&stand.down, "b", 200 * MS); /* the client may not even read */
    assert_true(fired(toxic));
    stand_remove(&stand, toxic, 201 * MS);
    stand_expect(&stand.down, 201 * MS, "b");
    expect_undone(&stand, 202 * MS);
    stand_fini(&stand);
}

static void jitter_is_uniform_around_latency(void **unused)
{
    (void)unused;
    double *ms = draws_ms("latency=100ms jitter=20ms", 4000);
    qsort(ms, 4000, sizeof(*ms), by_value);
    assert_near(ms[0], 80, 0.2);
    assert_near(ms[1000], 90, 1);
    assert_near(ms[2000], 100, 1.5);
    assert_near(ms[3999], 120, 0.2);
    free(ms);
    ms = draws_ms("latency=1ms jitter=20ms", 1000); /* never before it came */
    qsort(ms, 1000, sizeof(*ms), by_value);
    assert_near(ms[300], 0, 0);
    free(ms);
}

static void jitter_can_be_normal(void **unused)
{
    (void)unused;
    double *ms = draws_ms("latency=100ms jitter=10ms distribution=normal", 4000);
    assert_near(mean_of(ms, 4000), 100, 1);
    qsort(ms, 4000, sizeof(*ms), by_value);
    assert_near(ms[636], 90, 1); /* one standard deviation */
    assert_near(ms[3364], 110, 1);
    assert_near(ms[3909], 120, 2.5);
    free(ms);
}

static void jitter_can_have_a_heavy_tail(void **unused)
{
    (void)unused;
    double *ms = draws_ms("latency=100ms jitter=10ms distribution=pareto", 8000);
    assert_near(mean_of(ms, 8000), 110, 1);
    qsort(ms, 8000, sizeof(*ms), by_value);
    assert_near(ms[0], 100, 0.1);
    assert_near(ms[7920], 100 + 10 * 2 * (cbrt(100) - 1), 12);
    free(ms);
}

static void write_text(char *path, const char *text)
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(close(fd), 0);
}

static void latency_can_come_from_percentiles(void **unused)
{
    (void)unused;
    char path[] = "/tmp/poolstorm_XXXXXX", settings[80];
    write_text(path, "       Value     Percentile TotalCount 1/(1-Percentile)\n\n"
                     "       10.000 0.000000000000          1           1.00\n"
                     "       20.000 0.500000000000         50           2.00\n"
                     "       40.000 1.000000000000        100\n"
                     "#[Mean    =       20.000, StdDeviation   =        1.000]\n");
    (void)snprintf(settings, sizeof(settings), "latency=5ms file=%s", path);
    double *ms = draws_ms(settings, 4000);
    qsort(ms, 4000, sizeof(*ms), by_value);
    assert_near(ms[0], 15, 0.1);
    assert_near(ms[1000], 20, 0.7);
    assert_near(ms[2000], 25, 1);
    assert_near(ms[3000], 35, 1.4);
    assert_near(ms[3999], 45, 0.1);
    free(ms);
    assert_int_equal(unlink(path), 0);
}

static void what_are_no_percentiles_is_refused_by_its_line(void **unused)
{
    (void)unused;
    static const char *const bad[] = {
        "root:x:0:0\n", "",          "1 0.5 1\n2 0.4 2\n", "1 0.5 1\n0.5 0.6 2\n",
        "1 50 1\n",     "1 nan 1\n", "1e300 0.5 1\n",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        char path[] = "/tmp/poolstorm_XXXXXX", settings[80];
        struct stand stand;
        struct toxic *toxic = NULL;
        struct err err = {0};
        stand_init(&stand, 1);
        write_text(path, bad[i]);
        (void)snprintf(settings, sizeof(settings), "file=%s", path);
        assert_int_equal(stand_try(&stand, "latency", DOWN, settings, NULL, &toxic, &err), -EINVAL);
        assert_non_null(strstr(err.text, path));
        assert_null(strstr(err.text, "root")); /* nothing of a file that is none of ours */
        assert_int_equal(unlink(path), 0);
        stand_fini(&stand);
    }
}

/* ---- bandwidth ------------------------------------------------------------------------------- */

/* Takes until nothing more comes; when the last byte came. */
static uint64_t drain(struct chain *chain, uint64_t now_ns, size_t *got_bytes, size_t *most_bytes)
{
    struct chain_item item;
    uint64_t next_ns;
    *got_bytes = *most_bytes = 0;
    while ((next_ns = chain_next_ns(chain)) != CLOCK_NEVER) {
        now_ns = next_ns > now_ns ? next_ns : now_ns;
        while (chain_take(chain, now_ns, &item) && item.verdict == FAULT_PASS) {
            *got_bytes += item.size_bytes;
            *most_bytes = item.size_bytes > *most_bytes ? item.size_bytes : *most_bytes;
            chain_sent(chain, item.size_bytes);
        }
    }
    return now_ns;
}

static char zeros[100000];

static void bandwidth_spreads_bytes_over_time(void **unused)
{
    (void)unused;
    struct stand stand;
    size_t got, most;
    stand_init(&stand, 1);
    struct toxic *toxic = stand_add(&stand, "bandwidth", DOWN, "rate=100KB", NULL);
    stand_push_bytes(&stand.down, zeros, sizeof(zeros), MS);
    uint64_t end_ns = drain(&stand.down, MS, &got, &most);
    assert_int_equal(end_ns, MS + NS_PER_S);
    assert_int_equal(got, sizeof(zeros));
    assert_int_equal(most, 2000);                                      /* a fiftieth of a second */
    stand_push_bytes(&stand.down, zeros, 1000, end_ns + 5 * NS_PER_S); /* no credit is saved up */
    assert_int_equal(chain_next_ns(&stand.down), end_ns + 5 * NS_PER_S + 10 * MS);
    stand_remove(&stand, toxic, end_ns + 5 * NS_PER_S);
    (void)drain(&stand.down, end_ns, &got, &most);
    assert_int_equal(got, 1000);
    expect_undone(&stand, end_ns + 6 * NS_PER_S);
    stand_fini(&stand);
}

static void no_bandwidth_lets_nothing_through(void **unused)
{
    (void)unused;
    struct stand stand;
    stand_init(&stand, 1);
    struct toxic *toxic = stand_add(&stand, "bandwidth", DOWN, "rate=0", NULL);
    stand_push(&stand.down, "a", MS);
    stand_end(&stand.down, MS);
    assert_int_equal(chain_next_ns(&stand.down), CLOCK_NEVER);
    stand_change(&stand, toxic, "rate=1KB", NULL, 2 * MS);
    stand_expect(&stand.down, 2 * MS, "a|$");
    stand_push(&stand.down, "b", 3 * MS);
    stand_expect(&stand.down, 4 * MS - 1, "");
    stand_expect(&stand.down, 4 * MS, "b");
    stand_fini(&stand);
}

static void bandwidth_can_be_of_the_whole_proxy(void **unused)
{
    (void)unused;
    for (int whole = 0; whole < 2; whole++) {
        struct stand stand, second;
        size_t got, most;
        stand_init(&stand, 1);
        stand_join(&second, &stand, 2, 1);
        (void)stand_add(&stand, "bandwidth", DOWN, whole ? "rate=100KB scope=proxy" : "rate=100KB",
                        NULL);
        for (int i = 0; i < 25; i++) { /* both have slices under way all the time */
            stand_push_bytes(&stand.down, zeros, 1000, MS);
            stand_push_bytes(&second.down, zeros, 1000, MS);
        }
        uint64_t one_ns = drain(&stand.down, MS, &got, &most);
        uint64_t other_ns = drain(&second.down, MS, &got, &most);
        uint64_t end_ns = one_ns > other_ns ? one_ns : other_ns;
        assert_int_equal(end_ns, MS + (whole ? 500 : 250) * MS);
        stand_fini(&stand);
    }
}

/* ---- Toxiproxy's others ---------------------------------------------------------------------- */

static void slow_close_delays_the_end_alone(void **unused)
{
    (void)unused;
    struct stand stand;
    stand_init(&stand, 1);
    struct toxic *toxic = stand_add(&stand, "slow_close", DOWN, "delay=10ms", NULL);
    stand_push(&stand.down, "a", MS);
    stand_expect(&stand.down, MS, "a");
    assert_false(fired(toxic));
    stand_end(&stand.down, 2 * MS);
    stand_end(&stand.up, 2 * MS); /* the other way it is free: half-closed */
    stand_expect(&stand.up, 2 * MS, "$");
    stand_expect(&stand.down, 12 * MS - 1, "");
    assert_true(fired(toxic));
    stand_remove(&stand, toxic, 3 * MS);
    stand_expect(&stand.down, 3 * MS, "$");
    stand_fini(&stand);
}

static void timeout_swallows_and_closes(void **unused)
{
    (void)unused;
    struct stand stand;
    stand_init(&stand, 1);
    struct toxic *toxic = stand_add(&stand, "timeout", DOWN, "timeout=10ms", NULL);
    stand_push(&stand.down, "a", 2 * MS);
    stand_end(&stand.down, 3 * MS);
    stand_expect(&stand.down, 4 * MS, "");
    assert_int_equal(chain_queued_bytes(&stand.down), 0);
    assert_int_equal(toxic_effects(toxic).bytes, 1);
    stand_expect(&stand.down, 10 * MS, "");
    stand_expect(&stand.down, 10 * MS + 1, "!");
    stand_fini(&stand);
}

static void timeout_closes_when_it_goes(void **unused)
{
    (void)unused;
    for (int how = 0; how < 2; how++) {
        struct stand stand;
        stand_init(&stand, 1);
        struct toxic *toxic = stand_add(&stand, "timeout", DOWN, "timeout=0", NULL);
        stand_push(&stand.down, "a", 2 * MS);
        assert_int_equal(chain_next_ns(&stand.down), CLOCK_NEVER);
        if (how == 0)
            stand_remove(&stand, toxic, 3 * MS);
        else
            stand_change(&stand, toxic, NULL, "toxicity=0", 3 * MS);
        stand_expect(&stand.down, 3 * MS, "!");
        stand_expect(&stand.up, 3 * MS, "");
        stand_fini(&stand);
    }
}

static void reset_peer_resets_open_connections(void **unused)
{
    (void)unused;
    struct stand stand;
    stand_init(&stand, 1);
    stand.now_ns = 5 * MS;
    struct toxic *toxic = stand_add(&stand, "reset_peer", DOWN, NULL, NULL);
    assert_int_equal(chain_next_ns(&stand.down), 5 * MS); /* no data needed */
    stand_expect(&stand.down, 5 * MS, "#");
    assert_int_equal(toxic_effects(toxic).links, 1);
    stand_fini(&stand);
}

static void reset_peer_can_be_taken_back(void **unused)
{
    (void)unused;
    struct stand stand;
    stand_init(&stand, 1);
    struct toxic *toxic = stand_add(&stand, "reset_peer", DOWN, "timeout=10ms", NULL);
    stand_push(&stand.down, "a", MS);
    stand_expect(&stand.down, 9 * MS, "");
    stand_remove(&stand, toxic, 9 * MS);
    stand_expect(&stand.down, 9 * MS, "a");
    expect_undone(&stand, 20 * MS);
    stand_fini(&stand);
}

static void reset_peer_without_toxicity_does_nothing(void **unused)
{
    (void)unused;
    struct stand stand;
    stand_init(&stand, 1);
    struct toxic *toxic = stand_add(&stand, "reset_peer", DOWN, NULL, "toxicity=0");
    expect_undone(&stand, 2 * MS);
    stand_end(&stand.down, 2 * MS);
    stand_expect(&stand.down, 2 * MS, "$");
    stand_remove(&stand, toxic, 3 * MS);
    stand_end(&stand.up, 3 * MS);
    stand_expect(&stand.up, 3 * MS, "$");
    stand_fini(&stand);
}

static void slicer_cuts_as_it_is_told(void **unused)
{
    (void)unused;
    struct stand stand;
    struct chain_item item;
    size_t got = 0, count = 0;
    stand_init(&stand, 3);
    struct toxic *toxic =
        stand_add(&stand, "slicer", DOWN, "average_size=100 size_variation=50 delay=10us", NULL);
    stand_push_bytes(&stand.down, zeros, sizeof(zeros), MS);
    for (uint64_t now_ns = MS; got < sizeof(zeros); now_ns += 10 * NS_PER_US, count++) {
        assert_true(chain_take(&stand.down, now_ns, &item));
        if (got + item.size_bytes < sizeof(zeros))
            assert_in_range(item.size_bytes, 50, 150);
        got += item.size_bytes;
        chain_sent(&stand.down, item.size_bytes);
        assert_false(chain_take(&stand.down, now_ns, &item)); /* one at a time */
    }
    assert_in_range(count, 950, 1050);
    stand_remove(&stand, toxic, 1000 * MS);
    expect_undone(&stand, 1000 * MS);
    stand_fini(&stand);
}

static void limit_data_closes_at_its_limit(void **unused)
{
    (void)unused;
    struct stand stand;
    stand_init(&stand, 1);
    struct toxic *toxic = stand_add(&stand, "limit_data", DOWN, "bytes=5", NULL);
    stand_push(&stand.down, "abc", MS);
    stand_expect(&stand.down, MS, "abc");
    assert_false(fired(toxic));
    stand_change(&stand, toxic, "bytes=4", NULL, MS); /* three of them have gone */
    stand_push(&stand.down, "def", MS);
    stand_expect(&stand.down, MS, "d!");
    assert_int_equal(toxic_effects(toxic).bytes, 3);
    stand_fini(&stand);
}

static void limit_data_is_gone_before_its_limit(void **unused)
{
    (void)unused;
    struct stand stand;
    stand_init(&stand, 1);
    struct toxic *toxic = stand_add(&stand, "limit_data", DOWN, "bytes=5", NULL);
    stand_push(&stand.down, "abcd", MS);
    stand_expect(&stand.down, MS, "abcd");
    stand_remove(&stand, toxic, MS);
    expect_undone(&stand, MS);
    stand_fini(&stand);
}

static void limit_data_of_nothing_closes_with_the_first_byte(void **unused)
{
    (void)unused;
    struct stand stand;
    stand_init(&stand, 1);
    (void)stand_add(&stand, "limit_data", DOWN, "bytes=0", NULL);
    stand_expect(&stand.down, MS, "");
    stand_push(&stand.down, "a", MS);
    stand_expect(&stand.down, MS, "!");
    stand_fini(&stand);
}

/* ---- partition and flapping ------------------------------------------------------------------ */

static enum fault_door door_at(struct stand *stand, uint64_t now_ns, uint64_t *again_ns)
{
    return toxics_door(stand->toxics, now_ns, again_ns);
}

static void a_partition_holds_until_it_heals(void **unused)
{
    (void)unused;
    uint64_t again_ns;
    struct stand stand;
    stand_init(&stand, 1);
    struct toxic *toxic = stand_add(&stand, "partition", BOTH, NULL, NULL);
    assert_int_equal(door_at(&stand, MS, &again_ns), FAULT_DOOR_SILENT);
    stand_push(&stand.up, "a", MS);
    stand_end(&stand.up, 2 * MS);
    stand_push(&stand.down, "b", 2 * MS);
    stand_expect(&stand.up, 1000 * MS, "");
    stand_expect(&stand.down, 1000 * MS, "");
    stand_remove(&stand, toxic, 2000 * MS);
    assert_int_equal(door_at(&stand, 2000 * MS, &again_ns), FAULT_DOOR_OPEN);
    stand_expect(&stand.up, 2000 * MS, "a|$");
    stand_expect(&stand.down, 2000 * MS, "b");
    expect_undone(&stand, 2001 * MS);
    stand_fini(&stand);
}

static void a_partition_can_be_one_way(void **unused)
{
    (void)unused;
    struct stand stand;
    stand_init(&stand, 1);
    (void)stand_add(&stand, "partition", DOWN, NULL, NULL);
    stand_push(&stand.up, "a", MS);
    stand_expect(&stand.up, MS, "a");
    stand_push(&stand.down, "b", MS);
    stand_expect(&stand.down, MS, "");
    stand_fini(&stand);
}

static void a_partition_can_be_of_old_or_new_connections(void **unused)
{
    (void)unused;
    static const struct {
        const char *settings;
        bool old, new;
    } cases[] = {
        {"connections=established", true, false},
        {"connections=new", false, true},
        {"connections=both", true, true},
    };
    for (size_t i = 0; i < 3; i++) {
        uint64_t again_ns;
        struct stand stand, later;
        stand_init(&stand, 1);
        (void)stand_add(&stand, "partition", BOTH, cases[i].settings, NULL);
        assert_int_equal(door_at(&stand, MS, &again_ns) != FAULT_DOOR_OPEN, cases[i].new);
        stand_join(&later, &stand, 2, 2);
        stand_push(&stand.down, "a", MS);
        stand_expect(&stand.down, MS, cases[i].old ? "" : "a");
        stand_push(&later.down, "b", MS);
        stand_expect(&later.down, MS, cases[i].new ? "" : "b");
        stand_fini(&stand);
    }
}

static void a_partition_can_refuse(void **unused)
{
    (void)unused;
    uint64_t again_ns;
    struct stand stand;
    stand_init(&stand, 1);
    struct toxic *toxic = stand_add(&stand, "partition", BOTH, "how=refuse", NULL);
    assert_int_equal(door_at(&stand, MS, &again_ns), FAULT_DOOR_REFUSED);
    assert_true(fired(toxic)); /* the door is shut: nobody can be counted who does not get in */
    stand_expect(&stand.down, MS, "");
    stand_push(&stand.down, "a", MS);
    stand_expect(&stand.down, MS, "#");
    stand_fini(&stand);
}

static void the_dead_stay_dead_after_a_partition(void **unused)
{
    (void)unused;
    struct stand stand, later;
    stand_init(&stand, 1);
    struct toxic *toxic = stand_add(&stand, "partition", BOTH, "dead=true", NULL);
    stand_join(&later, &stand, 2, 2);
    stand_push(&stand.down, "a", MS);
    stand_push(&later.down, "b", MS);
    stand_remove(&stand, toxic, 2 * MS);
    stand_expect(&later.down, 2 * MS, "b"); /* it came after the partition */
    stand_push(&stand.up, "c", 3 * MS);
    stand_end(&stand.up, 3 * MS);
    assert_int_equal(chain_next_ns(&stand.down), CLOCK_NEVER);
    assert_int_equal(chain_next_ns(&stand.up), CLOCK_NEVER);
    assert_false(chain_is_empty(&stand.up)); /* bytes may not go past it */
    assert_int_equal(chain_queued_bytes(&stand.up), 0);
    stand_fini(&stand);
}

static void flapping_holds_and_lets_go_by_turns(void **unused)
{
    (void)unused;
    uint64_t again_ns;
    struct stand stand;
    stand_init(&stand, 1);
    stand.now_ns = 1000 * MS;
    struct toxic *toxic = stand_add(&stand, "flapping", BOTH, "period=100ms duty=25%", NULL);
    assert_int_equal(door_at(&stand, 1000 * MS, &again_ns), FAULT_DOOR_SILENT);
    assert_int_equal(again_ns, 1075 * MS);
    stand_push(&stand.down, "a", 1010 * MS);
    assert_int_equal(chain_next_ns(&stand.down), 1075 * MS);
    stand_expect(&stand.down, 1075 * MS, "a");
    assert_int_equal(door_at(&stand, 1075 * MS, &again_ns), FAULT_DOOR_OPEN);
    assert_int_equal(again_ns, 1100 * MS);
    stand_push(&stand.up, "b", 1099 * MS);
    stand_expect(&stand.up, 1099 * MS, "b");
    stand_push(&stand.up, "c", 1100 * MS);
    assert_int_equal(chain_next_ns(&stand.up), 1175 * MS);
    stand_remove(&stand, toxic, 1101 * MS);
    stand_expect(&stand.up, 1101 * MS, "c");
    expect_undone(&stand, 1102 * MS);
    stand_fini(&stand);
}

/* Whomever it is aimed at: here at the second request, which comes when all is well. */
static void flapping_begins_when_it_is_added(void **unused)
{
    (void)unused;
    struct stand stand;
    stand_init(&stand, 1);
    stand.now_ns = 1000 * MS;
    struct toxic *toxic = stand_add(&stand, "flapping", BOTH, "period=100ms duty=25%", "after=1");
    stand_push(&stand.up, "a", 1010 * MS);
    stand_expect(&stand.up, 1010 * MS, "a");
    stand_push(&stand.down, "b", 1010 * MS);
    stand_expect(&stand.down, 1010 * MS, "b");
    stand_push(&stand.up, "c", 1080 * MS);
    stand_expect(&stand.up, 1080 * MS, "c");
    stand_push(&stand.up, "d", 1100 * MS);
    assert_int_equal(chain_next_ns(&stand.up), 1175 * MS);
    stand_change(&stand, toxic, "period=100ms duty=50%", NULL, 1110 * MS); /* begins anew */
    stand_expect(&stand.up, 1110 * MS, "d");
    stand_push(&stand.up, "e", 1150 * MS);
    assert_int_equal(chain_next_ns(&stand.up), 1160 * MS);
    stand_remove(&stand, toxic, 1151 * MS);
    stand_expect(&stand.up, 1151 * MS, "e");
    stand_fini(&stand);
}

/* ---- corrupt --------------------------------------------------------------------------------- */

static size_t flipped_bits(const char *data, size_t size_bytes)
{
    size_t count = 0;
    for (size_t i = 0; i < size_bytes; i++)
        count += (size_t)__builtin_popcount((unsigned char)data[i]);
    return count;
}

static void corrupt_flips_bits_of_a_share_of_bytes(void **unused)
{
    (void)unused;
    struct stand stand;
    struct chain_item item;
    size_t flipped = 0;
    stand_init(&stand, 1);
    struct toxic *toxic = stand_add(&stand, "corrupt", DOWN, "share=1% of=bytes", NULL);
    for (size_t i = 0; i < 1000; i++) { /* the share does not depend on how bytes come */
        stand_push_bytes(&stand.down, zeros, 1 + i % 200, MS);
        assert_true(chain_take(&stand.down, MS, &item));
        assert_int_equal(item.size_bytes, 1 + i % 200);
        flipped += flipped_bits(item.data, item.size_bytes);
        chain_sent(&stand.down, item.size_bytes);
    }
    assert_in_range(flipped, 900, 1110); /* of 100,500 */
    assert_int_equal(flipped_bits(zeros, sizeof(zeros)), 0);
    stand_change(&stand, toxic, "share=1 of=bytes", NULL, MS);
    stand_push_bytes(&stand.down, zeros, 50, MS);
    assert_true(chain_take(&stand.down, MS, &item));
    assert_int_equal(flipped_bits(item.data, 50), 50);
    chain_sent(&stand.down, 50);
    stand_remove(&stand, toxic, MS);
    expect_undone(&stand, MS);
    stand_fini(&stand);
}

static void corrupt_flips_a_bit_of_a_share_of_pieces(void **unused)
{
    (void)unused;
    struct stand stand;
    struct chain_item item;
    uint64_t flipped = 0;
    stand_init(&stand, 1);
    struct toxic *toxic = stand_add(&stand, "corrupt", DOWN, "share=20% of=pieces", NULL);
    for (int i = 0; i < 1000; i++) {
        stand_push_bytes(&stand.down, zeros, 100, MS);
        assert_true(chain_take(&stand.down, MS, &item));
        size_t bits = flipped_bits(item.data, 100);
        assert_in_range(bits, 0, 1);
        flipped += bits;
        chain_sent(&stand.down, 100);
    }
    assert_in_range(flipped, 160, 240);
    assert_int_equal(toxic_effects(toxic).pieces, flipped);
    stand_end(&stand.down, MS);
    stand_expect(&stand.down, MS, "$");
    stand_fini(&stand);
}

/* ---- Connecting ------------------------------------------------------------------------------ */

/* What becomes of an arrival at 1 s, asked at now_ns. */
static enum fault_verdict arrive(struct stand *stand, size_t links_open, uint64_t now_ns,
                                 uint64_t *due_ns)
{
    return toxics_arrive(&stand->peer, NS_PER_S, links_open, now_ns, due_ns);
}

static void connecting_can_take_long(void **unused)
{
    (void)unused;
    uint64_t due_ns, again_ns;
    struct stand stand;
    stand_init(&stand, 1);
    struct toxic *toxic = stand_add(&stand, "connect", BOTH, "delay=3s", NULL);
    assert_int_equal(door_at(&stand, MS, &again_ns), FAULT_DOOR_OPEN);
    assert_int_equal(arrive(&stand, 0, NS_PER_S, &due_ns), FAULT_PASS);
    assert_int_equal(due_ns, 4 * NS_PER_S);
    assert_int_equal(arrive(&stand, 0, 2 * NS_PER_S, &due_ns), FAULT_PASS);
    assert_int_equal(due_ns, 4 * NS_PER_S); /* from its arrival */
    assert_int_equal(toxic_effects(toxic).refused, 1);
    assert_int_equal(toxic_effects(toxic).links, 1);
    assert_int_equal(arrive(&stand, 0, 4 * NS_PER_S, &due_ns), FAULT_PASS);
    assert_true(due_ns <= 4 * NS_PER_S);
    assert_int_equal(toxic_effects(toxic).last_ns, 4 * NS_PER_S);
    expect_undone(&stand, 5 * NS_PER_S); /* the connection itself is free */
    stand_fini(&stand);
}

static void connecting_can_take_for_ever(void **unused)
{
    (void)unused;
    uint64_t due_ns, again_ns;
    struct stand stand;
    stand_init(&stand, 1);
    struct toxic *toxic = stand_add(&stand, "connect", BOTH, NULL, NULL);
    assert_int_equal(arrive(&stand, 0, NS_PER_S, &due_ns), FAULT_PASS);
    assert_int_equal(due_ns, CLOCK_NEVER);
    stand_change(&stand, toxic, "how=syn", NULL, NS_PER_S);
    assert_int_equal(door_at(&stand, NS_PER_S, &again_ns), FAULT_DOOR_SILENT);
    stand_change(&stand, toxic, NULL, "source=10.0.0.0/8", NS_PER_S); /* not ours */
    assert_int_equal(door_at(&stand, NS_PER_S, &again_ns), FAULT_DOOR_OPEN);
    assert_int_equal(arrive(&stand, 0, 2 * NS_PER_S, &due_ns), FAULT_PASS);
    assert_int_equal(due_ns, NS_PER_S);
    assert_int_equal(toxic_effects(toxic).last_ns, 2 * NS_PER_S);
    stand_remove(&stand, toxic, 2 * NS_PER_S);
    stand_fini(&stand);
}

static void a_waiting_client_may_go(void **unused)
{
    (void)unused;
    uint64_t due_ns;
    struct stand stand;
    stand_init(&stand, 1);
    struct toxic *toxic = stand_add(&stand, "connect", BOTH, NULL, NULL);
    assert_int_equal(arrive(&stand, 0, NS_PER_S, &due_ns), FAULT_PASS);
    assert_int_equal(toxic->holding, 1);
    stand_remove(&stand, toxic, 2 * NS_PER_S); /* and the fault before it */
    struct toxic *other = stand_add(&stand, "connect", BOTH, NULL, NULL);
    assert_int_equal(arrive(&stand, 0, 2 * NS_PER_S, &due_ns), FAULT_PASS);
    assert_int_equal(other->holding, 1);
    stand_fini(&stand); /* which asserts that nothing is held */
}

static void the_first_connections_alone_can_be_held(void **unused)
{
    (void)unused;
    struct stand stand, links[3];
    stand_init(&stand, 1);
    (void)stand_add(&stand, "connect", BOTH, NULL, "after=1 first=1");
    for (size_t i = 0; i < 3; i++) {
        uint64_t due_ns;
        stand_join(&links[i], &stand, 2 + i, 2);
        assert_int_equal(arrive(&links[i], 0, NS_PER_S, &due_ns), FAULT_PASS);
        assert_int_equal(due_ns == CLOCK_NEVER, i == 1);
    }
    stand_fini(&stand);
}

static void more_connections_wait_or_are_refused(void **unused)
{
    (void)unused;
    uint64_t due_ns;
    struct stand stand;
    stand_init(&stand, 1);
    struct toxic *toxic = stand_add(&stand, "connection_limit", BOTH, "max=2", NULL);
    assert_int_equal(arrive(&stand, 1, NS_PER_S, &due_ns), FAULT_PASS);
    assert_int_equal(due_ns, NS_PER_S);
    assert_false(fired(toxic));
    assert_int_equal(arrive(&stand, 2, NS_PER_S, &due_ns), FAULT_PASS);
    assert_int_equal(due_ns, CLOCK_NEVER);
    assert_int_equal(arrive(&stand, 1, 2 * NS_PER_S, &due_ns), FAULT_PASS); /* one has gone */
    assert_int_equal(due_ns, NS_PER_S);
    stand_change(&stand, toxic, "max=2 how=refuse", NULL, 2 * NS_PER_S);
    assert_int_equal(arrive(&stand, 2, 3 * NS_PER_S, &due_ns), FAULT_RESET);
    assert_int_equal(toxic_effects(toxic).refused, 2);
    stand_remove(&stand, toxic, 3 * NS_PER_S);
    assert_int_equal(arrive(&stand, 2, 3 * NS_PER_S, &due_ns), FAULT_PASS);
    stand_fini(&stand);
}

static void close_after_lets_data_flow_until_then(void **unused)
{
    (void)unused;
    struct stand stand;
    stand_init(&stand, 1);
    struct toxic *toxic = stand_add(&stand, "close_after", BOTH, "time=10ms", NULL);
    stand_push(&stand.down, "a", 9 * MS);
    stand_expect(&stand.down, 9 * MS, "a");
    assert_false(fired(toxic));
    stand_change(&stand, toxic, "time=20ms", NULL, 9 * MS); /* since it began, not since now */
    assert_int_equal(chain_next_ns(&stand.down), 20 * MS + 1);
    stand_expect(&stand.down, 20 * MS + 1, "!");
    assert_true(fired(toxic));
    stand_fini(&stand);
    stand_init(&stand, 1);
    toxic = stand_add(&stand, "close_after", BOTH, "time=10ms", NULL);
    stand_remove(&stand, toxic, 9 * MS);
    expect_undone(&stand, 30 * MS);
    stand_fini(&stand);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(latency_delays_and_lets_go),
        cmocka_unit_test(jitter_is_uniform_around_latency),
        cmocka_unit_test(jitter_can_be_normal),
        cmocka_unit_test(jitter_can_have_a_heavy_tail),
        cmocka_unit_test(latency_can_come_from_percentiles),
        cmocka_unit_test(what_are_no_percentiles_is_refused_by_its_line),
        cmocka_unit_test(bandwidth_spreads_bytes_over_time),
        cmocka_unit_test(no_bandwidth_lets_nothing_through),
        cmocka_unit_test(bandwidth_can_be_of_the_whole_proxy),
        cmocka_unit_test(slow_close_delays_the_end_alone),
        cmocka_unit_test(timeout_swallows_and_closes),
        cmocka_unit_test(timeout_closes_when_it_goes),
        cmocka_unit_test(reset_peer_resets_open_connections),
        cmocka_unit_test(reset_peer_can_be_taken_back),
        cmocka_unit_test(reset_peer_without_toxicity_does_nothing),
        cmocka_unit_test(slicer_cuts_as_it_is_told),
        cmocka_unit_test(limit_data_closes_at_its_limit),
        cmocka_unit_test(limit_data_is_gone_before_its_limit),
        cmocka_unit_test(limit_data_of_nothing_closes_with_the_first_byte),
        cmocka_unit_test(a_partition_holds_until_it_heals),
        cmocka_unit_test(a_partition_can_be_one_way),
        cmocka_unit_test(a_partition_can_be_of_old_or_new_connections),
        cmocka_unit_test(a_partition_can_refuse),
        cmocka_unit_test(the_dead_stay_dead_after_a_partition),
        cmocka_unit_test(flapping_holds_and_lets_go_by_turns),
        cmocka_unit_test(flapping_begins_when_it_is_added),
        cmocka_unit_test(corrupt_flips_bits_of_a_share_of_bytes),
        cmocka_unit_test(corrupt_flips_a_bit_of_a_share_of_pieces),
        cmocka_unit_test(connecting_can_take_long),
        cmocka_unit_test(connecting_can_take_for_ever),
        cmocka_unit_test(a_waiting_client_may_go),
        cmocka_unit_test(the_first_connections_alone_can_be_held),
        cmocka_unit_test(more_connections_wait_or_are_refused),
        cmocka_unit_test(close_after_lets_data_flow_until_then),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
