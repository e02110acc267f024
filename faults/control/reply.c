/* SPDX-License-Identifier: MIT */
/* reply.c - replies of the control API as Toxiproxy words and types them. */
#include "faults/control/answer.h"
#include "faults/control/body.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TYPE_JSON "application/json"
#define TYPE_TEXT "text/plain; charset=utf-8"

/* As many digits as make 0.1 come out as it went in. */
enum { DUMP_FLAGS = JSON_COMPACT | JSON_REAL_PRECISION(15) | JSON_ENCODE_ANY };

static void put(struct control_reply *reply, unsigned status, const char *type, char *body)
{
    control_reply_fini(reply);
    reply->status = body ? status : 500; /* without memory: an empty one */
    reply->type = type;
    reply->body = body;
    reply->body_bytes = body ? strlen(body) : 0;
}

void control_reply_text(struct control_reply *reply, unsigned status, const char *type,
                        const char *text)
{
    put(reply, status, type, strdup(text));
}

/* How many bytes the UTF-8 letter at text has; 0 when it is none, or is cut short. */
static size_t letter_bytes(const char *text)
{
    unsigned char first = (unsigned char)*text;
    size_t bytes = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    for (size_t i = 1; i < bytes; i++)
        if (((unsigned char)text[i] & 0xc0) != 0x80)
            return 0;
    return first > 0xf4 ? 0 : bytes;
}

/* Messages are cut by bytes, which may be within a letter, and quote bodies that are no text: JSON
 * would not have it. */
static void mend_letters(char *text)
{
    while (*text) {
        size_t bytes = letter_bytes(text);
        if (bytes == 0)
            *text = '?';
        text += bytes ? bytes : 1;
    }
}

json_t *control_message(const char *text)
{
    char message[sizeof(((struct err *)0)->text)];
    (void)snprintf(message, sizeof(message), "%s", text);
    mend_letters(message);
    return json_string(message);
}

void control_reply_error(struct control_reply *reply, unsigned status, const char *text)
{
    char *line = NULL;
    json_t *error = json_pack("{s:o, s:i}", "error", control_message(text), "status", (int)status);
    char *body = error ? json_dumps(error, DUMP_FLAGS) : NULL;
    if (!body || asprintf(&line, "%s\n", body) < 0)
        line = NULL;
    put(reply, status, TYPE_TEXT, line);
    free(body);
    json_decref(error);
}

void control_reply_json(struct control_call *call, unsigned status, json_t *value)
{
    put(call->reply, status, TYPE_JSON, value ? json_dumps(value, DUMP_FLAGS) : NULL);
    json_decref(value);
}

void control_reply_fini(struct control_reply *reply)
{
    free(reply->body);
    *reply = (struct control_reply){0};
}

json_t *control_call_body(struct control_call *call)
{
    json_t *body = NULL;
    struct err err = {0};
    const struct control_request *request = call->request;
    int rc = body_parse(request->body, request->body_bytes, &body, &err);
    if (!rc)
        rc = body_expect_object(body, "the body", &err);
    if (!rc)
        return body;
    json_decref(body);
    control_reply_failure(call, rc, &err);
    return NULL;
}

unsigned control_status(int rc)
{
    return rc == -EBADMSG ? 400 : rc == -EEXIST || rc == -EPROTO ? 409 : 500;
}

void control_reply_failure(struct control_call *call, int rc, const struct err *err)
{
    control_reply_error(call->reply, control_status(rc), err->text);
}
