/* SPDX-License-Identifier: MIT */
/* guard.c - looks at the head of a request to the control API. */
#include "faults/control/guard.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#define TYPE_TEXT "text/plain; charset=utf-8"

/* In a time that does not tell how much of it was right. */
static bool is_token(const char *given, const char *token)
{
    bool same_length = strlen(given) == strlen(token);
    unsigned char differs = !same_length;
    for (size_t i = 0; given[i]; i++)
        differs |= (unsigned char)(given[i] ^ token[same_length ? i : 0]);
    return differs == 0;
}

static bool has_token(const struct control_guard *guard, const char *authorization)
{
    return authorization && strncasecmp(authorization, "Bearer ", 7) == 0 &&
           is_token(authorization + 7, guard->token);
}

static bool is_numeric(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

/* "localhost:8474", "[::1]:8474", "127.0.0.1". A page's own name, made to mean our address, is
 * none of them. */
static bool is_our_host(const struct control_guard *guard, const char *header)
{
    char host[256];
    bool bracketed = *header == '[';
    const char *first = header + bracketed;
    size_t length = strcspn(first, bracketed ? "]" : ":");
    if (length >= sizeof(host))
        return false;
    memcpy(host, first, length);
    host[length] = '\0';
    return strcasecmp(host, "localhost") == 0 || is_numeric(host) ||
           (guard->host && strcasecmp(host, guard->host) == 0);
}

bool control_guard_admits(const struct control_guard *guard, const struct control_headers *headers,
                          struct control_reply *reply)
{
    if (headers->user_agent && strncmp(headers->user_agent, "Mozilla/", 8) == 0) {
        control_reply_text(reply, 403, TYPE_TEXT, "User agent not allowed\n");
        return false;
    }
    if (guard->token && has_token(guard, headers->authorization))
        return true;
    if (guard->token) {
        control_reply_error(reply, 401, "expected Authorization: Bearer with the control's token");
        return false;
    }
    if (headers->host && !is_our_host(guard, headers->host)) {
        control_reply_text(reply, 403, TYPE_TEXT, "Host not allowed\n");
        return false;
    }
    return true;
}
