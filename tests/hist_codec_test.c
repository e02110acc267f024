/* SPDX-License-Identifier: MIT */
/* hist_codec_test.c - encodings come back as they went, and no bytes make the reader misbehave. */
#include "test.h"

#include "core/rng.h"
#include "measure/base64.h"
#include "measure/hist_codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static struct hist *make(uint64_t lowest_ns, uint64_t highest_ns, unsigned digits)
{
    struct hist *hist = NULL;
    assert_ok(hist_create(&hist, lowest_ns, highest_ns, digits, NULL));
    return hist;
}

static void assert_same_counts(const struct hist *a, const struct hist *b)
{
    assert_memory_equal(&a->geometry, &b->geometry, sizeof(a->geometry));
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->counts, b->counts, a->geometry.counts_length * sizeof(uint64_t));
}

static void assert_round_trip(const struct hist *hist, enum hist_format format)
{
    uint8_t *data = NULL;
    size_t length_bytes = 0;
    struct hist *back = NULL;
    assert_ok(hist_encode(hist, format, &data, &length_bytes, NULL));
    assert_ok(hist_decode(&back, data, length_bytes, NULL));
    assert_same_counts(hist, back);
    if (hist->count)
        assert_int_equal(hist_index(&back->geometry, back->max_ns),
                         hist_index(&hist->geometry, hist->max_ns));
    hist_destroy(back);
    free(data);
}

static void what_is_written_reads_back(void **unused)
{
    (void)unused;
    static const struct {
        uint64_t lowest, highest;
        unsigned digits;
    } shapes[] = {{1, HIST_HIGHEST_NS, 3}, {1000, 60000000000, 2}, {1, 2, 1}, {7, 100000000, 4}};
    for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
        struct hist *hist = make(shapes[i].lowest, shapes[i].highest, shapes[i].digits);
        assert_round_trip(hist, HIST_V2);
        assert_round_trip(hist, HIST_V2_COMPRESSED);
        struct rng rng;
        rng_init(&rng, 3, i);
        for (int k = 0; k < 5000; k++)
            hist_record_n(hist, (uint64_t)rng_exponential(&rng, (double)shapes[i].highest / 9),
                          1 + rng_below(&rng, UINT64_C(1) << rng_below(&rng, 48)));
        assert_round_trip(hist, HIST_V2);
        assert_round_trip(hist, HIST_V2_COMPRESSED);
        hist_destroy(hist);
    }
}

/* Byte for byte what the format's description says: 40 bytes of header, then -5 zeros, 1, 0, 300.
 */
static void the_bytes_are_those_of_v2(void **unused)
{
    (void)unused;
    static const uint8_t expected[] = {
        0x1c, 0x84, 0x93, 0x13, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0,
        0, 0, 0, 3, 0xe8, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0,
        /* zigzag: -5 is 9, 1 is 2, 0 is 0, 300 is 600 = 0x58 + 4 * 0x80 */
        0x09, 0x02, 0x00, 0xd8, 0x04};
    struct hist *hist = make(1, 1000, 2);
    hist_record(hist, 5);
    hist_record_n(hist, 7, 300);
    uint8_t *data = NULL;
    size_t length_bytes = 0;
    assert_ok(hist_encode(hist, HIST_V2, &data, &length_bytes, NULL));
    assert_int_equal(length_bytes, sizeof(expected));
    assert_memory_equal(data, expected, sizeof(expected));
    free(data);
    hist_destroy(hist);
}

static void counts_up_to_2_63_are_held(void **unused)
{
    (void)unused;
    struct hist *hist = make(1, 1000, 2);
    hist_record_n(hist, 9, INT64_MAX);
    assert_round_trip(hist, HIST_V2);
    hist_record(hist, 9);
    uint8_t *data = NULL;
    size_t length_bytes = 0;
    struct err err = {0};
    assert_int_equal(hist_encode(hist, HIST_V2, &data, &length_bytes, &err), -EOVERFLOW);
    assert_null(data);
    assert_non_null(strstr(err.text, "cannot be encoded"));
    hist_destroy(hist);
}

/* A plain encoding of the given header and counts; the caller frees it. */
struct raw {
    uint32_t cookie, payload_bytes, digits;
    uint64_t lowest, highest;
    uint8_t counts[24];
    size_t counts_bytes;
};

static void put(uint8_t *to, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
}

static size_t raw_bytes(const struct raw *raw, uint8_t *to)
{
    memset(to, 0, 40);
    put(to, raw->cookie, 4);
    put(to + 4, raw->payload_bytes, 4);
    put(to + 12, raw->digits, 4);
    put(to + 16, raw->lowest, 8);
    put(to + 24, raw->highest, 8);
    memcpy(to + 40, raw->counts, raw->counts_bytes);
    return 40 + raw->counts_bytes;
}

