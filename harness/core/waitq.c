/* SPDX-License-Identifier: MIT */
/* waitq.c - lines of fibers, and the one place where being woken and being cancelled meet. */
#include "core/waitq.h"

#include "core/fiber.h"

/* On the stack of the fiber that waits; in the line and under its ctx, or in neither. */
struct waiter {
    struct list link;         /* in queue->waiters */
    struct ctx_waiter ending; /* under the ctx */
    struct waitq *queue;      /* the line it stands in */
    struct fiber *fiber;      /* to wake */
    void *gift;               /* handed over by the waker */
    int result;               /* 0, or why it stopped waiting */
};

void waitq_init(struct waitq *queue)
{
    list_init(&queue->waiters);
    queue->length = 0;
}

static void leave_line(struct waiter *waiter)
{
    list_remove(&waiter->link);
    waiter->queue->length--;
}

static void stop_waiting(struct ctx_waiter *ending)
{
    struct waiter *waiter = container_of(ending, struct waiter, ending);
    leave_line(waiter);
    waiter->result = -ECANCELED;
    fiber_wake(waiter->fiber);
}

int waitq_wait(struct ctx *ctx, struct waitq *queue, void **gift)
{
    struct waiter waiter = {.ending.ended = stop_waiting, .queue = queue, .fiber = fiber_self()};
    int rc = ctx_wait_begin(ctx, &waiter.ending);
    if (rc)
        return rc;
    list_push_back(&queue->waiters, &waiter.link);
    queue->length++;
    fiber_park();
    if (gift)
        *gift = waiter.gift;
    return waiter.result ? ctx_error(ctx) : 0;
}

static void wake(struct list *link, void *gift)
{
    struct waiter *waiter = container_of(link, struct waiter, link);
    leave_line(waiter);
    ctx_wait_end(&waiter->ending);
    waiter->gift = gift;
    fiber_wake(waiter->fiber);
}

bool waitq_wake_one(struct waitq *queue, void *gift)
{
    if (list_empty(&queue->waiters))
        return false;
    wake(queue->waiters.next, gift);
    return true;
}

bool waitq_wake_last(struct waitq *queue, void *gift)
{
    if (list_empty(&queue->waiters))
        return false;
    wake(queue->waiters.prev, gift);
    return true;
}

bool waitq_wake_nth(struct waitq *queue, size_t n, void *gift)
{
    if (n >= queue->length)
        return false;
    struct list *link = queue->waiters.next;
    while (n-- > 0)
        link = link->next;
    wake(link, gift);
    return true;
}

size_t waitq_wake_all(struct waitq *queue)
{
    size_t woken = queue->length;
    while (waitq_wake_one(queue, NULL))
        continue;
    return woken;
}
