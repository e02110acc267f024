/* SPDX-License-Identifier: MIT */
/* lookup.c - asking the system's resolver on a thread that may outlive the one who asked. */
#include "faults/proxy/lookup.h"

#include "core/clock.h"
#include "core/io.h"
#include "faults/proxy/address.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define GOOD_FOR_NS NS_PER_S

/* Shared by the thread and the fiber that waits for it. */
struct question {
    atomic_int holders;   /* of the two; the last one frees it */
    atomic_bool answered; /* rc and addr may be read */
    int done;             /* an eventfd the fiber waits for */
    int rc;               /* the answer */
    struct addr addr;     /* likewise */
    char text[];          /* what to look up */
};

static void let_go(struct question *question)
{
    if (atomic_fetch_sub_explicit(&question->holders, 1, memory_order_acq_rel) > 1)
        return;
    (void)close(question->done);
    free(question);
}

static void *resolve(void *arg)
{
    struct question *question = arg;
    question->rc = address_resolve(&question->addr, question->text);
    atomic_store_explicit(&question->answered, true, memory_order_release);
    (void)eventfd_write(question->done, 1); /* fails only at its limit, and it is at 0 */
    let_go(question);
    return NULL;
}

static int start_thread(struct question *question)
{
    pthread_t thread;
    pthread_attr_t attributes;
    int rc = pthread_attr_init(&attributes);
    if (rc)
        return -rc;
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED); /* a known state */
    rc = pthread_create(&thread, &attributes, resolve, question);
    (void)pthread_attr_destroy(&attributes);
    return -rc;
}

static int question_create(struct question **out, const char *text)
{
    size_t length = strlen(text);
    struct question *question = calloc(1, sizeof(*question) + length + 1);
    if (!question)
        return -ENOMEM;
    memcpy(question->text, text, length + 1);
    atomic_init(&question->holders, 2);
    question->done = eventfd(0, EFD_CLOEXEC);
    int rc = question->done < 0 ? -errno : start_thread(question);
    if (rc) {
        if (question->done >= 0)
            (void)close(question->done);
        free(question);
        return rc;
    }
    *out = question;
    return 0;
}

/* 0 when there is an answer in lookup, even if it is that there is none. */
static int ask(struct ctx *ctx, struct lookup *lookup, const char *text)
{
    struct question *question;
    uint64_t count;
    int rc = question_create(&question, text);
    if (rc)
        return rc;
    ssize_t got = io_read(ctx, question->done, &count, sizeof(count));
    rc = got < 0 ? (int)got : ctx_error(ctx);
    if (!rc && atomic_load_explicit(&question->answered, memory_order_acquire)) {
        lookup->rc = question->rc;
        lookup->addr = question->addr;
        lookup->good_ns = clock_after(clock_now_ns(), GOOD_FOR_NS);
    }
    let_go(question);
    return rc;
}

void lookup_init(struct lookup *lookup)
{
    *lookup = (struct lookup){0};
    waitq_init(&lookup->waiting);
}

void lookup_set(struct lookup *lookup, const char *text)
{
    lookup->rc = address_upstream(&lookup->addr, text);
    lookup->good_ns = lookup->rc == -EAGAIN ? 0 : CLOCK_NEVER;
}

int lookup_address(struct ctx *ctx, struct lookup *lookup, const char *text, struct addr *addr)
{
    while (clock_now_ns() >= lookup->good_ns) {
        bool mine = !lookup->asking;
        lookup->asking = true;
        int rc = mine ? ask(ctx, lookup, text) : waitq_wait(ctx, &lookup->waiting, NULL);
        if (mine) {
            lookup->asking = false;
            (void)waitq_wake_all(&lookup->waiting);
        }
        if (!rc)
            rc = ctx_error(ctx); /* who ended it may have freed the text */
        if (rc)
            return rc;
    }
    *addr = lookup->addr;
    return lookup->rc;
}
