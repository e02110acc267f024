/* SPDX-License-Identifier: MIT */
/* endpoint_fanout.c - a request with a tree of descendants, which listen to its ctx or are deaf to
 * it; how long the last of them outlives the ctx is what is measured. */
#include "core/fiber.h"
#include "core/group.h"
#include "subject/endpoint.h"
#include "subject/page.h"
#include "subject/query.h"
#include "subject/request.h"
#include "subject/shard.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define PREFIX "poolstorm_fanout_"

enum { DEPTH_MAX = 16, SPAWNS_A_TURN = 256 };

/* What a thread keeps. */
struct fanout {
    counter_word started;         /* descendants */
    counter_word ended;           /* of them */
    counter_word refused;         /* requests that would have exceeded the limit */
    struct latency_counts cancel; /* from a request's ctx ending to its last descendant gone */
    counter_word cancel_max_ns;
    uint64_t live;      /* started - ended */
    struct waitq quiet; /* end() waits for live to reach 0 */
};

struct wish {
    uint64_t children; /* of the request, and of each descendant above the last level */
    uint64_t depth;    /* levels of descendants */
    uint64_t sleep_ns; /* of each descendant */
    bool listen;       /* to the request's ctx */
};

static const struct param wish_params[] = {
    {PARAM_COUNT("children", wish, children, "10", ""), .min = 1, .max = 1e6},
    {PARAM_COUNT("depth", wish, depth, "1", ""), .min = 1, .max = DEPTH_MAX},
    {PARAM_NS("sleep", wish, sleep_ns, "1s", ""), .min = 0, .max = 3600e9},
    {PARAM_BOOL("listen", wish, listen, NULL, "")},
    {0},
};

/* Of one request; outlives it while deaf descendants do. */
struct tree {
    struct fanout *fanout;
    struct ctx *deaf; /* what its descendants wait under instead of their own ctx, or NULL */
    struct wish wish;
    uint64_t limit;    /* of descendants of all requests of the thread */
    uint64_t live;     /* descendants not yet ended */
    uint64_t ended_ns; /* the request's ctx ended; 0: not */
    bool over;         /* the request has been answered */
    struct ctx_waiter witness;
    struct level {
        struct tree *tree;
        uint64_t depth; /* 1: the request's children */
    } levels[DEPTH_MAX];
};

static void tree_free_if_over(struct tree *tree)
{
    if (tree->over && tree->live == 0)
        free(tree);
}

static void leave(struct tree *tree)
{
    struct fanout *fanout = tree->fanout;
    counter_add(&fanout->ended, 1);
    fanout->live--;
    if (--tree->live == 0 && tree->ended_ns > 0) {
        uint64_t latency_ns = clock_now_ns() - tree->ended_ns;
        latency_count(&fanout->cancel, latency_ns);
        if (latency_ns > counter_read(&fanout->cancel_max_ns))
            counter_set(&fanout->cancel_max_ns, latency_ns);
    }
    tree_free_if_over(tree);
    if (fanout->live == 0)
        (void)waitq_wake_all(&fanout->quiet);
}

static void descendant(struct ctx *ctx, void *arg);

/* Many are started a turn at a time, so that deadlines and others are served meanwhile. */
static int spawn_level(struct ctx *ctx, struct group *group, struct level *level)
{
    struct tree *tree = level->tree;
    for (uint64_t i = 0; i < tree->wish.children; i++) {
        if (i % SPAWNS_A_TURN == SPAWNS_A_TURN - 1)
            fiber_yield();
        if (ctx_error(ctx))
            return 0;
        if (tree->fanout->live >= tree->limit)
            return -EDQUOT;
        int rc = group_spawn(group, "descendant", descendant, level);
        if (rc)
            return rc;
        tree->live++;
        tree->fanout->live++;
        counter_add(&tree->fanout->started, 1);
    }
    return 0;
}

static void descendant(struct ctx *ctx, void *arg)
{
    struct level *level = arg;
    struct tree *tree = level->tree;
    struct ctx *until = tree->deaf ? tree->deaf : ctx;
    if (level->depth < tree->wish.depth) {
        struct group group;
        group_init(&group, ctx);
        (void)spawn_level(until, &group, level + 1); /* fewer at the limit or out of memory */
        (void)fiber_sleep(until, tree->wish.sleep_ns);
        (void)group_join(NULL, &group); /* they sleep as long, or end as early */
        (void)group_fini(&group);
    } else {
        (void)fiber_sleep(until, tree->wish.sleep_ns);
    }
    leave(tree);
}

static void on_ended(struct ctx_waiter *witness)
{
    container_of(witness, struct tree, witness)->ended_ns = clock_now_ns();
}

/* How many there will be; UINT64_MAX for very many. */
static uint64_t count_descendants(const struct wish *wish)
{
    uint64_t total = 0, level = 1;
    for (uint64_t i = 0; i < wish->depth; i++)
        if (__builtin_mul_overflow(level, wish->children, &level) ||
            __builtin_add_overflow(total, level, &total))
            return UINT64_MAX;
    return total;
}

