/* SPDX-License-Identifier: MIT */
/* conn_pool_stress_test.c - the connection pool in millions of interleavings, all from one seed.
 *
 * Nothing here happens by itself: every connect, validation and reset, every loan, every request's
 * end and every tick of the clock waits until the scheduler, drawing from the seed, says so; and it
 * has its say between any two fibers that run. What must hold is checked each time. An interleaving
 * begins and ends with no borrower in the pool; some tens of them use the same one.
 *
 *     POOLSTORM_STRESS_SEED=7 POOLSTORM_STRESS_COUNT=1000 conn_pool_stress_test
 *
 * A failure names the seed and where its pool began: POOLSTORM_STRESS_FROM goes straight there.
 *
 * Built with CONN_POOL_LOSE_HAND_OVER the pool makes the classic mistake (a borrower cancelled
 * after it was handed a connection drops it), and this must fail. */
#include "virtual_time.h"

#include "core/sanitizer.h"
#include "subject/conn_pool_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(BUILT_WITH_TSAN)
enum { COUNT_DEFAULT = 3000 }; /* one thread has no races, and fibers are dear there */
#elif defined(BUILT_WITH_ASAN)
enum { COUNT_DEFAULT = 250000 };
#else
enum { COUNT_DEFAULT = 2000000 };
#endif

enum {
    BORROWERS = 8,
    LEASES = 2, /* a borrower may hold at once */
    FAKES = 8,  /* connections the fake server can have */
    HOOKS = 16, /* of the driver's, under way at once */
    ROUNDS_PER_POOL = 64,
    STEPS_MAX = 20000, /* to get all borrowers out of the pool */
};

/* One connection as the server sees it. */
struct fake {
    bool open; /* now */
    bool busy; /* a hook is at it */
    bool lent; /* a borrower has it */
};

/* A call of the driver's that waits to be told how it went. On the stack of its fiber. */
struct hook {
    struct waitq queue; /* that fiber */
    struct fake *fake;  /* NULL for an open */
};

enum order_to_borrower { RELEASE_GOOD = 1, RELEASE_BROKEN, RELEASE_TWICE, NEST, DISOWN };

enum borrower_state { AWAY, ASKING, HOLDING };

struct borrower {
    enum borrower_state state;
    struct ctx ctx;    /* of its request; gone when AWAY */
    struct waitq told; /* HOLDING: it waits for orders here */
    uint64_t ticket;   /* when it began to ask */
    uint64_t begun_ns; /* of the same */
    struct conn_lease leases[LEASES];
    size_t held; /* of leases */
};

/* What the scheduler may do. */
enum event { ASK, ANSWER, TELL, CANCEL, TURN_CLOCK, DRIFT, SUSPEND, RESUME, EVICT, EVENTS };

static struct {
    uint64_t seed, round, rounds, steps; /* where we are */
    uint64_t pool_round;                 /* where the pool began */
    struct rng rng;
    struct ctx *ctx;     /* of everything */
    struct ctx pool_ctx; /* the pool's */
    struct group group;  /* borrowers, and who drains */
    struct conn_pool_settings settings;
    struct conn_pool *pool;
    struct hook *hooks[HOOKS];
    size_t hooks_pending;
    struct fake fakes[FAKES];
    size_t open, opening; /* of the server's view */
    struct borrower borrowers[BORROWERS];
    uint64_t tickets;
    unsigned failing;         /* of 16 hooks, so many fail */
    unsigned weights[EVENTS]; /* drawn for each interleaving: they differ in kind */
    bool suspended, closing, draining;
    uint64_t misuses;              /* that we committed */
    struct conn_pool_figures seen; /* sums over all pools */
} world;

/* ---- Failing --------------------------------------------------------------------------------- */

static void broken(const char *what, const char *detail)
{
    printf("not ok 1 - %s: %s\n# POOLSTORM_STRESS_SEED=%" PRIu64 " POOLSTORM_STRESS_FROM=%" PRIu64
           " and %" PRIu64 " interleavings on\n",
           what, detail, world.seed, world.pool_round, world.round - world.pool_round);
    (void)fflush(stdout);
    _Exit(1);
}

static void must(bool holds, const char *what)
{
    if (!holds)
        broken("a promise is broken", what);
}

static uint64_t draw(uint64_t limit)
{
    return rng_below(&world.rng, limit);
}

/* ---- The driver ------------------------------------------------------------------------------ */

