/* SPDX-License-Identifier: MIT */
/* process.c - builds a subject's command line and environment, and waits for its health. */
#include "run/process.h"

#include "core/clock.h"
#include "core/fiber.h"
#include "core/io.h"
#include "core/sock.h"
#include "run/allow.h"
#include "run/fetch.h"
#include "run/log.h"
#include "run/port.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_AGAIN_NS  (2 * NS_PER_MS) /* between two looks at a subject that starts */
#define ONE_HEALTH_NS  NS_PER_S        /* a health request may take so long */
#define LISTENING_LINE "listening on "

enum {
    HEALTH_BYTES_MAX = 1 << 20,
};

/* ---- Texts ----------------------------------------------------------------------------------- */

/* A list of owned texts that ends with NULL. */
struct texts {
    char **items;
    size_t count;
    bool failed; /* out of memory: noticed at the end */
};

static void texts_add(struct texts *texts, char *item)
{
    char **items = item ? reallocarray(texts->items, texts->count + 2, sizeof(*items)) : NULL;
    if (!items) {
        free(item);
        texts->failed = true;
        return;
    }
    texts->items = items;
    items[texts->count++] = item;
    items[texts->count] = NULL;
}

static void texts_fini(struct texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        free(texts->items[i]);
    free(texts->items);
}

__attribute__((format(printf, 1, 2))) static char *text_make(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    return length < 0 ? NULL : text;
}

/* What stands for the words in braces. */
struct places {
    const char *port, *folder, *database; /* "" where there is none */
};

/* text with every "{port}", "{dir}" and "{database}" replaced, on the heap. */
static char *expand(const char *text, const struct places *places)
{
    const struct {
        const char *word, *value;
    } known[] = {
        {"{port}", places->port}, {"{dir}", places->folder}, {"{database}", places->database}};
    char *out = NULL;
    size_t length;
    FILE *stream = open_memstream(&out, &length);
    if (!stream)
        return NULL;
    while (*text) {
        size_t i = 0;
        while (i < 3 && strncmp(text, known[i].word, strlen(known[i].word)) != 0)
            i++;
        if (i < 3)
            (void)fputs(known[i].value, stream);
        else
            (void)fputc(*text, stream);
        text += i < 3 ? strlen(known[i].word) : 1;
    }
    return fclose(stream) == 0 ? out : NULL;
}

/* ---- Health ---------------------------------------------------------------------------------- */

int process_check(const struct process *process, struct err *err)
{
    int status;
    char text[80];
    if (!process->lease || !guardian_lease_ended(process->lease, &status))
        return 0;
    (void)err_set(err, -ESRCH, "the subject (process %d) has ended: %s", (int)process_pid(process),
                  guardian_describe_status(status, text, sizeof(text)));
    return log_add_tail(process->options.log_path, -ESRCH, err);
}

/* Until the built-in service has said where it listens. */
static int wait_for_port(struct ctx *ctx, struct process *process, struct err *err)
{
    char where[160], url[192];
    while (!log_find_line(process->options.log_path, LISTENING_LINE, where, sizeof(where))) {
        int rc = process_check(process, err);
        if (rc)
            return rc;
        if (fiber_sleep(ctx, LOOK_AGAIN_NS))
            return err_set(err, ctx_error(ctx), "the subject did not say where it listens");
    }
    bool unix_socket = strncmp(where, "unix:", 5) == 0;
    (void)snprintf(url, sizeof(url), "%s%s", unix_socket ? "http+" : "http://", where);
    return load_target_parse(&process->target, url, err);
}

/* Until a GET of its health answers 2xx. */
static int wait_for_health(struct ctx *ctx, struct process *process, struct err *err)
{
    const char *path = process->options.subject->health;
    for (uint64_t pause_ns = LOOK_AGAIN_NS;; pause_ns += pause_ns / 2) {
        struct err last = {0};
        struct ctx once;
        ctx_init_timeout(&once, ctx, ONE_HEALTH_NS);
        int status = fetch(&once, &process->target, path, HEALTH_BYTES_MAX, NULL, NULL, &last);
        ctx_fini(&once);
        if (status >= 200 && status < 300)
            return 0;
        int rc = process_check(process, err);
        if (rc)
            return rc;
        pause_ns = pause_ns < 100 * NS_PER_MS ? pause_ns : 100 * NS_PER_MS;
        if (ctx_error(ctx) == 0 && fiber_sleep(ctx, pause_ns) == 0)
            continue;
        if (status >= 0)
            return err_set(err, ctx_error(ctx), "GET %s answered %d", path, status);
        return err_set(err, ctx_error(ctx), "%s", last.text);
    }
}

