/* SPDX-License-Identifier: MIT */
/* descriptors.c - counts what is open against the process's limit. */
#include "faults/proxy/descriptors.h"

#include <assert.h>
#include <dirent.h>
#include <sys/resource.h>

enum {
    RESERVE_MIN = 8,
    RESERVE_MAX = 272,    /* 256 connections of the control API, and some files */
    OUTSIDE_GUESSED = 16, /* without /proc */
};

static size_t count_open(void)
{
    DIR *folder = opendir("/proc/self/fd");
    size_t count = 0;
    if (!folder)
        return OUTSIDE_GUESSED;
    while (readdir(folder))
        count++;
    (void)closedir(folder); /* only read from */
    return count - 3;       /* two dots, and the folder itself */
}

/* It may be changed from outside (prlimit). */
static void look_up_limit(struct descriptors *self)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        self->limit = limit.rlim_cur;
}

void descriptors_init(struct descriptors *self)
{
    *self = (struct descriptors){.outside = count_open()};
    waitq_init(&self->waiting);
    look_up_limit(self);
}

size_t descriptors_reserve(const struct descriptors *self)
{
    size_t share = self->limit / 8;
    return share < RESERVE_MIN ? RESERVE_MIN : share > RESERVE_MAX ? RESERVE_MAX : share;
}

bool descriptors_take(struct descriptors *self, size_t count)
{
    look_up_limit(self);
    if (self->outside + self->taken + count + descriptors_reserve(self) > self->limit)
        return false;
    self->taken += count;
    return true;
}

void descriptors_take_anyway(struct descriptors *self, size_t count)
{
    self->taken += count;
}

void descriptors_give(struct descriptors *self, size_t count)
{
    assert(self->taken >= count);
    self->taken -= count;
    (void)waitq_wake_one(&self->waiting, NULL);
}

void descriptors_wait(struct ctx *ctx, struct descriptors *self)
{
    (void)waitq_wait(ctx, &self->waiting, NULL); /* either way there may be some */
}
