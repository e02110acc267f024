/* SPDX-License-Identifier: MIT */
/* gate.h - one scenario at the gate: how it is measured, compared and, where it fails, measured
 * again. For gate.c and gate/ alone.
 *
 * The first measurement judges every limit. When one fails, fresh rounds of the same variants
 * judge what failed, and nothing else, for the rounds that raised the suspicion cannot also
 * confirm it. While fresh rounds neither confirm nor clear, more of them are measured, `again`
 * times at most, and all fresh ones are judged together. */
#ifndef POOLSTORM_COMMAND_GATE_GATE_H
#define POOLSTORM_COMMAND_GATE_GATE_H

#include "command/run/session.h"
#include "command/sides.h"
#include "report/junit_suite.h"

#include <limits.h>
#include <stdbool.h>

enum { GATE_AGAIN_MAX = 5 };

struct gate_options {
    char *baseline, *against, *limit, *metrics, *format, *junit;
    uint64_t again, rounds, seed;
    double noise_share;
    char *variants, *set, *allocator, *out, *allow, *database;
    bool strict, anyway, keep_logs;
};

/* What was measured once, or several times and joined, held against the other side. */
struct gate_look {
    struct compare_limit *limits; /* owned; compare points at them */
    struct compare_options compare;
    struct sheets sheets; /* of the run; the baseline's are the gate's */
    struct comparison *comparison;
};

/* Zeroed, with the first five set; gate_fini. */
struct gate {
    const struct gate_options *options;
    const struct plan *plan;
    const char *command_line;
    const struct sheet *baseline; /* NULL: against another build */
    char folder[PATH_MAX - 32];   /* of the first measurement; those of later ones lie in it */
    uint64_t seed;
    struct gate_look looks[1 + GATE_AGAIN_MAX];
    size_t look_count;
    enum gate_word rest;      /* of the first look's rows that did not fail */
    enum exit_code broken;    /* of the scenario's own expectations and invariants */
    struct junit_suite suite; /* what its limits came to */
};

/* Of the last look. */
enum gate_word gate_last_word(const struct gate *gate);

/* Measures once more, compares and prints. EXIT_WELL: there is another look. */
enum exit_code gate_measure(struct gate *gate, struct err *err);

void gate_fini(struct gate *gate);

/* All scenarios of a command line. */
struct gates {
    const struct gate_options *options;
    struct gate *items; /* owned */
    size_t count;
    char root[PATH_MAX]; /* folder of the folders of all; of one scenario it is its own */
};

/* Writes test cases where they are asked for, and the page of what was measured, and prints its
 * path. Of what cannot be written the reason is printed: the gravest of code and that. */
enum exit_code gate_write_files(const struct gates *gates, enum exit_code code);

#endif
