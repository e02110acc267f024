/* SPDX-License-Identifier: MIT */
/* connection.c - one connection, one fiber: read a request, have it answered, again. */
#include "subject/deadline.h"
#include "subject/endpoint.h"
#include "subject/reply.h"
#include "subject/request.h"
#include "subject/shard.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum {
    OUTPUT_BYTES = 4096,     /* larger answers are sent from where they are */
    CHUNK_ROOM_BYTES = 4096, /* behind the longest head, to read chunks into */
    LINGER_BYTES = 1 << 20,  /* read and dropped after our end of stream, at most */
    NO_ENDPOINT = COUNTERS_ENDPOINTS - 1,
};

enum state {
    STATE_IDLE,      /* waits for a request's first byte; the answer before may still leave */
    STATE_READING,   /* until the request's last byte */
    STATE_ANSWERING, /* in the endpoint's hands, who may take its time */
    STATE_SENDING,   /* the answer leaves, as fast as the peer reads */
    STATE_CLOSING,   /* our end of stream is sent, the peer's is awaited */
};

struct connection {
    struct list link; /* in shard->connections */
    struct shard *shard;
    struct ctx *ctx; /* of its fiber; NULL until that runs */
    enum state state;
    uint64_t since_ns; /* state began, for timeouts */
    uint64_t begun_ns; /* the first byte of the request came */
    int fd;
    size_t filled;           /* bytes in input */
    size_t pending;          /* bytes in output, to leave with the next receive */
    size_t input_bytes;      /* size of input */
    bool in_flight;          /* a request has begun and not ended */
    bool gone;               /* the peer has hung up, as far as watched */
    struct ctx *leaving;     /* ends when the peer hangs up; NULL: nothing does */
    struct sock_watch watch; /* armed by the first request that waits, for good */
    char output[OUTPUT_BYTES];
    char input[];
};

/* What became of a request: below 0 the connection is lost, above it is a status to answer. */
enum { SERVED = 0 };

static const char client_went_away[] = "client went away";

/* ---- Bytes in and out ------------------------------------------------------------------------ */

/* What comes next, after or while what is pending leaves. 0: end of stream. */
static ssize_t receive(struct connection *self, char *into, size_t room)
{
    size_t pending = self->pending;
    self->pending = 0;
    if (pending > 0)
        return sock_send_recv(self->ctx, self->fd, self->output, pending, into, room);
    return sock_recv(self->ctx, self->fd, into, room);
}

static int flush(struct connection *self)
{
    size_t pending = self->pending;
    self->pending = 0;
    return pending > 0 ? sock_send(self->ctx, self->fd, self->output, pending) : 0;
}

/* Small answers wait in output for the receive that follows, so that both are one submission and
 * the memory they were made in can go back at once; large ones are not copied. */
static int put(struct connection *self, const char *data, size_t length)
{
    if (length > OUTPUT_BYTES - self->pending) {
        int rc = flush(self);
        if (rc || length > OUTPUT_BYTES)
            return rc ? rc : sock_send(self->ctx, self->fd, data, length);
    }
    memcpy(self->output + self->pending, data, length);
    self->pending += length;
    return 0;
}

/* An answer of our own, made without the request's memory. */
static int put_refusal(struct connection *self, const struct reply_head *head, const char *why)
{
    char text[REPLY_HEAD_MAX], storage[640];
    struct buffer body = {.data = storage, .capacity = sizeof(storage), .limit = sizeof(storage)};
    if (!why)
        why = reply_statuses[reply_status_index(head->status)].reason;
    int rc = buffer_append(&body, "{\"error\":", 9);
    if (!rc)
        rc = buffer_append_json(&body, why, strlen(why));
    if (!rc)
        rc = buffer_append(&body, "}\n", 2);
    if (rc)
        return rc;
    struct reply_head whole = *head;
    whole.content_type = "application/json";
    whole.length_bytes = body.length;
    rc = put(self, text, reply_write_head(text, &whole));
    return rc ? rc : put(self, body.data, body.length);
}

