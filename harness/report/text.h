/* SPDX-License-Identifier: MIT */
/* text.h - UTF-8 text as a terminal shows it: how wide it is, where its lines break, and what of it
 * must not reach a terminal or a page. No state; any thread. */
#ifndef POOLSTORM_REPORT_TEXT_H
#define POOLSTORM_REPORT_TEXT_H

#include "core/err.h"

#include <stddef.h>
#include <stdio.h>

/* Columns that the first length_bytes take: combining marks none, East Asian wide signs two. */
size_t text_width(const char *text, size_t length_bytes);

/* Bytes of the longest beginning of text that takes at most width columns. */
size_t text_fit(const char *text, size_t length_bytes, size_t width);

/* Makes text from elsewhere harmless, in place: control characters other than newlines, marks that
 * turn the direction of writing, signs that XML does not know and what is not UTF-8 become '?', a
 * byte each. Returns text. */
char *text_clean(char *text);

/* Writes text for XML and HTML, between tags or as an attribute's value: what they would take for
 * their own as entities, the rest as text_clean leaves it, newline for '\n'. NULL: nothing.
 * -ENOMEM. */
int text_escape(FILE *out, const char *text, const char *newline, struct err *err);

/* The next line of *rest, at most width columns, broken at newlines and blanks, inside a word only
 * when it is wider than that. Sets *length_bytes, moves *rest behind it; NULL at the end. */
const char *text_line(const char **rest, size_t width, size_t *length_bytes);

#endif
