/* SPDX-License-Identifier: MIT */
/* client.c - one request to a control API, and its reply. */
#include "faults/control/client.h"

#include "core/http1.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_PORT "8474"

enum { REPLY_BYTES_MAX = 64 << 20 };

/* ---- Where ----------------------------------------------------------------------------------- */

int control_client_init(struct control_client *client, const char *url, const char *token,
                        struct err *err)
{
    static const char scheme[] = "http://";
    char where[264];
    *client = (struct control_client){.token = token};
    const char *text = strncasecmp(url, scheme, strlen(scheme)) == 0 ? url + strlen(scheme) : url;
    size_t length = strcspn(text, "/");
    if (length == 0 || length >= sizeof(where) - sizeof(DEFAULT_PORT) || strstr(text, "://"))
        return err_set(err, -EINVAL, "expected http://HOST:PORT, not '%.80s'", url);
    memcpy(where, text, length);
    where[length] = '\0';
    const char *bracket = strrchr(where, ']');
    if (!strchr(bracket ? bracket : where, ':'))
        (void)snprintf(where + length, sizeof(where) - length, ":" DEFAULT_PORT);
    (void)snprintf(client->host, sizeof(client->host), "%s", where);
    return addr_parse(&client->addr, where, err);
}

/* All but what RFC 3986 calls unreserved. */
static void put_encoded(FILE *out, const char *name)
{
    for (; *name; name++) {
        if (isalnum((unsigned char)*name) || strchr("-._~", *name))
            (void)fputc(*name, out);
        else
            (void)fprintf(out, "%%%02X", (unsigned)(unsigned char)*name);
    }
}

char *control_path(const char *proxy, const char *toxic, const char *last)
{
    char *path = NULL;
    size_t length;
    FILE *out = open_memstream(&path, &length);
    if (!out)
        return NULL;
    (void)fputs("/proxies", out);
    if (proxy) {
        (void)fputc('/', out);
        put_encoded(out, proxy);
    }
    if (toxic) {
        (void)fprintf(out, "/toxics%s", *toxic ? "/" : "");
        put_encoded(out, toxic);
    }
    if (last)
        (void)fprintf(out, "/%s", last);
    if (fclose(out) == 0)
        return path;
    free(path);
    return NULL;
}

/* ---- Asking ---------------------------------------------------------------------------------- */

/* HTTP/1.0, so that the reply ends with the connection whatever its length. */
static char *make_request(const struct control_client *client, const char *method, const char *path,
                          json_t *body)
{
    char *request = NULL;
    char *text = body ? json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    if (body && !text)
        return NULL;
    if (asprintf(&request,
                 "%s %s HTTP/1.0\r\nHost: %s\r\nUser-Agent: poolstorm\r\n%s%s%s"
                 "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                 method, path, client->host, client->token ? "Authorization: Bearer " : "",
                 client->token ? client->token : "", client->token ? "\r\n" : "",
                 text ? strlen(text) : 0, text ? text : "") < 0)
        request = NULL;
    free(text);
    return request;
}

struct answer {
    char *data;
    size_t used, room;
};

static int read_all(struct ctx *ctx, int fd, struct answer *answer)
{
    for (;;) {
        if (answer->room - answer->used < 4096) {
            size_t room = answer->room * 2 + 16384;
            char *data = room <= REPLY_BYTES_MAX ? realloc(answer->data, room) : NULL;
            if (!data)
                return room <= REPLY_BYTES_MAX ? -ENOMEM : -EFBIG;
            answer->data = data;
            answer->room = room;
        }
        ssize_t got = sock_recv(ctx, fd, answer->data + answer->used, answer->room - answer->used);
        if (got <= 0)
            return (int)got;
        answer->used += (size_t)got;
    }
}

static int exchange(struct ctx *ctx, const struct control_client *client, const char *request,
                    struct answer *answer)
{
    int fd = sock_connect(ctx, &client->addr);
    if (fd < 0)
        return fd;
    int rc = sock_send(ctx, fd, request, strlen(request));
    if (!rc)
        rc = read_all(ctx, fd, answer);
    sock_close(fd, false);
    return rc;
}

/* The words an error has for itself, in either shape. */
static int refused(int status, json_t *body, const char *text, size_t length, struct err *err)
{
    int rc = status < 500 ? -EINVAL : -EIO;
    const char *words = json_string_value(json_object_get(body, "error"));
    if (words)
        return err_set(err, rc, "%s", words);
    length = strnlen(text, length);
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        length--;
    if (length == 0)
        return err_set(err, rc, "status %d", status);
    return err_set(err, rc, "status %d: %.*s", status, (int)(length < 200 ? length : 200), text);
}

static int read_answer(const struct answer *answer, json_t **reply, struct err *err)
{
    struct http1_head head;
    ssize_t length = http1_parse_reply(answer->data, answer->used, false, &head);
    if (length <= 0)
        return err_set(err, -EBADMSG, "what answers is no control API");
    const char *text = answer->data + length;
    size_t text_bytes = answer->used - (size_t)length;
    if (head.framing == HTTP1_LENGTH && head.content_length > text_bytes)
        return err_set(err, -ECONNRESET, "the reply was cut off");
    *reply = json_loadb(text, text_bytes, JSON_DECODE_ANY, NULL);
    if (head.status >= 200 && head.status < 300)
        return head.status;
    int rc = refused(head.status, *reply, text, text_bytes, err);
    json_decref(*reply);
    *reply = NULL;
    return rc;
}

int control_ask(struct ctx *ctx, const struct control_client *client, const char *method,
                const char *path, json_t *body, json_t **reply, struct err *err)
{
    struct answer answer = {0};
    json_t *own = NULL;
    char *request = make_request(client, method, path, body);
    if (!request)
        return err_sys(err, -ENOMEM, "%s %s", method, path);
    int rc = exchange(ctx, client, request, &answer);
    if (rc)
        rc = err_sys(err, rc, "%s %s at %s", method, path, client->host);
    else
        rc = read_answer(&answer, &own, err);
    if (reply)
        *reply = own;
    else
        json_decref(own);
    free(answer.data);
    free(request);
    return rc;
}
