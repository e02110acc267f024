/* SPDX-License-Identifier: MIT */
/* mix.c - renders request texts, payloads and the places of tokens. */
#include "load/mix.h"

#include "load/token.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char placeholder[] = "{token}";

/* ---- Text ------------------------------------------------------------------------------------ */

/* open_memstream does the growing; a failed write shows in ferror. */
static void write_header_lines(FILE *out, const char *lines)
{
    while (lines && *lines) {
        size_t length = strcspn(lines, "\n");
        size_t kept = length && lines[length - 1] == '\r' ? length - 1 : length;
        if (kept > 0)
            (void)fprintf(out, "%.*s\r\n", (int)kept, lines);
        lines += length + (lines[length] == '\n');
    }
}

static int check_header_lines(const char *lines, struct err *err)
{
    while (lines && *lines) {
        size_t length = strcspn(lines, "\n");
        const char *colon = memchr(lines, ':', length);
        if (length > 0 && (!colon || colon == lines))
            return err_set(err, -EINVAL, "expected a header 'Name: value', not '%.*s'", (int)length,
                           lines);
        lines += length + (lines[length] == '\n');
    }
    return 0;
}

/* A document of about size_bytes: nested objects, strings, numbers and a token at either end, as
 * services exchange them. */
static int write_payload(char **out, size_t *length, size_t size_bytes, uint64_t seed)
{
    static const char *const words[] = {"amber", "basalt", "cedar",  "delta",
                                        "ember", "fjord",  "garnet", "harbor"};
    static const char last[] = "],\"end\":\"{token}\"}";
    struct rng rng;
    rng_init(&rng, seed, 3);
    FILE *text = open_memstream(out, length);
    if (!text)
        return -ENOMEM;
    (void)fprintf(text, "{\"start\":\"%s\",\"items\":[", placeholder);
    for (unsigned id = 1;; id++) {
        (void)fprintf(text,
                      "%s{\"id\":%u,\"name\":\"%s-%s\",\"price\":%u.%02u,\"active\":%s,"
                      "\"tags\":[\"%s\",\"%s\"],\"address\":{\"street\":\"%s road %u\"}}",
                      id > 1 ? "," : "", id, words[rng_below(&rng, 8)], words[rng_below(&rng, 8)],
                      (unsigned)rng_below(&rng, 1000), (unsigned)rng_below(&rng, 100),
                      rng_below(&rng, 2) ? "true" : "false", words[rng_below(&rng, 8)],
                      words[rng_below(&rng, 8)], words[rng_below(&rng, 8)],
                      (unsigned)rng_below(&rng, 1000));
        /* Two placeholders grow into tokens. */
        long now = ftell(text);
        size_t grown =
            (size_t)now + sizeof(last) - 1 + 2 * (TOKEN_BYTES - (sizeof(placeholder) - 1));
        if (grown + 64 >= size_bytes)
            break;
    }
    (void)fputs(last, text);
    bool failed = ferror(text) != 0;
    return fclose(text) != 0 || failed ? -ENOMEM : 0;
}

/* ---- Rendering ------------------------------------------------------------------------------- */

static size_t count_placeholders(const char *text)
{
    size_t count = 0;
    for (const char *at = strstr(text, placeholder); at; at = strstr(at + 1, placeholder))
        count++;
    return count;
}

static size_t grown_length(const char *text)
{
    return strlen(text) + count_placeholders(text) * (TOKEN_BYTES - (sizeof(placeholder) - 1));
}

/* Replaces each placeholder by room for a token and notes where. Takes text over. */
static int place_tokens(struct mix_request *request, char *text)
{
    size_t count = count_placeholders(text);
    request->bytes = malloc(grown_length(text) + 1);
    request->token_at = calloc(count ? count : 1, sizeof(*request->token_at));
    if (!request->bytes || !request->token_at) {
        free(text);
        return -ENOMEM;
    }
    char *to = request->bytes;
    const char *from = text;
    for (size_t i = 0; i < count; i++) {
        const char *at = strstr(from, placeholder);
        memcpy(to, from, (size_t)(at - from));
        to += at - from;
        request->token_at[i] = (size_t)(to - request->bytes);
        token_write(to, 0);
        to += TOKEN_BYTES;
        from = at + sizeof(placeholder) - 1;
    }
    size_t rest = strlen(from);
    memcpy(to, from, rest);
    request->token_count = count;
    request->length = (size_t)(to - request->bytes) + rest;
    free(text);
    return 0;
}

static int render(struct mix_request *request, const struct load_job *job,
                  const struct load_request *want, const char *body)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return -ENOMEM;
    (void)fprintf(out, "%s %s%s HTTP/1.1\r\nHost: %s\r\n", want->method, job->target->prefix,
                  want->path, job->target->host);
    if (job->profile->check == LOAD_CHECK_TOKEN)
        (void)fprintf(out, "X-Request-Token: %s\r\n", placeholder);
    if (!job->profile->keep_alive)
        (void)fputs("Connection: close\r\n", out);
    write_header_lines(out, want->headers);
    if (want->payload_bytes > 0)
        (void)fputs("Content-Type: application/json\r\n", out);
    if (body || strcmp(want->method, "POST") == 0 || strcmp(want->method, "PUT") == 0)
        (void)fprintf(out, "Content-Length: %zu\r\n", body ? grown_length(body) : 0);
    (void)fprintf(out, "\r\n%s", body ? body : "");
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        free(text);
        return -ENOMEM;
    }
    request->to_head = strcmp(want->method, "HEAD") == 0;
    request->writes = load_request_writes(want);
    return place_tokens(request, text);
}

static int render_with_body(struct mix_request *request, const struct load_job *job,
                            const struct load_request *want)
{
    if (want->payload_bytes == 0)
        return render(request, job, want, want->body);
    char *payload = NULL;
    size_t length;
    int rc = write_payload(&payload, &length, want->payload_bytes, job->seed);
    if (!rc)
        rc = render(request, job, want, payload);
    free(payload);
    return rc;
}

int mix_init(struct mix *mix, const struct load_job *job, struct err *err)
{
    double total = 0, until = 0;
    *mix = (struct mix){.requests = calloc(job->request_count, sizeof(*mix->requests))};
    if (!mix->requests)
        return err_sys(err, -ENOMEM, "render requests");
    for (size_t i = 0; i < job->request_count; i++)
        total += job->requests[i].weight;
    for (size_t i = 0; i < job->request_count; i++) {
        struct mix_request *request = &mix->requests[i];
        int rc = check_header_lines(job->requests[i].headers, err);
        if (!rc && (rc = render_with_body(request, job, &job->requests[i])))
            (void)err_sys(err, rc, "render requests");
        mix->count = i + 1;
        if (rc) {
            mix_fini(mix);
            return rc;
        }
        until += job->requests[i].weight / total;
        request->weight_until = until;
        mix->bytes += request->length;
    }
    return 0;
}

void mix_fini(struct mix *mix)
{
    for (size_t i = 0; i < mix->count; i++) {
        free(mix->requests[i].bytes);
        free(mix->requests[i].token_at);
    }
    free(mix->requests);
    *mix = (struct mix){0};
}
