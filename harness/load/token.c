/* SPDX-License-Identifier: MIT */
/* token.c - writing tokens and looking for foreign ones. */
#include "load/token.h"

#include <string.h>

void token_write(char *text, uint64_t number)
{
    static const char digits[] = "0123456789abcdef";
    text[0] = '~';
    for (size_t i = TOKEN_BYTES - 1; i >= 1; i--, number >>= 4)
        text[i] = digits[number & 15];
}

static bool is_token(const char *text)
{
    for (size_t i = 1; i < TOKEN_BYTES; i++) {
        char c = text[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return true;
}

bool token_read(const char *text, size_t length, uint64_t *number)
{
    if (length != TOKEN_BYTES || text[0] != '~' || !is_token(text))
        return false;
    *number = 0;
    for (size_t i = 1; i < TOKEN_BYTES; i++)
        *number = *number << 4 | (uint64_t)(text[i] <= '9' ? text[i] - '0' : text[i] - 'a' + 10);
    return true;
}

enum token_verdict token_check(const char *body, size_t length, const char *own)
{
    enum token_verdict verdict = TOKEN_MISSING;
    const char *end = body + length;
    while (end - body >= TOKEN_BYTES) {
        const char *at = memchr(body, '~', (size_t)(end - body) - TOKEN_BYTES + 1);
        if (!at)
            break;
        body = at + 1;
        if (memcmp(at, own, TOKEN_BYTES) == 0)
            verdict = TOKEN_OWN;
        else if (is_token(at))
            return TOKEN_FOREIGN;
    }
    return verdict;
}
