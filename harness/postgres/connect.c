/* SPDX-License-Identifier: MIT */
/* connect.c - opens sessions: names beforehand, then libpq's steps as the socket allows them. */
#include "postgres/internal.h"

#include "core/io.h"

#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* ---- What connecting needs to know of a connection string ------------------------------------ */

/* The value a connection string gives to a keyword, else the environment's, else "". */
static const char *option_value(const PQconninfoOption *options, const char *keyword)
{
    for (const PQconninfoOption *option = options; option->keyword; option++) {
        if (strcmp(option->keyword, keyword) != 0)
            continue;
        const char *fallback = option->envvar ? getenv(option->envvar) : NULL;
        return option->val ? option->val : fallback ? fallback : "";
    }
    return "";
}

/* The words of a list with commas, one a call; false behind the last. A list has one word more than
 * commas, and the empty list has one, which is empty. */
static bool next_word(const char **list, char *word, size_t size_bytes)
{
    if (!*list)
        return false;
    const char *comma = strchrnul(*list, ',');
    size_t length = (size_t)(comma - *list);
    length = length < size_bytes ? length : size_bytes - 1;
    memcpy(word, *list, length);
    word[length] = '\0';
    *list = *comma ? comma + 1 : NULL;
    return true;
}

/* As libpq sees it: a socket's folder, or an abstract one. */
static bool is_folder(const char *host)
{
    return *host == '\0' || *host == '/' || *host == '@';
}

/* Looks host up; with numeric only if that needs no asking. */
static int look_up(const char *host, bool numeric, struct addrinfo **found)
{
    struct addrinfo want = {.ai_socktype = SOCK_STREAM, .ai_flags = numeric ? AI_NUMERICHOST : 0};
    return getaddrinfo(host, NULL, &want, found);
}

static bool is_numeric(const char *host)
{
    struct addrinfo *found = NULL;
    if (look_up(host, true, &found) != 0)
        return false;
    freeaddrinfo(found);
    return true;
}

/* 0 when no name has to be looked up to connect. */
static int check_resolved(const PQconninfoOption *options, struct err *err)
{
    char host[256];
    const char *hosts = option_value(options, "host");
    const char *addresses = option_value(options, "hostaddr");
    char address[256] = "";
    while (next_word(&hosts, host, sizeof(host))) {
        bool has_address = next_word(&addresses, address, sizeof(address)) && *address;
        if (!has_address && !is_folder(host) && !is_numeric(host))
            return err_set(err, -EINVAL, "the host '%s' is a name: pg_resolve it first", host);
    }
    return 0;
}

static int parse(PQconninfoOption **out, const char *conninfo, struct err *err)
{
    char *words = NULL;
    *out = PQconninfoParse(conninfo, &words);
    if (*out)
        return 0;
    int rc = words ? err_set(err, -EINVAL, "connection string: %.*s", pg_text_length(words), words)
                   : err_sys(err, -ENOMEM, "read a connection string");
    PQfreemem(words);
    return rc;
}

/* ---- Resolving ------------------------------------------------------------------------------- */

/* The three lists that belong together, rewritten with a place for each address. */
struct resolved {
    FILE *hosts, *addresses, *ports; /* memory streams */
    bool begun;                      /* something has been written: a comma comes first */
};

static void add_address(struct resolved *to, const char *host, const char *address,
                        const char *port)
{
    const char *comma = to->begun ? "," : "";
    to->begun = true;
    (void)fprintf(to->hosts, "%s%s", comma, host);
    (void)fprintf(to->addresses, "%s%s", comma, address);
    (void)fprintf(to->ports, "%s%s", comma, port);
}

static int resolve_host(struct resolved *to, const char *host, const char *port, struct err *err)
{
    if (is_folder(host) || is_numeric(host)) {
        add_address(to, host, is_folder(host) ? "" : host, port);
        return 0;
    }
    struct addrinfo *found = NULL;
    int rc = look_up(host, false, &found);
    if (rc)
        return err_set(err, -EHOSTUNREACH, "cannot resolve '%s': %s", host, gai_strerror(rc));
    for (const struct addrinfo *each = found; each; each = each->ai_next) {
        char address[64];
        rc = getnameinfo(each->ai_addr, each->ai_addrlen, address, sizeof(address), NULL, 0,
                         NI_NUMERICHOST);
        if (rc == 0)
            add_address(to, host, address, port);
    }
    freeaddrinfo(found);
    return 0;
}

