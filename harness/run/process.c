/* SPDX-License-Identifier: MIT */
/* process.c - builds a subject's command line and environment, and waits for its health. */
#include "run/process.h"

#include "core/clock.h"
#include "core/fiber.h"
#include "core/io.h"
#include "core/sock.h"
#include "run/allow.h"
#include "run/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK_AGAIN_NS  (2 * NS_PER_MS) /* between two looks at a subject that starts */
#define ONE_HEALTH_NS  NS_PER_S        /* a health request may take so long */
#define LISTENING_LINE "listening on "

enum {
    LOG_BYTES_MAX = 64 << 20,
    LOG_TAIL_BYTES = 300, /* of it in an error's text, which holds 480 */
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

/* text with every "{port}" and "{dir}" replaced, on the heap. */
static char *expand(const char *text, const char *port, const char *folder)
{
    char *out = NULL;
    size_t length;
    FILE *stream = open_memstream(&out, &length);
    if (!stream)
        return NULL;
    while (*text) {
        if (strncmp(text, "{port}", 6) == 0) {
            (void)fputs(port, stream);
            text += 6;
        } else if (strncmp(text, "{dir}", 5) == 0) {
            (void)fputs(folder, stream);
            text += 5;
        } else {
            (void)fputc(*text++, stream);
        }
    }
    return fclose(stream) == 0 ? out : NULL;
}

/* ---- Its log --------------------------------------------------------------------------------- */

/* Puts the last lines of the log behind err's text. Returns code. */
static int add_log_tail(const struct process *process, int code, struct err *err)
{
    char *text, said[sizeof(err->text)];
    size_t length;
    if (!err || io_read_file(process->options.log_path, LOG_BYTES_MAX, &text, &length))
        return code;
    while (length > 0 && text[length - 1] == '\n')
        text[--length] = '\0';
    const char *tail = length > LOG_TAIL_BYTES ? text + length - LOG_TAIL_BYTES : text;
    const char *line = tail > text ? strchr(tail, '\n') : NULL;
    tail = line ? line + 1 : tail;
    memcpy(said, err->text, sizeof(said));
    if (*tail)
        (void)err_set(err, code, "%s; its log (%s) ends:\n%s", said, process->options.log_path,
                      tail);
    else
        (void)err_set(err, code, "%s; its log (%s) is empty", said, process->options.log_path);
    free(text);
    return code;
}

/* Finds "listening on ADDRESS" at the start of a whole line of the log. */
static bool find_listening(const struct process *process, char *where, size_t size_bytes)
{
    char *text;
    size_t length;
    bool found = false;
    if (io_read_file(process->options.log_path, LOG_BYTES_MAX, &text, &length))
        return false;
    for (const char *line = text; line && !found; line = strchr(line, '\n')) {
        line += *line == '\n';
        size_t span = strcspn(line, "\n");
        if (strncmp(line, LISTENING_LINE, strlen(LISTENING_LINE)) != 0 || line[span] == '\0')
            continue;
        (void)snprintf(where, size_bytes, "%.*s", (int)(span - strlen(LISTENING_LINE)),
                       line + strlen(LISTENING_LINE));
        found = true;
    }
    free(text);
    return found;
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
    return add_log_tail(process, -ESRCH, err);
}

/* Until the built-in service has said where it listens. */
static int wait_for_port(struct ctx *ctx, struct process *process, struct err *err)
{
    char where[160], url[192];
    while (!find_listening(process, where, sizeof(where))) {
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
            rc = add_log_tail(process, rc, err);
    }
    return rc;
}

/* ---- Starting -------------------------------------------------------------------------------- */

/* A port nobody had a moment ago. The subject may still lose it to someone else, and says so. */
static int free_port(char *text, size_t size_bytes, struct err *err)
{
    struct addr addr;
    char where[128];
    int rc = addr_parse(&addr, "127.0.0.1:0", err);
    int fd = rc ? rc : sock_listen(&addr, 1, false, err);
    if (fd < 0)
        return fd;
    rc = sock_local(fd, &addr);
    (void)close(fd);
    if (rc)
        return err_sys(err, rc, "find a free port");
    (void)snprintf(text, size_bytes, "%s",
                   strrchr(addr_format(&addr, where, sizeof(where)), ':') + 1);
    return 0;
}

static bool names_listen(const struct plan_pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++)
        if (strcmp(pairs->items[i].name, "listen") == 0)
            return true;
    return false;
}

/* Our own program, even if the file it came from has been replaced meanwhile. */
static int serve_command(const struct process *process, struct texts *argv)
{
    const struct plan_pairs *settings = &process->options.subject->serve;
    texts_add(argv, strdup("/proc/self/exe"));
    texts_add(argv, strdup("serve"));
    if (!names_listen(settings))
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

/* The subject's own command, its port chosen and its folder made when it asks for them. */
static int own_command(struct process *process, struct texts *argv, struct err *err)
{
    const struct plan_subject *subject = process->options.subject;
    char port[8];
    int rc = free_port(port, sizeof(port), err);
    if (rc)
        return rc;
    if (mentions(subject->command, "{dir}")) {
        char folder[] = "/tmp/poolstorm-XXXXXX";
        if (!mkdtemp(folder))
            return err_sys(err, -errno, "make a folder for the subject");
        process->folder = strdup(folder);
        if (!process->folder) {
            (void)rmdir(folder);
            return err_sys(err, -ENOMEM, "make a folder for the subject");
        }
    }
    for (char *const *arg = subject->command; *arg; arg++)
        texts_add(argv, expand(*arg, port, process->folder ? process->folder : ""));
    char *url = expand(subject->url, port, process->folder ? process->folder : "");
    rc = argv->failed || !url ? err_sys(err, -ENOMEM, "prepare the subject's command")
                              : load_target_parse(&process->target, url, err);
    free(url);
    return rc;
}

static int launch(struct ctx *ctx, struct process *process, struct err *err)
{
    const struct process_options *options = &process->options;
    struct texts argv = {0}, env = {0};
    int rc = options->subject->kind == PLAN_SUBJECT_SERVE ? serve_command(process, &argv)
                                                          : own_command(process, &argv, err);
    for (size_t i = 0; i < options->subject->env.count; i++)
        texts_add(&env, text_make("%s=%s", options->subject->env.items[i].name,
                                  options->subject->env.items[i].value));
    if (options->preload)
        texts_add(&env, text_make("LD_PRELOAD=%s", options->preload));
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
        (void)process_stop(process);
    return rc;
}

/* ---- Stopping -------------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    (void)remove(path);
    return 0;
}

int process_stop(struct process *process)
{
    int status = process->lease ? guardian_stop(process->lease, PROCESS_GRACE_NS) : -1;
    if (process->folder)
        (void)nftw(process->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    free(process->folder);
    process->folder = NULL;
    process->lease = NULL;
    return status;
}

pid_t process_pid(const struct process *process)
{
    return process->lease ? guardian_lease_pid(process->lease) : 0;
}
