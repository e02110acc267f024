/* SPDX-License-Identifier: MIT */
/* settings_fixture.h - settings in one line, for tests: "name=value name=value". */
#ifndef POOLSTORM_TESTS_SETTINGS_FIXTURE_H
#define POOLSTORM_TESTS_SETTINGS_FIXTURE_H

#include "test.h"

#include "core/param.h"

#include <stdio.h>
#include <string.h>

/* The defaults, and what words say otherwise (NULL: nothing). */
static inline void settings_read(const struct param *params, void *settings, const char *words)
{
    char copy[256], *rest = copy;
    assert_ok(param_defaults(params, settings, NULL));
    int length = snprintf(copy, sizeof(copy), "%s", words ? words : "");
    assert_true(length >= 0 && (size_t)length < sizeof(copy));
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(word, '=');
        assert_non_null(value);
        *value++ = '\0';
        const struct param *param = param_find(params, word);
        assert_non_null(param);
        assert_ok(param_set(param, settings, value, NULL));
    }
}

#endif
