/* SPDX-License-Identifier: MIT */
/* token.h - the mark each request carries, so that a byte of another request in a reply is seen. */
#ifndef POOLSTORM_LOAD_TOKEN_H
#define POOLSTORM_LOAD_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* '~' and 16 hexadecimal digits: rare in other text, and harmless in paths, headers and JSON. */
enum { TOKEN_BYTES = 17 };

void token_write(char *text, uint64_t number);

/* Reads one that is all of a text. */
bool token_read(const char *text, size_t length, uint64_t *number);

enum token_verdict { TOKEN_OWN, TOKEN_MISSING, TOKEN_FOREIGN };

/* Looks at every token in a body: all must be own, and there must be one. */
enum token_verdict token_check(const char *body, size_t length, const char *own);

#endif