static size_t deflated(const uint8_t *plain, size_t plain_bytes, uint8_t *to, size_t room)
{
    uLongf length = room - 8;
    assert_int_equal(compress(to + 8, &length, plain, plain_bytes), Z_OK);
    put(to, 0x1c849314, 4);
    put(to + 4, length, 4);
    return length + 8;
}

static void nonsense_is_refused(void **unused)
{
    (void)unused;
    static const struct {
        struct raw raw;
        int code;
        const char *words;
    } bad[] = {
        {{0x1c849302, 1, 2, 1, 1000, {2}, 1}, -EBADMSG, "no histogram of format V2"},
        {{0x1c849313, 2, 2, 1, 1000, {2}, 1}, -EBADMSG, ""},
        {{0x1c849313, 0, 2, 1, 1000, {2}, 1}, -EBADMSG, ""},
        {{0x1c849313, 0x7fffffff, 2, 1, 1000, {2}, 1}, -EBADMSG, "does not take"},
        {{0x1c849313, 1, 0, 1, 1000, {2}, 1}, -EBADMSG, "significant digits"},
        {{0x1c849313, 1, 2, 0, 1000, {2}, 1}, -EBADMSG, "lowest value"},
        {{0x1c849313, 1, 2, 600, 1000, {2}, 1}, -EBADMSG, "highest value"},
        {{0x1c849313, 1, 2, 1, UINT64_MAX, {2}, 1}, -EBADMSG, "highest value"},
        {{0x1c849313, 1, 5, 1, INT64_MAX, {2}, 1}, -EFBIG, "more than 32 MiB"},
        {{0x1c849313, 1, 2, 1, 1000, {0x80}, 1}, -EBADMSG, "cut short"},
        /* one zero more than there are entries (512), then fitting zeros and a count too many */
        {{0x1c849313, 2, 2, 1, 1000, {0x81, 0x08}, 2}, -EBADMSG, "more than its"},
        {{0x1c849313, 3, 2, 1, 1000, {0xff, 0x07, 2}, 3}, -EBADMSG, "more than its"},
        /* a run of 2^63 zeros */
        {{0x1c849313, 9, 2, 1, 1000, {255, 255, 255, 255, 255, 255, 255, 255, 255}, 9},
         -EBADMSG,
         "more than its"},
        /* 2^63 - 1 twice */
        {{0x1c849313,
          18,
          2,
          1,
          1000,
          {254, 255, 255, 255, 255, 255, 255, 255, 255, 254, 255, 255, 255, 255, 255, 255, 255,
           255},
          18},
         -EBADMSG,
         "add up to more"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        uint8_t plain[64], small[256];
        struct hist *hist = NULL;
        struct err err = {0};
        size_t plain_bytes = raw_bytes(&bad[i].raw, plain);
        assert_int_equal(hist_decode(&hist, plain, plain_bytes, &err), bad[i].code);
        assert_non_null(strstr(err.text, bad[i].words));
        size_t small_bytes = deflated(plain, plain_bytes, small, sizeof(small));
        assert_int_equal(hist_decode(&hist, small, small_bytes, &err), bad[i].code);
        assert_null(hist);
    }
}

/* The same fields, for once all right: what makes the above fail is what they change. */
static void the_good_one_beside_the_nonsense_is_read(void **unused)
{
    (void)unused;
    struct raw good = {0x1c849313, 3, 2, 1, 1000, {0xfd, 0x07, 2}, 3};
    uint8_t plain[64], small[256];
    struct hist *hist = NULL;
    size_t plain_bytes = raw_bytes(&good, plain);
    assert_ok(hist_decode(&hist, plain, plain_bytes, NULL));
    assert_int_equal(hist->count, 1);
    assert_int_equal(hist_max_ns(hist), 1023);
    hist_destroy(hist);
    size_t small_bytes = deflated(plain, plain_bytes, small, sizeof(small));
    assert_ok(hist_decode(&hist, small, small_bytes, NULL));
    hist_destroy(hist);
}

static void no_prefix_is_taken_for_the_whole(void **unused)
{
    (void)unused;
    struct hist *hist = make(1, HIST_HIGHEST_NS, 3);
    for (uint64_t value_ns = 1; value_ns < 1000000; value_ns = value_ns * 5 / 4 + 1)
        hist_record(hist, value_ns);
    for (int format = HIST_V2; format <= HIST_V2_COMPRESSED; format++) {
        uint8_t *data = NULL;
        size_t length_bytes = 0;
        assert_ok(hist_encode(hist, (enum hist_format)format, &data, &length_bytes, NULL));
        for (size_t cut = 0; cut < length_bytes; cut++) {
            /* A copy of its own, so that the sanitizer sees a read behind the end. */
            uint8_t *part = malloc(cut + 1);
            assert_non_null(part);
            memcpy(part, data, cut);
            struct hist *back = NULL;
            assert_int_equal(hist_decode(&back, part, cut, NULL), -EBADMSG);
            free(part);
        }
        free(data);
    }
    hist_destroy(hist);
}

/* 40 MB of zeros deflate to 40 KB: they must not be inflated, let alone believed. */
static void a_bomb_does_not_go_off(void **unused)
{
    (void)unused;
    size_t plain_bytes = 40000000;
    uint8_t *plain = calloc(1, plain_bytes), *small = malloc(compressBound(plain_bytes) + 8);
    assert_true(plain && small);
    struct raw head = {0x1c849313, 3, 2, 1, 1000, {0}, 0};
    (void)raw_bytes(&head, plain);
    size_t small_bytes = deflated(plain, plain_bytes, small, compressBound(plain_bytes) + 8);
    struct hist *hist = NULL;
    struct err err = {0};
    assert_int_equal(hist_decode(&hist, small, small_bytes, &err), -EBADMSG);
    assert_non_null(strstr(err.text, "not 43 bytes long"));
    free(plain);
    free(small);
}

static void a_flipped_bit_in_the_stream_is_noticed(void **unused)
{
    (void)unused;
    struct hist *hist = make(1, HIST_HIGHEST_NS, 3);
    for (uint64_t value_ns = 1; value_ns < 1000000; value_ns = value_ns * 5 / 4 + 1)
        hist_record(hist, value_ns);
    uint8_t *data = NULL;
    size_t length_bytes = 0;
    assert_ok(hist_encode(hist, HIST_V2_COMPRESSED, &data, &length_bytes, NULL));
    for (size_t i = 10; i < length_bytes; i++) {
        struct hist *back = NULL;
        data[i] ^= 4;
        assert_true(hist_decode(&back, data, length_bytes, NULL) < 0);
        assert_null(back);
        data[i] ^= 4;
    }
    free(data);
    hist_destroy(hist);
}

static void base64_is_rfc_4648(void **unused)
{
    (void)unused;
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"},
                                           {"\xfb\xff\xbf", "+/+/"}};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        char *text = NULL;
        uint8_t *data = NULL;
        size_t length_bytes = 99;
        assert_ok(base64_encode(pairs[i][0], strlen(pairs[i][0]), &text, NULL));
        assert_string_equal(text, pairs[i][1]);
        assert_ok(base64_decode(text, strlen(text), &data, &length_bytes, NULL));
        assert_int_equal(length_bytes, strlen(pairs[i][0]));
        assert_memory_equal(data, pairs[i][0], length_bytes);
        free(text);
        free(data);
    }
}