/* Sends what is left and an end of stream, and reads on until the peer's: closing with bytes unread
 * would reset the connection, and the peer might never see the answer. */
static void close_gently(struct connection *self)
{
    self->state = STATE_CLOSING;
    self->since_ns = ring_now_ns(ring_self());
    if (flush(self) || sock_half_close(self->fd))
        return;
    for (size_t dropped = 0; dropped < LINGER_BYTES;) {
        ssize_t got = sock_recv(self->ctx, self->fd, self->input, self->input_bytes);
        if (got <= 0)
            return;
        dropped += (size_t)got;
    }
}

/* ---- Reading a request ----------------------------------------------------------------------- */

static void begin_request(struct connection *self)
{
    self->state = STATE_READING;
    self->begun_ns = self->since_ns = clock_now_ns();
    self->in_flight = true;
    counter_add(&self->shard->counters.requests_begun, 1);
}

static void end_request(struct connection *self)
{
    if (self->in_flight)
        counter_add(&self->shard->counters.requests_ended, 1);
    self->in_flight = false;
}

/* The length of a whole head at the start of input, 0 when the peer has gone, -EBADMSG or -E2BIG.
 */
static ssize_t read_head(struct connection *self, struct http1_head *head)
{
    size_t limit = (size_t)self->shard->service->settings.header_limit_bytes;
    if (self->filled > 0)
        begin_request(self);
    for (;;) {
        ssize_t length =
            self->filled > 0 ? http1_parse_request(self->input, self->filled, head) : 0;
        if (length < 0)
            return length;
        if ((size_t)length > limit || (length == 0 && self->filled >= limit))
            return -E2BIG;
        if (length > 0)
            return length;
        if (self->filled == 0) {
            self->state = STATE_IDLE;
            self->since_ns = ring_now_ns(ring_self());
        }
        ssize_t got = receive(self, self->input + self->filled, self->input_bytes - self->filled);
        if (got <= 0)
            return 0;
        if (self->filled == 0)
            begin_request(self);
        self->filled += (size_t)got;
    }
}

static int answer_of(int error)
{
    return error == -EBADMSG ? 400 : 500;
}

/* Takes what is in input behind the head, and receives the rest where it belongs. */
static int read_length(struct connection *self, struct request *request, size_t *at)
{
    uint64_t left = request->head->content_length;
    size_t here = self->filled - *at < left ? self->filled - *at : (size_t)left;
    int rc = buffer_append(&request->body, self->input + *at, here);
    if (rc)
        return answer_of(rc);
    *at += here;
    for (left -= here; left > 0;) {
        struct buffer *body = &request->body;
        ssize_t got = receive(self, body->data + body->length, (size_t)left);
        if (got <= 0)
            return got < 0 ? (int)got : -ECONNRESET;
        body->length += (size_t)got;
        left -= (size_t)got;
    }
    return SERVED;
}

/* Decodes in input, behind the head, which stays where it is. */
static int read_chunks(struct connection *self, struct request *request, size_t *at)
{
    const struct service_settings *settings = &self->shard->service->settings;
    struct http1_chunks chunks = {0};
    size_t base = *at;
    for (;;) {
        size_t consumed = 0;
        ssize_t decoded = http1_dechunk(&chunks, self->input + *at, self->filled - *at, &consumed);
        if (decoded < 0)
            return answer_of((int)decoded);
        if (request_payload(request).length + (size_t)decoded > settings->payload_limit_bytes)
            return 413;
        int rc = buffer_append(&request->body, self->input + *at, (size_t)decoded);
        if (rc)
            return answer_of(rc);
        *at += consumed;
        if (chunks.done)
            return SERVED;
        *at = self->filled = base;
        ssize_t got = receive(self, self->input + base, self->input_bytes - base);
        if (got <= 0)
            return got < 0 ? (int)got : -ECONNRESET;
        self->filled += (size_t)got;
    }
}

