/* SPDX-License-Identifier: MIT */
/* endpoint_encode.c - parses a JSON payload and answers with its encoding, in an envelope that
 * carries the request's token: a byte of another request in an answer is noticed. */
#include "core/clock.h"
#include "subject/endpoint.h"
#include "subject/request.h"
#include "subject/shard.h"

#include <errno.h>
#include <jansson.h>

/* The JSON library recurses; this much of it fits a fiber's stack with room to spare. */
enum { NESTING_MAX = 64 };

/* Counting all brackets is one pass the compiler can vectorise, and mostly answers the question. */
static bool is_too_deep(struct slice payload)
{
    size_t brackets = 0;
    for (size_t i = 0; i < payload.length; i++)
        brackets += (payload.data[i] | 0x20) == '{'; /* '[' is '{' without that bit */
    if (brackets <= NESTING_MAX)
        return false;
    size_t depth = 0, deepest = 0;
    bool text = false;
    for (size_t i = 0; i < payload.length; i++) {
        char c = payload.data[i];
        if (c == '"')
            text = !text;
        else if (text && c == '\\')
            i++;
        else if (!text && (c == '{' || c == '['))
            deepest = ++depth > deepest ? depth : deepest;
        else if (!text && (c == '}' || c == ']') && depth > 0)
            depth--;
    }
    return deepest > NESTING_MAX;
}

static int append_dumped(const char *text, size_t length, void *arg)
{
    return buffer_append(arg, text, length);
}

static int write_envelope(struct request *request)
{
    struct buffer *out = &request->response;
    int rc = buffer_append(out, "{\"token\":", 9);
    if (!rc)
        rc = buffer_append_json(out, request->token.text, request->token.length);
    if (!rc && request->tag.length > 0) {
        rc = buffer_append(out, ",\"tag\":", 7);
        if (!rc)
            rc = buffer_append_json(out, request->tag.text, request->tag.length);
    }
    if (!rc)
        rc = buffer_printf(out, ",\"bytes\":%zu,\"payload\":", request_payload(request).length);
    if (!rc && json_dump_callback(request->document, append_dumped, out,
                                  JSON_COMPACT | JSON_ENCODE_ANY) != 0)
        rc = -EMSGSIZE;
    if (!rc)
        rc = buffer_append(out, "}\n", 2);
    return rc ? rc : 200;
}

static int encode(struct request *request)
{
    struct slice payload = request_payload(request);
    json_error_t error;
    if (is_too_deep(payload))
        return request_refuse(request, 400, "the payload is nested deeper than 64 levels");
    request->document = json_loadb(payload.data, payload.length, JSON_DECODE_ANY, &error);
    if (!request->document)
        return request_refuse(request, 400, error.text);
    return write_envelope(request);
}

/* What a slower handler would do. A second at most, as the setting is. */
static void be_busy(uint64_t busy_ns)
{
    uint64_t until_ns = clock_now_ns() + busy_ns;
    while (clock_now_ns() < until_ns)
        continue;
}

static int encode_answer(struct request *request)
{
    const struct service_settings *settings = &request->shard->service->settings;
    if (request_read_fields(request))
        return request_refuse(request, 400, "a token or tag is longer than 256 bytes");
    nodes_enter(request->arena ? &request->nodes : NULL, &request->shard->counters.tally);
    int status = encode(request);
    nodes_leave();
    if (settings->busy_ns)
        be_busy(settings->busy_ns);
    int rc = settings->delay_ns ? fiber_sleep(request->ctx, settings->delay_ns) : 0;
    if (!rc && settings->gather > 1)
        rc = shard_gather(request);
    request->done = !rc && status == 200;
    return rc ? rc : status;
}

const struct endpoint endpoint_encode = {
    .name = "encode",
    .path = "/api/v1/encode",
    .summary = "parses a JSON payload and answers with its encoding",
    .methods = ENDPOINT_POST,
    .measured = true,
    .answer = encode_answer,
};
