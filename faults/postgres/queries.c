/* SPDX-License-Identifier: MIT */
/* queries.c - the queries of a followed connection: texts, names, and those under way. */
#include "faults/postgres/queries.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Texts ----------------------------------------------------------------------------------- */

/* Blanks, comments and parentheses, which may stand before the first word. */
static const char *skip_blanks(const char *text)
{
    for (;;) {
        if (isspace((unsigned char)*text) || *text == '(' || *text == ';') {
            text++;
        } else if (text[0] == '-' && text[1] == '-') {
            text += strcspn(text, "\n");
        } else if (text[0] == '/' && text[1] == '*') {
            unsigned depth = 1; /* PostgreSQL's comments nest */
            for (text += 2; *text && depth; text++) {
                bool opens = text[0] == '/' && text[1] == '*';
                bool closes = text[0] == '*' && text[1] == '/';
                depth = depth + opens - closes;
                text += opens || closes;
            }
        } else {
            return text;
        }
    }
}

static size_t word_bytes(const char *text)
{
    size_t size_bytes = 0;
    while (isalpha((unsigned char)text[size_bytes]) || text[size_bytes] == '_')
        size_bytes++;
    return size_bytes;
}

static bool word_is(const char *text, const char *word)
{
    size_t size_bytes = strlen(word);
    return word_bytes(text) == size_bytes && strncasecmp(text, word, size_bytes) == 0;
}

/* The word behind the one text begins with. */
static const char *word_next(const char *text)
{
    return skip_blanks(text + word_bytes(text));
}

static bool to_savepoint(const char *text)
{
    text = word_next(text);
    if (word_is(text, "work") || word_is(text, "transaction"))
        text = word_next(text);
    return word_is(text, "to");
}

/* What the first word of a text says: bits of enum query_kind. */
static unsigned kind_of(const char *text)
{
    static const struct {
        const char *word;
        unsigned kind;
    } words[] = {
        {"select", QUERY_PLAIN},     {"insert", QUERY_PLAIN},   {"update", QUERY_PLAIN},
        {"delete", QUERY_PLAIN},     {"merge", QUERY_PLAIN},    {"with", QUERY_PLAIN},
        {"values", QUERY_PLAIN},     {"table", QUERY_PLAIN},    {"begin", QUERY_BEGINS},
        {"start", QUERY_BEGINS},     {"commit", QUERY_COMMITS}, {"end", QUERY_COMMITS},
        {"abort", QUERY_ROLLS_BACK},
    };
    text = skip_blanks(text);
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (word_is(text, words[i].word))
            return words[i].kind;
    if (word_is(text, "prepare") && word_is(word_next(text), "transaction"))
        return QUERY_COMMITS;
    if (word_is(text, "rollback") && !to_savepoint(text))
        return QUERY_ROLLS_BACK;
    return 0;
}

struct prepared *prepared_create(const char *name, const char *text, size_t size_bytes)
{
    size_bytes = strnlen(text, size_bytes < QUERY_TEXT_MAX ? size_bytes : QUERY_TEXT_MAX);
    size_t name_bytes = strlen(name);
    size_t all_bytes = sizeof(struct prepared) + size_bytes + 1 + name_bytes + 1;
    struct prepared *prepared = malloc(all_bytes);
    if (!prepared)
        return NULL;
    char *at = (char *)(prepared + 1);
    *prepared = (struct prepared){.references = 1, .size_bytes = all_bytes, .text = at};
    memcpy(at, text, size_bytes);
    at[size_bytes] = '\0';
    prepared->name = memcpy(at + size_bytes + 1, name, name_bytes + 1);
    prepared->kind = kind_of(prepared->text);
    return prepared;
}

struct prepared *prepared_hold(struct prepared *prepared)
{
    if (prepared)
        prepared->references++;
    return prepared;
}

void prepared_release(struct prepared *prepared)
{
    if (prepared && --prepared->references == 0)
        free(prepared);
}

/* ---- Names ----------------------------------------------------------------------------------- */

/* FNV-1a. */
static uint32_t name_hash(const char *name)
{
    uint32_t hash = 2166136261u;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    return hash;
}

struct named *names_find(const struct names *names, const char *name)
{
    uint32_t hash = name_hash(name);
    for (size_t i = 0; i < names->count; i++)
        if (names->all[i].hash == hash && strcmp(names->all[i].name, name) == 0)
            return &names->all[i];
    return NULL;
}

static void names_forget(struct names *names, struct named *named)
{
    if (named->prepared)
        names->texts_bytes -= named->prepared->size_bytes;
    prepared_release(named->prepared);
    free(named->name);
    size_t behind = names->count - (size_t)(named - names->all) - 1;
    memmove(named, named + 1, behind * sizeof(*named));
    names->count--;
}

