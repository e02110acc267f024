/* SPDX-License-Identifier: MIT */
/* client.c - the exchange of one request and one reply. */
#include "load/client.h"

#include "core/http1.h"
#include "load/token.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { REPLY_ROOM = 16 << 10 };

const char *const load_outcome_names[] = {
    "ok",     "refused",  "timeout",      "closed", "malformed",
    "status", "no token", "contaminated", "shed",   NULL,
};

int client_init(struct client *client, const struct load_job *job, const struct mix *mix)
{
    *client = (struct client){.job = job, .mix = mix, .fd = -1, .room = REPLY_ROOM};
    client->requests = calloc(mix->count, sizeof(*client->requests));
    client->reply = malloc(client->room);
    if (!client->requests || !client->reply)
        return -ENOMEM;
    for (size_t i = 0; i < mix->count; i++) {
        client->requests[i] = malloc(mix->requests[i].length);
        if (!client->requests[i])
            return -ENOMEM;
        memcpy(client->requests[i], mix->requests[i].bytes, mix->requests[i].length);
    }
    return 0;
}

void client_fini(struct client *client)
{
    client_close(client);
    for (size_t i = 0; client->requests && i < client->mix->count; i++)
        free(client->requests[i]);
    free(client->requests);
    free(client->reply);
}

int client_connect(struct ctx *ctx, struct client *client)
{
    int fd = sock_connect(ctx, &client->job->target->addr);
    if (fd < 0)
        return fd;
    client->fd = fd;
    return 0;
}

void client_close(struct client *client)
{
    if (client->fd >= 0)
        sock_close(client->fd, false);
    client->fd = -1;
}

/* ---- Reading a reply ------------------------------------------------------------------------- */

/* A reply as it comes in: [0, start) is its head, [start, body) decoded body, [body, end) bytes not
 * looked at yet. */
struct reading {
    struct http1_head head;     /* parsed once head_bytes is not 0 */
    size_t head_bytes;          /* length of the head */
    size_t body;                /* end of the body kept so far */
    size_t end;                 /* end of what was received */
    uint64_t body_bytes;        /* of the whole body so far, kept or not */
    struct http1_chunks chunks; /* where a chunked body is */
    bool keep;                  /* the body must stay for the check */
};

/* Room for at least one more byte, and for all of a body whose length is known. */
static int make_room(struct client *client, const struct reading *reading)
{
    size_t want = reading->end + 1;
    if (reading->keep && reading->head.framing == HTTP1_LENGTH)
        want = reading->head_bytes + (size_t)reading->head.content_length + 1;
    if (want <= client->room)
        return 0;
    if (want > client->job->profile->reply_limit_bytes + REPLY_ROOM)
        return -EMSGSIZE;
    size_t room = client->room;
    while (room < want)
        room *= 2;
    char *larger = realloc(client->reply, room);
    if (!larger)
        return -ENOMEM;
    client->reply = larger;
    client->room = room;
    return 0;
}

/* Finds the end of the head, skipping interim replies. 1 when it is there, 0 when not yet. */
static int read_head(struct client *client, struct reading *reading, bool to_head)
{
    for (;;) {
        ssize_t length = http1_parse_reply(client->reply, reading->end, to_head, &reading->head);
        if (length <= 0)
            return (int)length;
        if (reading->head.status >= 200) {
            reading->head_bytes = reading->body = (size_t)length;
            client->status = reading->head.status;
            if (reading->keep && reading->head.framing == HTTP1_LENGTH &&
                reading->head.content_length > client->job->profile->reply_limit_bytes)
                return -EMSGSIZE;
            return 1;
        }
        reading->end -= (size_t)length;
        memmove(client->reply, client->reply + length, reading->end);
    }
}

