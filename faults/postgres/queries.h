/* SPDX-License-Identifier: MIT */
/* queries.h - the queries of a followed connection: texts, the names they are prepared under, and
 * those under way. */
#ifndef POOLSTORM_FAULTS_POSTGRES_QUERIES_H
#define POOLSTORM_FAULTS_POSTGRES_QUERIES_H

#include "core/list.h"
#include "faults/postgres/query.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAMES_MAX      256 /* statements, and portals, that are remembered; the rest is unknown */
#define NAME_BYTES_MAX 255 /* longer names are not remembered */
#define TEXTS_BYTES    (256 * 1024u) /* of remembered statements on one connection */

/* A text with the name it was prepared under; shared by all that stems from it. */
struct prepared {
    unsigned references;
    unsigned kind;     /* bits of enum query_kind */
    size_t size_bytes; /* of all of it */
    const char *text;  /* both behind the struct */
    const char *name;
};

/* Of size_bytes bytes of text, of which QUERY_TEXT_MAX are taken. NULL without memory. */
struct prepared *prepared_create(const char *name, const char *text, size_t size_bytes);
struct prepared *prepared_hold(struct prepared *prepared);
void prepared_release(struct prepared *prepared); /* NULL is fine */

/* Names and what they stand for; a zeroed one is empty. */
struct names {
    struct named *all; /* oldest first */
    size_t count, room;
    size_t texts_bytes;
};

struct named {
    uint32_t hash;
    bool used; /* a portal that has been executed */
    char *name;
    struct prepared *prepared; /* NULL: unknown */
};

/* Sets what name stands for and takes over the reference; forgets the oldest where there are too
 * many. Without memory the name is forgotten. */
void names_put(struct names *names, const char *name, struct prepared *prepared);

/* NULL: never heard of. Until the next names_put or names_remove. */
struct named *names_find(const struct names *names, const char *name);

void names_remove(struct names *names, const char *name);

/* A name that a message not yet answered has given another meaning, or taken away. */
struct rename {
    struct list link;          /* among those not yet answered, in their order */
    struct prepared *was, *is; /* held; NULL: nothing, or unknown */
    char name[];
};

/* Gives name its new meaning, as names_put does with a reference of its own, and none with NULL.
 * Appends to renames what is needed to undo it. False, with the name as it is to be, when there is
 * no memory for that. */
bool names_rename(struct names *names, struct list *renames, const char *name,
                  struct prepared *prepared);

/* The first of renames has been answered: its message was refused (or skipped), which leaves the
 * name what it was, or not. */
void names_settle(struct names *names, struct list *renames, bool refused);

void names_fini(struct names *names);

/* A query under way, or messages of ours. */
struct query_node {
    struct query query;
    unsigned references;
    bool simple;               /* a Query message, else Execute */
    uint64_t message_bytes;    /* of it, all of it */
    struct prepared *prepared; /* text and statement of query; or NULL */
    struct list link;          /* among those whose answers are awaited */
    const char *ours;          /* AWAIT_OURS: types of the answers that are not passed on */
    char *refusal;             /* the ErrorResponse in the server's place; owned */
    size_t refusal_bytes;
    const char *provoked; /* the SQLSTATE of the server's own */
};

/* Takes over the reference to prepared. NULL without memory. */
struct query_node *query_node_create(struct prepared *prepared);
void query_node_release(struct query_node *node); /* NULL is fine */

/* The caller of a query holds it as const; what is around it is ours. */
struct query_node *query_node_of(const struct query *query);

#endif
