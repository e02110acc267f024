/* SPDX-License-Identifier: MIT */
/* conninfo.c - takes connection strings apart with libpq's own reader and writes them as URIs. */
#include "run/conninfo.h"

#include "core/sock.h"
#include "postgres/pg.h"
#include "run/allow.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int parse(PQconninfoOption **out, const char *conninfo, struct err *err)
{
    char *words = NULL;
    *out = PQconninfoParse(conninfo, &words);
    int rc = *out    ? 0
             : words ? err_set(err, -EINVAL, "%.*s", (int)strcspn(words, "\n"), words)
                     : err_sys(err, -ENOMEM, "read a connection string");
    PQfreemem(words);
    return rc;
}

static const char *value_of(const PQconninfoOption *options, const char *keyword)
{
    for (const PQconninfoOption *option = options; option->keyword; option++)
        if (strcmp(option->keyword, keyword) == 0)
            return option->val ? option->val : "";
    return "";
}

/* ---- Checking -------------------------------------------------------------------------------- */

/* One item of a list with commas; moves *list behind it. */
static void next_item(const char **list, char *item, size_t size_bytes)
{
    size_t length = strcspn(*list, ",");
    (void)snprintf(item, size_bytes, "%.*s", (int)length, *list);
    *list += length + ((*list)[length] == ',');
}

static int check_address(const char *address, const char *port, const char *allowed,
                         struct err *err)
{
    struct load_target target = {0};
    char text[200];
    bool ipv6 = strchr(address, ':') != NULL;
    (void)snprintf(text, sizeof(text), ipv6 ? "[%s]:%s" : "%s:%s", address, *port ? port : "5432");
    (void)snprintf(target.host, sizeof(target.host), "the database at %s", text);
    int rc = addr_parse(&target.addr, text, err);
    return rc ? rc : allow_check(&target, allowed, err);
}

/* Resolved lists: an address for each host, "" for a folder, that is a Unix socket. */
static int check_resolved(const PQconninfoOption *options, const char *allowed, struct err *err)
{
    const char *addresses = value_of(options, "hostaddr"), *ports = value_of(options, "port");
    char address[128], port[16] = "";
    int rc = 0;
    while (*addresses && !rc) {
        next_item(&addresses, address, sizeof(address));
        if (*ports)
            next_item(&ports, port, sizeof(port)); /* a single one is for all */
        if (*address)
            rc = check_address(address, port, allowed, err);
    }
    return rc;
}

int conninfo_check(const char *conninfo, const char *allowed, struct err *err)
{
    PQconninfoOption *options = NULL;
    char *resolved = NULL;
    int rc = parse(&options, conninfo, err);
    if (rc)
        return rc;
    if (*value_of(options, "service") || getenv("PGSERVICE"))
        rc = err_set(err, -EINVAL, "expected host and port, not a service from a file");
    PQconninfoFree(options);
    options = NULL;
    if (!rc)
        rc = pg_resolve(&resolved, conninfo, err);
    if (!rc)
        rc = parse(&options, resolved, err);
    if (!rc)
        rc = check_resolved(options, allowed, err);
    PQconninfoFree(options);
    free(resolved);
    return rc;
}

/* ---- Rewriting ------------------------------------------------------------------------------- */

static void write_encoded(FILE *to, const char *text)
{
    for (; *text; text++)
        if (isalnum((unsigned char)*text) || strchr("-._~", *text))
            (void)fputc(*text, to);
        else
            (void)fprintf(to, "%%%02X", (unsigned char)*text);
}

static void write_parameter(FILE *to, bool *begun, const char *name, const char *value)
{
    (void)fprintf(to, "%c%s=", *begun ? '&' : '?', name);
    write_encoded(to, value);
    *begun = true;
}

/* What fits between "//" and "?" of a URI that everyone's drivers read. */
static bool stands_before(const char *keyword, bool plain_host)
{
    static const char *const always[] = {"user", "password", "dbname", NULL};
    static const char *const plain[] = {"host", "port", NULL};
    for (size_t i = 0; always[i]; i++)
        if (strcmp(keyword, always[i]) == 0)
            return true;
    for (size_t i = 0; plain_host && plain[i]; i++)
        if (strcmp(keyword, plain[i]) == 0)
            return true;
    return false;
}

static void write_before(FILE *to, const PQconninfoOption *options, bool plain_host,
                         bool with_password)
{
    const char *host = value_of(options, "host"), *port = value_of(options, "port");
    const char *user = value_of(options, "user"), *password = value_of(options, "password");
    (void)fputs("postgresql://", to);
    write_encoded(to, user);
    if (with_password && *password) {
        (void)fputc(':', to);
        write_encoded(to, password);
    }
    if (*user || (with_password && *password))
        (void)fputc('@', to);
    if (plain_host)
        (void)fprintf(to, strchr(host, ':') ? "[%s]" : "%s", host);
    if (plain_host && *port)
        (void)fprintf(to, ":%s", port);
    (void)fputc('/', to);
    write_encoded(to, value_of(options, "dbname"));
}

