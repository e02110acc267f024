/* SPDX-License-Identifier: MIT */
/* expr_parse.c - reads the text of an expression into its tree, by recursive descent. */
#include "plan/expr_node.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What is being read. */
struct reader {
    struct expr *expr; /* under construction */
    size_t at;         /* next byte of expr->text */
    int depth;         /* of conditions within conditions */
    struct err *err;
};

struct suffix {
    const char *text;      /* without regard to case, but see find_suffix */
    enum metric_unit unit; /* of the number it follows */
    double factor;         /* to that unit */
};

/* The longer of two that begin alike comes first. */
static const struct suffix suffixes[] = {
    {"ns", METRIC_NS, 1},
    {"us", METRIC_NS, 1e3},
    {"µs", METRIC_NS, 1e3},
    {"ms", METRIC_NS, 1e6},
    {"min", METRIC_NS, 60e9},
    {"mib", METRIC_BYTES, 1 << 20},
    {"mb", METRIC_BYTES, 1e6},
    {"m/s", METRIC_RATE, 1e6},
    {"m", METRIC_NS, 60e9},
    {"s", METRIC_NS, 1e9},
    {"h", METRIC_NS, 3600e9},
    {"kib", METRIC_BYTES, 1024},
    {"kb", METRIC_BYTES, 1e3},
    {"k/s", METRIC_RATE, 1e3},
    {"k", METRIC_NUMBER, 1e3},
    {"gib", METRIC_BYTES, 1 << 30},
    {"gb", METRIC_BYTES, 1e9},
    {"b", METRIC_BYTES, 1},
    {"%", METRIC_SHARE, 0.01},
    {"/s", METRIC_RATE, 1},
    {"/min", METRIC_RATE, 1.0 / 60},
    {"/m", METRIC_RATE, 1.0 / 60},
    {"/h", METRIC_RATE, 1.0 / 3600},
};

static const char *rest(const struct reader *reader)
{
    return reader->expr->text + reader->at;
}

static void skip_blanks(struct reader *reader)
{
    while (isspace((unsigned char)*rest(reader)))
        reader->at++;
}

static int expected(struct reader *reader, const char *what)
{
    const char *text = rest(reader);
    return *text ? err_set(reader->err, -EINVAL, "expected %s, not '%.40s'", what, text)
                 : err_set(reader->err, -EINVAL, "expected %s at the end of '%.80s'", what,
                           reader->expr->text);
}

static bool is_name_start(char c)
{
    return isalpha((unsigned char)c) || c == '_';
}

static bool is_name_byte(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* A '-' belongs to the name when a name goes on behind it. */
static size_t name_length(const char *text)
{
    size_t length = 0;
    if (!is_name_start(*text))
        return 0;
    while (is_name_byte(text[length]) || (text[length] == '-' && is_name_byte(text[length + 1])))
        length++;
    return length;
}

static struct expr_node *add_node(struct reader *reader, enum expr_kind kind, size_t at, int *index)
{
    struct expr *expr = reader->expr;
    if (expr->node_count >= EXPR_NODES_MAX) {
        err_set(reader->err, -EINVAL, "expected a shorter expression: at most %d parts",
                EXPR_NODES_MAX);
        return NULL;
    }
    *index = expr->node_count++;
    struct expr_node *node = &expr->nodes[*index];
    *node = (struct expr_node){.kind = kind, .at = at};
    return node;
}

static int add_binary(struct reader *reader, enum expr_kind kind, size_t at, int left, int right,
                      int *index)
{
    struct expr_node *node = add_node(reader, kind, at, index);
    if (!node)
        return -EINVAL;
    node->left = left;
    node->right = right;
    node->value = 1;
    node->length = reader->at - at;
    return 0;
}

/* A suffix must not run on into a name, or be the start of a path. */
static const struct suffix *find_suffix(const char *text)
{
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
        const struct suffix *suffix = &suffixes[i];
        size_t length = strlen(suffix->text);
        if (strncasecmp(text, suffix->text, length) != 0)
            continue;
        char next = text[length];
        if (suffix->unit == METRIC_SHARE || (!is_name_byte(next) && next != '.'))
            return suffix;
    }
    return NULL;
}

