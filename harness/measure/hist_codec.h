/* SPDX-License-Identifier: MIT */
/* hist_codec.h - histograms as bytes that every HdrHistogram implementation reads: its format V2
 * (big-endian header of 40 bytes, counts as ZigZag LEB128 of at most 9 bytes, runs of zeros as one
 * negative number), plain or deflated by zlib, and the latter in base64.
 *
 * The format has no place for hist.overflow nor for the exact extremes: keep them beside it. What
 * is read is not trusted: memory is bounded by HIST_COUNTS_BYTES_MAX whatever the bytes say. */
#ifndef POOLSTORM_MEASURE_HIST_CODEC_H
#define POOLSTORM_MEASURE_HIST_CODEC_H

#include "measure/hist.h"

enum hist_format {
    HIST_V2,            /* cookie 0x1c849313 */
    HIST_V2_COMPRESSED, /* cookie 0x1c849314, then a zlib stream of HIST_V2 */
};

/* Sets *data and *length_bytes; the caller frees *data. -EOVERFLOW when a count exceeds what the
 * format can hold (2^63 - 1), -ENOMEM. */
int hist_encode(const struct hist *hist, enum hist_format format, uint8_t **data,
                size_t *length_bytes, struct err *err);

/* HIST_V2_COMPRESSED in base64, as in .hlog files and result.json; the caller frees *text. */
int hist_encode_base64(const struct hist *hist, char **text, struct err *err);

/* Makes a histogram of either format, told apart by the cookie. -EBADMSG when the bytes are cut
 * short, malformed, contradict themselves or have something behind them; -EFBIG when the geometry
 * asks for more than HIST_COUNTS_BYTES_MAX; -ENOMEM. The caller destroys *out. */
int hist_decode(struct hist **out, const uint8_t *data, size_t length_bytes, struct err *err);

/* The same from base64. */
int hist_decode_base64(struct hist **out, const char *text, size_t text_length, struct err *err);

#endif
