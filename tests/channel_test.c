/* SPDX-License-Identifier: MIT */
/* channel_test.c - values arrive once and in order; endings and closings lose none. */
#include "ring_fixture.h"

#include "core/fiber.h"
#include "core/group.h"
#include "core/rng.h"
#include "subject/channel.h"

#include <string.h>

struct party {
    struct channel *channel;
    struct ctx *until;
    uintptr_t value;
    int rc;
    bool done;
};

static void send_one(struct ctx *ctx, void *arg)
{
    struct party *party = arg;
    party->rc =
        channel_send(party->until ? party->until : ctx, party->channel, (void *)party->value);
    party->done = true;
}

static void receive_one(struct ctx *ctx, void *arg)
{
    struct party *party = arg;
    void *value = party;
    party->rc = channel_receive(party->until ? party->until : ctx, party->channel, &value);
    party->value = (uintptr_t)value;
    party->done = true;
}

/* ---- Bodies ---------------------------------------------------------------------------------- */

static void both_orders(struct ctx *ctx, void *arg)
{
    (void)arg;
    enum { COUNT = 5 };
    for (int senders_first = 0; senders_first < 2; senders_first++) {
        struct channel channel;
        struct group group;
        struct party senders[COUNT] = {0}, receivers[COUNT] = {0};
        channel_init(&channel);
        group_init(&group, ctx);
        for (int step = 0; step < 2; step++) {
            for (uintptr_t i = 0; i < COUNT; i++) {
                bool sends = (step == 0) == (senders_first == 1);
                struct party *party = sends ? &senders[i] : &receivers[i];
                *party = (struct party){.channel = &channel, .value = i + 1};
                assert_ok(group_spawn(&group, "party", sends ? send_one : receive_one, party));
            }
            fiber_yield();
            assert_int_equal(senders[0].done || receivers[0].done, step == 1);
        }
        assert_ok(group_join(ctx, &group));
        for (uintptr_t i = 0; i < COUNT; i++) {
            assert_int_equal(senders[i].rc, 0);
            assert_int_equal(receivers[i].rc, 0);
            assert_int_equal(receivers[i].value, i + 1);
        }
        assert_int_equal(group_fini(&group), 0);
    }
}

static void close_and_cancel(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct channel channel;
    struct group group;
    struct ctx until;
    struct party parties[4] = {0};
    channel_init(&channel);
    group_init(&group, ctx);
    ctx_init(&until, ctx);
    for (int i = 0; i < 4; i++)
        parties[i] = (struct party){.channel = &channel, .until = i % 2 ? &until : NULL};
    for (int i = 0; i < 4; i++)
        assert_ok(group_spawn(&group, "receiver", receive_one, &parties[i]));
    fiber_yield();
    ctx_cancel(&until, "test");
    channel_close(&channel);
    assert_ok(group_join(ctx, &group));
    for (int i = 0; i < 4; i++) {
        assert_int_equal(parties[i].rc, i % 2 ? -ECANCELED : -EPIPE);
        assert_int_equal(parties[i].value, 0);
    }
    void *value = ctx;
    assert_int_equal(channel_send(ctx, &channel, ctx), -EPIPE);
    assert_int_equal(channel_receive(ctx, &channel, &value), -EPIPE);
    assert_null(value);
    channel_init(&channel);
    assert_int_equal(channel_send(&until, &channel, ctx), -ECANCELED);
    assert_int_equal(channel_receive(&until, &channel, &value), -ECANCELED);
    ctx_fini(&until);
    assert_int_equal(group_fini(&group), 0);
}

/* Senders and receivers whose patience ends at any moment: what was sent was received, once. */
static void any_interleaving(struct ctx *ctx, void *arg)
{
    (void)arg;
    enum { PARTIES = 40, ROUNDS = 300 };
    struct rng rng;
    rng_init(&rng, 7, 0);
    uint64_t handed_over = 0, given_up = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct channel channel;
        struct group group;
        struct ctx until[PARTIES];
        struct party parties[PARTIES];
        bool sends[PARTIES];
        channel_init(&channel);
        group_init(&group, ctx);
        for (uintptr_t i = 0; i < PARTIES; i++) {
            ctx_init(&until[i], ctx);
            sends[i] = rng_below(&rng, 2);
            parties[i] = (struct party){.channel = &channel, .until = &until[i], .value = i + 1};
        }
        for (int i = 0; i < PARTIES; i++) {
            assert_ok(group_spawn(&group, "party", sends[i] ? send_one : receive_one, &parties[i]));
            if (rng_below(&rng, 3) == 0)
                ctx_cancel(&until[rng_below(&rng, PARTIES)], "test");
            if (rng_below(&rng, 4) == 0)
                fiber_yield();
        }
        fiber_yield();
        channel_close(&channel);
        assert_ok(group_join(ctx, &group));
        uint64_t sent = 0, received = 0; /* a bit for each value */
        for (int i = 0; i < PARTIES; i++) {
            uint64_t bit = parties[i].value ? UINT64_C(1) << parties[i].value : 0;
            if (parties[i].rc)
                given_up++;
            else if (sends[i])
                sent |= bit;
            else
                assert_int_equal(received & bit, 0);
            if (!parties[i].rc && !sends[i])
                received |= bit;
            ctx_fini(&until[i]);
        }
        assert_int_equal(sent, received);
        handed_over += (uint64_t)__builtin_popcountll(sent);
        assert_int_equal(group_fini(&group), 0);
    }
    assert_true(handed_over > ROUNDS && given_up > ROUNDS);
}

/* ---- Running them ---------------------------------------------------------------------------- */

#define ON_RING(body)                                                                              \
    static void test_##body(void **unused)                                                         \
    {                                                                                              \
        (void)unused;                                                                              \
        assert_int_equal(run_on_ring(body, NULL).fibers_leaked, 0);                                \
    }

ON_RING(both_orders)
ON_RING(close_and_cancel)
ON_RING(any_interleaving)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_orders),
        cmocka_unit_test(test_close_and_cancel),
        cmocka_unit_test(test_any_interleaving),
    };
    return cmocka_run_group_tests_name("channel", tests, NULL, NULL);
}