static int resolve_hosts(struct resolved *to, const PQconninfoOption *options, struct err *err)
{
    char host[256], given[64] = "", port[16] = "";
    const char *hosts = option_value(options, "host");
    const char *addresses = option_value(options, "hostaddr");
    const char *ports = option_value(options, "port");
    if (*hosts == '\0') /* addresses alone: each stands for a host */
        hosts = addresses;
    int rc = 0;
    while (!rc && next_word(&hosts, host, sizeof(host))) {
        *given = '\0';
        (void)next_word(&addresses, given, sizeof(given));
        (void)next_word(&ports, port, sizeof(port)); /* a single one is for all */
        if (*given)
            add_address(to, host, given, port);
        else
            rc = resolve_host(to, host, port, err);
    }
    return rc;
}

static void write_option(FILE *to, const char *keyword, const char *value)
{
    if (*value == '\0')
        return;
    (void)fprintf(to, "%s='", keyword);
    for (; *value; value++)
        (void)fprintf(to, *value == '\'' || *value == '\\' ? "\\%c" : "%c", *value);
    (void)fputs("' ", to);
}

/* Everything but the lists as it was given; the user's name too, which libpq would look up. */
static void write_others(FILE *to, const PQconninfoOption *options)
{
    static const char *const lists[] = {"host", "hostaddr", "port"};
    for (const PQconninfoOption *option = options; option->keyword; option++) {
        bool is_list = false;
        for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
            is_list = is_list || strcmp(option->keyword, lists[i]) == 0;
        if (!is_list && option->val)
            write_option(to, option->keyword, option->val);
    }
}

static const char *default_user(const PQconninfoOption *defaults)
{
    for (const PQconninfoOption *option = defaults; option && option->keyword; option++)
        if (strcmp(option->keyword, "user") == 0)
            return option->val ? option->val : "";
    return "";
}

static int close_stream(FILE *stream)
{
    return !stream || fclose(stream) != 0 ? -ENOMEM : 0;
}

/* Writes the whole string: *out is its text, on the heap. */
static int write_conninfo(char **out, const PQconninfoOption *options, char *const *lists)
{
    size_t size;
    FILE *text = open_memstream(out, &size);
    if (!text)
        return -ENOMEM;
    write_option(text, "host", lists[0]);
    write_option(text, "hostaddr", lists[1]);
    write_option(text, "port", lists[2]);
    if (*option_value(options, "user") == '\0') {
        PQconninfoOption *defaults = PQconndefaults();
        write_option(text, "user", default_user(defaults));
        PQconninfoFree(defaults);
    }
    write_others(text, options);
    return close_stream(text);
}

int pg_resolve(char **out, const char *conninfo, struct err *err)
{
    char *lists[3] = {0};
    size_t sizes[3];
    PQconninfoOption *options = NULL;
    *out = NULL;
    int rc = parse(&options, conninfo, err);
    if (rc)
        return rc;
    struct resolved to = {
        .hosts = open_memstream(&lists[0], &sizes[0]),
        .addresses = open_memstream(&lists[1], &sizes[1]),
        .ports = open_memstream(&lists[2], &sizes[2]),
    };
    bool allocated = to.hosts && to.addresses && to.ports;
    if (allocated)
        rc = resolve_hosts(&to, options, err);
    bool complete = !close_stream(to.hosts);
    complete = !close_stream(to.addresses) && complete;
    complete = !close_stream(to.ports) && complete;
    if (!rc && (!complete || write_conninfo(out, options, lists))) {
        free(*out);
        *out = NULL;
        rc = err_sys(err, -ENOMEM, "resolve a connection string");
    }
    for (size_t i = 0; i < 3; i++)
        free(lists[i]);
    PQconninfoFree(options);
    return rc;
}

/* ---- Failures -------------------------------------------------------------------------------- */

/* The code in "FATAL:  28P01: password …", which is how the server's words look while the session
 * is verbose: libpq keeps the fields of a refusal to connect to itself. Returns it, or NULL. */
static const char *find_sqlstate(const char *words)
{
    static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (const char *at = strstr(words, ":  "); at; at = strstr(at + 1, ":  "))
        if (strspn(at + 3, alphabet) == 5 && strncmp(at + 8, ": ", 2) == 0)
            return at + 3;
    return NULL;
}

