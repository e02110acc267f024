/* SPDX-License-Identifier: MIT */
/* act_pause.c - the subject stopped by signal: a lease of the guardian's. */
#include "core/clock.h"
#include "run/act.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct pause {
    struct guardian_lease *lease;
    uint64_t first_ns;
};

static int pause_begin(struct ctx *ctx, const struct act_setting *setting, void **state,
                       struct err *err)
{
    char pid[16];
    struct pause *self = calloc(1, sizeof(*self));
    if (!self)
        return err_sys(err, -ENOMEM, "stop the subject");
    (void)snprintf(pid, sizeof(pid), "%d", (int)setting->subject);
    const char *const words[] = {"pause", pid, NULL};
    int rc = guardian_take(ctx, setting->guardian, words, &self->lease, err);
    self->first_ns = clock_now_ns();
    *state = self;
    if (rc)
        free(self);
    return rc;
}

static int pause_end(struct ctx *ctx, const struct act_setting *setting, void *state,
                     struct act_effects *effects, struct err *err)
{
    struct pause *self = state;
    (void)ctx;
    (void)setting;
    uint64_t last_ns = clock_now_ns();
    int status = guardian_stop(self->lease, 0);
    *effects = (struct act_effects){.first_ns = self->first_ns, .last_ns = last_ns, .links = 1};
    free(self);
    return status == 0 ? 0 : err_set(err, -ECHILD, "the subject may not have gone on");
}

static const struct act pause_act = {.begin = pause_begin, .end = pause_end};

const struct plan_fault_kind act_pause = {
    .name = "pause",
    .summary = "the subject's processes are stopped by signal",
    .service = true,
    .started = true,
    .touches = "process group",
    .act = &pause_act,
};
