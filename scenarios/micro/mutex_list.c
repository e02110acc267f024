/* SPDX-License-Identifier: MIT */
/* mutex_list.c - the pool everyone writes first: a list behind a mutex. */
#include "micro/rows.h"

#include <pthread.h>
#include <stdlib.h>

struct node {
    struct node *next;
};

struct mutex_list {
    pthread_mutex_t lock;
    struct node *top;
};

static void *setup(const struct microbench_pass *pass)
{
    (void)pass;
    struct mutex_list *list = calloc(1, sizeof(*list));
    if (list)
        (void)pthread_mutex_init(&list->lock, NULL);
    return list;
}

static void teardown(const struct microbench_pass *pass)
{
    struct mutex_list *list = pass->shared;
    while (list->top) {
        struct node *node = list->top;
        list->top = node->next;
        free(node);
    }
    (void)pthread_mutex_destroy(&list->lock);
    free(list);
}

static void *list_get(struct mutex_list *list, size_t bytes)
{
    (void)pthread_mutex_lock(&list->lock);
    struct node *node = list->top;
    if (node)
        list->top = node->next;
    (void)pthread_mutex_unlock(&list->lock);
    return node ? node : malloc(bytes);
}

static void list_put(struct mutex_list *list, struct node *node)
{
    (void)pthread_mutex_lock(&list->lock);
    node->next = list->top;
    list->top = node;
    (void)pthread_mutex_unlock(&list->lock);
}

static void run(struct microbench_pass *pass)
{
    uint64_t count = microbench_begin(pass);
    for (uint64_t i = 0; i < count; i++) {
        void *object = list_get(pass->shared, (size_t)pass->row->a);
        rows_touch(object, pass->row);
        list_put(pass->shared, object);
    }
    microbench_end(pass);
}

const struct microbench microbench_mutex_list = {
    .name = "mutex_list",
    .summary = "get, touch, put with one list and one mutex for all threads",
    .cases = rows_small,
    .threads = rows_threads,
    .setup = setup,
    .teardown = teardown,
    .run = run,
};
