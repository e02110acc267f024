/* SPDX-License-Identifier: MIT */
/* junit_suite.h - test cases as JUnit's files have them, whatever they are of: gathers and writes
 * them. Texts need not be clean; what is not is made so. */
#ifndef POOLSTORM_REPORT_JUNIT_SUITE_H
#define POOLSTORM_REPORT_JUNIT_SUITE_H

#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum junit_fate { JUNIT_PASSED, JUNIT_FAILED, JUNIT_ERROR, JUNIT_SKIPPED, JUNIT_FATES };

enum { JUNIT_PROPERTIES_MAX = 16 };

struct junit_case {
    char *name; /* unique in its suite */
    enum junit_fate fate;
    const char *type; /* of failure and error; static */
    char *message;    /* of all but those that passed */
    double time_s;
};

/* Zeroed, with a name; junit_suite_fini. Memory that runs out is remembered in failed. */
struct junit_suite {
    char name[520];   /* of the scenario, and what tells it from others */
    char started[32]; /* "2024-05-17T09:30:00Z", or "" */
    double time_s;
    struct junit_case *cases;
    size_t case_count;
    struct {
        const char *name; /* static */
        char *value;
    } properties[JUNIT_PROPERTIES_MAX]; /* what readers show beside it */
    size_t property_count;
    char *told; /* what is neither passed nor failed; or NULL */
    bool failed;
};

/* Adds a case, or replaces the one of the same name. */
void junit_suite_put(struct junit_suite *suite, enum junit_fate fate, const char *type,
                     const char *name, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

bool junit_suite_has(const struct junit_suite *suite, const char *name);

/* Beyond JUNIT_PROPERTIES_MAX they are dropped. */
void junit_suite_property(struct junit_suite *suite, const char *name, const char *value);

void junit_suite_fini(struct junit_suite *suite);

/* Writes a file of them. -ENOMEM when one has failed. */
int junit_suites_write(const struct junit_suite *suites, size_t count, FILE *out, struct err *err);

#endif
