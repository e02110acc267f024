/* SPDX-License-Identifier: MIT */
/* session.c - one run from its plan to its record. */
#include "command/run/session.h"

#include "command/run/progress.h"
#include "core/group.h"
#include "core/interrupt.h"
#include "core/io.h"
#include "report/report.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

/* Those who follow the run are fibers of the runner's thread, beside it. */
static int follow(struct ctx *ctx, struct session *session, struct live *live, struct err *err)
{
    static const struct session_watch usual = {0};
    const struct session_watch *watch = session->watch ? session->watch : &usual;
    struct progress progress = {.live = live};
    struct exporter_duty duty = {.exporter = watch->exporter, .live = live};
    struct group group;
    screen_init(&progress.screen, watch->when, STDERR_FILENO);
    int rc = progress.screen.live || duty.exporter ? live_watch(live, err) : 0;
    group_init(&group, ctx);
    if (!rc && (group_spawn(&group, "progress", progress_watch, &progress) ||
                (duty.exporter && group_spawn(&group, "exporter", exporter_serve, &duty))))
        rc = err_sys(err, -ENOMEM, "follow the run");
    if (!rc)
        rc = runner_run(ctx, session->plan, &session->runner, live, &session->result, err);
    group_cancel(&group, "run over");
    (void)group_join(NULL, &group);
    (void)group_fini(&group);
    progress_finish(&progress);
    return rc;
}

static int work(struct ctx *ctx, void *arg, struct err *err)
{
    struct live live = {0};
    int rc = follow(ctx, arg, &live, err);
    live_fini(&live);
    return rc;
}

static int write_record(const struct session *session, struct err *err)
{
    char path[PATH_MAX], name[256];
    const struct report_format *json = report_find("json", err);
    if (!json)
        return -ENOENT;
    int length = snprintf(path, sizeof(path), "%s/result.json", session->result->folder);
    if (length < 0 || (size_t)length >= sizeof(path))
        return err_set(err, -ENAMETOOLONG, "write %.80s…/result.json", session->result->folder);
    const struct report_item item = {session->result, session->judgement,
                                     report_name(name, sizeof(name), session->result->folder)};
    return report_write_file(json, &(struct report_input){.items = &item, .item_count = 1}, path,
                             err);
}

static enum exit_code conclude(const struct session *session, struct err *err)
{
    if (session->result->interrupted)
        return EXIT_INTERRUPTED;
    if (session->result->failure) {
        (void)err_set(err, -EIO, "%s: %s", session->plan->name, session->result->failure);
        return session->result->mistaken ? EXIT_BAD_INPUT : EXIT_RUNTIME;
    }
    switch (session->judgement->outcome) {
    case OUTCOME_EXPECTATION:
        return EXIT_EXPECTATION;
    case OUTCOME_INVALID:
        return EXIT_INVALID;
    case OUTCOME_WELL:
        break;
    }
    return EXIT_WELL;
}

static bool is_mistake(int rc)
{
    return rc == -EINVAL || rc == -EACCES || rc == -EHOSTUNREACH;
}

enum exit_code session_run(struct session *session, struct err *err)
{
    io_raise_descriptor_limit();
    int rc = interrupt_run("run", work, session, err);
    if (rc)
        return is_mistake(rc) ? EXIT_BAD_INPUT : rc == -ENOENT ? EXIT_SKIPPED : EXIT_RUNTIME;
    rc = judgement_create(session->result, &session->judgement, err);
    if (!rc)
        rc = write_record(session, err);
    return rc ? EXIT_RUNTIME : conclude(session, err);
}

void session_fini(struct session *session)
{
    judgement_destroy(session->judgement);
    result_destroy(session->result);
    session->judgement = NULL;
    session->result = NULL;
}
