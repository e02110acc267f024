/* SPDX-License-Identifier: MIT */
/* address.c - splitting, resolving, listening, and the words that Go has for what fails. */
#include "faults/proxy/address.h"

#include "faults/proxy/hosts.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>
#include <unistd.h>

enum { TRIES_FOR_A_PORT = 16 }; /* a free one may be taken between two calls */

/* Host and port of a text, apart. */
struct parts {
    char host[256];
    uint16_t port; /* in the host's order */
};

/* ---- Splitting ------------------------------------------------------------------------------- */

static int bad_address(struct err *err, const char *text, const char *why)
{
    return err_set(err, -EINVAL, "listen tcp: address %s: %s", text, why);
}

static int split_port(struct parts *parts, const char *port, struct err *err)
{
    char *end;
    unsigned long number = strtoul(port, &end, 10);
    if (*port == '\0') {
        parts->port = 0; /* Go takes "host:" for port 0 */
        return 0;
    }
    if (isdigit((unsigned char)*port) && *end == '\0') {
        parts->port = (uint16_t)number;
        return number > 65535 ? bad_address(err, port, "invalid port") : 0;
    }
    if (hosts_find_port(SERVICES_PATH, port, &parts->port))
        return err_set(err, -EINVAL, "listen tcp: lookup tcp/%s: unknown port", port);
    return 0;
}

static int split(struct parts *parts, const char *text, struct err *err)
{
    const char *colon = strrchr(text, ':');
    const char *first = text, *last = colon;
    if (!colon)
        return bad_address(err, text, "missing port in address");
    if (*first == '[') {
        const char *bracket = strchr(first, ']');
        if (!bracket)
            return bad_address(err, text, "missing ']' in address");
        if (bracket + 1 != colon)
            return bad_address(err, text,
                               bracket > colon ? "missing port in address"
                                               : "too many colons in address");
        first++;
        last = bracket;
    } else if (memchr(first, ':', (size_t)(last - first))) {
        return bad_address(err, text, "too many colons in address");
    }
    size_t length = (size_t)(last - first);
    if (length >= sizeof(parts->host))
        return err_set(err, -EHOSTUNREACH,
                       "listen tcp: lookup of a name of %zu bytes: no such host", length);
    memcpy(parts->host, first, length);
    parts->host[length] = '\0';
    return split_port(parts, colon + 1, err);
}

/* ---- From text to address -------------------------------------------------------------------- */

static void set_v4(struct addr *addr, struct in_addr host, uint16_t port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = host};
    memcpy(&addr->storage, &in, sizeof(in));
    addr->length = sizeof(in);
}

static void set_v6(struct addr *addr, struct in6_addr host, uint16_t port)
{
    struct sockaddr_in6 in6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = host};
    memcpy(&addr->storage, &in6, sizeof(in6));
    addr->length = sizeof(in6);
}

static bool set_number(struct addr *addr, const struct parts *parts)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, parts->host, &v4) == 1)
        set_v4(addr, v4, parts->port);
    else if (inet_pton(AF_INET6, parts->host, &v6) == 1)
        set_v6(addr, v6, parts->port);
    else
        return false;
    return true;
}

/* IPv4 first, as Go does. */
static int set_name(struct addr *addr, const struct parts *parts)
{
    static const int families[] = {AF_INET, AF_INET6};
    for (size_t i = 0; i < 2; i++) {
        struct addrinfo *found = NULL;
        struct addrinfo want = {.ai_family = families[i], .ai_socktype = SOCK_STREAM};
        if (getaddrinfo(parts->host, NULL, &want, &found))
            continue;
        memcpy(&addr->storage, found->ai_addr, found->ai_addrlen);
        addr->length = found->ai_addrlen;
        freeaddrinfo(found);
        if (families[i] == AF_INET)
            ((struct sockaddr_in *)&addr->storage)->sin_port = htons(parts->port);
        else
            ((struct sockaddr_in6 *)&addr->storage)->sin6_port = htons(parts->port);
        return 0;
    }
    return -EHOSTUNREACH;
}

/* The same by /etc/hosts; localhost needs none. */
static int set_own_name(struct addr *addr, const struct parts *parts)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (hosts_find(HOSTS_PATH, parts->host, AF_INET, &v4) == 0) {
        set_v4(addr, v4, parts->port);
    } else if (hosts_find(HOSTS_PATH, parts->host, AF_INET6, &v6) == 0) {
        set_v6(addr, v6, parts->port);
    } else if (strcasecmp(parts->host, "localhost") == 0) {
        v4.s_addr = htonl(INADDR_LOOPBACK);
        set_v4(addr, v4, parts->port);
    } else {
        return -EHOSTUNREACH;
    }
    return 0;
}

static int set_unix(struct addr *addr, const char *path, struct err *err)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof(name.sun_path))
        return err_set(err, -EINVAL, "listen unix %s: bind: invalid argument", path);
    memcpy(name.sun_path, path, length + 1);
    memcpy(&addr->storage, &name, sizeof(name));
    addr->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
    return 0;
}

static const char *unix_path(const char *text)
{
    return strncmp(text, "unix:", 5) == 0 ? text + 5 : NULL;
}

static bool have_v6(void)
{
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        (void)close(fd);
    return fd >= 0;
}

