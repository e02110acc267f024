/* SPDX-License-Identifier: MIT */
/* client.c - the exchange of one request and one reply. */
#include "load/client.h"

#include "core/http1.h"
#include "load/token.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { REPLY_ROOM = 16 << 10 };

const char *const load_outcome_names[] = {
    "ok",     "refused",  "timeout",      "closed", "malformed",
    "status", "no token", "contaminated", "shed",   NULL,
};

int client_init(struct client *client, const struct load_job *job, const struct mix *mix,
                struct reply_head_known *known)
{
    *client = (struct client){.job = job, .mix = mix, .known = known, .fd = -1, .room = REPLY_ROOM};
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
    assert(client->fd < 0);
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
    int rc = inbox_open(&client->inbox, fd);
    if (rc)
        sock_close(fd, false);
    else
        client->fd = fd;
    return rc;
}

void client_close(struct client *client)
{
    if (client->fd < 0)
        return;
    inbox_close(&client->inbox);
    sock_close(client->fd, false);
    client->fd = -1;
}

/* ---- Reading a reply ------------------------------------------------------------------------- */

/* A reply as it comes in: [0, start) is its head, [start, body) decoded body, [body, end) bytes not
 * looked at yet. Mostly it comes whole and is read where the kernel has put it. */
struct reading {
    char *bytes;                /* in the inbox; in client->reply when put together there */
    struct reply_head head;     /* read once head_bytes is not 0 */
    size_t head_bytes;          /* length of the head */
    size_t body;                /* end of the body kept so far */
    size_t end;                 /* end of what was received and is kept */
    uint64_t body_bytes;        /* of the whole body so far, kept or not */
    struct http1_chunks chunks; /* where a chunked body is */
    bool keep;                  /* the body must stay for the check */
};

/* Room for so much more, and for all of a body whose length is known. */
static int make_room(struct client *client, const struct reading *reading, size_t more)
{
    size_t want = reading->end + more;
    if (reading->keep && reading->head_bytes && reading->head.framing == HTTP1_LENGTH &&
        want < reading->head_bytes + (size_t)reading->head.content_length)
        want = reading->head_bytes + (size_t)reading->head.content_length;
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

/* What is kept of the reply must leave the inbox before more is taken from it. */
static int set_aside(struct client *client, struct reading *reading)
{
    bool inside = reading->bytes == client->reply;
    int rc = make_room(client, reading, 1);
    if (!rc && !inside)
        memcpy(client->reply, reading->bytes, reading->end);
    reading->bytes = client->reply;
    return rc;
}

/* Appends what has come; alone, it stays where it is. */
static int append(struct client *client, struct reading *reading, char *fresh, size_t length)
{
    if (reading->end == 0) {
        reading->bytes = fresh;
    } else if (fresh != client->reply + reading->end) {
        int rc = make_room(client, reading, length);
        if (rc)
            return rc;
        memcpy(client->reply + reading->end, fresh, length);
        reading->bytes = client->reply;
    }
    reading->end += length;
    return 0;
}

/* Finds the end of the head, skipping interim replies. 1 when it is there, 0 when not yet. */
static int read_head(struct client *client, struct reading *reading, bool to_head)
{
    for (;;) {
        ssize_t length =
            reply_head_read(client->known, reading->bytes, reading->end, to_head, &reading->head);
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
        memmove(reading->bytes, reading->bytes + length, reading->end);
    }
}

/* Takes in what lies in [body, end). 1 when the body is whole, 0 when more must come. */
static int read_body(struct reading *reading)
{
    size_t fresh = reading->end - reading->body, used = fresh, decoded = fresh;
    bool whole = false;
    if (reading->head.framing == HTTP1_LENGTH) {
        uint64_t left = reading->head.content_length - reading->body_bytes;
        whole = fresh >= left;
        used = decoded = whole ? (size_t)left : fresh;
    } else if (reading->head.framing == HTTP1_CHUNKED) {
        ssize_t got = http1_dechunk(&reading->chunks, reading->bytes + reading->body, fresh, &used);
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
    reading->body = reading->keep ? reading->body + decoded : 0;
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
    return read_body(reading);
}

static int read_reply(struct ctx *ctx, struct client *client, struct reading *reading, bool to_head,
                      char *fresh, ssize_t got)
{
    for (;;) {
        if (got < 0)
            return (int)got;
        if (got == 0)
            return reading->head_bytes && reading->head.framing == HTTP1_UNTIL_CLOSE ? 0
                                                                                     : -ECONNRESET;
        int rc = append(client, reading, fresh, (size_t)got);
        if (!rc)
            rc = digest(client, reading, to_head);
        if (rc != 0)
            return rc < 0 ? rc : 0;
        rc = set_aside(client, reading);
        if (rc)
            return rc;
        got = inbox_recv(ctx, &client->inbox, &fresh, client->reply + reading->end,
                         client->room - reading->end);
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
    switch (token_check(reading->bytes + reading->head_bytes, reading->body - reading->head_bytes,
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
    if (request->token_count > 0 || client->job->profile->check == LOAD_CHECK_TOKEN)
        token_write(own, token);
    for (size_t i = 0; i < request->token_count; i++)
        memcpy(bytes + request->token_at[i], own, TOKEN_BYTES);

    struct reading reading = {.keep = client->job->profile->check == LOAD_CHECK_TOKEN};
    char *fresh;
    ssize_t got = inbox_send_recv(ctx, &client->inbox, bytes, request->length, &fresh,
                                  client->reply, client->room);
    int rc = read_reply(ctx, client, &reading, request->to_head, fresh, got);
    client->error = rc;
    client->reply_bytes = reading.head_bytes + (size_t)reading.body_bytes;
    enum load_outcome outcome = rc ? outcome_of_error(ctx, rc) : judge(client, &reading, own);
    if (rc || !client->job->profile->keep_alive || !reading.head.keep_alive ||
        reading.head.framing == HTTP1_UNTIL_CLOSE)
        client_close(client);
    return outcome;
}
