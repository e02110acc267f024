/* SPDX-License-Identifier: MIT */
/* new.c - poolstorm new: writes a scenario file to begin with, for a service of one's own. */
#include "command/command.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct new_options {
    char *variants; /* NAME=URL or NAME=COMMAND, one a line; or NULL */
    char *path;     /* what is asked for */
};

static const struct param new_params[] = {
    {PARAM_TEXT("variant", new_options, variants, NULL,
                "NAME=http://HOST:PORT of a service that runs already, or NAME=COMMAND, which is "
                "started on a {port} for every round"),
     .repeats = true},
    {PARAM_TEXT("path", new_options, path, "/", "path and query that are asked for")},
    {0},
};

static const struct option_group new_groups[] = {{"Options", new_params, 0}, {0}};

static const char head[] =
    "# yaml-language-server: $schema=scenario.schema.json\n"
    "# ^ completes keys in an editor, once you have run: poolstorm reference --schema "
    ">scenario.schema.json\n"
    "#\n"
    "# A scenario of your own. `poolstorm check` reads it without running anything, `poolstorm\n"
    "# run` measures it. Every key there is: poolstorm reference, or docs/scenarios.md.\n"
    "\n"
    "question: Which of the two is faster, and by how much?\n"
    "\n"
    "# What is compared; the first is the baseline. A `command` is started afresh for every "
    "round,\n"
    "# with a free {port} and a folder of its own, {dir}; a `url` alone is a service that runs "
    "already.\n"
    "# What all have in common stands once, under `subject`.\n";

static const char rest[] =
    "  check: status          # 2xx and 3xx are good replies\n"
    "  # method: POST\n"
    "  # headers: \"Content-Type: application/json\"\n"
    "  # body: '{\"id\": \"{token}\"}'    # {token}: another one in every request\n"
    "\n"
    "# One round of one variant. Rounds of all variants are interleaved, so that drift of the "
    "machine\n"
    "# hits all of them alike.\n"
    "phases:\n"
    "  - {name: warm-up, kind: warmup, for: 1s}\n"
    "  # As fast as replies come: this is where QPS is from.\n"
    "  - {name: saturation, kind: measure, for: 3s}\n"
    "  # At a rate that every variant can keep, counted from when a request was due: latencies are "
    "from\n"
    "  # here. Half the QPS that `run --quick` shows of the slowest is a good one. A P99 wants "
    "10,000\n"
    "  # requests a round, so 2000/s for 5 s.\n"
    "  - {name: steady, kind: measure, for: 5s, rate: 2000/s}\n"
    "rounds: 10               # 6 or more give verdicts\n"
    "noise: 2%                # differences within it count as none\n"
    "\n"
    "# What must hold; `run` ends with status 1 if it does not. A path is variant.phase.metric.\n"
    "expect:\n";

/* ---- Writing --------------------------------------------------------------------------------- */

static void write_quoted(FILE *out, const char *text, size_t length)
{
    (void)fputc('"', out);
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '"' || text[i] == '\\')
            (void)fputc('\\', out);
        (void)fputc(text[i], out);
    }
    (void)fputc('"', out);
}

static bool is_url(const char *text)
{
    return strncmp(text, "http://", 7) == 0;
}

static void write_subject(FILE *out, const char *what)
{
    if (is_url(what)) {
        (void)fputs("    url: ", out);
        write_quoted(out, what, strlen(what));
        (void)fputc('\n', out);
        return;
    }
    (void)fputs("    command: [", out);
    for (const char *word = what + strspn(what, " "); *word; word += strspn(word, " ")) {
        size_t length = strcspn(word, " ");
        if (word != what + strspn(what, " "))
            (void)fputs(", ", out);
        write_quoted(out, word, length);
        word += length;
    }
    (void)fputs("]\n    url: http://127.0.0.1:{port}\n", out);
}

static void write_variant(FILE *out, const char *name, const char *what)
{
    (void)fprintf(out, "  %s:\n    about: what is different here, in one line\n", name);
    write_subject(out, what);
}

static void write_file(FILE *out, char *const names[], char *const whats[], size_t count,
                       const char *path)
{
    (void)fputs(head, out);
    (void)fputs("subject:\n  health: ", out);
    write_quoted(out, path, strlen(path));
    (void)fputs("   # answers 2xx once the service is up\nvariants:\n", out);
    for (size_t i = 0; i < count; i++)
        write_variant(out, names[i], whats[i]);
    (void)fputs("\n# What is sent.\nload:\n  connections: 64\n  path: ", out);
    write_quoted(out, path, strlen(path));
    (void)fputc('\n', out);
    (void)fputs(rest, out);
    for (size_t i = 0; i < count; i++)
        (void)fprintf(out, "  - %s.errors == 0\n", names[i]);
    if (count > 1)
        (void)fprintf(out, "  # - %s.qps / %s.qps > 1.1\n  # - %s.steady.p99 < 50ms\n", names[1],
                      names[0], names[1]);
}

