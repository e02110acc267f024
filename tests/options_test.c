/* SPDX-License-Identifier: MIT */
/* options_test.c - command lines are read as people write them, and mistakes are explained. */
#include "test.h"

#include "command/command.h"
#include "command/options.h"

#include <string.h>

struct inner {
    uint64_t clients;
    char *header;
};

struct settings {
    bool keep_alive, quiet;
    uint64_t delay_ns;
    struct inner inner;
    int mode;
};

static const char *const modes[] = {"open", "closed", NULL};

static const struct param outer_params[] = {
    {PARAM_BOOL("keep_alive", settings, keep_alive, "true", "reuse connections"), .letter = 'k'},
    {PARAM_BOOL("quiet", settings, quiet, NULL, "say less"), .letter = 'q'},
    {PARAM_NS("delay", settings, delay_ns, "10ms", "added to every write"), .letter = 'd'},
    {PARAM_CHOICE("mode", settings, mode, "closed", "kind of loop", modes)},
    {0},
};

static const struct param inner_params[] = {
    {PARAM_COUNT("clients", inner, clients, "64", "at once"), .letter = 'c', .min = 1, .max = 1e6},
    {PARAM_TEXT("header", inner, header, "A: b", "header line"), .letter = 'H', .repeats = true,
     .section = "What is sent"},
    {0},
};

static const struct option_group groups[] = {
    {"Options", outer_params, 0},
    {"Load", inner_params, offsetof(struct settings, inner)},
    {0},
};

/* A command line being tried: what was read from it, and what was answered. */
struct trial {
    struct settings settings;
    char *argv[16];
    size_t words;
    int rc;
    struct err err;
};

static int begin(void **state)
{
    static struct trial trial;
    memset(&trial, 0, sizeof(trial));
    *state = &trial;
    return options_defaults(groups, &trial.settings, NULL);
}

static int end(void **state)
{
    struct trial *trial = *state;
    options_fini(groups, &trial->settings);
    return 0;
}

/* Splits line at its bars: "-c|64|--quiet". */
static void parse(struct trial *trial, char *line)
{
    int argc = 0;
    for (char *rest = line, *word; (word = strsep(&rest, "|")) != NULL;) {
        assert_true(argc < 15);
        trial->argv[argc++] = word;
    }
    trial->argv[argc] = NULL;
    trial->rc =
        options_parse(groups, &trial->settings, argc, trial->argv, &trial->words, &trial->err);
}

static void every_way_to_write_an_option_is_read(void **state)
{
    struct trial *trial = *state;
    char line[] = "--delay=1s|--clients|7|url|--mode|open|--no-keep-alive|--quiet|second";
    parse(trial, line);
    assert_int_equal(trial->rc, OPTIONS_READY);
    assert_int_equal(trial->settings.delay_ns, 1000000000);
    assert_int_equal(trial->settings.inner.clients, 7);
    assert_int_equal(trial->settings.mode, 0);
    assert_false(trial->settings.keep_alive);
    assert_true(trial->settings.quiet);
    assert_int_equal(trial->words, 2);
    assert_string_equal(trial->argv[0], "url");
    assert_string_equal(trial->argv[1], "second");
    assert_null(trial->argv[2]);
}

static void letters_may_be_joined(void **state)
{
    struct trial *trial = *state;
    char line[] = "--no-keep-alive|-qkc64|-d|5ms|--keep_alive=no";
    parse(trial, line);
    assert_int_equal(trial->rc, OPTIONS_READY);
    assert_int_equal(trial->settings.inner.clients, 64);
    assert_int_equal(trial->settings.delay_ns, 5000000);
    assert_true(trial->settings.quiet);
    assert_false(trial->settings.keep_alive);
    assert_int_equal(trial->words, 0);
}

static void names_may_have_one_dash(void **state)
{
    struct trial *trial = *state;
    char line[] = "-quiet|-clients|7|-delay=1s|-c3|-keep_alive=no";
    parse(trial, line);
    assert_int_equal(trial->rc, OPTIONS_READY);
    assert_true(trial->settings.quiet);
    assert_int_equal(trial->settings.inner.clients, 3);
    assert_int_equal(trial->settings.delay_ns, 1000000000);
    assert_false(trial->settings.keep_alive);
    char help[] = "-help", version[] = "-version", unknown[] = "-xylophone";
    parse(trial, help);
    assert_int_equal(trial->rc, OPTIONS_HELP);
    parse(trial, version);
    assert_int_equal(trial->rc, OPTIONS_VERSION);
    parse(trial, unknown);
    assert_int_equal(trial->rc, -EINVAL);
}

static void nothing_is_an_option_behind_two_dashes(void **state)
{
    struct trial *trial = *state;
    char line[] = "-|--|--quiet|-c|--help";
    parse(trial, line);
    assert_int_equal(trial->rc, OPTIONS_READY);
    assert_false(trial->settings.quiet);
    assert_int_equal(trial->words, 4);
    assert_string_equal(trial->argv[0], "-");
    assert_string_equal(trial->argv[1], "--quiet");
}

