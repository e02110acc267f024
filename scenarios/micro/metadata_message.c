/* SPDX-License-Identifier: MIT */
/* metadata_message.c - metadata as a serialised message: a JSON text by jansson, and read from it.
 */
#include "micro/metadata.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static char *write_message(const struct metadata *in)
{
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "trace_id", in->trace_id, "tenant",
                  in->tenant, "locale", in->locale, "roles", in->roles, "user_id",
                  (json_int_t)in->user_id, "deadline_ms", (json_int_t)in->deadline_ms, "attempt",
                  (json_int_t)in->attempt, "sampled", (json_int_t)in->sampled);
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return text;
}

static bool read_message(const char *text, struct metadata *out)
{
    const char *trace_id, *tenant, *locale, *roles;
    json_int_t user_id, deadline_ms, attempt, sampled;
    json_t *object = json_loads(text, 0, NULL);
    int rc = json_unpack(object, "{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "trace_id", &trace_id,
                         "tenant", &tenant, "locale", &locale, "roles", &roles, "user_id", &user_id,
                         "deadline_ms", &deadline_ms, "attempt", &attempt, "sampled", &sampled);
    if (rc == 0) {
        (void)snprintf(out->trace_id, sizeof(out->trace_id), "%s", trace_id);
        (void)snprintf(out->tenant, sizeof(out->tenant), "%s", tenant);
        (void)snprintf(out->locale, sizeof(out->locale), "%s", locale);
        (void)snprintf(out->roles, sizeof(out->roles), "%s", roles);
        out->user_id = (uint64_t)user_id;
        out->deadline_ms = (uint64_t)deadline_ms;
        out->attempt = (uint64_t)attempt;
        out->sampled = (uint64_t)sampled;
    }
    json_decref(object);
    return rc == 0;
}

static bool carry(const struct metadata *in, struct metadata *out)
{
    char *text = write_message(in);
    if (!text)
        return false;
    microbench_use(text);
    bool through = read_message(text, out);
    free(text);
    return through;
}

static void run(struct microbench_pass *pass)
{
    metadata_run(pass, carry);
}

const struct microbench microbench_metadata_message = {
    .name = "metadata/message",
    .summary = "eight fields serialised as a JSON text by a library and read from it",
    .run = run,
};
