/* SPDX-License-Identifier: MIT */
/* http1_test.c - heads and chunks are read strictly, wherever the network cuts them. */
#include "test.h"

#include "core/http1.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(literal) literal, sizeof(literal) - 1

struct parsed {
    ssize_t rc;
    struct http1_head head;
};

/* From a buffer of exactly that size, so that a byte read too far is caught. */
static struct parsed parse(const char *text, size_t length, bool reply, bool to_head)
{
    char *copy = malloc(length ? length : 1);
    struct parsed parsed;
    assert_non_null(copy);
    memcpy(copy, text, length);
    parsed.rc = reply ? http1_parse_reply(copy, length, to_head, &parsed.head)
                      : http1_parse_request(copy, length, &parsed.head);
    free(copy);
    return parsed;
}

static void assert_slice(struct slice slice, const char *text)
{
    assert_non_null(slice.data);
    assert_int_equal(slice.length, strlen(text));
    assert_memory_equal(slice.data, text, slice.length);
}

static const char request_text[] = "POST /api/v1/encode?x=1 HTTP/1.1\r\n"
                                   "Host: 127.0.0.1:8080\r\n"
                                   "content-LENGTH: 1200\r\n"
                                   "X-Request-Token: \t a b\tc \t\r\n"
                                   "Empty:\r\n"
                                   "Expect: 100-Continue\r\n"
                                   "\r\n";

static void a_request_is_taken_apart(void **unused)
{
    (void)unused;
    struct http1_head head;
    assert_int_equal(http1_parse_request(TEXT(request_text), &head), sizeof(request_text) - 1);
    assert_slice(head.method, "POST");
    assert_slice(head.target, "/api/v1/encode?x=1");
    assert_int_equal(head.minor, 1);
    assert_int_equal(head.framing, HTTP1_LENGTH);
    assert_int_equal(head.content_length, 1200);
    assert_true(head.keep_alive);
    assert_true(head.expect_continue);
    assert_int_equal(head.header_count, 5);
    assert_slice(http1_header(&head, "x-request-token"), "a b\tc");
    assert_slice(http1_header(&head, "EMPTY"), "");
    assert_null(http1_header(&head, "X-Request").data);
}

static void a_reply_is_taken_apart(void **unused)
{
    (void)unused;
    struct http1_head head;
    static const char text[] = "HTTP/1.1 503 Service Unavailable\r\nTransfer-Encoding: Chunked\r\n"
                               "Connection: foo, Close\r\n\r\nrest";
    assert_int_equal(http1_parse_reply(TEXT(text), false, &head), sizeof(text) - 5);
    assert_int_equal(head.status, 503);
    assert_int_equal(head.framing, HTTP1_CHUNKED);
    assert_false(head.keep_alive);
}

static void every_split_asks_for_more(void **unused)
{
    (void)unused;
    static const char reply[] =
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: something/1.0\r\n\r\n";
    static const char bare[] = "\r\nGET / HTTP/1.0\r\n\r\n";
    const struct {
        const char *text;
        size_t length;
        bool reply;
    } good[] = {{TEXT(request_text), false}, {TEXT(reply), true}, {TEXT(bare), false}};
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        for (size_t cut = 0; cut < good[i].length; cut++)
            assert_int_equal(parse(good[i].text, cut, good[i].reply, false).rc, 0);
        assert_int_equal(parse(good[i].text, good[i].length, good[i].reply, false).rc,
                         good[i].length);
    }
}

#define HOST "Host: h\r\n"

