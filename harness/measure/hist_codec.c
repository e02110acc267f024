/* SPDX-License-Identifier: MIT */
/* hist_codec.c - HdrHistogram's format V2, written as others write it and read with suspicion. */
#define ZLIB_CONST /* lets next_in point at const */

#include "measure/hist_codec.h"

#include "measure/base64.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define COOKIE_V2            UINT32_C(0x1c849303)
#define COOKIE_V2_COMPRESSED UINT32_C(0x1c849304)
/* Says "words of variable length" in the nibble that V1 kept its word size in. */
#define COOKIE_FLAG UINT32_C(0x10)
#define COOKIE_MASK (~UINT32_C(0xf0))
#define RATIO_ONE   UINT64_C(0x3ff0000000000000) /* 1.0 as an IEEE double */

enum {
    HEADER_BYTES = 40,           /* of V2 */
    COMPRESSED_HEADER_BYTES = 8, /* cookie and length */
    VARINT_BYTES_MAX = 9,        /* the ninth byte has eight bits of payload */
};

static void put_u32(uint8_t *to, uint32_t value)
{
    value = htobe32(value);
    memcpy(to, &value, sizeof(value));
}

static void put_u64(uint8_t *to, uint64_t value)
{
    value = htobe64(value);
    memcpy(to, &value, sizeof(value));
}

static uint32_t get_u32(const uint8_t *from)
{
    uint32_t value;
    memcpy(&value, from, sizeof(value));
    return be32toh(value);
}

static uint64_t get_u64(const uint8_t *from)
{
    uint64_t value;
    memcpy(&value, from, sizeof(value));
    return be64toh(value);
}

