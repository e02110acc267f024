/* SPDX-License-Identifier: MIT */
/* conninfo.h - connection strings: checked, and rewritten for one run's schema. */
#ifndef POOLSTORM_RUN_CONNINFO_H
#define POOLSTORM_RUN_CONNINFO_H

#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 0 when every address that conninfo leads to is of this machine or one of allowed, see
 * allow_check. -EINVAL when conninfo is none, or uses a service file, which could lead elsewhere;
 * -EACCES; -EHOSTUNREACH for a name that cannot be resolved. Resolves names. */
int conninfo_check(const char *conninfo, const char *allowed, struct err *err);

/* The same database as a URI in which unqualified names mean things in schema and whose sessions
 * call themselves application name; what conninfo has of its own options stays. The caller frees
 * *out. */
int conninfo_rewrite(char **out, const char *conninfo, const char *schema, bool with_password,
                     struct err *err);

/* Where conninfo leads to, as the fault proxy takes it: "10.0.0.7:5432", "db:5432",
 * "unix:/run/.s.PGSQL.5432". -EINVAL when it names none or several hosts. Returns 0 or -errno. */
int conninfo_address(const char *conninfo, char *text, size_t size_bytes, struct err *err);

/* The same database by way of 127.0.0.1:port, as a URI. The caller frees *out. */
int conninfo_redirect(char **out, const char *conninfo, uint16_t port, struct err *err);

/* "app at 10.0.0.7:5432", for people; never with a password. Returns text. */
char *conninfo_describe(const char *conninfo, char *text, size_t size_bytes);

/* The password conninfo holds, or NULL; the caller frees it. */
char *conninfo_password(const char *conninfo);

#endif