static int become_healthy(struct ctx *ctx, struct process *process, struct err *err)
{
    const struct plan_subject *subject = process->options.subject;
    uint64_t start_ns = clock_now_ns();
    struct ctx starting;
    ctx_init_timeout(&starting, ctx, subject->start_timeout_ns);
    int rc = subject->kind == PLAN_SUBJECT_SERVE ? wait_for_port(&starting, process, err) : 0;
    if (!rc)
        rc = allow_check(&process->target, process->options.allowed, err);
    if (!rc)
        rc = wait_for_health(&starting, process, err);
    ctx_fini(&starting);
    if (subject->kind != PLAN_SUBJECT_URL)
        process->ready_ns = clock_now_ns() - start_ns;
    if (rc == -ETIMEDOUT) {
        char span[32];
        rc = err_wrap(err, "not healthy within %s",
                      format_ns(span, sizeof(span), (double)subject->start_timeout_ns));
        if (process->lease)
            rc = log_add_tail(process->options.log_path, rc, err);
    }
    return rc;
}

/* ---- Starting -------------------------------------------------------------------------------- */

/* Our own program, even if the file it came from has been replaced meanwhile. */
static int serve_command(const struct process *process, struct texts *argv)
{
    const struct plan_pairs *settings = &process->options.subject->serve;
    texts_add(argv, strdup(process->options.program ? process->options.program : "/proc/self/exe"));
    texts_add(argv, strdup("serve"));
    texts_add(argv, strdup("--listen=127.0.0.1:0"));
    for (size_t i = 0; i < settings->count; i++)
        texts_add(argv, text_make("--%s=%s", settings->items[i].name, settings->items[i].value));
    return argv->failed ? -ENOMEM : 0;
}

static bool mentions(char *const *texts, const char *word)
{
    for (; *texts; texts++)
        if (strstr(*texts, word))
            return true;
    return false;
}

/* The subject's own command, its port chosen and its folder made when it asks for them. Everyone
 * can read a command line, so passwords are left to the environment. */
static int own_command(struct ctx *ctx, struct process *process, struct texts *argv,
                       struct err *err)
{
    const struct plan_subject *subject = process->options.subject;
    const char *database = process->options.database.uri_bare;
    uint16_t number;
    char port[8];
    int rc = port_find(&number, err);
    if (!rc && mentions(subject->command, "{dir}"))
        rc = folder_create(ctx, &process->folder, process->options.guardian, err);
    if (rc)
        return rc;
    (void)snprintf(port, sizeof(port), "%u", number);
    struct places places = {
        .port = port, .folder = process->folder.path, .database = database ? database : ""};
    for (char *const *arg = subject->command; *arg; arg++)
        texts_add(argv, expand(*arg, &places));
    char *url = expand(subject->url, &places);
    rc = argv->failed || !url ? err_sys(err, -ENOMEM, "prepare the subject's command")
                              : load_target_parse(&process->target, url, err);
    free(url);
    return rc;
}

/* A variable of the scenario's comes later and counts: also one that is to keep the database from
 * the subject. */
static void add_environment(const struct process_options *options, struct texts *env)
{
    const struct process_database *database = &options->database;
    struct places places = {"{port}", "{dir}", database->uri ? database->uri : ""};
    if (database->uri)
        texts_add(env, text_make("POOLSTORM_DATABASE=%s", database->uri));
    if (database->uri && *database->password)
        texts_add(env, text_make("PGPASSWORD=%s", database->password));
    for (size_t i = 0; i < options->subject->env.count; i++) {
        char *value = expand(options->subject->env.items[i].value, &places);
        texts_add(env,
                  value ? text_make("%s=%s", options->subject->env.items[i].name, value) : NULL);
        free(value);
    }
    if (options->preload)
        texts_add(env, text_make("LD_PRELOAD=%s", options->preload));
}

static int launch(struct ctx *ctx, struct process *process, struct err *err)
{
    const struct process_options *options = &process->options;
    struct texts argv = {0}, env = {0};
    int rc = options->subject->kind == PLAN_SUBJECT_SERVE ? serve_command(process, &argv)
                                                          : own_command(ctx, process, &argv, err);
    add_environment(options, &env);
    if (!rc && env.failed)
        rc = err_sys(err, -ENOMEM, "prepare the subject's environment");
    struct guardian_process wanted = {.argv = argv.items,
                                      .env = env.items,
                                      .output_path = options->log_path,
                                      .cpus = options->cpus};
    if (!rc)
        rc = guardian_start(ctx, options->guardian, &wanted, &process->lease, err);
    texts_fini(&argv);
    texts_fini(&env);
    return rc;
}

int process_start(struct ctx *ctx, struct process *process, const struct process_options *options,
                  struct err *err)
{
    *process = (struct process){.options = *options};
    int rc = options->subject->kind == PLAN_SUBJECT_URL
                 ? load_target_parse(&process->target, options->subject->url, err)
                 : launch(ctx, process, err);
    if (!rc)
        rc = become_healthy(ctx, process, err);
    if (rc)
        (void)process_stop(process, ctx_error(ctx) ? PROCESS_GRACE_BROKEN_NS : PROCESS_GRACE_NS);
    return rc;
}

/* ---- Stopping -------------------------------------------------------------------------------- */

int process_stop(struct process *process, uint64_t grace_ns)
{
    int status = process->lease ? guardian_stop(process->lease, grace_ns) : -1;
    folder_destroy(&process->folder);
    process->lease = NULL;
    return status;
}

pid_t process_pid(const struct process *process)
{
    return process->lease ? guardian_lease_pid(process->lease) : 0;
}