static int parse_number(struct reader *reader, int *index)
{
    static const struct suffix million = {"M", METRIC_NUMBER, 1e6};
    size_t start = reader->at;
    char digits[64];
    size_t length = strspn(rest(reader), "0123456789.");
    if (length >= sizeof(digits))
        return expected(reader, "a number of fewer digits");
    memcpy(digits, rest(reader), length);
    digits[length] = '\0';
    char *end;
    double value = strtod(digits, &end);
    if (*end)
        return expected(reader, "a number");
    reader->at += length;
    size_t blanks = strspn(rest(reader), " ");
    const char *text = rest(reader) + blanks;
    /* "5 / s" is a quotient, "5/s" a rate. */
    const struct suffix *suffix = *text == '/' && blanks ? NULL : find_suffix(text);
    if (suffix && *text == 'M' && strlen(suffix->text) == 1)
        suffix = &million;
    if (suffix)
        reader->at += blanks + strlen(suffix->text);
    if (is_name_start(*rest(reader)))
        return expected(reader, "a unit such as ms, KiB, % or /s");
    struct expr_node *node = add_node(reader, EXPR_NUMBER, start, index);
    if (!node)
        return -EINVAL;
    node->unit = suffix ? suffix->unit : METRIC_NUMBER;
    node->value = suffix ? value * suffix->factor : value;
    node->length = reader->at - start;
    return 0;
}

static int parse_path(struct reader *reader, int *index)
{
    size_t start = reader->at;
    for (int segment = 1;; segment++) {
        size_t length = name_length(rest(reader));
        if (length == 0)
            return expected(reader, "a name");
        reader->at += length;
        if (*rest(reader) != '.')
            break;
        if (segment == EXPR_SEGMENTS_MAX)
            return expected(reader, "at most variant.phase.metric");
        reader->at++;
    }
    struct expr_node *node = add_node(reader, EXPR_PATH, start, index);
    if (!node)
        return -EINVAL;
    node->length = reader->at - start;
    return 0;
}

static int parse_conditions(struct reader *reader, int *index);

static int parse_nested(struct reader *reader, int *index)
{
    if (reader->depth >= EXPR_DEPTH_MAX)
        return expected(reader, "less nesting");
    reader->depth++;
    reader->at++;
    int rc = parse_conditions(reader, index);
    if (rc)
        return rc;
    skip_blanks(reader);
    if (*rest(reader) != ')')
        return expected(reader, "')'");
    reader->at++;
    reader->depth--;
    return 0;
}

static int parse_factor(struct reader *reader, int *index)
{
    skip_blanks(reader);
    size_t start = reader->at;
    char c = *rest(reader);
    if (isdigit((unsigned char)c) || c == '.')
        return parse_number(reader, index);
    if (is_name_start(c))
        return parse_path(reader, index);
    if (c == '(')
        return parse_nested(reader, index);
    if (c != '-')
        return expected(reader, "a number, a metric or '('");
    if (reader->depth >= EXPR_DEPTH_MAX)
        return expected(reader, "fewer signs");
    reader->depth++;
    reader->at++;
    int operand = 0;
    int rc = parse_factor(reader, &operand);
    reader->depth--;
    return rc ? rc : add_binary(reader, EXPR_NEGATE, start, operand, operand, index);
}

typedef int operand_parser(struct reader *reader, int *index);

/* left { op right }, for the two levels of arithmetic. */
static int parse_chain(struct reader *reader, operand_parser *operand, const char *ops,
                       const enum expr_kind *kinds, int *index)
{
    skip_blanks(reader);
    size_t start = reader->at;
    int rc = operand(reader, index);
    while (!rc) {
        skip_blanks(reader);
        const char *op = *rest(reader) ? strchr(ops, *rest(reader)) : NULL;
        if (!op)
            return 0;
        reader->at++;
        int right = 0;
        rc = operand(reader, &right);
        if (!rc)
            rc = add_binary(reader, kinds[op - ops], start, *index, right, index);
    }
    return rc;
}

static int parse_product(struct reader *reader, int *index)
{
    static const enum expr_kind kinds[] = {EXPR_MULTIPLY, EXPR_DIVIDE};
    return parse_chain(reader, parse_factor, "*/", kinds, index);
}

static int parse_sum(struct reader *reader, int *index)
{
    static const enum expr_kind kinds[] = {EXPR_ADD, EXPR_SUBTRACT};
    return parse_chain(reader, parse_product, "+-", kinds, index);
}

