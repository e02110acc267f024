/* SPDX-License-Identifier: MIT */
/* metadata_header.c - metadata as header text: printed into a request's head, parsed out of it. */
#include "core/http1.h"
#include "micro/metadata.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool get_text(const struct http1_head *head, const char *name, char *text, size_t size_bytes)
{
    struct slice value = http1_header(head, name);
    if (!value.data || value.length >= size_bytes)
        return false;
    memcpy(text, value.data, value.length);
    text[value.length] = '\0';
    return true;
}

static bool get_number(const struct http1_head *head, const char *name, uint64_t *number)
{
    char text[24], *end;
    if (!get_text(head, name, text, sizeof(text)))
        return false;
    *number = strtoull(text, &end, 10);
    return end > text && *end == '\0';
}

static bool carry(const struct metadata *in, struct metadata *out)
{
    char text[512];
    struct http1_head head;
    int length = snprintf(text, sizeof(text),
                          "GET / HTTP/1.1\r\nHost: service\r\n"
                          "X-Trace-Id: %s\r\nX-Tenant: %s\r\nX-Locale: %s\r\nX-Roles: %s\r\n"
                          "X-User-Id: %" PRIu64 "\r\nX-Deadline-Ms: %" PRIu64
                          "\r\nX-Attempt: %" PRIu64 "\r\nX-Sampled: %" PRIu64 "\r\n\r\n",
                          in->trace_id, in->tenant, in->locale, in->roles, in->user_id,
                          in->deadline_ms, in->attempt, in->sampled);
    microbench_use(text);
    if (length < 0 || (size_t)length >= sizeof(text) ||
        http1_parse_request(text, (size_t)length, &head) != length)
        return false;
    return get_text(&head, "x-trace-id", out->trace_id, sizeof(out->trace_id)) &&
           get_text(&head, "x-tenant", out->tenant, sizeof(out->tenant)) &&
           get_text(&head, "x-locale", out->locale, sizeof(out->locale)) &&
           get_text(&head, "x-roles", out->roles, sizeof(out->roles)) &&
           get_number(&head, "x-user-id", &out->user_id) &&
           get_number(&head, "x-deadline-ms", &out->deadline_ms) &&
           get_number(&head, "x-attempt", &out->attempt) &&
           get_number(&head, "x-sampled", &out->sampled);
}

static void run(struct microbench_pass *pass)
{
    metadata_run(pass, carry);
}

const struct microbench microbench_metadata_header = {
    .name = "metadata/header",
    .summary = "eight fields printed as headers of a request and parsed out of it",
    .run = run,
};