static int code_of_sqlstate(const char *sqlstate)
{
    static const struct {
        const char *prefix; /* of the SQLSTATE */
        int code;
    } codes[] = {
        {"28", -EACCES},    {"3D000", -ENOENT},   {"53300", -EUSERS},
        {"57P03", -EAGAIN}, {"57P", -ECONNRESET},
    };
    for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
        if (strncmp(sqlstate, codes[i].prefix, strlen(codes[i].prefix)) == 0)
            return codes[i].code;
    return -EREMOTEIO;
}

/* libpq says in words alone what the system answered. The words are the system's. */
static int code_of_words(const char *words)
{
    static const int codes[] = {ECONNREFUSED, ECONNRESET,  EPIPE,         ETIMEDOUT,
                                EHOSTUNREACH, ENETUNREACH, EADDRNOTAVAIL, EMFILE,
                                ENFILE,       EAGAIN,      EACCES,        EPERM};
    if (strstr(words, strerror(ENOENT))) /* a Unix socket: nobody listens */
        return -ECONNREFUSED;
    if (strstr(words, "server closed the connection") || strstr(words, strerror(EPIPE)))
        return -ECONNRESET;
    for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
        if (strstr(words, strerror(codes[i])))
            return -codes[i];
    return -EPROTO;
}

/* Writes libpq's lines, one for each host it tried, as one sentence. */
static void join_lines(char *text, size_t size_bytes, const char *lines)
{
    size_t used = 0;
    const char *end = lines + pg_text_length(lines);
    for (; lines < end && used + 3 < size_bytes; lines++) {
        if (*lines == '\n')
            text[used++] = ';';
        text[used++] = *lines == '\n' || *lines == '\t' ? ' ' : *lines;
        while (text[used - 1] == ' ' && lines[1] == '\t')
            lines++;
    }
    text[used] = '\0';
}

/* Fills err and sqlstate with why there is no session. */
static int explain_failure(PGconn *conn, char sqlstate[PG_SQLSTATE_BYTES], struct err *err)
{
    const char *words = PQerrorMessage(conn);
    const char *code = find_sqlstate(words);
    if (code) {
        memcpy(sqlstate, code, PG_SQLSTATE_BYTES - 1);
        sqlstate[PG_SQLSTATE_BYTES - 1] = '\0';
        const char *text = code + 7;
        return err_set(err, code_of_sqlstate(sqlstate), "connect to PostgreSQL: %.*s (%s)",
                       (int)strcspn(text, "\n"), text, sqlstate);
    }
    int rc = PQconnectionNeedsPassword(conn) ? -EACCES : code_of_words(words);
    char text[sizeof(err->text)];
    join_lines(text, sizeof(text), words);
    return err_set(err, rc, "connect to PostgreSQL: %s", text);
}

/* ---- The key ----------------------------------------------------------------------------------
 */

/* What a session's start looks like to PQtrace: the one public way to the backend's secret that
 * does not block when it is used (PQcancel has it and blocks). Read with `format` of PostgreSQL 14
 * and newer: "B<tab>12<tab>BackendKeyData<tab> 4711 -559038737". */
struct trace {
    FILE *stream; /* what libpq writes to */
    char *text;   /* what it has written */
    size_t size_bytes;
};

static int trace_begin(struct trace *trace, PGconn *conn)
{
    trace->stream = open_memstream(&trace->text, &trace->size_bytes);
    if (!trace->stream)
        return -ENOMEM;
    PQtrace(conn, trace->stream);
    PQsetTraceFlags(conn, PQTRACE_SUPPRESS_TIMESTAMPS);
    return 0;
}

/* Reads the key of the session that came about, the last one in the trace. */
static bool trace_find_key(const struct trace *trace, uint32_t key[2])
{
    static const char name[] = "BackendKeyData\t";
    const char *found = NULL;
    for (const char *at = strstr(trace->text, name); at; at = strstr(at + 1, name))
        found = at;
    int process, secret;
    if (!found || sscanf(found + sizeof(name) - 1, "%d %d", &process, &secret) != 2)
        return false;
    key[0] = (uint32_t)process;
    key[1] = (uint32_t)secret;
    return true;
}

/* Ends it; what it has seen of the password goes with it. key may be NULL. */
static bool trace_end(struct trace *trace, PGconn *conn, uint32_t *key)
{
    if (!trace->stream)
        return false;
    PQuntrace(conn);
    bool complete = fclose(trace->stream) == 0 && trace->text;
    bool found = complete && key && trace_find_key(trace, key);
    if (complete)
        explicit_bzero(trace->text, trace->size_bytes);
    free(trace->text);
    return found;
}

/* ---- Connecting ------------------------------------------------------------------------------ */