/* Appends the payload to request->body. *at: behind the head, then behind the request. */
static int read_body(struct connection *self, struct request *request, size_t *at)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    const struct http1_head *head = request->head;
    int rc = request_begin(request, head->framing == HTTP1_LENGTH ? head->content_length : 0);
    if (rc)
        return answer_of(rc);
    if (head->framing == HTTP1_NO_BODY)
        return SERVED;
    if (head->expect_continue && *at == self->filled) {
        rc = put(self, go_on, sizeof(go_on) - 1);
        if (rc)
            return rc;
    }
    return head->framing == HTTP1_LENGTH ? read_length(self, request, at)
                                         : read_chunks(self, request, at);
}

/* ---- Answering ------------------------------------------------------------------------------- */

static bool slice_equals(struct slice slice, const char *text)
{
    return slice.length == strlen(text) && memcmp(slice.data, text, slice.length) == 0;
}

/* The path of a target in origin form or absolute form (RFC 9112 3.2), without the query. */
static struct slice path_of(struct slice target)
{
    static const char scheme[] = "http://";
    const char *at = target.data, *end = at + target.length;
    if (target.length >= sizeof(scheme) - 1 && memcmp(at, scheme, sizeof(scheme) - 1) == 0) {
        at += sizeof(scheme) - 1;
        while (at < end && *at != '/')
            at++;
    }
    const char *query = memchr(at, '?', (size_t)(end - at));
    return (struct slice){at, (size_t)((query ? query : end) - at)};
}

static unsigned find_endpoint(const struct http1_head *head)
{
    struct slice path = path_of(head->target);
    for (unsigned i = 0; endpoints[i]; i++)
        if (slice_equals(path, endpoints[i]->path))
            return i;
    return NO_ENDPOINT;
}

static const char *allowed(const struct endpoint *endpoint)
{
    static const char *const texts[] = {"", "GET, HEAD", "POST", "GET, HEAD, POST"};
    return texts[endpoint->methods & (ENDPOINT_GET | ENDPOINT_POST)];
}

static bool allows(const struct endpoint *endpoint, const struct http1_head *head)
{
    if (slice_equals(head->method, "POST"))
        return endpoint->methods & ENDPOINT_POST;
    bool get = slice_equals(head->method, "GET") || slice_equals(head->method, "HEAD");
    return get && (endpoint->methods & ENDPOINT_GET);
}

/* Why a request is not even read: a status, with the reason in err if it needs one, or 0. */
static int refuses(const struct connection *self, const struct http1_head *head, unsigned endpoint,
                   uint64_t *span_ns, struct err *err)
{
    if (head->framing == HTTP1_LENGTH &&
        head->content_length > self->shard->service->settings.payload_limit_bytes)
        return 413;
    if (endpoint == NO_ENDPOINT)
        return 404;
    if (!allows(endpoints[endpoint], head))
        return 405;
    return deadline_read(head, span_ns, err) ? 400 : 0;
}

static void count(struct connection *self, unsigned endpoint, int status)
{
    counters_answered(&self->shard->counters, endpoint, reply_status_index(status),
                      clock_now_ns() - self->begun_ns);
}

/* The head goes into the room in front of the body, up against it. */
static int put_answer(struct connection *self, struct request *request, int status, bool keep_alive)
{
    static_assert((int)REQUEST_HEAD_ROOM >= (int)REPLY_HEAD_MAX, "the head fits its room");
    struct buffer *out = &request->response;
    char text[REPLY_HEAD_MAX];
    struct reply_head head = {
        .status = status,
        .content_type = request->content_type,
        .length_bytes = out->length - REQUEST_HEAD_ROOM,
        .minor = request->head->minor,
        .keep_alive = keep_alive,
    };
    size_t head_bytes = reply_write_head(text, &head);
    if (slice_equals(request->head->method, "HEAD"))
        return put(self, text, head_bytes);
    char *start = out->data + REQUEST_HEAD_ROOM - head_bytes;
    memcpy(start, text, head_bytes);
    return put(self, start, head_bytes + head.length_bytes);
}