/* Takes in what lies in [body, end). 1 when the body is whole, 0 when more must come. */
static int read_body(struct client *client, struct reading *reading)
{
    size_t fresh = reading->end - reading->body, used = fresh, decoded = fresh;
    bool whole = false;
    if (reading->head.framing == HTTP1_LENGTH) {
        uint64_t left = reading->head.content_length - reading->body_bytes;
        whole = fresh >= left;
        used = decoded = whole ? (size_t)left : fresh;
    } else if (reading->head.framing == HTTP1_CHUNKED) {
        ssize_t got = http1_dechunk(&reading->chunks, client->reply + reading->body, fresh, &used);
        if (got < 0)
            return -EBADMSG;
        decoded = (size_t)got;
        whole = reading->chunks.done;
    } else if (reading->head.framing == HTTP1_NO_BODY) {
        whole = true;
        used = decoded = 0;
    }
    if (used < fresh)
        return -EBADMSG; /* bytes nobody asked for */
    reading->body_bytes += decoded;
    if (reading->keep)
        reading->body += decoded;
    reading->end = reading->body;
    return whole;
}

/* What has been received by now. 1 when the reply is whole, 0 when not, or -errno. */
static int digest(struct client *client, struct reading *reading, bool to_head)
{
    if (reading->head_bytes == 0) {
        int rc = read_head(client, reading, to_head);
        if (rc <= 0)
            return rc;
    }
    return read_body(client, reading);
}

static int read_reply(struct ctx *ctx, struct client *client, struct reading *reading, bool to_head,
                      ssize_t got)
{
    for (;;) {
        if (got < 0)
            return (int)got;
        if (got == 0)
            return reading->head_bytes && reading->head.framing == HTTP1_UNTIL_CLOSE ? 0
                                                                                     : -ECONNRESET;
        reading->end += (size_t)got;
        int rc = digest(client, reading, to_head);
        if (rc != 0)
            return rc < 0 ? rc : 0;
        rc = make_room(client, reading);
        if (rc)
            return rc;
        got = sock_recv(ctx, client->fd, client->reply + reading->end, client->room - reading->end);
    }
}

/* ---- Judging --------------------------------------------------------------------------------- */

static enum load_outcome outcome_of_error(const struct ctx *ctx, int error)
{
    if (ctx_error(ctx) == -ETIMEDOUT)
        return LOAD_TIMEOUT;
    return error == -EBADMSG || error == -E2BIG || error == -EMSGSIZE ? LOAD_MALFORMED
                                                                      : LOAD_CLOSED;
}

static enum load_outcome judge(const struct client *client, const struct reading *reading,
                               const char *token)
{
    int check = client->job->profile->check;
    if (check == LOAD_CHECK_NONE)
        return LOAD_OK;
    if (client->status >= 400)
        return LOAD_STATUS;
    if (check == LOAD_CHECK_STATUS)
        return LOAD_OK;
    switch (token_check(client->reply + reading->head_bytes, reading->body - reading->head_bytes,
                        token)) {
    case TOKEN_OWN:
        return LOAD_OK;
    case TOKEN_MISSING:
        return LOAD_NO_TOKEN;
    default:
        return LOAD_CONTAMINATED;
    }
}

enum load_outcome client_exchange(struct ctx *ctx, struct client *client,
                                  const struct mix_request *request, uint64_t token)
{
    char *bytes = client->requests[request - client->mix->requests];
    char own[TOKEN_BYTES];
    token_write(own, token);
    for (size_t i = 0; i < request->token_count; i++)
        memcpy(bytes + request->token_at[i], own, TOKEN_BYTES);

    /* Not zeroed as a whole: the table of headers is large and written before it is read. */
    struct reading reading;
    reading.head_bytes = reading.body = reading.end = 0;
    reading.body_bytes = 0;
    reading.chunks = (struct http1_chunks){0};
    reading.keep = client->job->profile->check == LOAD_CHECK_TOKEN;

    ssize_t got =
        sock_send_recv(ctx, client->fd, bytes, request->length, client->reply, client->room);
    int rc = read_reply(ctx, client, &reading, request->to_head, got);
    client->error = rc;
    client->reply_bytes = reading.head_bytes + (size_t)reading.body_bytes;
    if (rc || !client->job->profile->keep_alive || !reading.head.keep_alive ||
        reading.head.framing == HTTP1_UNTIL_CLOSE)
        client_close(client);
    return rc ? outcome_of_error(ctx, rc) : judge(client, &reading, own);
}