static size_t put_varint(uint8_t *to, uint64_t value)
{
    size_t used = 0;
    while (value > 0x7f && used < VARINT_BYTES_MAX - 1) {
        to[used++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    to[used++] = (uint8_t)value;
    return used;
}

/* Returns the bytes read, or 0 when they end too early. */
static size_t get_varint(const uint8_t *from, size_t left, uint64_t *value)
{
    *value = 0;
    for (size_t i = 0; i < VARINT_BYTES_MAX && i < left; i++) {
        bool last = i == VARINT_BYTES_MAX - 1;
        *value |= (uint64_t)(last ? from[i] : from[i] & 0x7f) << (7 * i);
        if (last || !(from[i] & 0x80))
            return i + 1;
    }
    return 0;
}

/* How many entries are written: up to the largest value, and one of an empty histogram. */
static uint32_t entries_used(const struct hist *hist)
{
    return hist_index(&hist->geometry, hist->max_ns) + 1;
}

/* Writes the counts; a run of two zeros or more as minus its length. Returns the bytes written. */
static size_t put_counts(const struct hist *hist, uint8_t *to)
{
    uint32_t end = entries_used(hist);
    size_t used = 0;
    for (uint32_t i = 0; i < end;) {
        uint32_t zeros = 0;
        while (i + zeros < end && hist->counts[i + zeros] == 0)
            zeros++;
        if (zeros > 1)
            used += put_varint(to + used, 2 * (uint64_t)zeros - 1); /* zigzag of -zeros */
        else
            used += put_varint(to + used, 2 * hist->counts[i]); /* zigzag of a count */
        i += zeros > 1 ? zeros : 1;
    }
    return used;
}

static int counts_fit(const struct hist *hist, struct err *err)
{
    uint32_t end = entries_used(hist);
    for (uint32_t i = 0; i < end; i++)
        if (hist->counts[i] > INT64_MAX)
            return err_set(err, -EOVERFLOW, "a histogram's count of %llu cannot be encoded",
                           (unsigned long long)hist->counts[i]);
    return 0;
}

static int encode_plain(const struct hist *hist, uint8_t **data, size_t *length_bytes,
                        struct err *err)
{
    int rc = counts_fit(hist, err);
    if (rc)
        return rc;
    size_t bound = HEADER_BYTES + (size_t)entries_used(hist) * VARINT_BYTES_MAX;
    uint8_t *out = malloc(bound);
    if (!out)
        return err_set(err, -ENOMEM, "no memory for a histogram of %zu bytes", bound);
    size_t payload_bytes = put_counts(hist, out + HEADER_BYTES);
    put_u32(out, COOKIE_V2 | COOKIE_FLAG);
    put_u32(out + 4, (uint32_t)payload_bytes);
    put_u32(out + 8, 0); /* normalizing index offset: counts are where their index says */
    put_u32(out + 12, hist->geometry.digits);
    put_u64(out + 16, hist->geometry.lowest_ns);
    put_u64(out + 24, hist->geometry.highest_ns);
    put_u64(out + 32, RATIO_ONE); /* of integer values to doubles: they are what they are */
    *data = out;
    *length_bytes = HEADER_BYTES + payload_bytes;
    return 0;
}

int hist_encode(const struct hist *hist, enum hist_format format, uint8_t **data,
                size_t *length_bytes, struct err *err)
{
    uint8_t *plain = NULL;
    size_t plain_bytes = 0;
    int rc = encode_plain(hist, &plain, &plain_bytes, err);
    if (rc)
        return rc;
    if (format == HIST_V2) {
        *data = plain;
        *length_bytes = plain_bytes;
        return 0;
    }
    uLongf deflated_bytes = compressBound(plain_bytes);
    uint8_t *out = malloc(COMPRESSED_HEADER_BYTES + deflated_bytes);
    if (!out || compress(out + COMPRESSED_HEADER_BYTES, &deflated_bytes, plain, plain_bytes)) {
        rc = err_set(err, -ENOMEM, "no memory to compress a histogram of %zu bytes", plain_bytes);
        free(out);
    } else {
        put_u32(out, COOKIE_V2_COMPRESSED | COOKIE_FLAG);
        put_u32(out + 4, (uint32_t)deflated_bytes);
        *data = out;
        *length_bytes = COMPRESSED_HEADER_BYTES + deflated_bytes;
    }
    free(plain);
    return rc;
}

int hist_encode_base64(const struct hist *hist, char **text, struct err *err)
{
    uint8_t *data = NULL;
    size_t length_bytes = 0;
    int rc = hist_encode(hist, HIST_V2_COMPRESSED, &data, &length_bytes, err);
    if (!rc)
        rc = base64_encode(data, length_bytes, text, err);
    free(data);
    return rc;
}

/* Makes the empty histogram a header of 40 bytes asks for and says how long its counts are. The
 * offset is a matter of the writer's memory layout and the ratio one of its doubles;
 * hdr-histogram-js writes neither as it should, so neither is looked at. */
static int read_header(const uint8_t *header, struct hist **out, size_t *payload_bytes,
                       struct err *err)
{
    if ((get_u32(header) & COOKIE_MASK) != COOKIE_V2)
        return err_set(err, -EBADMSG, "no histogram of format V2: it begins with 0x%08x",
                       get_u32(header));
    int rc =
        hist_create(out, get_u64(header + 16), get_u64(header + 24), get_u32(header + 12), err);
    if (rc == -EINVAL) {
        (void)err_wrap(err, "the histogram's header is wrong");
        rc = -EBADMSG;
    }
    if (rc)
        return rc;
    *payload_bytes = get_u32(header + 4);
    if (*payload_bytes > (size_t)(*out)->geometry.counts_length * VARINT_BYTES_MAX) {
        rc = err_set(err, -EBADMSG, "a histogram of %u counts does not take %zu bytes",
                     (*out)->geometry.counts_length, *payload_bytes);
        hist_destroy(*out);
        *out = NULL;
    }
    return rc;
}

static int too_many(const struct hist *hist, struct err *err)
{
    return err_set(err, -EBADMSG, "the histogram has more than its %u counts",
                   hist->geometry.counts_length);
}

/* Reads the counts into an empty histogram. */
static int read_counts(struct hist *hist, const uint8_t *from, size_t left, struct err *err)
{
    uint32_t length = hist->geometry.counts_length, index = 0;
    while (left > 0) {
        uint64_t zigzag;
        size_t used = get_varint(from, left, &zigzag);
        if (used == 0)
            return err_set(err, -EBADMSG, "the histogram's last count is cut short");
        from += used;
        left -= used;
        uint64_t magnitude = (zigzag >> 1) + (zigzag & 1); /* at most 2^63 */
        if (zigzag & 1) {
            if (magnitude > length - index)
                return too_many(hist, err);
            index += (uint32_t)magnitude;
            continue;
        }
        if (index == length)
            return too_many(hist, err);
        if (magnitude > INT64_MAX - hist->count)
            return err_set(err, -EBADMSG, "the histogram's counts add up to more than 2^63");
        if (magnitude > 0) {
            hist->counts[index] = magnitude;
            hist->count += magnitude;
            if (hist->min_ns == UINT64_MAX)
                hist->min_ns = hist_index_lowest_ns(&hist->geometry, index);
            hist->max_ns = hist_index_highest_ns(&hist->geometry, index);
        }
        index++;
    }
    return 0;
}

static int decode_plain(struct hist **out, const uint8_t *data, size_t length_bytes,
                        struct err *err)
{
    if (length_bytes < HEADER_BYTES)
        return err_set(err, -EBADMSG, "%zu bytes are too few for a histogram", length_bytes);
    struct hist *hist = NULL;
    size_t payload_bytes = 0;
    int rc = read_header(data, &hist, &payload_bytes, err);
    if (rc)
        return rc;
    if (payload_bytes != length_bytes - HEADER_BYTES)
        rc = err_set(err, -EBADMSG, "the histogram's counts should take %zu bytes, not %zu",
                     payload_bytes, length_bytes - HEADER_BYTES);
    else
        rc = read_counts(hist, data + HEADER_BYTES, payload_bytes, err);
    if (rc)
        hist_destroy(hist);
    else
        *out = hist;
    return rc;
}

/* Inflates exactly want bytes; false when the stream ends before or is damaged. */
static bool inflate_exactly(z_stream *stream, uint8_t *to, size_t want)
{
    stream->next_out = to;
    stream->avail_out = (uInt)want;
    while (stream->avail_out > 0) {
        int z = inflate(stream, Z_NO_FLUSH);
        if (z != Z_OK && !(z == Z_STREAM_END && stream->avail_out == 0))
            return false;
    }
    return true;
}

/* Whether the stream ends here: nothing more comes out, nothing is left over, the checksum is
 * right. */
static bool inflate_ends(z_stream *stream)
{
    uint8_t surplus;
    stream->next_out = &surplus; /* cppcheck-suppress autoVariables ; not used after this call */
    stream->avail_out = 1;
    int z = inflate(stream, Z_FINISH);
    return z == Z_STREAM_END && stream->avail_out == 1 && stream->avail_in == 0;
}

/* The header first: it says how much may come, so a small stream cannot grow into a large one. */
static int decode_stream(struct hist **out, z_stream *stream, struct err *err)
{
    uint8_t header[HEADER_BYTES];
    if (!inflate_exactly(stream, header, sizeof(header)))
        return err_set(err, -EBADMSG, "the compressed histogram has no whole header");
    struct hist *hist = NULL;
    size_t payload_bytes = 0;
    int rc = read_header(header, &hist, &payload_bytes, err);
    if (rc)
        return rc;
    uint8_t *payload = malloc(payload_bytes + 1);
    if (!payload)
        rc = err_set(err, -ENOMEM, "no memory for the %zu bytes of a histogram", payload_bytes);
    else if (!inflate_exactly(stream, payload, payload_bytes) || !inflate_ends(stream))
        rc = err_set(err, -EBADMSG, "the compressed histogram is damaged or not %zu bytes long",
                     payload_bytes + HEADER_BYTES);
    else
        rc = read_counts(hist, payload, payload_bytes, err);
    free(payload);
    if (rc)
        hist_destroy(hist);
    else
        *out = hist;
    return rc;
}

static int decode_compressed(struct hist **out, const uint8_t *data, size_t length_bytes,
                             struct err *err)
{
    if (length_bytes < COMPRESSED_HEADER_BYTES ||
        get_u32(data + 4) != length_bytes - COMPRESSED_HEADER_BYTES)
        return err_set(err, -EBADMSG, "the length of the compressed histogram is wrong");
    z_stream stream = {.next_in = data + COMPRESSED_HEADER_BYTES,
                       .avail_in = (uInt)(length_bytes - COMPRESSED_HEADER_BYTES)};
    if (inflateInit(&stream) != Z_OK)
        return err_set(err, -ENOMEM, "no memory to decompress a histogram");
    int rc = decode_stream(out, &stream, err);
    (void)inflateEnd(&stream);
    return rc;
}

int hist_decode(struct hist **out, const uint8_t *data, size_t length_bytes, struct err *err)
{
    if (length_bytes < sizeof(uint32_t))
        return err_set(err, -EBADMSG, "%zu bytes are too few for a histogram", length_bytes);
    if ((get_u32(data) & COOKIE_MASK) == COOKIE_V2_COMPRESSED)
        return decode_compressed(out, data, length_bytes, err);
    return decode_plain(out, data, length_bytes, err);
}

int hist_decode_base64(struct hist **out, const char *text, size_t text_length, struct err *err)
{
    uint8_t *data = NULL;
    size_t length_bytes = 0;
    int rc = base64_decode(text, text_length, &data, &length_bytes, err);
    if (!rc)
        rc = hist_decode(out, data, length_bytes, err);
    free(data);
    return rc;
}
