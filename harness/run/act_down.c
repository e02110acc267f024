/* SPDX-License-Identifier: MIT */
/* act_down.c - nobody listens any more: the proxy drops its connections and refuses new ones. */
#include "core/clock.h"
#include "run/act.h"

#include <errno.h>
#include <stdlib.h>

struct down {
    uint64_t first_ns; /* when it was down */
    uint64_t links;    /* that were open then */
};

static int set_enabled(struct ctx *ctx, const struct act_setting *setting, bool enabled,
                       struct err *err)
{
    json_t *body = json_pack("{s:b}", "enabled", enabled);
    if (!body)
        return err_sys(err, -ENOMEM, "switch a proxy");
    int rc = detour_ask(ctx, setting->detour, setting->fault->on, "POST", "", body, NULL, err);
    json_decref(body);
    return rc;
}

static int down_begin(struct ctx *ctx, const struct act_setting *setting, void **state,
                      struct err *err)
{
    json_t *figures = NULL;
    struct down *self = calloc(1, sizeof(*self));
    if (!self)
        return err_sys(err, -ENOMEM, "take a proxy down");
    int rc = detour_ask(ctx, setting->detour, setting->fault->on, "GET", "/figures", NULL, &figures,
                        err);
    json_int_t links = json_integer_value(json_object_get(figures, "links_open"));
    json_decref(figures);
    if (!rc) {
        struct ctx bound;
        rc = set_enabled(ctx, setting, false, err);
        ctx_init_timeout(&bound, NULL, NS_PER_S);
        if (rc) /* it may be down all the same: the answer may have been lost */
            (void)set_enabled(&bound, setting, true, NULL);
        ctx_fini(&bound);
    }
    self->first_ns = clock_now_ns();
    self->links = links > 0 ? (uint64_t)links : 0;
    *state = self;
    if (rc)
        free(self);
    return rc;
}

/* What was refused meanwhile, nobody has counted: the kernel did it. */
static int down_end(struct ctx *ctx, const struct act_setting *setting, void *state,
                    struct act_effects *effects, struct err *err)
{
    struct down *self = state;
    uint64_t last_ns = clock_now_ns();
    int rc = set_enabled(ctx, setting, true, err);
    *effects =
        (struct act_effects){.first_ns = self->first_ns, .last_ns = last_ns, .links = self->links};
    free(self);
    return rc;
}

static const struct act down = {.begin = down_begin, .end = down_end};

const struct plan_fault_kind act_down = {
    .name = "down",
    .summary = "nobody listens: connections are dropped, new ones refused",
    .database = true,
    .service = true,
    .proxied = true,
    .act = &down,
};
