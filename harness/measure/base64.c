/* SPDX-License-Identifier: MIT */
/* base64.c - three bytes to four characters and back. */
#include "measure/base64.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_encode(const void *data, size_t length_bytes, char **text, struct err *err)
{
    const uint8_t *in = data;
    size_t groups = length_bytes / 3 + (length_bytes % 3 != 0);
    char *to = groups < SIZE_MAX / 4 ? malloc(groups * 4 + 1) : NULL;
    if (!to)
        return err_set(err, -ENOMEM, "no memory for %zu bytes in base64", length_bytes);
    *text = to;
    for (size_t i = 0; i < length_bytes; i += 3) {
        size_t left = length_bytes - i;
        uint32_t bits = (uint32_t)in[i] << 16;
        bits |= left > 1 ? (uint32_t)in[i + 1] << 8 : 0;
        bits |= left > 2 ? in[i + 2] : 0U;
        *to++ = alphabet[bits >> 18];
        *to++ = alphabet[bits >> 12 & 63];
        *to++ = left > 1 ? alphabet[bits >> 6 & 63] : '=';
        *to++ = left > 2 ? alphabet[bits & 63] : '=';
    }
    *to = '\0';
    return 0;
}

/* The six bits a character stands for, or 64 when it is not of the alphabet. */
static uint32_t sextet(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (uint32_t)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (uint32_t)(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0') + 52;
    return c == '+' ? 62 : c == '/' ? 63 : 64;
}

/* Reads one group of which the last padding characters are '='. False when it is not well-formed.
 */
static bool decode_group(const char *text, unsigned padding, uint8_t *to)
{
    uint32_t bits = 0;
    for (unsigned i = 0; i < 4; i++) {
        uint32_t six = i < 4 - padding ? sextet(text[i]) : 0;
        if (six > 63)
            return false;
        bits = bits << 6 | six;
    }
    for (unsigned i = 0; i < 3 - padding; i++)
        to[i] = (uint8_t)(bits >> (16 - 8 * i));
    return (bits & ((1U << (8 * padding)) - 1)) == 0; /* no bits that no byte takes */
}

int base64_decode(const char *text, size_t text_length, uint8_t **data, size_t *length_bytes,
                  struct err *err)
{
    if (text_length % 4 != 0)
        return err_set(err, -EBADMSG, "base64 comes in groups of four, not %zu characters",
                       text_length);
    unsigned padding = 0;
    while (padding < 2 && padding < text_length && text[text_length - 1 - padding] == '=')
        padding++;
    size_t length = text_length / 4 * 3 - padding;
    uint8_t *bytes = malloc(length + 1);
    if (!bytes)
        return err_set(err, -ENOMEM, "no memory for %zu bytes out of base64", length);
    for (size_t i = 0; i < text_length; i += 4) {
        if (!decode_group(text + i, i + 4 == text_length ? padding : 0, bytes + i / 4 * 3)) {
            free(bytes);
            return err_set(err, -EBADMSG, "not base64 at character %zu", i + 1);
        }
    }
    *data = bytes;
    *length_bytes = length;
    return 0;
}