/* ---- The request's ctx ----------------------------------------------------------------------- */

static void on_gone(struct sock_watch *watch)
{
    struct connection *self = container_of(watch, struct connection, watch);
    self->gone = true;
    if (self->leaving)
        ctx_cancel(self->leaving, client_went_away);
}

/* One request in the kernel serves all that the connection will carry. */
static void heed_peer(struct connection *self, struct ctx *ctx)
{
    self->leaving = ctx;
    if (self->gone)
        ctx_cancel(ctx, client_went_away);
    else if (!self->watch.armed)
        sock_watch_start(&self->watch, self->fd, on_gone);
}

static void count_cause(struct connection *self, const struct ctx *ctx)
{
    enum counters_cause cause = CAUSE_STOP;
    if (ctx_error(ctx) == -ETIMEDOUT)
        cause = CAUSE_DEADLINE;
    else if (ctx_cause(ctx) == client_went_away)
        cause = CAUSE_CLIENT_GONE;
    counter_add(&self->shard->counters.canceled[cause], 1);
}

/* Has the endpoint answer under a ctx of the request's own. A status, or -errno. */
static int answer(struct connection *self, struct request *request, const struct endpoint *endpoint,
                  uint64_t span_ns)
{
    const struct service_settings *settings = &self->shard->service->settings;
    struct counters *counters = &self->shard->counters;
    struct ctx ctx;
    if (settings->handler_timeout_ns > 0 && settings->handler_timeout_ns < span_ns)
        span_ns = settings->handler_timeout_ns;
    ctx_init_deadline(&ctx, self->ctx, clock_after(self->begun_ns, span_ns));
    counter_add(&counters->contexts_begun, 1);
    if (endpoint->waits && settings->notice_disconnect)
        heed_peer(self, &ctx);
    request->ctx = &ctx;
    self->state = STATE_ANSWERING;
    int rc = endpoint->answer(request);
    request->ctx = self->ctx;
    self->leaving = NULL;
    if (ctx_error(&ctx))
        count_cause(self, &ctx);
    if (rc == -ETIMEDOUT)
        rc = request_refuse(request, 504,
                            ctx_error(&ctx) == -ETIMEDOUT
                                ? "the request's deadline has passed"
                                : "what the request waited for took too long");
    ctx_fini(&ctx);
    counter_add(&counters->contexts_ended, 1);
    return rc;
}

/* Reads the payload and has it answered. *at ends up behind the request. */
static int serve_with(struct connection *self, const struct http1_head *head, unsigned index,
                      uint64_t span_ns, size_t *at, bool *keep_alive)
{
    const struct endpoint *endpoint = endpoints[index];
    struct request *request = request_take(self->shard, endpoint->measured);
    if (!request)
        return 500;
    request->head = head;
    request->ctx = self->ctx;
    request->endpoint = index;
    request->state = self->shard->states[index];
    int rc = read_body(self, request, at);
    if (rc == SERVED) {
        rc = answer(self, request, endpoint, span_ns);
        if (rc > 0) {
            int status = rc;
            self->state = STATE_SENDING;
            self->since_ns = ring_now_ns(ring_self());
            *keep_alive = *keep_alive && !self->shard->stopping;
            rc = put_answer(self, request, status, *keep_alive);
            count(self, index, status);
        } else if (rc != -ECANCELED) {
            rc = 500;
        }
    }
    request_give(request, rc == 500);
    return rc;
}

