/* SPDX-License-Identifier: MIT */
/* endpoint_tasks.c - requests that start a task and forget it: it waits for somebody who never
 * comes, and stays, unless it is bound to the request's ctx. */
#include "core/fiber.h"
#include "core/group.h"
#include "subject/channel.h"
#include "subject/endpoint.h"
#include "subject/page.h"
#include "subject/query.h"
#include "subject/request.h"
#include "subject/shard.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define PREFIX "poolstorm_tasks"

/* What a thread keeps. */
struct tasks {
    counter_word started;
    counter_word ended;
    counter_word refused; /* requests, for the limit */
    counter_word bytes;   /* held by the tasks alive */
    uint64_t live;        /* started - ended */
    struct waitq quiet;   /* end() waits for live to reach 0 */
};

struct wish {
    int kind;            /* enum tasks_kind */
    uint64_t hold_bytes; /* memory the task keeps, beside its stack */
    uint64_t work_ns;    /* how long the request takes */
};

static const char *const kinds[] = {
    [TASKS_SEND] = "send",
    [TASKS_RECEIVE] = "receive",
    [TASKS_BOUND] = "bound",
    NULL,
};

static const struct param wish_params[] = {
    {PARAM_CHOICE("kind", wish, kind, NULL, "", kinds)},
    {PARAM_BYTES("hold", wish, hold_bytes, "4KiB", ""), .min = 0, .max = 1 << 20},
    {PARAM_NS("work", wish, work_ns, "1ms", ""), .min = 0, .max = 3600e9},
    {0},
};

struct task {
    struct tasks *tasks;
    struct ctx *deaf;       /* what it waits under instead of its own ctx, or NULL */
    struct channel channel; /* that only the task itself knows */
    bool sends;             /* else it receives */
    size_t bytes;           /* of all of it */
    char held[];
};

static void task_run(struct ctx *ctx, void *arg)
{
    struct task *task = arg;
    struct tasks *tasks = task->tasks;
    struct ctx *until = task->deaf ? task->deaf : ctx;
    void *value;
    if (task->sends)
        (void)channel_send(until, &task->channel, task);
    else
        (void)channel_receive(until, &task->channel, &value);
    counter_sub(&tasks->bytes, task->bytes);
    counter_add(&tasks->ended, 1);
    free(task);
    if (--tasks->live == 0)
        (void)waitq_wake_all(&tasks->quiet);
}

static int start_task(struct request *request, struct group *group, const struct wish *wish)
{
    struct tasks *tasks = request->state;
    size_t bytes = sizeof(struct task) + (size_t)wish->hold_bytes;
    struct task *task = malloc(bytes);
    if (!task)
        return -ENOMEM;
    memset(task, 0, bytes); /* held means in memory */
    task->tasks = tasks;
    task->deaf = wish->kind == TASKS_BOUND ? NULL : &request->shard->strays;
    task->sends = wish->kind == TASKS_BOUND ? counter_read(&tasks->started) % 2 == 0
                                            : wish->kind == TASKS_SEND;
    task->bytes = bytes;
    channel_init(&task->channel);
    int rc = group_spawn(group, "task", task_run, task);
    if (rc) {
        free(task);
        return rc;
    }
    tasks->live++;
    counter_add(&tasks->started, 1);
    counter_add(&tasks->bytes, bytes);
    return 0;
}

/* The request's end is told to the task in any case; only a bound one hears. The others are handed
 * to the ring and counted as leaked. */
static int run_task(struct request *request, const struct wish *wish)
{
    struct group group;
    group_init(&group, request->ctx);
    int rc = start_task(request, &group, wish);
    if (!rc)
        rc = fiber_sleep(request->ctx, wish->work_ns);
    group_cancel(&group, "the request is over");
    if (wish->kind == TASKS_BOUND)
        (void)group_join(NULL, &group);
    (void)group_fini(&group);
    return rc;
}

static int tasks_answer(struct request *request)
{
    struct tasks *tasks = request->state;
    const struct tasks_settings *settings = &request->shard->service->settings.tasks;
    struct wish wish = {.kind = settings->kind};
    struct err err = {0};
    int rc = query_read(request->head->target, wish_params, &wish, &err);
    if (rc)
        return request_refuse(request, 400, err.text);
    if (tasks->live >= settings->limit) {
        counter_add(&tasks->refused, 1);
        return request_refuse(request, 503, "there are tasks_limit tasks already");
    }
    rc = run_task(request, &wish);
    if (!rc)
        rc = buffer_printf(&request->response, "{\"tasks\":%" PRIu64 "}\n", tasks->live);
    return rc ? rc : 200;
}

static int tasks_begin(struct shard *shard, void *state)
{
    (void)shard;
    waitq_init(&((struct tasks *)state)->quiet);
    return 0;
}

static void tasks_end(struct shard *shard, void *state)
{
    (void)shard;
    struct tasks *tasks = state;
    while (tasks->live > 0)
        (void)waitq_wait(NULL, &tasks->quiet, NULL);
}

static void tasks_figures(struct page *page, const struct service *service, unsigned self)
{
    uint64_t started = 0, ended = 0, refused = 0, bytes = 0;
    for (unsigned i = 0; i < service->settings.threads; i++) {
        const struct tasks *tasks = service->shards[i].states[self];
        ended += counter_read(&tasks->ended); /* first, so that the difference is no less than 0 */
        started += counter_read(&tasks->started);
        refused += counter_read(&tasks->refused);
        bytes += counter_read(&tasks->bytes);
    }
    const struct page_row rows[] = {
        {PREFIX, "gauge", "tasks of tasks requests alive", started - ended},
        {PREFIX "_bytes", "gauge", "memory they hold, their stacks not counted", bytes},
        {PREFIX "_total", "counter", "tasks started", started},
        {PREFIX "_refused_total", "counter", "tasks requests refused for tasks_limit", refused},
    };
    page_rows(page, rows, sizeof(rows) / sizeof(*rows));
}

const struct endpoint endpoint_tasks = {
    .name = "tasks",
    .path = "/work/tasks",
    .summary = "starts a task that waits for nobody: ?kind=bound&hold=4KiB&work=1ms",
    .methods = ENDPOINT_GET,
    .waits = true,
    .state_bytes = sizeof(struct tasks),
    .answer = tasks_answer,
    .begin = tasks_begin,
    .end = tasks_end,
    .figures = tasks_figures,
};