static struct named *names_add(struct names *names, const char *name)
{
    if (names->count == names->room) {
        size_t room = names->room ? 2 * names->room : 4;
        struct named *all = reallocarray(names->all, room, sizeof(*all));
        if (!all)
            return NULL;
        names->all = all;
        names->room = room;
    }
    struct named *named = &names->all[names->count];
    *named = (struct named){.hash = name_hash(name), .name = strdup(name)};
    if (!named->name)
        return NULL;
    names->count++;
    return named;
}

void names_put(struct names *names, const char *name, struct prepared *prepared)
{
    size_t size_bytes = prepared ? prepared->size_bytes : 0;
    struct named *named = names_find(names, name);
    if (named)
        names_forget(names, named);
    while (names->count > 0 &&
           (names->count >= NAMES_MAX || names->texts_bytes + size_bytes > TEXTS_BYTES))
        names_forget(names, names->all);
    named = names_add(names, name);
    if (!named) {
        prepared_release(prepared);
        return;
    }
    named->prepared = prepared;
    named->used = false;
    names->texts_bytes += size_bytes;
}

void names_remove(struct names *names, const char *name)
{
    struct named *named = names_find(names, name);
    if (named)
        names_forget(names, named);
}

bool names_rename(struct names *names, struct list *renames, const char *name,
                  struct prepared *prepared)
{
    size_t name_bytes = strlen(name) + 1;
    struct rename *rename = malloc(sizeof(*rename) + name_bytes);
    struct named *named = names_find(names, name);
    if (rename) {
        rename->was = prepared_hold(named ? named->prepared : NULL);
        rename->is = prepared_hold(prepared);
        memcpy(rename->name, name, name_bytes);
        list_push_back(renames, &rename->link);
    }
    if (prepared)
        names_put(names, name, prepared_hold(prepared));
    else
        names_remove(names, name);
    return rename != NULL;
}

/* The first who renamed it after that, of those that are still to be answered. */
static struct rename *renamed_again(struct list *renames, const char *name)
{
    list_each(link, renames) {
        struct rename *later = container_of(link, struct rename, link);
        if (strcmp(later->name, name) == 0)
            return later;
    }
    return NULL;
}

/* The analyzer does not count references. NOLINTBEGIN(clang-analyzer-unix.Malloc) */
static void undo_rename(struct names *names, struct list *renames, const struct rename *rename)
{
    struct rename *later = renamed_again(renames, rename->name);
    const struct named *named = names_find(names, rename->name);
    if (later) {
        struct prepared *was = later->was;
        later->was = prepared_hold(rename->was);
        prepared_release(was);
    } else if ((named ? named->prepared : NULL) != rename->is) {
        return; /* forgotten since, for want of room */
    } else if (rename->was) {
        names_put(names, rename->name, prepared_hold(rename->was));
    } else {
        names_remove(names, rename->name);
    }
}

void names_settle(struct names *names, struct list *renames, bool refused)
{
    struct list *first = list_pop_front(renames);
    assert(first); /* each entry that says so has one */
    struct rename *rename = container_of(first, struct rename, link);
    if (refused)
        undo_rename(names, renames, rename);
    prepared_release(rename->was);
    prepared_release(rename->is);
    free(rename);
}

/* NOLINTEND(clang-analyzer-unix.Malloc) */

void names_fini(struct names *names)
{
    while (names->count > 0)
        names_forget(names, &names->all[names->count - 1]);
    free(names->all);
    *names = (struct names){0};
}

/* ---- Queries under way ------------------------------------------------------------------------
 */

struct query_node *query_node_create(struct prepared *prepared)
{
    struct query_node *node = calloc(1, sizeof(*node));
    if (!node) {
        prepared_release(prepared);
        return NULL;
    }
    node->references = 1;
    node->prepared = prepared;
    node->query.text = prepared ? prepared->text : NULL;
    node->query.statement = prepared ? prepared->name : "";
    node->query.kind = prepared ? prepared->kind : 0;
    return node;
}

void query_node_release(struct query_node *node)
{
    if (!node || --node->references > 0)
        return;
    prepared_release(node->prepared);
    free(node->refusal);
    free(node);
}

struct query_node *query_node_of(const struct query *query)
{
    return (struct query_node *)((uintptr_t)query - offsetof(struct query_node, query));
}

const struct query *query_hold(const struct query *query)
{
    if (query)
        query_node_of(query)->references++;
    return query;
}

void query_release(const struct query *query)
{
    if (query)
        query_node_release(query_node_of(query));
}

size_t query_size_bytes(const struct query *query)
{
    if (!query)
        return 0;
    const struct query_node *node = query_node_of(query);
    return sizeof(*node) + (node->prepared ? node->prepared->size_bytes : 0);
}

void query_set_request(const struct query *query, uint64_t request)
{
    struct query_node *node = query_node_of(query);
    if (node->query.request == 0)
        node->query.request = request;
}
