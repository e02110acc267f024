/* SPDX-License-Identifier: MIT */
/* deadline.c - how long a client is willing to wait: the header X-Request-Timeout. */
#include "subject/deadline.h"

#include "core/clock.h"
#include "core/param.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static const char name[] = "X-Request-Timeout";

enum { NAME_LENGTH = sizeof(name) - 1, TEXT_MAX = 32 };

struct deadline {
    uint64_t span_ns; /* as read */
};

static const struct param deadline_param = {
    PARAM_NS("X-Request-Timeout", deadline, span_ns, NULL, "")};

static bool is_bare(struct slice value)
{
    for (size_t i = 0; i < value.length; i++)
        if ((value.data[i] < '0' || value.data[i] > '9') && value.data[i] != '.')
            return false;
    return true;
}

static int read_value(struct slice value, uint64_t *span_ns, struct err *err)
{
    char text[TEXT_MAX + sizeof("ms")];
    struct deadline read = {0};
    if (value.length > TEXT_MAX || memchr(value.data, '\0', value.length))
        return err_set(err, -EINVAL, "%s: expected a duration such as 250ms", name);
    memcpy(text, value.data, value.length);
    strcpy(text + value.length, value.length > 0 && is_bare(value) ? "ms" : "");
    int rc = param_set(&deadline_param, &read, text, err);
    if (!rc && read.span_ns == 0)
        rc = err_set(err, -EINVAL, "%s: must be above 0", name);
    if (!rc)
        *span_ns = read.span_ns;
    return rc;
}

int deadline_read(const struct http1_head *head, uint64_t *span_ns, struct err *err)
{
    const struct http1_header *found = NULL;
    *span_ns = CLOCK_NEVER;
    for (unsigned i = 0; i < head->header_count; i++) {
        const struct http1_header *header = &head->headers[i];
        if (header->name.length != NAME_LENGTH ||
            strncasecmp(header->name.data, name, NAME_LENGTH) != 0)
            continue;
        if (found)
            return err_set(err, -EINVAL, "%s: given more than once", name);
        found = header;
    }
    return found ? read_value(found->value, span_ns, err) : 0;
}
