/* SPDX-License-Identifier: MIT */
/* knee.h - poolstorm load --search: the curve as it goes, and then the knee. */
#ifndef POOLSTORM_COMMAND_LOAD_KNEE_H
#define POOLSTORM_COMMAND_LOAD_KNEE_H

#include "command/exit_code.h"
#include "load/search.h"
#include "run/knee.h"

/* One search and what came of it. Start with {0}; load_search_fini. */
struct load_search {
    const struct search_settings *settings; /* the caller's */
    struct expr *objective;
    bool quiet;    /* prints nothing while it runs: JSON follows */
    bool terminal; /* a progress line stands on stderr, to be wiped before each step's */
    struct search_curve curve;
    struct result_step at; /* see knee_run */
};

/* Checks what was asked for. -EINVAL with the reason. */
int load_search_init(struct load_search *search, const struct search_settings *settings,
                     const char *objective, const struct load_profile *profile, struct err *err);
void load_search_fini(struct load_search *search);

/* Runs it on the calling fiber; rc as knee_run. */
int load_search_run(struct ctx *ctx, struct load_search *search, const struct load_job *load,
                    struct load_progress *progress, struct err *err);

/* Prints what came of it, and says what the process is to end with, given what load_search_run
 * returned (or what kept it from being run). */
enum exit_code load_search_finish(const struct load_search *search, const char *url, int rc);

#endif
