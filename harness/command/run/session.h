/* SPDX-License-Identifier: MIT */
/* session.h - runs one plan with progress on standard error, judges it and keeps its record. On the
 * main thread; nothing else may use a ring meanwhile. */
#ifndef POOLSTORM_COMMAND_RUN_SESSION_H
#define POOLSTORM_COMMAND_RUN_SESSION_H

#include "command/exit_code.h"
#include "command/run/exporter.h"
#include "command/run/screen.h"
#include "core/err.h"
#include "report/verdict.h"
#include "run/runner.h"

/* How to follow runs while they last. */
struct session_watch {
    enum screen_when when;           /* to show them on standard error as they happen */
    const struct exporter *exporter; /* that serves their figures; NULL: none */
};

/* Fill in the first three; session_fini. */
struct session {
    const struct plan *plan;           /* the caller's, beyond session_fini */
    struct runner_options runner;      /* likewise what it points at */
    const struct session_watch *watch; /* likewise; NULL: as a zeroed one */
    struct result *result;             /* out, owned; NULL: nothing was run */
    struct judgement *judgement;       /* likewise */
};

/* Runs it, until the end or ^C, and writes result.json into the runner's folder. A run that was
 * broken off is judged, too, as far as it came. The text for an exit code above
 * EXIT_EXPECTATION that is no verdict is in err. */
enum exit_code session_run(struct session *session, struct err *err);

void session_fini(struct session *session);

#endif