/* Waits for the scheduler's answer, or not at all; some hooks are deaf to their ctx. */
static int ask_scheduler(struct ctx *ctx, struct fake *fake)
{
    struct hook hook = {.fake = fake};
    void *answer = NULL;
    if (draw(8) == 0)
        return draw(16) < world.failing ? -ECONNREFUSED : 0;
    waitq_init(&hook.queue);
    must(world.hooks_pending < HOOKS, "hooks are bounded by max_open");
    world.hooks[world.hooks_pending++] = &hook;
    int rc = waitq_wait(draw(4) ? ctx : NULL, &hook.queue, &answer);
    for (size_t i = 0; i < world.hooks_pending; i++)
        if (world.hooks[i] == &hook)
            world.hooks[i] = world.hooks[--world.hooks_pending];
    if (rc)
        return rc;
    return answer ? -ECONNRESET : 0;
}

static int fake_open(struct ctx *ctx, void *user, void **conn, struct err *err)
{
    (void)user;
    world.opening++;
    must(world.open + world.opening <= world.settings.max_open, "never more open than max_open");
    int rc = ask_scheduler(ctx, NULL);
    world.opening--;
    if (rc)
        return err_set(err, rc, "refused");
    struct fake *fake = world.fakes;
    while (fake->open)
        fake++;
    *fake = (struct fake){.open = true};
    world.open++;
    *conn = fake;
    return 0;
}

static void fake_close(void *user, void *conn)
{
    (void)user;
    struct fake *fake = conn;
    must(fake->open, "a connection is closed once");
    must(!fake->busy, "a connection is closed by who has it");
    fake->open = false;
    world.open--;
}

static int fake_check(struct ctx *ctx, void *user, void *conn, struct err *err)
{
    (void)user, (void)err;
    struct fake *fake = conn;
    must(fake->open && !fake->busy && !fake->lent, "what is checked is nobody else's");
    fake->busy = true;
    int rc = ask_scheduler(ctx, fake);
    fake->busy = false;
    return rc;
}

static const struct conn_driver fakes = {fake_open, fake_close, fake_check, fake_check};

/* ---- Borrowers ------------------------------------------------------------------------------- */

/* Nobody who came earlier may still stand in line. */
static void check_turn(const struct borrower *self, bool waited)
{
    if (world.settings.order != CONN_ORDER_FIFO)
        return;
    if (!waited) {
        must(world.pool->waiters.length == 0, "nobody is overtaken by a newcomer");
        return;
    }
    for (size_t i = 0; i < BORROWERS; i++) {
        const struct borrower *other = &world.borrowers[i];
        must(other->state != ASKING || other->ticket >= self->ticket, "first come, first served");
    }
}

static void check_answer(const struct borrower *self, int rc, bool waited)
{
    uint64_t timeout_ns = world.settings.acquire_timeout_ns;
    int ended = ctx_error(&self->ctx);
    if (rc == 0) {
        must(!ended, "who has given up gets nothing");
        check_turn(self, waited);
    } else if (rc == -EAGAIN) {
        must(!ended && timeout_ns > 0, "timeouts are told from the request's end");
        must(virtual_now_ns == self->begun_ns + timeout_ns, "timeouts are sharp");
    } else if (rc == -ESHUTDOWN) {
        must(world.closing && !ended, "nobody is refused but by a pool that closes");
    } else {
        must(rc == ended, "the request's end is passed on");
    }
}

/* Answers whether it got one more. */
static bool ask(struct borrower *self)
{
    struct conn_lease *lease = &self->leases[self->held];
    self->state = ASKING;
    self->ticket = ++world.tickets;
    self->begun_ns = virtual_now_ns;
    uint64_t switches = ring_current->stats.switches;
    int rc = conn_pool_acquire(&self->ctx, world.pool, "stress", lease);
    bool waited = ring_current->stats.switches > switches;
    self->state = HOLDING;
    check_answer(self, rc, waited);
    must((lease->conn != NULL) == (rc == 0), "there is a connection when there is no error");
    if (rc)
        return false;
    struct fake *fake = conn_pool_use(world.pool, lease);
    must(fake && fake->open && !fake->busy && !fake->lent, "each loan is exclusive");
    fake->lent = true;
    self->held++;
    return true;
}

static void give_back(struct borrower *self, enum order_to_borrower order)
{
    struct conn_lease *lease = &self->leases[--self->held], copy = *lease;
    struct fake *fake = conn_pool_use(world.pool, lease);
    must(fake && fake->lent, "a loan lasts until it is given back");
    fake->lent = false;
    enum conn_state state = order == RELEASE_BROKEN ? CONN_BROKEN : CONN_GOOD;
    must(conn_pool_release(world.pool, lease, state) == 0, "a loan can be given back");
    if (order != RELEASE_TWICE)
        return;
    world.misuses += 3;
    must(conn_pool_release(world.pool, lease, CONN_GOOD) == -EALREADY, "once");
    must(conn_pool_release(world.pool, &copy, CONN_BROKEN) == -EALREADY, "once, copies included");
    must(conn_pool_use(world.pool, lease) == NULL, "what was given back is gone");
}

