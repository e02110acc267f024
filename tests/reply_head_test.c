/* SPDX-License-Identifier: MIT */
/* reply_head_test.c - a head that is known again says what it would say if it were read. */
#include "test.h"

#include "load/reply_head.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* From a buffer of exactly that size, so that a byte read too far is caught. */
static void assert_as_parsed(struct reply_head_known *known, const char *text, size_t length,
                             bool to_head)
{
    char *copy = malloc(length ? length : 1);
    struct http1_head parsed;
    struct reply_head head;
    assert_non_null(copy);
    memcpy(copy, text, length);
    ssize_t want = http1_parse_reply(copy, length, to_head, &parsed);
    assert_int_equal(reply_head_read(known, copy, length, to_head, &head), want);
    if (want > 0) {
        assert_int_equal(head.status, parsed.status);
        assert_int_equal(head.framing, parsed.framing);
        assert_int_equal(head.content_length, parsed.content_length);
        assert_int_equal(head.keep_alive, parsed.keep_alive);
    }
    free(copy);
}

static const char *const replies[] = {
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfour",
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n",
    "HTTP/1.1 503 No\r\nContent-Length: 3\r\n\r\nno\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 204 No\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\rX",
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n",
};
enum { REPLIES = sizeof(replies) / sizeof(*replies) };

static void any_head_after_any_other_is_read_right(void **unused)
{
    (void)unused;
    for (unsigned i = 0; i < REPLIES; i++)
        for (unsigned k = 0; k < REPLIES; k++)
            for (unsigned to_head = 0; to_head < 4; to_head++) {
                struct reply_head_known known = {0};
                assert_as_parsed(&known, replies[i], strlen(replies[i]), to_head & 1);
                assert_as_parsed(&known, replies[k], strlen(replies[k]), to_head & 2);
                assert_as_parsed(&known, replies[k], strlen(replies[k]), to_head & 2);
            }
}

static void a_known_head_cut_short_is_not_there_yet(void **unused)
{
    (void)unused;
    struct reply_head_known known = {0};
    assert_as_parsed(&known, replies[0], strlen(replies[0]), false);
    assert_true(known.length > 0);
    for (size_t length = 0; length <= strlen(replies[0]); length++)
        assert_as_parsed(&known, replies[0], length, false);
}

static void a_long_head_is_read_each_time(void **unused)
{
    (void)unused;
    struct reply_head_known known = {0};
    char text[2 * REPLY_HEAD_BYTES_KNOWN] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX: ";
    size_t filled = strlen(text);
    memset(text + filled, 'x', REPLY_HEAD_BYTES_KNOWN);
    strcpy(text + filled + REPLY_HEAD_BYTES_KNOWN, "\r\n\r\nok\n");
    assert_as_parsed(&known, text, strlen(text), false);
    assert_int_equal(known.length, 0);
    assert_as_parsed(&known, replies[1], strlen(replies[1]), false);
    assert_as_parsed(&known, text, strlen(text), false);
    assert_as_parsed(&known, replies[1], strlen(replies[1]), false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_head_after_any_other_is_read_right),
        cmocka_unit_test(a_known_head_cut_short_is_not_there_yet),
        cmocka_unit_test(a_long_head_is_read_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
