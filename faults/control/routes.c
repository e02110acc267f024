/* SPDX-License-Identifier: MIT */
/* routes.c - finds what a method and a path ask for. */
#include "faults/control/answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SEGMENTS_MAX = 6 };

static const struct control_route *const tables[] = {
    control_proxy_routes,
    control_toxic_routes,
    control_set_routes,
};

/* A path cut at its slashes, and decoded then: a name may have a slash in it. */
struct path {
    char *text;                /* what parts point into */
    char *parts[SEGMENTS_MAX]; /* "proxies", "redis" */
    size_t count;              /* SEGMENTS_MAX + 1: no route has as many */
};

static int digit(char c)
{
    return c >= '0' && c <= '9'                 ? c - '0'
           : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                : -1;
}

/* In place; what is no escape stays, and so does %00, which would end the text. */
static void decode(char *text)
{
    char *to = text;
    for (const char *from = text; *from; to++) {
        int high = from[0] == '%' ? digit(from[1]) : -1;
        int low = high >= 0 ? digit(from[2]) : -1;
        bool escaped = low >= 0 && high + low > 0;
        *to = escaped ? (char)(high * 16 + low) : *from;
        from += escaped ? 3 : 1;
    }
    *to = '\0';
}

static int path_split(struct path *path, const char *text)
{
    *path = (struct path){.text = strdup(text)};
    if (!path->text)
        return -ENOMEM;
    char *rest = path->text;
    while (*rest == '/' && path->count <= SEGMENTS_MAX) {
        *rest++ = '\0';
        if (path->count < SEGMENTS_MAX)
            path->parts[path->count] = rest;
        path->count++;
        rest += strcspn(rest, "/");
    }
    for (size_t i = 0; i < path->count && i < SEGMENTS_MAX; i++)
        decode(path->parts[i]);
    return 0;
}

/* The names that a path has where its route has {proxy} and {toxic}. */
struct names {
    const char *proxy, *toxic;
};

static bool is_part(const char *wanted, size_t length, const char *part)
{
    return strlen(part) == length && strncmp(wanted, part, length) == 0;
}

static bool path_matches(const char *wanted, const struct path *path, struct names *names)
{
    size_t at = 0;
    *names = (struct names){0};
    for (; *wanted == '/'; at++) {
        size_t length = strcspn(++wanted, "/");
        if (at >= path->count || at >= SEGMENTS_MAX || !path->parts[at][0])
            return false;
        if (is_part(wanted, length, "{proxy}"))
            names->proxy = path->parts[at];
        else if (is_part(wanted, length, "{toxic}"))
            names->toxic = path->parts[at];
        else if (!is_part(wanted, length, path->parts[at]))
            return false;
        wanted += length;
    }
    return at == path->count;
}

/* NULL with *known telling whether another method would do. */
static const struct control_route *find(const struct path *path, const char *method, bool *known,
                                        struct names *names)
{
    *known = false;
    for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
        for (const struct control_route *route = tables[i]; route->path; route++) {
            if (!path_matches(route->path, path, names))
                continue;
            *known = true;
            if (strcmp(route->method, method) == 0)
                return route;
        }
    }
    return NULL;
}

static void run(struct control_call *call, const struct control_route *route,
                const struct names *names)
{
    if (names->proxy) {
        call->proxy = proxy_find(call->set, names->proxy);
        if (!call->proxy) {
            control_reply_error(call->reply, 404, "proxy not found");
            return;
        }
    }
    if (names->toxic) {
        call->toxic = toxic_find(call->proxy, names->toxic);
        if (!call->toxic) {
            control_reply_error(call->reply, 404, "toxic not found");
            return;
        }
    }
    route->handle(call);
}

void control_answer(struct proxy_set *set, const struct control_request *request,
                    struct control_reply *reply)
{
    struct control_call call = {.set = set, .request = request, .reply = reply};
    struct path path;
    struct names names;
    bool known;
    if (path_split(&path, request->path)) {
        reply->status = 500;
        return;
    }
    const struct control_route *route = find(&path, request->method, &known, &names);
    if (route)
        run(&call, route, &names);
    else if (known)
        reply->status = 405;
    else
        control_reply_text(reply, 404, "text/plain; charset=utf-8", "404 page not found\n");
    free(path.text);
}
