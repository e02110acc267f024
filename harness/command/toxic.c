/* SPDX-License-Identifier: MIT */
/* toxic.c - poolstorm toxic: proxies and toxics from the shell, as toxiproxy-cli has them. */
#include "command/command.h"
#include "command/toxic/action.h"
#include "core/interrupt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORDS_MAX = 256 };

#define DEFAULT_HOST "http://localhost:8474"

const struct param toxic_common_params[] = {
    {PARAM_TEXT("host", toxic_common, host, NULL,
                "URL of the control API, else TOXIPROXY_URL, else " DEFAULT_HOST)},
    {PARAM_TEXT("token", toxic_common, token, NULL, "that it asks for (or POOLSTORM_TOKEN)"),
     .secret = true},
    {0},
};

static const struct toxic_action *const tables[] = {toxic_proxy_actions, toxic_actions};

enum { TABLES = sizeof(tables) / sizeof(*tables) };

/* ---- Which action ---------------------------------------------------------------------------- */

static bool is_called(const struct toxic_action *action, const char *word)
{
    char alias[16];
    int length = snprintf(alias, sizeof(alias), " %s ", word);
    return strcmp(action->name, word) == 0 ||
           (length > 0 && (size_t)length < sizeof(alias) && strstr(action->aliases, alias));
}

static const struct toxic_action *find_in(const struct toxic_action *table, const char *word)
{
    for (; table->name; table++)
        if (is_called(table, word))
            return table;
    return NULL;
}

static int unknown(const char *word, struct err *err)
{
    const char *words[32] = {0};
    size_t count = 0;
    for (size_t i = 0; i < TABLES; i++)
        for (const struct toxic_action *action = tables[i]; action->name; action++)
            words[count++] = action->name;
    const char *near = word_suggest(words, word);
    if (near)
        return err_set(err, -EINVAL, "no action '%.60s'; did you mean '%s'?", word, near);
    return err_set(err, -EINVAL, "no action '%.60s'", word);
}

/* What is typed: [OPTIONS] ACTION …, or, as toxiproxy-cli has it, [OPTIONS] toxic add …. The
 * action's word is taken out; options before it count as if they stood behind. */
static const struct toxic_action *take_action(char **words, int *count, struct err *err)
{
    int at = 0;
    while (at < *count && words[at][0] == '-')
        at += strchr(words[at], '=') ? 1 : 2;
    if (at >= *count) {
        (void)err_set(err, -EINVAL, "expected an action");
        return NULL;
    }
    bool nested =
        at + 1 < *count && (strcmp(words[at], "toxic") == 0 || strcmp(words[at], "t") == 0);
    const char *word = words[at + nested];
    const struct toxic_action *action = NULL;
    for (size_t i = nested ? 1 : 0; i < TABLES && !action; i++)
        action = find_in(tables[i], word);
    if (nested && !action && (strcmp(word, "delete") == 0 || strcmp(word, "d") == 0))
        action = find_in(toxic_actions, "remove");
    if (!action)
        (void)unknown(word, err);
    *count -= 1 + nested;
    memmove(words + at, words + at + 1 + nested, (size_t)(*count - at + 1) * sizeof(*words));
    return action;
}

/* ---- Doing it -------------------------------------------------------------------------------- */

struct job {
    const struct toxic_action *action;
    struct toxic_session session;
};

static int job_main(struct ctx *ctx, void *arg, struct err *err)
{
    struct job *job = arg;
    job->session.ctx = ctx;
    return job->action->run(&job->session, err);
}

static const char *first_of(const char *one, const char *other, const char *last)
{
    return one && *one ? one : other && *other ? other : last;
}

static enum exit_code perform(const struct toxic_action *action, const void *options, char **words,
                              struct err *err)
{
    const struct toxic_common *common = options;
    struct job job = {.action = action};
    job.session.options = options;
    job.session.name = words[0];
    job.session.terminal = isatty(STDOUT_FILENO) == 1;
    const char *host = first_of(common->host, getenv("TOXIPROXY_URL"), DEFAULT_HOST);
    const char *token = first_of(common->token, getenv("POOLSTORM_TOKEN"), NULL);
    int rc = control_client_init(&job.session.client, host, token, err);
    if (!rc)
        rc = interrupt_run("toxic", job_main, &job, err);
    if (rc == 0)
        return EXIT_WELL;
    return rc == -EINVAL      ? EXIT_BAD_INPUT
           : rc == -ECANCELED ? EXIT_INTERRUPTED
           : rc == -ENOSYS    ? EXIT_SKIPPED
                              : EXIT_RUNTIME;
}