static bool is_any(const struct addr *addr)
{
    if (addr->storage.ss_family == AF_INET6)
        return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)&addr->storage)->sin6_addr);
    return ((const struct sockaddr_in *)&addr->storage)->sin_addr.s_addr == htonl(INADDR_ANY);
}

int address_listen(struct addr *addr, const char *text, struct err *err)
{
    struct parts parts;
    *addr = (struct addr){0};
    if (unix_path(text))
        return set_unix(addr, unix_path(text), err);
    int rc = split(&parts, *text ? text : ":0", err);
    if (rc)
        return rc;
    if (parts.host[0] == '\0')
        set_v6(addr, in6addr_any, parts.port);
    else if (!set_number(addr, &parts) && set_own_name(addr, &parts))
        return err_set(err, -EHOSTUNREACH,
                       "listen tcp: lookup %s: no such host in " HOSTS_PATH
                       " (expected an address, localhost, or a name from there)",
                       parts.host);
    if (!is_any(addr))
        return 0;
    if (have_v6())
        set_v6(addr, in6addr_any, parts.port);
    else
        set_v4(addr, (struct in_addr){.s_addr = htonl(INADDR_ANY)}, parts.port);
    return 0;
}

bool address_same_listen(const char *one, const char *other)
{
    struct addr addrs[2];
    if (strcmp(one, other) == 0)
        return true;
    return address_listen(&addrs[0], one, NULL) == 0 &&
           address_listen(&addrs[1], other, NULL) == 0 && addrs[0].length == addrs[1].length &&
           memcmp(&addrs[0].storage, &addrs[1].storage, addrs[0].length) == 0;
}

int address_upstream(struct addr *addr, const char *text)
{
    struct parts parts;
    *addr = (struct addr){0};
    if (unix_path(text))
        return set_unix(addr, unix_path(text), NULL);
    int rc = split(&parts, text, NULL);
    if (rc)
        return rc;
    if (parts.host[0] == '\0')
        set_v4(addr, (struct in_addr){.s_addr = htonl(INADDR_LOOPBACK)}, parts.port);
    else if (!set_number(addr, &parts))
        return -EAGAIN;
    return 0;
}

int address_resolve(struct addr *addr, const char *text)
{
    struct parts parts;
    *addr = (struct addr){0};
    int rc = split(&parts, text, NULL);
    return rc ? rc : set_name(addr, &parts);
}

/* ---- Listening ------------------------------------------------------------------------------- */

/* "listen tcp 127.0.0.1:80: bind: permission denied". Returns code. */
static int listen_failed(struct err *err, int code, const struct addr *addr, const char *as_given,
                         const char *call)
{
    char words[128], text[128];
    const char *known = strerrordesc_np(-code);
    (void)snprintf(words, sizeof(words), "%s", known ? known : "unknown error");
    words[0] = (char)tolower((unsigned char)words[0]);
    bool local = addr->storage.ss_family == AF_UNIX;
    const char *where = local          ? as_given + strlen("unix:")
                        : is_any(addr) ? as_given
                                       : addr_format(addr, text, sizeof(text));
    return err_set(err, code, "listen %s %s: %s: %s", local ? "unix" : "tcp", where, call, words);
}

static void switch_option(int fd, int level, int name, int value)
{
    (void)setsockopt(fd, level, name, &value,
                     sizeof(value)); /* a family that has none needs none */
}

/* A bound socket, or -errno. */
static int open_bound(const struct addr *addr, const char *as_given, struct err *err)
{
    int family = addr->storage.ss_family;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return listen_failed(err, -errno, addr, as_given, "socket");
    if (family != AF_UNIX)
        switch_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (family == AF_INET6)
        switch_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, !is_any(addr));
    if (bind(fd, (const struct sockaddr *)&addr->storage, addr->length) != 0) {
        int rc = listen_failed(err, -errno, addr, as_given, "bind");
        (void)close(fd);
        return rc;
    }
    return fd;
}

static bool asks_for_any_port(const struct addr *addr)
{
    int family = addr->storage.ss_family;
    return (family == AF_INET && ((const struct sockaddr_in *)&addr->storage)->sin_port == 0) ||
           (family == AF_INET6 && ((const struct sockaddr_in6 *)&addr->storage)->sin6_port == 0);
}

/* Asks for a free port, and then for that one: a port the kernel chose is lost when the socket
 * stops listening for a while. */
static int open_on_any_port(const struct addr *addr, const char *as_given, struct err *err)
{
    for (int i = 0; i < TRIES_FOR_A_PORT; i++) {
        struct addr chosen;
        int fd = open_bound(addr, as_given, err);
        int rc = fd < 0 ? fd : sock_local(fd, &chosen);
        if (fd >= 0)
            (void)close(fd);
        if (rc < 0)
            return rc;
        fd = open_bound(&chosen, as_given, err);
        if (fd != -EADDRINUSE)
            return fd;
    }
    return -EADDRINUSE;
}

int address_open(const struct addr *addr, const char *as_given, struct err *err)
{
    bool any = asks_for_any_port(addr);
    int fd = any ? open_on_any_port(addr, as_given, err) : open_bound(addr, as_given, err);
    if (fd < 0 || listen(fd, ADDRESS_BACKLOG) == 0)
        return fd;
    int rc = listen_failed(err, -errno, addr, as_given, "listen");
    if (addr->storage.ss_family == AF_UNIX)
        (void)unlink(((const struct sockaddr_un *)&addr->storage)->sun_path);
    (void)close(fd);
    return rc;
}
