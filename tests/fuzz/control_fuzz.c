/* SPDX-License-Identifier: MIT */
/* control_fuzz.c - any bytes as requests to the control API, over proxies without sockets: a line
 * with method and path, then the body, up to a NUL; then the next request. */
#include "faults/control/answer.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int __wrap_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                       struct addrinfo **out);

/* No name is worth asking a network for. */
int __wrap_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                       struct addrinfo **out)
{
    (void)name, (void)service, (void)hints, (void)out;
    return EAI_NONAME;
}

enum { REQUESTS_MAX = 16 };

/* What every client relies on. */
static void check_reply(const struct control_reply *reply)
{
    if (reply->status < 200 || reply->status > 599 || (reply->body_bytes > 0 && !reply->body) ||
        (reply->body && strlen(reply->body) != reply->body_bytes))
        abort();
    if (reply->type && strncmp(reply->type, "application/json", 16) == 0) {
        json_t *json = json_loadb(reply->body, reply->body_bytes, JSON_DECODE_ANY, NULL);
        if (!json)
            abort();
        json_decref(json);
    }
}

static void ask(struct proxy_set *set, char *text, size_t size)
{
    char *end = text + size, *newline = memchr(text, '\n', size);
    char *head_end = newline ? newline : end;
    *head_end = '\0';
    char *space = strchr(text, ' ');
    struct control_request request = {.method = text, .path = ""};
    struct control_reply reply = {0};
    if (space) {
        *space = '\0';
        request.path = space + 1;
    }
    if (newline) {
        request.body = newline + 1;
        request.body_bytes = (size_t)(end - request.body);
    }
    control_answer(set, &request, &reply);
    check_reply(&reply);
    control_reply_fini(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct proxy_set *set;
    char *copy = malloc(size + 1);
    if (!copy || proxy_set_create(NULL, 1, &set, NULL))
        abort();
    if (size > 0)
        memcpy(copy, data, size);
    copy[size] = '\0';
    for (size_t at = 0, i = 0; at < size && i < REQUESTS_MAX; i++) {
        size_t length = strnlen(copy + at, size - at);
        ask(set, copy + at, length);
        at += length + 1;
    }
    proxy_set_destroy(set);
    free(copy);
    return 0;
}