static void borrow(struct ctx *ctx, void *arg)
{
    (void)ctx;
    struct borrower *self = arg;
    self->held = 0;
    (void)ask(self);
    while (self->held > 0) {
        void *order = NULL;
        (void)waitq_wait(NULL, &self->told, &order);
        if ((enum order_to_borrower)(uintptr_t)order == NEST)
            (void)ask(self);
        else if ((enum order_to_borrower)(uintptr_t)order == DISOWN)
            conn_pool_disown(world.pool, &self->leases[self->held - 1]);
        else
            give_back(self, (enum order_to_borrower)(uintptr_t)order);
    }
    self->state = AWAY;
    ctx_fini(&self->ctx);
}

/* ---- What must hold -------------------------------------------------------------------------- */

static void check_world(void)
{
    struct err err = {0};
    if (conn_pool_check(world.pool, &err))
        broken("the pool's books", err.text);
    uint64_t held = 0;
    for (size_t i = 0; i < BORROWERS; i++)
        held += world.borrowers[i].held;
    must(counter_read(&world.pool->words.in_use) == held, "borrowers have what is lent");
    must(counter_read(&world.pool->words.open) == world.open, "the server sees the same");
    must(counter_read(&world.pool->words.misuses) == world.misuses, "misuse is counted");
}

/* Nothing is under way: then nothing may be between two places either. */
static void check_quiet(void)
{
    const struct conn_pool_words *words = &world.pool->words;
    must(counter_read(&words->in_use) == 0, "all loans came back");
    must(counter_read(&words->handed) == 0, "no connection is lost in a hand-over");
    must(counter_read(&words->checking) == 0, "no check is forgotten");
    must(counter_read(&words->keeping) == 0, "no keepalive is forgotten");
    must(counter_read(&words->resetting) == 0, "no reset is forgotten");
    must(counter_read(&words->waiting) == 0, "nobody is left in line");
}

/* ---- Running others, one at a time ----------------------------------------------------------- */

/* Lets the first of those that are ready run, and comes next: links itself behind that one, and
 * parks. */
static void run_one(void)
{
    struct ring *ring = ring_current;
    struct fiber *first = ring->ready_first, *self = ring->running;
    self->next = first->next;
    first->next = self;
    if (ring->ready_last == first)
        ring->ready_last = self;
    fiber_park();
    check_world();
}

static void run_all(void)
{
    while (ring_current->ready_first)
        run_one();
}

/* ---- Events ---------------------------------------------------------------------------------- */

/* A borrower in state, at random; NULL when there is none. */
static struct borrower *any_borrower(enum borrower_state state)
{
    size_t begin = draw(BORROWERS);
    for (size_t i = 0; i < BORROWERS; i++) {
        struct borrower *borrower = &world.borrowers[(begin + i) % BORROWERS];
        bool waits = state != HOLDING || borrower->told.length > 0;
        if (borrower->state == state && waits)
            return borrower;
    }
    return NULL;
}

static void start_borrower(void)
{
    struct borrower *borrower = any_borrower(AWAY);
    if (!borrower)
        return;
    if (draw(4) == 0)
        ctx_init_timeout(&borrower->ctx, world.ctx, 1 + draw(5 * NS_PER_MS));
    else
        ctx_init(&borrower->ctx, world.ctx);
    waitq_init(&borrower->told);
    borrower->state = ASKING;
    borrower->ticket = UINT64_MAX; /* it has not asked yet */
    must(group_spawn(&world.group, "borrower", borrow, borrower) == 0, "memory");
}

static void answer_hook(unsigned failing)
{
    static char failed;
    if (world.hooks_pending == 0)
        return;
    struct hook *hook = world.hooks[draw(world.hooks_pending)];
    (void)waitq_wake_one(&hook->queue, draw(16) < failing ? &failed : NULL);
}

static void tell_borrower(void)
{
    struct borrower *borrower = any_borrower(HOLDING);
    if (!borrower)
        return;
    enum order_to_borrower order = (enum order_to_borrower)(RELEASE_GOOD + draw(5));
    bool may_nest = borrower->held < LEASES && world.settings.acquire_timeout_ns > 0;
    if (order == NEST && !may_nest)
        order = RELEASE_GOOD;
    (void)waitq_wake_one(&borrower->told, (void *)(uintptr_t)order);
}

