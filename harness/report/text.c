/* SPDX-License-Identifier: MIT */
/* text.c - decodes UTF-8 strictly; widths by ranges, as the C library's depend on the locale. */
#include "report/text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct range {
    uint32_t first, last;
};

/* Marks that take no room: combining, zero width, variation selectors. */
static const struct range no_width[] = {
    {0x300, 0x36f}, {0x200b, 0x200d}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0, 0}};

static const struct range two_wide[] = {
    {0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf},
    {0x4e00, 0x9fff},   {0xa000, 0xa4cf},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},
    {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},   {0x1f300, 0x1f64f},
    {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}, {0, 0}};

/* Controls, and marks that turn the direction of writing. */
static const struct range unfit[] = {
    {0x1, 0x9},       {0xb, 0x1f},      {0x7f, 0x9f},     {0x200e, 0x200f},
    {0x2028, 0x202e}, {0x2066, 0x2069}, {0xfffe, 0xffff}, {0, 0}};

static bool is_in(const struct range *ranges, uint32_t code)
{
    for (; ranges->last; ranges++)
        if (code >= ranges->first && code <= ranges->last)
            return true;
    return false;
}

/* Bytes of the sign at text, 0 when it is not UTF-8. */
static size_t decode(const char *text, size_t length_bytes, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t lead = (uint8_t)text[0];
    size_t length = lead < 0x80             ? 1
                    : (lead & 0xe0) == 0xc0 ? 2
                    : (lead & 0xf0) == 0xe0 ? 3
                    : (lead & 0xf8) == 0xf0 ? 4
                                            : 0;
    if (length == 0 || length > length_bytes)
        return 0;
    *code = length == 1 ? lead : lead & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if (((uint8_t)text[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | ((uint8_t)text[i] & 0x3f);
    }
    bool surrogate = *code >= 0xd800 && *code <= 0xdfff;
    return *code < least[length] || *code > 0x10ffff || surrogate ? 0 : length;
}

/* Bytes of the sign at text (1 for a byte that is none) and its columns. */
static size_t step(const char *text, size_t length_bytes, size_t *columns)
{
    uint32_t code;
    size_t length = decode(text, length_bytes, &code);
    *columns = length == 0 ? 1 : is_in(no_width, code) ? 0 : is_in(two_wide, code) ? 2 : 1;
    return length ? length : 1;
}

size_t text_width(const char *text, size_t length_bytes)
{
    size_t width = 0;
    for (size_t at = 0; at < length_bytes;) {
        size_t columns;
        at += step(text + at, length_bytes - at, &columns);
        width += columns;
    }
    return width;
}

size_t text_fit(const char *text, size_t length_bytes, size_t width)
{
    size_t used = 0, at = 0;
    while (at < length_bytes) {
        size_t columns;
        size_t length = step(text + at, length_bytes - at, &columns);
        if (used + columns > width)
            break;
        used += columns;
        at += length;
    }
    return at;
}

char *text_clean(char *text)
{
    size_t length_bytes = strlen(text);
    for (size_t at = 0; at < length_bytes;) {
        uint32_t code;
        size_t length = decode(text + at, length_bytes - at, &code);
        if (length && !is_in(unfit, code)) {
            at += length;
            continue;
        }
        length = length ? length : 1;
        memset(text + at, '?', length);
        at += length;
    }
    return text;
}

static const char *entity_of(char c, const char *newline)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    case '\n':
        return newline;
    default:
        return NULL;
    }
}

int text_escape(FILE *out, const char *text, const char *newline, struct err *err)
{
    char *clean = text ? strdup(text) : NULL;
    if (text && !clean)
        return err_sys(err, -ENOMEM, "write a text");
    for (const char *at = clean ? text_clean(clean) : ""; *at; at++) {
        const char *entity = entity_of(*at, newline);
        if (entity)
            (void)fputs(entity, out);
        else
            (void)fputc(*at, out);
    }
    free(clean);
    return 0;
}

const char *text_line(const char **rest, size_t width, size_t *length_bytes)
{
    const char *start = *rest;
    if (!start)
        return NULL;
    size_t end = strcspn(start, "\n");
    size_t blank = 0, used = 0;
    for (size_t at = 0; at < end;) {
        size_t columns;
        size_t length = step(start + at, end - at, &columns);
        if (start[at] == ' ')
            blank = at;
        if (used + columns > width && at > 0) {
            *length_bytes = blank ? blank : at;
            *rest = start + (blank ? blank + 1 : at);
            return start;
        }
        used += columns;
        at += length;
    }
    *length_bytes = end;
    *rest = start[end] ? start + end + 1 : NULL;
    return start;
}