/* Answers the request whose head is head_bytes long. False: close the connection. */
static bool serve(struct connection *self, const struct http1_head *head, size_t head_bytes)
{
    size_t at = head_bytes;
    unsigned index = find_endpoint(head);
    bool bodiless = head->framing == HTTP1_NO_BODY ||
                    (head->framing == HTTP1_LENGTH && head->content_length == 0);
    bool keep_alive = head->keep_alive && !self->shard->stopping;
    uint64_t span_ns = CLOCK_NEVER;
    struct err err = {0};
    int rc = refuses(self, head, index, &span_ns, &err);
    bool early = rc != 0;
    if (!early)
        rc = serve_with(self, head, index, span_ns, &at, &keep_alive);
    if (rc > 0) {
        /* What follows of a body that was not read to its end can't be told from a request. */
        keep_alive = keep_alive && early && bodiless;
        struct reply_head refusal = {
            .status = rc,
            .allow = rc == 405 ? allowed(endpoints[index]) : NULL,
            .minor = head->minor,
            .keep_alive = keep_alive,
        };
        count(self, index, rc);
        rc = put_refusal(self, &refusal, err.code ? err.text : NULL);
    }
    if (rc < 0)
        return false;
    self->filled -= at;
    memmove(self->input, self->input + at, self->filled);
    return keep_alive;
}

/* ---- The fiber ------------------------------------------------------------------------------- */

static void converse(struct connection *self)
{
    struct http1_head head;
    for (;;) {
        ssize_t length = read_head(self, &head);
        if (length == 0)
            return;
        if (length < 0) {
            struct reply_head refusal = {.status = length == -E2BIG ? 431 : 400, .minor = 1};
            count(self, NO_ENDPOINT, refusal.status);
            if (put_refusal(self, &refusal, NULL) == 0)
                close_gently(self);
            return;
        }
        bool go_on = serve(self, &head, (size_t)length);
        end_request(self);
        if (!go_on) {
            close_gently(self);
            return;
        }
    }
}

static void connection_run(struct ctx *ctx, void *arg)
{
    struct connection *self = arg;
    struct shard *shard = self->shard;
    self->ctx = ctx;
    converse(self);
    end_request(self);
    sock_watch_stop(&self->watch);
    sock_close(self->fd, false);
    list_remove(&self->link);
    free(self);
    counter_add(&shard->counters.closed, 1);
    shard->live--;
    (void)waitq_wake_one(&shard->room, NULL);
    if (shard->live == 0)
        (void)waitq_wake_all(&shard->empty);
}

int connection_start(struct shard *shard, int fd)
{
    size_t input_bytes = (size_t)shard->service->settings.header_limit_bytes + CHUNK_ROOM_BYTES;
    struct connection *self = malloc(sizeof(*self) + input_bytes);
    if (!self)
        goto no_memory;
    memset(self, 0, offsetof(struct connection, output));
    self->shard = shard;
    self->fd = fd;
    self->input_bytes = input_bytes;
    self->since_ns = ring_now_ns(ring_self());
    list_push_back(&shard->connections, &self->link);
    if (group_spawn(&shard->group, "connection", connection_run, self)) {
        list_remove(&self->link);
        goto no_memory;
    }
    shard->live++;
    counter_add(&shard->counters.accepted, 1);
    return 0;

no_memory:
    free(self);
    sock_close(fd, true);
    return -ENOMEM;
}

/* Their fibers end later, so the list stays as it is meanwhile. */
void connection_end_idle(struct shard *shard)
{
    list_each(link, &shard->connections) {
        struct connection *self = container_of(link, struct connection, link);
        if (self->ctx && self->state == STATE_IDLE)
            ctx_cancel(self->ctx, "the service stops");
    }
}

void connection_end_late(struct shard *shard, uint64_t now_ns)
{
    const struct service_settings *settings = &shard->service->settings;
    list_each(link, &shard->connections) {
        struct connection *self = container_of(link, struct connection, link);
        uint64_t limit_ns =
            self->state == STATE_IDLE ? settings->idle_timeout_ns : settings->request_timeout_ns;
        if (!self->ctx || self->state == STATE_ANSWERING || ctx_error(self->ctx) ||
            now_ns <= clock_after(self->since_ns, limit_ns))
            continue;
        counter_add(&shard->counters.timed_out, 1);
        ctx_cancel(self->ctx, "the peer takes too long");
    }
}