static void the_last_one_counts_unless_it_repeats(void **state)
{
    struct trial *trial = *state;
    char line[] = "-c1|-c2|-H|X: 1|--header=Y: 2|-HZ: 3";
    parse(trial, line);
    assert_int_equal(trial->rc, OPTIONS_READY);
    assert_int_equal(trial->settings.inner.clients, 2);
    assert_string_equal(trial->settings.inner.header, "X: 1\nY: 2\nZ: 3");
}

static void help_and_version_win(void **state)
{
    struct trial *trial = *state;
    char help[] = "--quiet|-h", version[] = "--version|--nonsense";
    parse(trial, help);
    assert_int_equal(trial->rc, OPTIONS_HELP);
    parse(trial, version);
    assert_int_equal(trial->rc, OPTIONS_VERSION);
}

static void mistakes_are_named(void **state)
{
    struct trial *trial = *state;
    static const struct {
        const char *line, *says;
    } bad[] = {
        {"--keepalive", "did you mean --keep-alive?"},
        {"--halp", "did you mean --help?"},
        {"--client=5", "did you mean --clients?"},
        {"--xylophone", "no option --xylophone"},
        {"--no-clients", "no option --no-clients"},
        {"--no-quiet=yes", "no option --no-quiet"},
        {"--clients", "--clients needs a value: a whole number"},
        {"-c", "-c needs a value"},
        {"--header|--quiet", "--header=--quiet"},
        {"--clients=0", "clients: must lie between"},
        {"-qx", "no option -x in '-qx'"},
        {"--mode=opne", "did you mean 'open'?"},
        {"--quiet=perhaps", "quiet: expected true or false"},
        {"--=3", "no option --"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        char line[64];
        (void)snprintf(line, sizeof(line), "%s", bad[i].line);
        parse(trial, line);
        assert_int_equal(trial->rc, -EINVAL);
        if (!strstr(trial->err.text, bad[i].says))
            fail_msg("%s: '%s' lacks '%s'", bad[i].line, trial->err.text, bad[i].says);
    }
}

static void names_without_end_are_refused(void **state)
{
    struct trial *trial = *state;
    char line[300] = "--";
    memset(line + 2, 'x', sizeof(line) - 3);
    line[sizeof(line) - 1] = '\0';
    parse(trial, line);
    assert_int_equal(trial->rc, -EINVAL);
}

static void help_tells_how_to_write_each(void **state)
{
    (void)state;
    char text[4096];
    FILE *out = fmemopen(text, sizeof(text), "w");
    assert_non_null(out);
    options_print(out, groups);
    assert_ok(fclose(out));
    assert_non_null(strstr(text, "\nLoad:\n"));
    assert_non_null(strstr(text, "-c, --clients N                 at once (default 64)\n"));
    assert_non_null(strstr(text, "-k, --no-keep-alive             turn off: reuse connections\n"));
    assert_non_null(
        strstr(text, "    --mode open|closed          kind of loop (default closed)\n"));
    assert_non_null(strstr(text, "(may be given again)"));
    const char *section = strstr(text, "\nWhat is sent:\n");
    assert_non_null(section);
    assert_true(section > strstr(text, "--clients") && section < strstr(text, "--header"));
}

static bool same_option(const struct param *a, const struct param *b)
{
    return strcmp(a->name, b->name) == 0 || (a->letter && a->letter == b->letter);
}

static void check_unique(const struct command *command, const struct param *param)
{
    int found = 0;
    for (const struct option_group *group = command->options; group->params; group++)
        for (const struct param *other = group->params; other->name; other++)
            found += same_option(param, other);
    if (found != 1 || param->letter == 'h')
        fail_msg("%s: --%s clashes with another option", command->name, param->name);
}

/* Every command of the program: complete, defaults that can be read, names that don't clash. */
static void commands_are_well_formed(void **state)
{
    (void)state;
    for (size_t i = 0; commands[i]; i++) {
        const struct command *command = commands[i];
        assert_non_null(command->summary);
        assert_non_null(command->run);
        assert_ptr_equal(command_find(command->name), command);
        assert_true(command->args_min <= command->args_max);
        assert_true(command->args_max == 0 || command->usage);
        if (!command->options)
            continue;
        uint64_t options[512] = {0};
        assert_true(command->options_size_bytes <= sizeof(options));
        assert_ok(options_defaults(command->options, options, NULL));
        options_fini(command->options, options);
        for (const struct option_group *group = command->options; group->params; group++)
            for (const struct param *param = group->params; param->name; param++)
                check_unique(command, param);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_way_to_write_an_option_is_read, begin, end),
        cmocka_unit_test_setup_teardown(letters_may_be_joined, begin, end),
        cmocka_unit_test_setup_teardown(names_may_have_one_dash, begin, end),
        cmocka_unit_test_setup_teardown(nothing_is_an_option_behind_two_dashes, begin, end),
        cmocka_unit_test_setup_teardown(the_last_one_counts_unless_it_repeats, begin, end),
        cmocka_unit_test_setup_teardown(help_and_version_win, begin, end),
        cmocka_unit_test_setup_teardown(mistakes_are_named, begin, end),
        cmocka_unit_test_setup_teardown(names_without_end_are_refused, begin, end),
        cmocka_unit_test(help_tells_how_to_write_each),
        cmocka_unit_test(commands_are_well_formed),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