static void write_uri(FILE *to, const PQconninfoOption *options, const char *schema,
                      bool with_password)
{
    const char *host = value_of(options, "host"), *own = value_of(options, "options");
    bool plain_host = *host && !strpbrk(host, ",/@%") && !strchr(value_of(options, "port"), ',');
    bool begun = false;
    char words[1024];
    write_before(to, options, plain_host, with_password);
    (void)snprintf(words, sizeof(words), "%s%s-csearch_path=%s", own, *own ? " " : "", schema);
    for (const PQconninfoOption *option = options; option->keyword; option++)
        if (option->val && *option->val && !stands_before(option->keyword, plain_host) &&
            strcmp(option->keyword, "options") != 0 &&
            strcmp(option->keyword, "application_name") != 0)
            write_parameter(to, &begun, option->keyword, option->val);
    write_parameter(to, &begun, "application_name", schema);
    write_parameter(to, &begun, "options", words);
}

int conninfo_rewrite(char **out, const char *conninfo, const char *schema, bool with_password,
                     struct err *err)
{
    PQconninfoOption *options;
    size_t size_bytes;
    *out = NULL;
    int rc = parse(&options, conninfo, err);
    if (rc)
        return rc;
    FILE *to = open_memstream(out, &size_bytes);
    if (to)
        write_uri(to, options, schema, with_password);
    if (!to || fclose(to) != 0)
        rc = err_sys(err, -ENOMEM, "write a connection string");
    PQconninfoFree(options);
    return rc;
}

/* ---- A way round ----------------------------------------------------------------------------- */

int conninfo_address(const char *conninfo, char *text, size_t size_bytes, struct err *err)
{
    PQconninfoOption *options;
    int rc = parse(&options, conninfo, err);
    if (rc)
        return rc;
    const char *host = value_of(options, "host"), *port = value_of(options, "port");
    const char *address = value_of(options, "hostaddr");
    if (!*port)
        port = "5432";
    if (*address)
        host = address;
    int length = 0;
    if (!*host || strchr(host, ',') || strchr(port, ','))
        rc = err_set(err, -EINVAL, "a fault proxy needs one host in the connection string, not %s",
                     *host ? "several" : "none");
    else if (host[0] == '/')
        length = snprintf(text, size_bytes, "unix:%s/.s.PGSQL.%s", host, port);
    else
        length = snprintf(text, size_bytes, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
    if (!rc && (length < 0 || (size_t)length >= size_bytes))
        rc = err_set(err, -ENAMETOOLONG, "host '%.60s…' of the database", host);
    PQconninfoFree(options);
    return rc;
}

/* libpq frees the values. Unset stays unset with NULL. */
static int replace(PQconninfoOption *options, const char *keyword, const char *value)
{
    for (PQconninfoOption *option = options; option->keyword; option++) {
        if (strcmp(option->keyword, keyword) != 0)
            continue;
        char *copy = value ? strdup(value) : NULL;
        if (value && !copy)
            return -ENOMEM;
        free(option->val);
        option->val = copy;
    }
    return 0;
}

int conninfo_redirect(char **out, const char *conninfo, uint16_t port, struct err *err)
{
    PQconninfoOption *options;
    char number[8];
    size_t size_bytes;
    bool begun = false;
    *out = NULL;
    int rc = parse(&options, conninfo, err);
    if (rc)
        return rc;
    (void)snprintf(number, sizeof(number), "%u", port);
    rc = replace(options, "host", "127.0.0.1");
    if (!rc)
        rc = replace(options, "port", number);
    if (!rc)
        rc = replace(options, "hostaddr", NULL);
    FILE *to = rc ? NULL : open_memstream(out, &size_bytes);
    if (to) {
        write_before(to, options, true, true);
        for (const PQconninfoOption *option = options; option->keyword; option++)
            if (option->val && *option->val && !stands_before(option->keyword, true))
                write_parameter(to, &begun, option->keyword, option->val);
    }
    if (!to || fclose(to) != 0)
        rc = err_sys(err, -ENOMEM, "write a connection string");
    PQconninfoFree(options);
    return rc;
}

char *conninfo_describe(const char *conninfo, char *text, size_t size_bytes)
{
    PQconninfoOption *options;
    *text = '\0';
    if (parse(&options, conninfo, NULL))
        return text;
    const char *host = value_of(options, "host"), *port = value_of(options, "port");
    const char *database = value_of(options, "dbname");
    (void)snprintf(text, size_bytes, "%s%s%s%s%s", *database ? database : "its default database",
                   " at ", *host ? host : "its default host", *port ? ":" : "", port);
    PQconninfoFree(options);
    return text;
}

char *conninfo_password(const char *conninfo)
{
    PQconninfoOption *options;
    if (parse(&options, conninfo, NULL))
        return NULL;
    const char *password = value_of(options, "password");
    char *copy = *password ? strdup(password) : NULL;
    PQconninfoFree(options);
    return copy;
}
