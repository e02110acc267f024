/* SPDX-License-Identifier: MIT */
/* doctor.c - poolstorm doctor: what this machine has and lacks, each finding with its remedy. */
#include "command/doctor/doctor.h"
#include "command/command.h"

#include <jansson.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct doctor_options {
    bool json; /* for programs */
};

static const struct param doctor_params[] = {
    {PARAM_BOOL("json", doctor_options, json, NULL, "print JSON")},
    {0},
};

static const struct option_group doctor_groups[] = {{"Options", doctor_params, 0}, {0}};

static const char *const level_words[] = {
    [FINDING_OK] = "ok", [FINDING_WARN] = "warn", [FINDING_FAIL] = "fail"};

static const struct doctor_check *find_check(const char *name)
{
    for (size_t i = 0; doctor_checks[i]; i++)
        if (strcmp(doctor_checks[i]->name, name) == 0)
            return doctor_checks[i];
    return NULL;
}

/* Whether the words ask for the check: all when there are none. */
static bool wanted(const struct doctor_check *check, char *const *names)
{
    if (!names[0])
        return true;
    for (size_t i = 0; names[i]; i++)
        if (strcmp(check->name, names[i]) == 0)
            return true;
    return false;
}

static int check_names(char *const *names, struct err *err)
{
    const char *words[64] = {0};
    for (size_t i = 0; i < 63 && doctor_checks[i]; i++)
        words[i] = doctor_checks[i]->name;
    for (size_t i = 0; names[i]; i++) {
        if (find_check(names[i]))
            continue;
        const char *near = word_suggest(words, names[i]);
        return near ? err_set(err, -EINVAL, "no check '%.60s'; did you mean '%s'?", names[i], near)
                    : err_set(err, -EINVAL, "no check '%.60s'", names[i]);
    }
    return 0;
}

static void print_line(const struct doctor_check *check, const struct finding *finding)
{
    printf("%-5s %-12s %s\n", level_words[finding->level], check->name, finding->found);
    if (finding->remedy)
        printf("%18s -> %s\n", "", finding->remedy);
}

static int add_json(json_t *findings, const struct doctor_check *check,
                    const struct finding *finding)
{
    return json_array_append_new(findings, json_pack("{s:s, s:s, s:s, s:s?}", "check", check->name,
                                                     "level", level_words[finding->level], "found",
                                                     finding->found, "remedy", finding->remedy));
}

static enum exit_code doctor_run(void *options, char *const *args, struct err *err)
{
    const struct doctor_options *self = options;
    enum exit_code code = EXIT_WELL;
    if (check_names(args, err))
        return EXIT_BAD_INPUT;
    json_t *findings = self->json ? json_array() : NULL;
    for (size_t i = 0; doctor_checks[i]; i++) {
        struct finding finding = {0};
        if (!wanted(doctor_checks[i], args))
            continue;
        doctor_checks[i]->look(&finding);
        if (finding.level == FINDING_FAIL)
            code = EXIT_EXPECTATION;
        if (!self->json) {
            print_line(doctor_checks[i], &finding);
        } else if (add_json(findings, doctor_checks[i], &finding)) {
            (void)err_sys(err, -ENOMEM, "collect the findings");
            code = EXIT_RUNTIME;
        }
    }
    if (self->json) {
        (void)json_dumpf(findings, stdout, JSON_INDENT(2)); /* main checks stdout */
        (void)putchar('\n');
    }
    json_decref(findings);
    return code;
}

static void doctor_words(FILE *out)
{
    for (size_t i = 0; doctor_checks[i]; i++)
        (void)fprintf(out, "%s\n", doctor_checks[i]->name);
}

const struct command command_doctor = {
    .name = "doctor",
    .summary = "look at this machine: what it has, what it lacks, and the remedy",
    .usage = "[CHECK]...",
    .help = "Ends with 1 when a finding keeps poolstorm from working here; a warning does not.\n\n"
            "Examples:\n"
            "  poolstorm doctor               all checks, in about half a second\n"
            "  poolstorm doctor noise --json  one of them, for a program\n",
    .options = doctor_groups,
    .options_size_bytes = sizeof(struct doctor_options),
    .args_max = 32,
    .words = doctor_words,
    .run = doctor_run,
};