static void malformed_requests_are_refused(void **unused)
{
    (void)unused;
    static const char *const bad[] = {
        " GET / HTTP/1.1\r\n" HOST "\r\n",
        "GET  / HTTP/1.1\r\n" HOST "\r\n",
        "GET / HTTP/1.1 \r\n" HOST "\r\n",
        "GET /\r\n\r\n",
        "GET / HTTP/2.0\r\n" HOST "\r\n",
        "GET / http/1.1\r\n" HOST "\r\n",
        "G(T / HTTP/1.1\r\n" HOST "\r\n",
        "GET /\x01 HTTP/1.1\r\n" HOST "\r\n",
        "GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n",
        "GET / HTTP/1.1\n" HOST "\r\n",
        "\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST HOST "\r\n",
        "GET / HTTP/1.1\r\nHost : h\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST ": empty name\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST "A: b\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST "A: b\rc\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST "A: b\nB: c\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST "A: long enough for a word \x7f there\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST "A: long enough for a word \x02 there\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST "no colon\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST "\rX",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (parse(bad[i], strlen(bad[i]), false, false).rc != -EBADMSG)
            fail_msg("accepted: %s", bad[i]);
}

static void ambiguous_framing_is_refused(void **unused)
{
    (void)unused;
    static const char *const bad[] = {
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length:\r\n",
        "Content-Length: 18446744073709551616\r\n",
        "Content-Length: 99999999999999999999999\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        char text[256];
        int length = snprintf(text, sizeof(text), "POST / HTTP/1.1\r\n" HOST "%s\r\n", bad[i]);
        if (parse(text, (size_t)length, false, false).rc != -EBADMSG)
            fail_msg("request accepted: %s", bad[i]);
        length = snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n%s\r\n", bad[i]);
        if (parse(text, (size_t)length, true, false).rc != -EBADMSG)
            fail_msg("reply accepted: %s", bad[i]);
    }
    static const char old[] = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_int_equal(parse(TEXT(old), false, false).rc, -EBADMSG);
    static const char same[] = "POST / HTTP/1.0\r\nContent-Length: 05\r\ncontent-length: 5\r\n\r\n";
    struct parsed parsed = parse(TEXT(same), false, false);
    assert_int_equal(parsed.rc, sizeof(same) - 1);
    assert_int_equal(parsed.head.content_length, 5);
    assert_false(parsed.head.keep_alive);
}

static void malformed_replies_are_refused(void **unused)
{
    (void)unused;
    static const char *const bad[] = {
        "HTTP/1.1 20 OK\r\n\r\n",   "HTTP/1.1 099 OK\r\n\r\n",     "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n", "HTP/1.1 200 OK\r\n\r\n",      "HTTP/1.1 200 O\x01K\r\n\r\n",
        "HTTP/1.1 200 OK\n\n",      "\r\nHTTP/1.1 200 OK\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (parse(bad[i], strlen(bad[i]), true, false).rc != -EBADMSG)
            fail_msg("accepted: %s", bad[i]);
}

static void a_reply_ends_as_the_rfc_says(void **unused)
{
    (void)unused;
    static const struct {
        const char *text;
        bool to_head;
        enum http1_framing framing;
        bool keep_alive;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\n\r\n", false, HTTP1_UNTIL_CLOSE, false},
        {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", false, HTTP1_LENGTH, true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", true, HTTP1_NO_BODY, true},
        {"HTTP/1.1 204 No\r\nContent-Length: 9\r\n\r\n", false, HTTP1_NO_BODY, true},
        {"HTTP/1.1 304 Same\r\n\r\n", false, HTTP1_NO_BODY, true},
        {"HTTP/1.1 100 Continue\r\n\r\n", false, HTTP1_NO_BODY, true},
        {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", false, HTTP1_LENGTH, false},
        {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n", false,
         HTTP1_LENGTH, true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: closed\r\n\r\n", false, HTTP1_LENGTH,
         true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: ,close\r\n\r\n", false, HTTP1_LENGTH,
         false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct parsed parsed = parse(cases[i].text, strlen(cases[i].text), true, cases[i].to_head);
        assert_int_equal(parsed.rc, strlen(cases[i].text));
        assert_int_equal(parsed.head.framing, cases[i].framing);
        assert_int_equal(parsed.head.keep_alive, cases[i].keep_alive);
    }
}

static void too_many_headers_are_told_apart(void **unused)
{
    (void)unused;
    char text[2048] = "GET / HTTP/1.0\r\n";
    struct http1_head head;
    for (int i = 0; i < HTTP1_HEADERS_MAX; i++)
        strcat(text, "A: b\r\n");
    strcat(text, "\r\n");
    assert_int_equal(http1_parse_request(text, strlen(text), &head), strlen(text));
    assert_int_equal(head.header_count, HTTP1_HEADERS_MAX);
    text[strlen(text) - 2] = '\0';
    strcat(text, "A: b\r\n\r\n");
    assert_int_equal(http1_parse_request(text, strlen(text), &head), -E2BIG);
}

static void a_tab_does_not_hide_what_follows(void **unused)
{
    (void)unused;
    struct http1_head head;
    static const char text[] = "GET / HTTP/1.1\r\nHost: h\r\nA: 0123456789\t01234567\tb\r\n\r\n";
    assert_int_equal(http1_parse_request(TEXT(text), &head), sizeof(text) - 1);
    assert_slice(http1_header(&head, "a"), "0123456789\t01234567\tb");
}

/* ---- Chunks ---------------------------------------------------------------------------------- */

/* Feeds text in pieces of step bytes; returns the body's length, or the error. */
static ssize_t dechunk(const char *text, size_t length, size_t step, char *body, size_t *used,
                       bool *done)
{
    struct http1_chunks chunks = {0};
    size_t size = 0;
    *used = 0;
    while (*used < length && !chunks.done) {
        size_t piece = length - *used < step ? length - *used : step, consumed = 0;
        char *copy = malloc(piece);
        assert_non_null(copy);
        memcpy(copy, text + *used, piece);
        ssize_t got = http1_dechunk(&chunks, copy, piece, &consumed);
        if (got >= 0)
            memcpy(body + size, copy, (size_t)got);
        free(copy);
        if (got < 0)
            return got;
        assert_true(chunks.done || consumed == piece);
        size += (size_t)got;
        *used += consumed;
    }
    *done = chunks.done;
    return (ssize_t)size;
}

static void chunks_come_in_any_pieces(void **unused)
{
    (void)unused;
    static const char text[] = "5\r\nhello\r\n1;ext=\"v\"\r\n \r\n0A \t;x\r\n0123456789\r\n000\r\n"
                               "Trailer: v\r\nOther:\r\n\r\nGET /next";
    static const char expected[] = "hello 0123456789";
    for (size_t step = 1; step <= sizeof(text); step++) {
        char body[sizeof(text)];
        size_t used;
        bool done = false;
        ssize_t size = dechunk(TEXT(text), step, body, &used, &done);
        assert_int_equal(size, sizeof(expected) - 1);
        assert_memory_equal(body, expected, sizeof(expected) - 1);
        assert_true(done);
        assert_string_equal(text + used, "GET /next");
    }
}

static void malformed_chunks_are_refused(void **unused)
{
    (void)unused;
    static const char *const bad[] = {
        "\r\n",        "g\r\n",           "-1\r\n",      "0x1\r\na\r\n",
        "1\na\n",      "1\r\nab\r\n",     "1\r\na\n",    "1 a\r\n",
        "1 \r\na\r\n", "1;\x01\r\na\r\n", "1;e\na\r\n",  "11111111111111111\r\n",
        "0\r\n:\r\n",  "0\r\nA b\r\n",    "0\r\n b\r\n", "0\r\nA: b\n\r\n",
        "0\r\n\rx",    "1\r\na\r\r",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        for (size_t step = 1; step < 24; step += 22) {
            char body[64];
            size_t used;
            bool done;
            if (dechunk(bad[i], strlen(bad[i]), step, body, &used, &done) != -EBADMSG)
                fail_msg("accepted: %s", bad[i]);
        }
    }
}

static void empty_talk_is_bounded(void **unused)
{
    (void)unused;
    enum { SIZE = 20000 };
    char *text = malloc(SIZE), *body = malloc(SIZE);
    size_t used;
    bool done;
    assert_true(text && body);
    memset(text, 'x', SIZE);
    memcpy(text, "1;", 2);
    assert_int_equal(dechunk(text, SIZE, SIZE, body, &used, &done), -EBADMSG);
    assert_int_equal(dechunk(text, SIZE, 7, body, &used, &done), -EBADMSG);
    memcpy(text, "0\r\nA:", 5);
    assert_int_equal(dechunk(text, SIZE, 100, body, &used, &done), -EBADMSG);
    memset(text, '0', SIZE);
    assert_int_equal(dechunk(text, SIZE, 100, body, &used, &done), -EBADMSG);
    free(text);
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_taken_apart),
        cmocka_unit_test(a_reply_is_taken_apart),
        cmocka_unit_test(every_split_asks_for_more),
        cmocka_unit_test(malformed_requests_are_refused),
        cmocka_unit_test(ambiguous_framing_is_refused),
        cmocka_unit_test(malformed_replies_are_refused),
        cmocka_unit_test(a_reply_ends_as_the_rfc_says),
        cmocka_unit_test(too_many_headers_are_told_apart),
        cmocka_unit_test(a_tab_does_not_hide_what_follows),
        cmocka_unit_test(chunks_come_in_any_pieces),
        cmocka_unit_test(malformed_chunks_are_refused),
        cmocka_unit_test(empty_talk_is_bounded),
    };
    return cmocka_run_group_tests_name("http1", tests, NULL, NULL);
}