static void cancel_borrower(void)
{
    struct borrower *borrower = any_borrower(draw(8) ? ASKING : HOLDING);
    if (borrower)
        ctx_cancel(&borrower->ctx, "the scheduler");
}

/* Whoever is woken by a timer runs before the clock goes on: what is due is done in time. */
static void turn_clock(void)
{
    run_all();
    uint64_t due_ns = timer_next(&ring_current->timers);
    if (due_ns == CLOCK_NEVER)
        return;
    virtual_now_ns = due_ns > virtual_now_ns ? due_ns : virtual_now_ns;
    timer_run_due(&ring_current->timers, virtual_now_ns);
}

/* Time goes by, but not enough for anything to become due. */
static void drift(void)
{
    run_all();
    uint64_t due_ns = timer_next(&ring_current->timers);
    uint64_t room_ns = due_ns == CLOCK_NEVER ? NS_PER_MS : due_ns - virtual_now_ns;
    virtual_now_ns += draw(room_ns < NS_PER_MS ? room_ns : NS_PER_MS);
}

static void happen(enum event event)
{
    switch (event) {
    case ASK:
        start_borrower();
        break;
    case ANSWER:
        answer_hook(world.failing);
        break;
    case TELL:
        tell_borrower();
        break;
    case CANCEL:
        cancel_borrower();
        break;
    case TURN_CLOCK:
        turn_clock();
        break;
    case DRIFT:
        drift();
        break;
    case SUSPEND:
        conn_pool_suspend(world.pool);
        break;
    case RESUME:
        conn_pool_resume(world.pool);
        break;
    case EVICT:
    case EVENTS:
        conn_pool_evict(world.pool);
        break;
    }
}

static enum event draw_event(void)
{
    unsigned total = 0;
    for (size_t i = 0; i < EVENTS; i++)
        total += world.weights[i];
    uint64_t at = draw(total);
    size_t event = 0;
    while (at >= world.weights[event])
        at -= world.weights[event++];
    return (enum event)event;
}

/* An event, and then all, some or none of those run that it woke. */
static void step(void)
{
    world.steps++;
    happen(draw_event());
    check_world();
    uint64_t how = draw(4);
    if (how < 2)
        run_all();
    else if (how == 2 && ring_current->ready_first)
        run_one();
}

/* ---- Interleavings --------------------------------------------------------------------------- */

static bool anybody_inside(void)
{
    for (size_t i = 0; i < BORROWERS; i++)
        if (world.borrowers[i].state != AWAY)
            return true;
    return world.hooks_pending > 0 || world.draining;
}

/* Gets everybody out: without new borrowers and, as long as anything else can happen, without the
 * clock, so that nobody is freed by a timeout who should have been served. */
static void settle(void)
{
    conn_pool_resume(world.pool);
    run_all();
    for (unsigned i = 0; anybody_inside(); i++) {
        must(i < STEPS_MAX, "everybody gets out");
        world.steps++;
        if (world.hooks_pending > 0)
            answer_hook(2);
        else if (any_borrower(HOLDING))
            tell_borrower();
        else
            turn_clock();
        run_all();
    }
    check_quiet();
}

static void draw_weights(void)
{
    static const unsigned usual[EVENTS] = {
        [ASK] = 8,   [ANSWER] = 8,  [TELL] = 6,   [CANCEL] = 4, [TURN_CLOCK] = 3,
        [DRIFT] = 2, [SUSPEND] = 1, [RESUME] = 2, [EVICT] = 1};
    for (size_t i = 0; i < EVENTS; i++)
        world.weights[i] = usual[i] * (unsigned)draw(4);
    world.weights[ASK]++;
    world.failing = draw(2) ? 0 : (unsigned)draw(12);
}

static void interleave(void)
{
    draw_weights();
    for (uint64_t left = 4 + draw(12); left > 0; left--)
        step();
}

static void drain(struct ctx *ctx, void *arg)
{
    (void)arg;
    (void)conn_pool_drain(ctx, world.pool);
    must(world.open + world.opening == 0, "drained is empty");
    world.draining = false;
}

/* The pool's last interleaving: its end comes in the middle, by drain or with its ctx. */
static void end_pool(void)
{
    interleave();
    world.closing = true;
    if (draw(4) == 0) {
        ctx_cancel(&world.pool_ctx, "the owner's end");
    } else {
        world.draining = true;
        must(group_spawn(&world.group, "drain", drain, NULL) == 0, "memory");
    }
    interleave();
    settle();
}

static uint64_t either(uint64_t a, uint64_t b)
{
    return draw(2) ? a : b;
}

