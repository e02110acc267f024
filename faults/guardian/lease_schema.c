/* SPDX-License-Identifier: MIT */
/* lease_schema.c - a schema in someone's PostgreSQL, dropped with all that is in it.
 *
 * Asking a server takes its time, and with an unreachable one very long: a worker does it, so that
 * no other lease has to wait. */
#include "faults/guardian/guardian.h"
#include "faults/guardian/lease.h"

#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_S = 8 }; /* of the worker in all; the guardian waits for 10 s */

/* Both lie behind it. */
struct schema {
    const char *name, *conninfo;
    char texts[];
};

/* The name goes into SQL as it is. */
static bool is_name(const char *text)
{
    return *text && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(text);
}

/* Words: the schema's name, made of small letters, digits and '_', and a connection string whose
 * sessions call themselves (application_name) by the same name. The schema need not exist yet. */
static int schema_take(struct lease *lease, char *const *words, struct err *err)
{
    if (!words[0] || !is_name(words[0]) || !words[1] || words[2])
        return err_set(err, -EINVAL, "expected the name of a schema and a connection string");
    size_t name_bytes = strlen(words[0]) + 1, conninfo_bytes = strlen(words[1]) + 1;
    struct schema *schema = calloc(1, sizeof(*schema) + name_bytes + conninfo_bytes);
    if (!schema)
        return err_sys(err, -ENOMEM, "hold a schema");
    memcpy(schema->texts, words[0], name_bytes);
    memcpy(schema->texts + name_bytes, words[1], conninfo_bytes);
    schema->name = schema->texts;
    schema->conninfo = schema->texts + name_bytes;
    lease->state = schema;
    return 0;
}

static bool execute(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/* The run's other sessions may hold locks, or do work that nobody waits for any more. */
static bool drop(PGconn *conn, const struct schema *schema)
{
    char sql[512];
    (void)snprintf(sql, sizeof(sql),
                   "SELECT pg_terminate_backend(pid%s) FROM pg_stat_activity WHERE "
                   "application_name IN ('%s', '%s lock') AND pid <> pg_backend_pid()",
                   PQserverVersion(conn) >= 140000 ? ", 2000" : "", schema->name, schema->name);
    (void)execute(conn, sql); /* whom it may not end, the lock's patience covers */
    (void)execute(conn, "SET lock_timeout = '4s'; SET client_min_messages = error");
    (void)snprintf(sql, sizeof(sql), "DROP SCHEMA IF EXISTS %s CASCADE", schema->name);
    return execute(conn, sql);
}

/* Of a connection string the last mention counts. */
_Noreturn static void work(const struct schema *schema)
{
    const char *const keywords[] = {"dbname", "connect_timeout", NULL};
    const char *const values[] = {schema->conninfo, "4", NULL};
    (void)alarm(PATIENCE_S);
    (void)close(GUARDIAN_FD); /* the holder is to see when the guardian ends, not this one */
    PGconn *conn = PQconnectdbParams(keywords, values, 1);
    bool dropped = PQstatus(conn) == CONNECTION_OK && drop(conn, schema);
    if (!dropped) {
        const char *words = PQerrorMessage(conn);
        (void)fprintf(stderr, "poolstorm: schema %s could not be dropped: %.*s\n", schema->name,
                      (int)strcspn(words, "\n"), words);
    }
    PQfinish(conn);
    _exit(dropped ? 0 : 1);
}

/* The guardian has one thread, so fork is safe here, and the child may do all the above. */
static void schema_undo(struct lease *lease, const struct lease *all)
{
    (void)all;
    if (lease->pid == 0) {
        pid_t pid = fork();
        if (pid == 0)
            work(lease->state);
        lease->worker = true;
        lease->pid = pid > 0 ? pid : 0; /* without a process there is a next time */
    }
    lease->ended = lease->pid > 0 && lease->status >= 0;
}

const struct lease_kind lease_schema = {
    .name = "schema",
    .take = schema_take,
    .adopt = schema_take,
    .undo = schema_undo,
};
