/* SPDX-License-Identifier: MIT */
/* postgres_fixture.h - a private, throw-away PostgreSQL for a test program. */
#ifndef POOLSTORM_TESTS_POSTGRES_FIXTURE_H
#define POOLSTORM_TESTS_POSTGRES_FIXTURE_H

#include <stdbool.h>
#include <sys/types.h>

/* A server with a folder, a port and a socket of its own, so that tests may run side by side. It is
 * gone, folder and all, after postgres_stop or when the test ends in whatever way: a process that
 * outlives the test sees to it. Runs as the user postgres or nobody when the test runs as root.
 * Blocks: to be started and stopped off the ring. Fails the test where something goes wrong. */
struct postgres {
    char folder[64];  /* holds the cluster in data, and the socket */
    int port;         /* on 127.0.0.1; part of the socket's name, too */
    pid_t postmaster; /* the server's first process, to be disturbed with signals */
    pid_t keeper;     /* private: the process that clears up */
    int leash;        /* private: closing it tells the keeper to do so */
};

/* Is a server installed? Prints TAP's words for a program that is skipped when not. */
bool postgres_is_installed(void);

/* settings: "name = value"…, ended by NULL; NULL for none. Over TCP the role `locked` needs its
 * password `open sesame` and `banned` is rejected; `postgres` is the superuser and `tester` is an
 * ordinary role that owns the database `test`. With `tls` the server has a certificate of its own
 * and speaks TLS. */
void postgres_start(struct postgres *server, const char *const *settings, bool tls);

void postgres_stop(struct postgres *server);

/* A connection string for the role and database `test`, by TCP or by Unix socket, in a buffer that
 * the second next call writes over. more (may be "") is put behind it. */
const char *postgres_tcp(const struct postgres *server, const char *role, const char *more);
const char *postgres_unix(const struct postgres *server, const char *role, const char *more);

#endif