static void draw_settings(void)
{
    struct conn_pool_settings *settings = &world.settings;
    (void)param_defaults(conn_pool_params, settings, NULL);
    settings->max_open = 1 + draw(4);
    settings->min_idle = draw(3) ? 0 : draw(settings->max_open + 1);
    settings->max_idle = draw(3) ? settings->max_open : settings->min_idle;
    settings->prewarm = draw(3) ? 0 : draw(settings->max_idle + 1);
    settings->acquire_timeout_ns = draw(4) ? 1 + draw(10 * NS_PER_MS) : 0;
    settings->idle_timeout_ns = either(0, 5 * NS_PER_MS);
    settings->max_lifetime_ns = either(0, 10 * NS_PER_MS);
    settings->keepalive_ns = either(0, 3 * NS_PER_MS);
    settings->validate = draw(2);
    settings->validate_idle_ns = either(0, NS_PER_MS);
    settings->validation_timeout_ns = 4 * NS_PER_MS;
    settings->connect_timeout_ns = 6 * NS_PER_MS;
    settings->connects_parallel = draw(4);
    settings->reconnect = draw(4) ? CONN_RECONNECT_BACKOFF : CONN_RECONNECT_IMMEDIATE;
    settings->backoff_ns = NS_PER_MS;
    settings->backoff_max_ns = 8 * NS_PER_MS;
    settings->reset = draw(2);
    settings->order = draw(4) ? CONN_ORDER_FIFO : (int)draw(3);
    settings->leak_threshold_ns = either(0, 4 * NS_PER_MS);
}

static void add_up(void)
{
    struct conn_pool_figures f;
    conn_pool_figures(world.pool, &f);
#define ADD(name, help) world.seen.name += f.name;
    CONN_POOL_COUNTERS(ADD)
#undef ADD
}

/* A pool from its beginning to its end. */
static void use_pool(uint64_t count)
{
    struct err err = {0};
    draw_settings();
    const struct conn_pool_options options = {
        .settings = &world.settings, .driver = &fakes, .seed = draw(UINT64_MAX)};
    world.closing = false;
    world.misuses = 0;
    ctx_init(&world.pool_ctx, world.ctx);
    if (conn_pool_create(&world.pool, &world.pool_ctx, &options, &err))
        broken("create", err.text);
    for (; count > 1; count--) {
        interleave();
        settle();
        world.round++;
    }
    end_pool();
    world.round++;
    add_up();
    must(conn_pool_destroy(world.pool) == 0, "nothing is left");
    must(world.open == 0, "everything is closed");
    ctx_fini(&world.pool_ctx);
}

static void play(struct ctx *ctx, void *arg)
{
    (void)arg;
    world.ctx = ctx;
    group_init(&world.group, ctx);
    while (world.round < world.rounds) {
        uint64_t left = world.rounds - world.round;
        world.pool_round = world.round;
        rng_init(&world.rng, world.seed, world.round); /* so that a failure is found again soon */
        use_pool(left < ROUNDS_PER_POOL ? left : ROUNDS_PER_POOL);
    }
    must(group_fini(&world.group) == 0, "all borrowers have ended");
}

/* ---- Outside --------------------------------------------------------------------------------- */

static uint64_t from_environment(const char *name, uint64_t fallback)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : fallback;
}

/* A test that never came by what it is about proves nothing. */
static int check_coverage(void)
{
    int missed = 0;
#define SEEN(name, help)                                                                           \
    printf("#   %-20s %12" PRIu64 "  %s\n", #name, world.seen.name, help);                         \
    missed += world.seen.name == 0;
    CONN_POOL_COUNTERS(SEEN)
#undef SEEN
    return missed;
}

int main(void)
{
    struct ring *ring;
    struct err err = {0};
    world.seed = from_environment("POOLSTORM_STRESS_SEED", 1);
    world.round = from_environment("POOLSTORM_STRESS_FROM", 0);
    world.rounds = world.round + from_environment("POOLSTORM_STRESS_COUNT", COUNT_DEFAULT);
    uint64_t from = world.round;
    printf("TAP version 13\n1..1\n# seed %" PRIu64 "\n", world.seed);
    if (ring_create(&ring, NULL, &err) || ring_run(ring, "scheduler", play, NULL, &err)) {
        printf("not ok 1 - %s\n", err.text);
        return 1;
    }
    ring_destroy(ring);
    printf("# %" PRIu64 " interleavings, %" PRIu64 " steps\n", world.round - from, world.steps);
    int missed = check_coverage();
    bool well = missed == 0 || world.round - from < 10000;
    printf("%s 1 - the pool keeps its promises in every interleaving\n", well ? "ok" : "not ok");
    return well ? 0 : 1;
}
