/* SPDX-License-Identifier: MIT */
/* query.c - reads the query of a request's target into a struct, by a table of settings. */
#include "subject/query.h"

#include <errno.h>
#include <string.h>

enum { WORD_BYTES = 128 }; /* of a name or a value, decoded, with its NUL */

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Into word, which has WORD_BYTES. */
static int decode(struct slice raw, char *word, struct err *err)
{
    size_t used = 0;
    for (size_t i = 0; i < raw.length; i++) {
        int c = raw.data[i] == '+' ? ' ' : (unsigned char)raw.data[i];
        if (c == '%') {
            int high = i + 2 < raw.length ? digit_of(raw.data[i + 1]) : -1;
            int low = i + 2 < raw.length ? digit_of(raw.data[i + 2]) : -1;
            c = high < 0 || low < 0 ? 0 : high * 16 + low;
            i += 2;
        }
        if (c == 0)
            return err_set(err, -EINVAL, "the query is not percent-encoded as it should be");
        if (used == WORD_BYTES - 1)
            return err_set(err, -EINVAL, "a word of the query is longer than %d bytes",
                           WORD_BYTES - 1);
        word[used++] = (char)c;
    }
    word[used] = '\0';
    return 0;
}

static int read_pair(struct slice pair, const struct param *params, void *state, struct err *err)
{
    char name[WORD_BYTES], value[WORD_BYTES];
    const char *equals = memchr(pair.data, '=', pair.length);
    size_t length = equals ? (size_t)(equals - pair.data) : pair.length;
    struct slice after = {pair.data + length + 1, equals ? pair.length - length - 1 : 0};
    int rc = decode((struct slice){pair.data, length}, name, err);
    if (!rc)
        rc = decode(after, value, err);
    if (rc)
        return rc;
    const struct param *param = param_find(params, name);
    if (param)
        return param_set(param, state, value, err);
    const char *near = param_suggest(params, name);
    return near ? err_set(err, -EINVAL, "unknown parameter '%s' (did you mean '%s'?)", name, near)
                : err_set(err, -EINVAL, "unknown parameter '%s'", name);
}

int query_read(struct slice target, const struct param *params, void *state, struct err *err)
{
    const char *mark = memchr(target.data, '?', target.length);
    const char *at = mark ? mark + 1 : NULL, *end = target.data + target.length;
    int rc = param_defaults(params, state, err);
    while (!rc && at && at < end) {
        const char *stop = memchr(at, '&', (size_t)(end - at));
        if (!stop)
            stop = end;
        struct slice pair = {at, (size_t)(stop - at)};
        rc = pair.length > 0 ? read_pair(pair, params, state, err) : 0;
        at = stop + 1;
    }
    return rc;
}