static bool read_op(const char *text, enum expr_op *op, size_t *length)
{
    /* Longer ones first. */
    static const enum expr_op ops[] = {EXPR_LESS_EQUAL, EXPR_GREATER_EQUAL, EXPR_EQUAL,
                                       EXPR_NOT_EQUAL,  EXPR_LESS,          EXPR_GREATER,
                                       EXPR_ABOUT};
    for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
        *length = strlen(expr_op_text(ops[i]));
        if (strncmp(text, expr_op_text(ops[i]), *length) == 0) {
            *op = ops[i];
            return true;
        }
    }
    return false;
}

static int parse_condition(struct reader *reader, int *index)
{
    skip_blanks(reader);
    size_t start = reader->at;
    int rc = parse_sum(reader, index);
    if (rc)
        return rc;
    skip_blanks(reader);
    enum expr_op op;
    size_t length;
    if (!read_op(rest(reader), &op, &length))
        return *rest(reader) == '=' ? expected(reader, "'=='") : 0;
    reader->at += length;
    int right = 0;
    rc = parse_sum(reader, &right);
    if (!rc)
        rc = add_binary(reader, EXPR_COMPARE, start, *index, right, index);
    if (rc)
        return rc;
    reader->expr->nodes[*index].op = op;
    skip_blanks(reader);
    if (read_op(rest(reader), &op, &length))
        return expected(reader, "one comparison, or several joined by 'and'");
    return 0;
}

static int parse_conditions(struct reader *reader, int *index)
{
    skip_blanks(reader);
    size_t start = reader->at;
    int rc = parse_condition(reader, index);
    while (!rc) {
        skip_blanks(reader);
        if (name_length(rest(reader)) != 3 || strncmp(rest(reader), "and", 3) != 0)
            return 0;
        reader->at += 3;
        int right = 0;
        rc = parse_condition(reader, &right);
        if (!rc)
            rc = add_binary(reader, EXPR_AND, start, *index, right, index);
    }
    return rc;
}

static char *copy_trimmed(const char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        length--;
    return strndup(text, length);
}

int expr_parse(const char *text, struct expr **out, size_t *column, struct err *err)
{
    *out = NULL;
    if (column)
        *column = 0;
    if (strlen(text) > EXPR_TEXT_MAX)
        return err_set(err, -EINVAL, "expected an expression of at most %d bytes", EXPR_TEXT_MAX);
    struct expr *expr = calloc(1, sizeof(*expr));
    if (expr)
        expr->text = copy_trimmed(text);
    if (!expr || !expr->text) {
        free(expr);
        return err_sys(err, -ENOMEM, "read an expression");
    }
    struct reader reader = {.expr = expr, .err = err};
    int rc = parse_conditions(&reader, &expr->root);
    if (!rc && *rest(&reader))
        rc = expected(&reader, "an operator or the end");
    if (rc) {
        if (column)
            *column = reader.at + strspn(text, " \t\r\n\v\f");
        expr_destroy(expr);
        return rc;
    }
    *out = expr;
    return 0;
}

int expr_parse_limit(const char *text, enum metric_unit unit, enum expr_op *op, double *limit,
                     struct err *err)
{
    struct expr *expr = NULL;
    struct expr_names none = {.scope = EXPR_SCOPE_METRIC};
    size_t length = 0;
    text += strspn(text, " \t");
    if (!read_op(text, op, &length)) {
        *op = EXPR_ABOUT;
        length = 0;
    }
    int rc = expr_parse(text + length, &expr, NULL, err);
    if (!rc)
        rc = expr_check(expr, &none, NULL, err);
    if (rc)
        goto out;
    struct expr_node *root = &expr->nodes[expr->root];
    expr_adopt_unit(root, unit);
    if (expr_is_condition(expr) || !expr_same_kind(root->unit, unit)) {
        rc = err_set(err, -EINVAL, "expected %s, perhaps behind < or >, not '%.80s'",
                     metric_unit_name(unit), text);
        goto out;
    }
    rc = expr_eval(expr, NULL, NULL, limit);
    if (rc)
        rc = err_set(err, -EINVAL, "'%.80s' has no value", text);
    else if (*op == EXPR_ABOUT && *limit == 0)
        rc = err_set(err, -EINVAL, "nothing is about 0: say '== 0' or '< …'");
out:
    expr_destroy(expr);
    return rc;
}
