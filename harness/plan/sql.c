/* SPDX-License-Identifier: MIT */
/* sql.c - just enough of PostgreSQL's lexical rules to tell statements apart, as psql does. */
#include "plan/sql.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

/* Behind 'text' or "name": a doubled quote is one of the text, as is \' where escapes count. NULL:
 * not closed. */
static const char *skip_quotes(const char *at, bool escapes)
{
    char quote = *at++;
    for (; *at; at++) {
        bool doubled = *at == quote && at[1] == quote;
        bool escaped = escapes && *at == '\\' && at[1];
        if (doubled || escaped)
            at++;
        else if (*at == quote)
            return at + 1;
    }
    return NULL;
}

/* Behind $tag$ … $tag$; behind the '$' when it begins no such thing. */
static const char *skip_dollars(const char *at)
{
    const char *end = at + 1;
    if (isdigit((unsigned char)*end))
        return end;
    while (is_word(*end) && *end != '$')
        end++;
    if (*end != '$')
        return at + 1;
    size_t length = (size_t)(end + 1 - at);
    for (const char *close = strchr(end + 1, '$'); close; close = strchr(close + 1, '$'))
        if (strncmp(close, at, length) == 0)
            return close + length;
    return NULL;
}

/* Comments in slashes nest. */
static const char *skip_comment(const char *at)
{
    size_t depth = 0;
    if (at[0] == '-')
        return at + strcspn(at, "\n");
    for (; *at; at++) {
        if (at[0] == '/' && at[1] == '*') {
            depth++;
            at++;
        } else if (at[0] == '*' && at[1] == '/') {
            at++;
            if (--depth == 0)
                return at + 1;
        }
    }
    return NULL;
}

static bool is_comment(const char *at)
{
    return (at[0] == '-' && at[1] == '-') || (at[0] == '/' && at[1] == '*');
}

static bool is_keyword(const char *at, size_t length, const char *word)
{
    return strlen(word) == length && strncasecmp(at, word, length) == 0;
}

/* Where a statement is: within parentheses or BEGIN ATOMIC … END a semicolon ends nothing. */
struct scan {
    size_t parentheses, blocks;
    bool begun; /* the word before was BEGIN */
};

static const char *skip_word(struct scan *scan, const char *at)
{
    size_t length = 0;
    while (is_word(at[length]))
        length++;
    /* E'…' and its like: the letter belongs to the quote. */
    if (length == 1 && (*at == 'e' || *at == 'E') && at[1] == '\'')
        return skip_quotes(at + 1, true);
    bool opens = (is_keyword(at, length, "ATOMIC") && scan->begun) ||
                 (is_keyword(at, length, "CASE") && scan->blocks > 0);
    if (opens)
        scan->blocks++;
    else if (is_keyword(at, length, "END") && scan->blocks > 0)
        scan->blocks--;
    scan->begun = is_keyword(at, length, "BEGIN");
    return at + length;
}

/* Behind the next piece of the text; NULL when it is not closed. */
static const char *skip_piece(struct scan *scan, const char *at)
{
    if (is_comment(at))
        return skip_comment(at);
    if (*at == '\'' || *at == '"')
        return skip_quotes(at, false);
    if (*at == '$')
        return skip_dollars(at);
    if (is_word(*at))
        return skip_word(scan, at);
    scan->parentheses += *at == '(';
    scan->parentheses -= *at == ')' && scan->parentheses > 0;
    return at + 1;
}

static const char *what_is_open(const char *at)
{
    return *at == '/' ? "comment" : *at == '$' ? "dollar quote" : "quote";
}

/* Behind blanks, comments and lone semicolons; NULL when a comment is not closed, which *at is. */
static const char *skip_nothing(const char **at)
{
    const char *next = *at;
    while (next && *next && (isspace((unsigned char)*next) || *next == ';' || is_comment(next))) {
        *at = next;
        next = is_comment(next) ? skip_comment(next) : next + 1;
    }
    return next;
}

int sql_next(const char *text, size_t *at, struct sql_statement *out, struct err *err)
{
    struct scan scan = {0};
    const char *piece = text + *at;
    const char *start = skip_nothing(&piece);
    const char *next = start, *end = start;
    while (next && *next && !(*next == ';' && scan.parentheses == 0 && scan.blocks == 0)) {
        piece = next;
        next = skip_piece(&scan, piece);
        if (next && !isspace((unsigned char)*piece) && !is_comment(piece))
            end = next;
    }
    if (!next) {
        *out = (struct sql_statement){.offset_bytes = (size_t)(piece - text)};
        return err_set(err, -EINVAL, "expected this %s to be closed", what_is_open(piece));
    }
    *at = (size_t)(next - text) + (*next == ';');
    *out = (struct sql_statement){(size_t)(start - text), (size_t)(end - start)};
    return end > start;
}

struct plan_where sql_where(const struct plan_sql *sql, size_t offset_bytes)
{
    struct plan_where where = sql->where;
    size_t column = 0;
    bool moved = false;
    for (size_t i = 0; i < offset_bytes && sql->text[i]; i++) {
        if (sql->text[i] == '\n') {
            where.line++;
            column = 0;
            moved = true;
        } else {
            column += ((unsigned char)sql->text[i] & 0xc0) != 0x80;
        }
    }
    if (moved && !sql->by_line)
        return sql->where;
    where.column = sql->where.column + column; /* all lines are indented alike */
    return where;
}

size_t sql_offset(const char *text, size_t position)
{
    size_t offset = 0;
    for (size_t seen = 1; seen < position && text[offset]; seen++) {
        offset++;
        while (((unsigned char)text[offset] & 0xc0) == 0x80)
            offset++;
    }
    return offset;
}

int sql_blame(const char *path, const struct plan_sql *sql, size_t offset_bytes, size_t position,
              struct err *err)
{
    size_t inner = position ? sql_offset(sql->text + offset_bytes, position) : 0;
    struct plan_where where = sql_where(sql, offset_bytes + inner);
    (void)err_wrap(err, "%.200s:%zu:%zu", path, where.line, where.column);
    if (err)
        err->code = -EINVAL;
    return -EINVAL;
}
