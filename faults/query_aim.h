/* SPDX-License-Identifier: MIT */
/* query_aim.h - which queries a fault acts on: settings and answers, for kinds to embed.
 *
 * A query is aimed at when its text matches `match`, where that is set, and it is of the prepared
 * `statement`, where that is set; then `share` of those, drawn for each. A text that is not known
 * matches nothing. Compiling is bounded, by the pattern's length and by leaving out
 * what POSIX's expressions can be made to explode with. Matching takes a time that grows with the
 * text (QUERY_TEXT_MAX), but glibc keeps what it learns on the way: a pattern such as
 * (a|b)*a(a|b){30} can take it megabytes, and seconds. On the proxy's ring thread. */
#ifndef POOLSTORM_FAULTS_QUERY_AIM_H
#define POOLSTORM_FAULTS_QUERY_AIM_H

#include "core/err.h"
#include "core/param.h"
#include "faults/fault.h"

#include <regex.h>

#define QUERY_PATTERN_MAX 1000 /* bytes of a pattern, and the product of its counted repeats */

struct query_aim {
    char *match; /* a POSIX extended regular expression; NULL: all texts */
    bool ignore_case;
    char *statement; /* NULL: all, and none */
    double share;
    regex_t pattern;  /* match, compiled; by query_aim_prepare */
    bool is_compiled; /* there is one */
};

/* What is kept a stream of a link: own of the kind, or the beginning of it. */
struct query_aim_own {
    uint64_t number; /* of the last query that was drawn for */
};

/* Lines for a kind's table: field is a struct query_aim in struct_. */
#define QUERY_AIM_PARAMS(struct_, field_)                                                          \
    {PARAM_TEXT("match", struct_, field_.match, NULL,                                              \
                "texts it acts on, an extended regular expression")},                              \
        {PARAM_BOOL("ignore_case", struct_, field_.ignore_case, "false",                           \
                    "match in upper and lower case")},                                             \
        {PARAM_TEXT("statement", struct_, field_.statement, NULL,                                  \
                    "prepared statement it acts on")},                                             \
    {                                                                                              \
        PARAM_SHARE("share", struct_, field_.share, "100%", "of these queries that it acts on")    \
    }

/* For the hooks of the same names. */
int query_aim_check(const struct query_aim *aim, struct err *err);
int query_aim_prepare(struct query_aim *aim, struct err *err);
void query_aim_fini(struct query_aim *aim);

/* Is the query that the piece begins or answers aimed at? The first time it is asked about one;
 * false later. */
bool query_aim_hits(const struct query_aim *aim, struct query_aim_own *own,
                    const struct fault_link *link, const struct fault_piece *piece);

/* ---- Cutting the connection ------------------------------------------------------------------ */

extern const char *const query_cuts[]; /* "reset", "close"; ends with NULL */

/* Neither the piece nor anything behind it is sent; how is of query_cuts. */
enum fault_verdict query_cut(int how, struct fault_piece *piece);

#endif