static void take_notice(void *arg, const PGresult *notice)
{
    struct pg *pg = arg;
    const char *words = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);
    pg->notices++;
    (void)snprintf(pg->notice, sizeof(pg->notice), "%s", words ? words : "");
}

/* The steps of libpq's connecting. The socket may be another one after each. */
static int poll_until_connected(struct ctx *ctx, PGconn *conn, char sqlstate[PG_SQLSTATE_BYTES],
                                struct err *err)
{
    PostgresPollingStatusType want = PGRES_POLLING_WRITING;
    if (PQstatus(conn) == CONNECTION_BAD)
        return explain_failure(conn, sqlstate, err);
    while (want != PGRES_POLLING_OK) {
        if (want == PGRES_POLLING_FAILED)
            return explain_failure(conn, sqlstate, err);
        int rc = ctx_error(ctx); /* also where the socket is always ready */
        if (!rc)
            rc = io_poll(ctx, PQsocket(conn), want == PGRES_POLLING_READING ? POLLIN : POLLOUT);
        if (rc < 0)
            return err_sys(err, rc, "connect to PostgreSQL");
        want = PQconnectPoll(conn);
    }
    return 0;
}

static PGconn *start(const char *conninfo)
{
    static const char *const keywords[] = {"gssencmode", "fallback_application_name", "dbname",
                                           NULL};
    const char *const values[] = {"disable", "poolstorm", conninfo, NULL};
    return PQconnectStartParams(keywords, values, 1); /* later ones win */
}

/* Everything about a connected session that is asked for once. */
static int complete(struct pg *pg, struct err *err)
{
    PQsetErrorVerbosity(pg->conn, PQERRORS_DEFAULT);
    if (PQsetnonblocking(pg->conn, 1) != 0)
        return err_set(err, -ECONNRESET, "connect to PostgreSQL: lost at once");
    pg->peer.length = sizeof(pg->peer.storage);
    if (getpeername(PQsocket(pg->conn), (struct sockaddr *)&pg->peer.storage, &pg->peer.length))
        return err_sys(err, -errno, "connect to PostgreSQL: getpeername");
    int rc = io_alert_create(&pg->input, PQsocket(pg->conn));
    return rc ? err_sys(err, rc, "connect to PostgreSQL") : 0;
}

static int establish(struct ctx *ctx, struct pg *pg, const char *conninfo,
                     char sqlstate[PG_SQLSTATE_BYTES], struct err *err)
{
    struct trace trace = {0};
    pg->conn = start(conninfo);
    if (!pg->conn || trace_begin(&trace, pg->conn))
        return err_sys(err, -ENOMEM, "connect to PostgreSQL");
    (void)PQsetNoticeReceiver(pg->conn, take_notice, pg);
    (void)PQsetErrorVerbosity(pg->conn, PQERRORS_VERBOSE); /* see find_sqlstate */
    int rc = poll_until_connected(ctx, pg->conn, sqlstate, err);
    pg->has_key = trace_end(&trace, pg->conn, rc ? NULL : pg->cancel_key);
    return rc ? rc : complete(pg, err);
}

int pg_connect(struct ctx *ctx, struct pg **out, const char *conninfo,
               char sqlstate[PG_SQLSTATE_BYTES], struct err *err)
{
    char unread[PG_SQLSTATE_BYTES];
    sqlstate = sqlstate ? sqlstate : unread;
    *sqlstate = '\0';
    *out = NULL;
    PQconninfoOption *options = NULL;
    int rc = ctx_error(ctx);
    if (rc)
        return err_sys(err, rc, "connect to PostgreSQL");
    rc = parse(&options, conninfo, err);
    if (rc)
        return rc;
    rc = check_resolved(options, err);
    PQconninfoFree(options);
    if (rc)
        return rc;
    struct pg *pg = calloc(1, sizeof(*pg));
    if (!pg)
        return err_sys(err, -ENOMEM, "connect to PostgreSQL");
    rc = establish(ctx, pg, conninfo, sqlstate, err);
    if (rc) {
        pg_close(pg);
        return rc;
    }
    *out = pg;
    return 0;
}

void pg_close(struct pg *pg)
{
    if (!pg)
        return;
    io_alert_destroy(pg->input);
    PQfinish(pg->conn); /* of a non-blocking session: says goodbye if there is room, and closes */
    free(pg);
}

void pg_cut(struct pg *pg)
{
    (void)shutdown(PQsocket(pg->conn), SHUT_RDWR);
}