static void print_help(const struct toxic_action *action)
{
    printf("Usage: poolstorm toxic %s [OPTIONS]%s%s\n\npoolstorm toxic %s: %s.\n", action->name,
           *action->usage ? " " : "", action->usage, action->name, action->summary);
    options_print(stdout, action->options);
}

static enum exit_code execute(const struct toxic_action *action, void *options, char **words,
                              int count, struct err *err)
{
    size_t named = 0, wanted = *action->usage ? 1 : 0;
    int rc = options_defaults(action->options, options, err);
    if (!rc)
        rc = options_parse(action->options, options, count, words, &named, err);
    if (rc == OPTIONS_HELP) {
        print_help(action);
        return EXIT_WELL;
    }
    if (rc == OPTIONS_VERSION) {
        puts("poolstorm " POOLSTORM_VERSION);
        return EXIT_WELL;
    }
    if (!rc && named < wanted)
        rc = err_set(err, -EINVAL, "%s: expected %s", action->name, action->usage);
    if (!rc && named > wanted)
        rc = err_set(err, -EINVAL, "%s: unexpected '%.60s'", action->name, words[wanted]);
    return rc ? EXIT_BAD_INPUT : perform(action, options, words, err);
}

static enum exit_code run_action(char **words, int count, struct err *err)
{
    const struct toxic_action *action = take_action(words, &count, err);
    if (!action)
        return EXIT_BAD_INPUT;
    void *options = calloc(1, action->options_size_bytes);
    if (!options) {
        (void)err_sys(err, -ENOMEM, "read the options");
        return EXIT_RUNTIME;
    }
    enum exit_code code = execute(action, options, words, count, err);
    options_fini(action->options, options);
    free(options);
    return code;
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-help") == 0;
}

static enum exit_code toxic_run(void *none, char *const *args, struct err *err)
{
    (void)none;
    char *words[WORDS_MAX + 1] = {0};
    int count = 0;
    for (; args[count]; count++) {
        if (count == WORDS_MAX) {
            (void)err_set(err, -EINVAL, "expected no more than %d words", WORDS_MAX);
            return EXIT_BAD_INPUT;
        }
        words[count] = args[count];
    }
    if (count > 0 && (asks_for_help(words[0]) || (count == 1 && strcmp(words[0], "-h") == 0))) {
        command_print_help(command_find("toxic"));
        return EXIT_WELL;
    }
    if (count > 0 && strcmp(words[0], "--version") == 0) {
        puts("poolstorm " POOLSTORM_VERSION);
        return EXIT_WELL;
    }
    return run_action(words, count, err);
}

static void toxic_words(FILE *out)
{
    for (size_t i = 0; i < TABLES; i++)
        for (const struct toxic_action *action = tables[i]; action->name; action++)
            (void)fprintf(out, "%s\n", action->name);
}

const struct command command_toxic = {
    .name = "toxic",
    .summary = "tell a running fault proxy what to do",
    .usage = "ACTION [OPTIONS] [PROXY]",
    .help = "Does what toxiproxy-cli does, to `poolstorm proxy` and to Toxiproxy alike:\n"
            "  list                  all proxies\n"
            "  inspect PROXY         its toxics\n"
            "  create -l ADDRESS -u ADDRESS PROXY\n"
            "  toggle PROXY          disable it, or enable it again\n"
            "  delete PROXY\n"
            "  add -t TYPE [-n NAME] [-a KEY=VALUE]… [--upstream] [--toxicity SHARE] PROXY\n"
            "  update -n NAME [-a KEY=VALUE]… [--toxicity SHARE] PROXY\n"
            "  remove -n NAME PROXY\n"
            "  effects -n NAME PROXY what a toxic has really done, and to which connections\n"
            "poolstorm toxic ACTION --help lists the options of one. `toxic add` and so on are\n"
            "understood, too.\n\n"
            "Examples:\n"
            "  poolstorm toxic create -l 127.0.0.1:6432 -u 127.0.0.1:5432 pg\n"
            "  poolstorm toxic add -t latency -a latency=100 -a jitter=20 pg\n"
            "  poolstorm toxic update -n latency_downstream -a latency=500 pg\n",
    .raw = true,
    .words = toxic_words,
    .run = toxic_run,
};
