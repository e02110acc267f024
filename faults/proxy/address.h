/* SPDX-License-Identifier: MIT */
/* address.h - where a proxy listens and what it relays to, read and written as Go has them. */
#ifndef POOLSTORM_FAULTS_PROXY_ADDRESS_H
#define POOLSTORM_FAULTS_PROXY_ADDRESS_H

#include "core/err.h"
#include "core/sock.h"

#include <stdbool.h>

enum { ADDRESS_BACKLOG = 4096 }; /* the kernel takes net.core.somaxconn where that is less */

/* All take "host:port", "[v6]:port", ":port" and "unix:/path"; a port may be a service's name,
 * of those in /etc/services. The text of errors is that of Go's net package, which clients of
 * Toxiproxy match. */

/* Where to listen. No host, 0.0.0.0 and :: are every address of both families; no text at all is a
 * free port of them, as for Go. A name is localhost or one of /etc/hosts: what is this machine's
 * own address does not take a resolver, which could hold up the ring. Errors: -EINVAL,
 * -EHOSTUNREACH (no such host). */
int address_listen(struct addr *addr, const char *text, struct err *err);

/* Whether the two name the same place to listen, be it in other words. */
bool address_same_listen(const char *one, const char *other);

/* What to call. No host is this one. -EAGAIN for a host that is a name: see lookup.h; -EINVAL. */
int address_upstream(struct addr *addr, const char *text);

/* The same for a name, BLOCKING in the system's resolver. -EHOSTUNREACH when there is none such. */
int address_resolve(struct addr *addr, const char *text);

/* An open socket that listens there, or -errno; port 0 takes a free one, which is then the socket's
 * own as if it had been asked for by number. as_given is for errors. */
int address_open(const struct addr *addr, const char *as_given, struct err *err);

#endif