/* ---- What is asked for ----------------------------------------------------------------------- */

enum { VARIANTS_MAX = 16 };

static int check_variant(char *const names[], size_t count, const char *name, const char *what,
                         struct err *err)
{
    if (!isalpha((unsigned char)name[0]) ||
        name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")])
        return err_set(err, -EINVAL,
                       "--variant: expected a name of letters, digits, '_' and '-', not '%.80s'",
                       name);
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return err_set(err, -EINVAL, "--variant: '%.80s' is given twice", name);
    /* There is no shell that would take them away. */
    if (what[strcspn(what, "'\"")])
        return err_set(err, -EINVAL,
                       "--variant: words are separated by blanks and cannot be quoted here; write "
                       "the list of words into the file instead: '%.80s'",
                       what);
    return 0;
}

/* Cuts "NAME=WHAT" lines in place. */
static int split_variants(char *lines, char **names, char **whats, size_t *count, struct err *err)
{
    *count = 0;
    for (char *line = strtok(lines, "\n"); line; line = strtok(NULL, "\n")) {
        char *equals = strchr(line, '=');
        if (!equals || equals == line || equals[1 + strspn(equals + 1, " ")] == '\0')
            return err_set(err, -EINVAL,
                           "--variant: expected NAME=URL or NAME=COMMAND, not '%.80s'", line);
        *equals = '\0';
        if (*count == VARIANTS_MAX)
            return err_set(err, -EINVAL, "--variant: expected at most %d", VARIANTS_MAX);
        int rc = check_variant(names, *count, line, equals + 1, err);
        if (rc)
            return rc;
        names[*count] = line;
        whats[(*count)++] = equals + 1;
    }
    return 0;
}

/* NAME or NAME.yaml, never over a file that is there. NULL with the reason in err. */
static FILE *open_new(const char *name, char *path, size_t size_bytes, struct err *err)
{
    const char *end = strrchr(name, '.');
    bool named = end && strcmp(end, ".yaml") == 0;
    int length = snprintf(path, size_bytes, "%s%s", name, named ? "" : ".yaml");
    if (length < 0 || (size_t)length >= size_bytes) {
        (void)err_set(err, -ENAMETOOLONG, "the name is too long");
        return NULL;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!out && errno == EEXIST)
        (void)err_set(err, -EEXIST, "%s is there already: nothing was written", path);
    else if (!out)
        (void)err_sys(err, -errno, "write %s", path);
    if (!out && fd >= 0)
        (void)close(fd);
    return out;
}

static enum exit_code new_run(void *options, char *const *args, struct err *err)
{
    struct new_options *self = options;
    char path[PATH_MAX];
    char before[] = "before=./my-service --port {port}\nafter=./my-service --port {port} --faster";
    char *names[VARIANTS_MAX], *whats[VARIANTS_MAX];
    size_t count;
    if (self->path[0] != '/' || self->path[strcspn(self->path, " \t\r\n")]) {
        (void)err_set(err, -EINVAL,
                      "--path: expected one that begins with '/' and has no blanks, not '%.80s'",
                      self->path);
        return EXIT_BAD_INPUT;
    }
    const char *slash = strrchr(args[0], '/'), *file = slash ? slash + 1 : args[0];
    if (file[0] == '\0' || strcmp(file, ".yaml") == 0) {
        (void)err_set(err, -EINVAL, "expected a name for the file, not '%.80s'", args[0]);
        return EXIT_BAD_INPUT;
    }
    if (split_variants(self->variants ? self->variants : before, names, whats, &count, err))
        return EXIT_BAD_INPUT;
    FILE *out = open_new(args[0], path, sizeof(path), err);
    if (!out)
        return EXIT_BAD_INPUT;
    write_file(out, names, whats, count, self->path);
    bool failed = ferror(out) != 0;
    if (fclose(out) || failed) {
        (void)err_sys(err, -errno, "write %s", path);
        return EXIT_RUNTIME;
    }
    printf("Wrote %s. Next:\n  poolstorm check %s\n  poolstorm run %s\n", path, path, path);
    return EXIT_WELL;
}

const struct command command_new = {
    .name = "new",
    .summary = "write a scenario file to begin with, for a service of your own",
    .usage = "NAME",
    .help = "Writes NAME.yaml, with a comment to each part. Words of a COMMAND are separated by "
            "blanks.\n\n"
            "Examples:\n"
            "  poolstorm new mine\n"
            "  poolstorm new mine --path /users --variant old=http://127.0.0.1:8080 "
            "--variant new=http://127.0.0.1:8081\n"
            "  poolstorm new mine --variant 'one=./server -p {port}' "
            "--variant 'two=./server -p {port} --cache'\n",
    .options = new_groups,
    .options_size_bytes = sizeof(struct new_options),
    .args_min = 1,
    .args_max = 1,
    .run = new_run,
};