/* Waits for them all when they listen, else as long as the request lives. The deaf ones that are
 * left then are handed to the ring and counted as leaked. */
static int run_tree(struct request *request, struct tree *tree)
{
    struct group group;
    tree->witness.ended = on_ended;
    int rc = ctx_wait_begin(request->ctx, &tree->witness);
    if (rc)
        return rc;
    group_init(&group, request->ctx);
    int failure = spawn_level(request->ctx, &group, &tree->levels[0]);
    if (failure)
        group_cancel(&group, "no more descendants can be had");
    rc = group_join(request->ctx, &group);
    if (!tree->deaf)
        (void)group_join(NULL, &group);
    ctx_wait_end(&tree->witness);
    (void)group_fini(&group);
    if (failure)
        return failure;
    return rc ? rc : ctx_error(request->ctx);
}

static struct tree *make_tree(struct request *request, const struct wish *wish)
{
    struct tree *tree = calloc(1, sizeof(*tree));
    if (!tree)
        return NULL;
    tree->fanout = request->state;
    tree->deaf = wish->listen ? NULL : &request->shard->strays;
    tree->wish = *wish;
    tree->limit = request->shard->service->settings.fanout.limit;
    for (uint64_t i = 0; i < DEPTH_MAX; i++)
        tree->levels[i] = (struct level){tree, i + 1};
    return tree;
}

static int fanout_answer(struct request *request)
{
    struct fanout *fanout = request->state;
    const struct fanout_settings *settings = &request->shard->service->settings.fanout;
    struct wish wish = {.listen = settings->listen};
    struct err err = {0};
    int rc = query_read(request->head->target, wish_params, &wish, &err);
    if (rc)
        return request_refuse(request, 400, err.text);
    uint64_t total = count_descendants(&wish);
    if (total > settings->limit)
        return request_refuse(request, 400, "these are more descendants than fanout_limit");
    struct tree *tree = make_tree(request, &wish);
    if (!tree)
        return -ENOMEM;
    rc = total > settings->limit - fanout->live ? -EDQUOT : run_tree(request, tree);
    tree->over = true;
    tree_free_if_over(tree);
    if (rc == -EDQUOT) {
        counter_add(&fanout->refused, 1);
        return request_refuse(request, 503, "there are fanout_limit descendants already");
    }
    if (!rc)
        rc = buffer_printf(&request->response, "{\"descendants\":%" PRIu64 "}\n", total);
    return rc ? rc : 200;
}

static int fanout_begin(struct shard *shard, void *state)
{
    (void)shard;
    waitq_init(&((struct fanout *)state)->quiet);
    return 0;
}

static void fanout_end(struct shard *shard, void *state)
{
    (void)shard;
    struct fanout *fanout = state;
    while (fanout->live > 0)
        (void)waitq_wait(NULL, &fanout->quiet, NULL);
}

static void fanout_figures(struct page *page, const struct service *service, unsigned self)
{
    struct latency_counts cancel = {0};
    uint64_t started = 0, ended = 0, refused = 0, max_ns = 0;
    for (unsigned i = 0; i < service->settings.threads; i++) {
        const struct fanout *fanout = service->shards[i].states[self];
        ended += counter_read(&fanout->ended); /* first, so that the difference is no less than 0 */
        started += counter_read(&fanout->started);
        refused += counter_read(&fanout->refused);
        if (counter_read(&fanout->cancel_max_ns) > max_ns)
            max_ns = counter_read(&fanout->cancel_max_ns);
        latency_sum(&cancel, &fanout->cancel);
    }
    const struct page_row rows[] = {
        {PREFIX "descendants", "gauge", "descendants of fanout requests alive", started - ended},
        {PREFIX "descendants_total", "counter", "descendants started", started},
        {PREFIX "refused_total", "counter", "fanout requests refused for fanout_limit", refused},
    };
    page_rows(page, rows, sizeof(rows) / sizeof(*rows));
    page_type(page, PREFIX "cancel_seconds", "histogram",
              "from the end of a request's ctx to its last descendant gone");
    page_latency(page, PREFIX "cancel_seconds", "", &cancel);
    page_type(page, PREFIX "cancel_max_seconds", "gauge", "the longest of them so far");
    page_printf(page, PREFIX "cancel_max_seconds %.9f\n", (double)max_ns / 1e9);
}

const struct endpoint endpoint_fanout = {
    .name = "fanout",
    .path = "/fanout",
    .summary = "has descendants sleep: ?children=N&depth=D&sleep=1s&listen=true",
    .methods = ENDPOINT_GET,
    .waits = true,
    .state_bytes = sizeof(struct fanout),
    .answer = fanout_answer,
    .begin = fanout_begin,
    .end = fanout_end,
    .figures = fanout_figures,
};
