/* SPDX-License-Identifier: MIT */
/* result_fuzz.c - any bytes: refused with a reason, or a record that can be judged and written. */
#include "report/json.h"
#include "report/report.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void judge_and_write(const struct result *result)
{
    struct judgement *judgement = NULL;
    struct err err = {0};
    if (judgement_create(result, &judgement, &err)) {
        check(err.text[0] != '\0');
        return;
    }
    for (size_t i = 0; report_formats[i]; i++) {
        char *text = NULL;
        size_t length;
        FILE *out = open_memstream(&text, &length);
        check(out != NULL);
        check(report_write_one(report_formats[i], result, judgement, out, &err) == 0);
        (void)fclose(out);
        free(text);
    }
    judgement_destroy(judgement);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct plan_tables tables = {0};
    struct plan *plan = NULL;
    struct result *result = NULL;
    struct err err = {0};
    if (result_parse("fuzz", (const char *)data, size, &tables, &plan, &result, &err)) {
        check(err.text[0] != '\0');
        return 0;
    }
    judge_and_write(result);
    result_destroy(result);
    plan_destroy(plan);
    return 0;
}
