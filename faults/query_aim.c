/* SPDX-License-Identifier: MIT */
/* query_aim.c - which queries a fault acts on. */
#include "faults/query_aim.h"

#include "faults/postgres/query.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static bool ends_group_or_repeat(char letter)
{
    return letter == ')' || letter == '+' || letter == '*' || letter == '?' || letter == '}';
}

/* Counted repeats are copied when they are compiled, and so is what + stands behind; nested ones
 * multiply. Back references are searched for in exponential time. */
static int check_cost(const char *pattern, struct err *err)
{
    size_t repeats = 1;
    if (strlen(pattern) > QUERY_PATTERN_MAX)
        return err_set(err, -EINVAL, "match: expected %d bytes at most, got %zu", QUERY_PATTERN_MAX,
                       strlen(pattern));
    for (const char *at = pattern; *at; at++) {
        if (at[0] == '\\' && at[1] >= '1' && at[1] <= '9')
            return err_set(err, -EINVAL, "match: back references such as \\%c are not supported",
                           at[1]);
        if (at[0] == '\\' && at[1] != '\0') {
            at++;
        } else if (at[0] == '{') {
            char *end;
            size_t least = strtoul(at + 1, &end, 10);
            bool open = end[0] == ',' && end[1] == '}';
            size_t most = *end == ',' ? strtoul(end + 1, &end, 10) : 0;
            size_t times = most > least ? most : least + open;
            if (times > QUERY_PATTERN_MAX || (times > 1 && (repeats *= times) > QUERY_PATTERN_MAX))
                return err_set(err, -EINVAL, "match: expected no more than %d repeats in all",
                               QUERY_PATTERN_MAX);
        } else if (at[0] == '+' && at > pattern && ends_group_or_repeat(at[-1]) &&
                   (repeats *= 2) > QUERY_PATTERN_MAX) {
            return err_set(err, -EINVAL, "match: expected fewer groups that repeat");
        }
    }
    return 0;
}

/* A pattern to be compiled, and what regcomp says of it. */
struct compiling {
    const struct query_aim *aim;
    regex_t *pattern;
    int code;
};

static void *compile_it(void *arg)
{
    struct compiling *compiling = arg;
    const struct query_aim *aim = compiling->aim;
    int flags = REG_EXTENDED | REG_NOSUB | (aim->ignore_case ? REG_ICASE : 0);
    compiling->code = regcomp(compiling->pattern, aim->match, flags);
    return NULL;
}

/* regcomp descends as deep as groups are nested and repeats follow each other, which a fiber's
 * stack has no room for: a thread's has. Matching does not. */
static int compile(const struct query_aim *aim, regex_t *pattern, struct err *err)
{
    struct compiling compiling = {.aim = aim, .pattern = pattern};
    pthread_t thread;
    int rc = pthread_create(&thread, NULL, compile_it, &compiling);
    if (rc)
        return err_sys(err, -rc, "start a thread to compile match");
    (void)pthread_join(thread, NULL);
    if (compiling.code == 0)
        return 0;
    char text[160];
    (void)regerror(compiling.code, pattern, text, sizeof(text));
    return err_set(err, compiling.code == REG_ESPACE ? -ENOMEM : -EINVAL,
                   "match: expected an extended regular expression, got '%s': %s", aim->match,
                   text);
}

int query_aim_check(const struct query_aim *aim, struct err *err)
{
    if (!aim->match)
        return 0;
    regex_t pattern;
    int rc = check_cost(aim->match, err);
    if (!rc)
        rc = compile(aim, &pattern, err);
    if (!rc)
        regfree(&pattern);
    return rc;
}

int query_aim_prepare(struct query_aim *aim, struct err *err)
{
    aim->is_compiled = false;
    if (!aim->match)
        return 0;
    int rc = compile(aim, &aim->pattern, err);
    aim->is_compiled = rc == 0;
    return rc;
}

void query_aim_fini(struct query_aim *aim)
{
    if (aim->is_compiled)
        regfree(&aim->pattern);
    aim->is_compiled = false;
}

static bool is_aimed_at(const struct query_aim *aim, const struct query *query)
{
    if (aim->statement && strcmp(aim->statement, query->statement) != 0)
        return false;
    if (!aim->is_compiled)
        return true;
    return query->text && regexec(&aim->pattern, query->text, 0, NULL, 0) == 0;
}

bool query_aim_hits(const struct query_aim *aim, struct query_aim_own *own,
                    const struct fault_link *link, const struct fault_piece *piece)
{
    const struct query *query = piece->query;
    if (!query || query->number == own->number)
        return false;
    own->number = query->number;
    return is_aimed_at(aim, query) && (aim->share >= 1 || rng_unit(link->rng) < aim->share);
}

/* ---- Cutting the connection ------------------------------------------------------------------ */

enum {
    CUT_BY_RESET,
    CUT_BY_CLOSE,
};

const char *const query_cuts[] = {
    [CUT_BY_RESET] = "reset",
    [CUT_BY_CLOSE] = "close",
    NULL,
};

enum fault_verdict query_cut(int how, struct fault_piece *piece)
{
    if (how == CUT_BY_RESET)
        return FAULT_RESET;
    piece->size_bytes = 0;
    return FAULT_CLOSE;
}