static void what_is_not_base64_is_refused(void **unused)
{
    (void)unused;
    static const char *const bad[] = {"Z",    "Zg",   "Zg=",   "Zg==Zg==", "Zh==", "Zm9=", "Z===",
                                      "====", "Zm9 ", "Zm\n=", "Zm-_",     "=m9v", "Zm=v"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        uint8_t *data = NULL;
        size_t length_bytes = 0;
        struct err err = {0};
        assert_int_equal(base64_decode(bad[i], strlen(bad[i]), &data, &length_bytes, &err),
                         -EBADMSG);
        assert_null(data);
        assert_non_null(strstr(err.text, "base64"));
        struct hist *hist = NULL;
        assert_int_equal(hist_decode_base64(&hist, bad[i], strlen(bad[i]), NULL), -EBADMSG);
    }
}

static void base64_of_a_histogram_reads_back(void **unused)
{
    (void)unused;
    struct hist *hist = make(1, HIST_HIGHEST_NS, 3), *back = NULL;
    hist_record_n(hist, 123456789, 12);
    char *text = NULL;
    assert_ok(hist_encode_base64(hist, &text, NULL));
    assert_memory_equal(text, "HISTFAAAA", 9); /* as every .hlog line begins */
    assert_ok(hist_decode_base64(&back, text, strlen(text), NULL));
    assert_same_counts(hist, back);
    free(text);
    hist_destroy(hist);
    hist_destroy(back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(the_bytes_are_those_of_v2),
        cmocka_unit_test(counts_up_to_2_63_are_held),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(the_good_one_beside_the_nonsense_is_read),
        cmocka_unit_test(no_prefix_is_taken_for_the_whole),
        cmocka_unit_test(a_bomb_does_not_go_off),
        cmocka_unit_test(a_flipped_bit_in_the_stream_is_noticed),
        cmocka_unit_test(base64_is_rfc_4648),
        cmocka_unit_test(what_is_not_base64_is_refused),
        cmocka_unit_test(base64_of_a_histogram_reads_back),
    };
    return cmocka_run_group_tests_name("hist_codec", tests, NULL, NULL);
}
