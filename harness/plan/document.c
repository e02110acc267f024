/* SPDX-License-Identifier: MIT */
/* document.c - libyaml's documents, walked once so that readers may rely on their shape. */
#include "plan/document.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    VISITS_MAX = 20000, /* values in the file, and seen on a walk that follows aliases */
    ANCHORS_MAX = 256,
    DIRECTIVES_MAX = 16, /* lines that begin with '%' */
    PAIRS_MAX = 512,     /* of one mapping */
};

/* A walk down the tree, through aliases. */
struct walk {
    struct document *doc;
    int ancestors[PLAN_DEPTH_MAX]; /* node indices from the root to here */
    int depth;
    int visits;
    struct err *err;
};

struct plan_where document_where(const yaml_node_t *node)
{
    return (struct plan_where){node->start_mark.line + 1, node->start_mark.column + 1};
}

static int fail_at(const struct document *doc, size_t line, size_t column, struct err *err,
                   const char *text)
{
    return err_set(err, -EINVAL, "%.200s:%zu:%zu: %s", doc->path, line, column, text);
}

int document_fail(struct document *doc, const yaml_node_t *node, struct err *err,
                  const char *format, ...)
{
    char text[sizeof(err->text)];
    struct plan_where where = document_where(node);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return fail_at(doc, where.line, where.column, err, text);
}

int document_wrap(struct document *doc, const yaml_node_t *node, size_t offset_bytes,
                  struct err *err)
{
    struct plan_where where = document_where(node);
    bool scalar = node->type == YAML_SCALAR_NODE;
    bool one_line = node->start_mark.line == node->end_mark.line;
    if (scalar && one_line) {
        const char *text = document_text(node);
        where.column += node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE && offset_bytes > 0;
        for (size_t i = 0; i < offset_bytes && text[i]; i++)
            where.column += ((unsigned char)text[i] & 0xc0) != 0x80;
    }
    if (!err)
        return -EINVAL;
    return err_wrap(err, "%.200s:%zu:%zu", doc->path, where.line, where.column);
}

yaml_node_t *document_root(struct document *doc)
{
    return yaml_document_get_root_node(&doc->yaml);
}

yaml_node_t *document_node(struct document *doc, int index)
{
    return yaml_document_get_node(&doc->yaml, index);
}

size_t document_pair_count(const yaml_node_t *mapping)
{
    return (size_t)(mapping->data.mapping.pairs.top - mapping->data.mapping.pairs.start);
}

size_t document_item_count(const yaml_node_t *sequence)
{
    return (size_t)(sequence->data.sequence.items.top - sequence->data.sequence.items.start);
}

yaml_node_t *document_item(struct document *doc, const yaml_node_t *sequence, size_t index)
{
    return document_node(doc, sequence->data.sequence.items.start[index]);
}

yaml_node_t *document_key(struct document *doc, const yaml_node_t *mapping, size_t index)
{
    return document_node(doc, mapping->data.mapping.pairs.start[index].key);
}

yaml_node_t *document_value(struct document *doc, const yaml_node_t *mapping, size_t index)
{
    return document_node(doc, mapping->data.mapping.pairs.start[index].value);
}

const char *document_text(const yaml_node_t *scalar)
{
    return (const char *)scalar->data.scalar.value;
}

bool document_is_empty(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE && node->data.scalar.length == 0 &&
           node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static bool same_key(const char *a, const char *b)
{
    for (; *a && *b; a++, b++)
        if (*a != *b && !(*a == '_' && *b == '-') && !(*a == '-' && *b == '_'))
            return false;
    return *a == *b;
}

yaml_node_t *document_get(struct document *doc, const yaml_node_t *mapping, const char *key)
{
    for (size_t i = 0; i < document_pair_count(mapping); i++)
        if (same_key(document_text(document_key(doc, mapping, i)), key))
            return document_value(doc, mapping, i);
    return NULL;
}

/* ---- Changing -------------------------------------------------------------------------------- */

static int index_of(const struct document *doc, const yaml_node_t *node)
{
    return (int)(node - doc->yaml.nodes.start) + 1;
}

static yaml_node_pair_t *find_pair(struct document *doc, int mapping, const char *key)
{
    const yaml_node_t *node = document_node(doc, mapping);
    for (size_t i = 0; i < document_pair_count(node); i++)
        if (same_key(document_text(document_key(doc, node, i)), key))
            return &node->data.mapping.pairs.start[i];
    return NULL;
}

/* The key is where the value is, for messages. value 0: a mapping, made here. Returns the value's
 * index, 0 without memory. */
static int put_pair(struct document *doc, int mapping, const char *key, int value)
{
    if (value == 0)
        value = yaml_document_add_mapping(&doc->yaml, NULL, YAML_ANY_MAPPING_STYLE);
    yaml_node_pair_t *pair = find_pair(doc, mapping, key);
    if (pair && value)
        pair->value = value;
    if (pair)
        return value;
    int name = yaml_document_add_scalar(&doc->yaml, NULL, (const yaml_char_t *)key,
                                        (int)strlen(key), YAML_PLAIN_SCALAR_STYLE);
    if (name == 0 || value == 0 ||
        !yaml_document_append_mapping_pair(&doc->yaml, mapping, name, value))
        return 0;
    document_node(doc, name)->start_mark = document_node(doc, value)->start_mark;
    return value;
}

int document_lay(struct document *doc, const char *path, const yaml_node_t *value, struct err *err)
{
    int mapping = index_of(doc, document_root(doc)), given = index_of(doc, value);
    struct plan_where where = document_where(value);
    for (;;) {
        char key[80];
        size_t length = strcspn(path, ".");
        (void)snprintf(key, sizeof(key), "%.*s", (int)length, path);
        bool last = path[length] == '\0';
        const yaml_node_pair_t *pair = last ? NULL : find_pair(doc, mapping, key);
        if (pair && document_is_empty(document_node(doc, pair->value)))
            pair = NULL; /* `serve:` with nothing behind it is a mapping, too */
        mapping = pair ? pair->value : put_pair(doc, mapping, key, last ? given : 0);
        if (mapping == 0)
            return err_sys(err, -ENOMEM, "read %.200s", doc->path);
        if (last)
            return 0;
        if (document_node(doc, mapping)->type != YAML_MAPPING_NODE)
            return fail_at(doc, where.line, where.column, err,
                           "expected a path whose keys, but for the last, hold mappings");
        path += length + 1;
    }
}

void document_take_key(struct document *doc, yaml_node_t *mapping, const char *key)
{
    yaml_node_pair_t *pair = find_pair(doc, index_of(doc, mapping), key);
    if (!pair)
        return;
    size_t behind = (size_t)(--mapping->data.mapping.pairs.top - pair);
    memmove(pair, pair + 1, behind * sizeof(*pair));
}

void document_take_item(yaml_node_t *sequence, size_t index)
{
    yaml_node_item_t *item = sequence->data.sequence.items.start + index;
    size_t behind = (size_t)(--sequence->data.sequence.items.top - item);
    memmove(item, item + 1, behind * sizeof(*item));
}

/* ---- Checking -------------------------------------------------------------------------------- */

int document_expect(struct document *doc, const yaml_node_t *node, yaml_node_type_t kind,
                    const char *what, struct err *err)
{
    if (document_is_empty(node))
        return document_fail(doc, node, err, "expected %s, not nothing", what);
    if (node->type == kind)
        return 0;
    if (node->type == YAML_SCALAR_NODE)
        return document_fail(doc, node, err, "expected %s, not '%.60s'", what, document_text(node));
    return document_fail(doc, node, err, "expected %s, not a %s", what,
                         node->type == YAML_MAPPING_NODE ? "mapping" : "list");
}

/* Escapes in double quotes can make what YAML itself keeps out of a file. */
static int check_text(struct walk *walk, const yaml_node_t *node)
{
    const unsigned char *text = node->data.scalar.value;
    for (size_t i = 0; i < node->data.scalar.length; i++) {
        bool blank = text[i] == '\n' || text[i] == '\r' || text[i] == '\t';
        bool control = (text[i] < 0x20 && !blank) || text[i] == 0x7f;
        if (text[i] == 0xc2 && i + 1 < node->data.scalar.length)
            control = text[i + 1] >= 0x80 && text[i + 1] < 0xa0;
        if (control)
            return document_fail(walk->doc, node, walk->err,
                                 "expected a text without control characters");
    }
    return 0;
}

static int check_keys(struct walk *walk, const yaml_node_t *mapping)
{
    struct document *doc = walk->doc;
    size_t count = document_pair_count(mapping);
    if (count > PAIRS_MAX)
        return document_fail(doc, mapping, walk->err, "expected at most %d keys", PAIRS_MAX);
    for (size_t i = 0; i < count; i++) {
        const yaml_node_t *key = document_key(doc, mapping, i);
        int rc = document_expect(doc, key, YAML_SCALAR_NODE, "a name", walk->err);
        if (rc)
            return rc;
        rc = check_text(walk, key);
        if (rc)
            return rc;
        for (size_t j = 0; j < i; j++) {
            const yaml_node_t *earlier = document_key(doc, mapping, j);
            if (same_key(document_text(key), document_text(earlier)))
                return document_fail(doc, key, walk->err,
                                     "'%.60s' is given twice, first on line %zu",
                                     document_text(key), document_where(earlier).line);
        }
    }
    return 0;
}

static int walk_node(struct walk *walk, int index);

static int walk_children(struct walk *walk, const yaml_node_t *node)
{
    int rc = 0;
    if (node->type == YAML_SEQUENCE_NODE) {
        for (size_t i = 0; !rc && i < document_item_count(node); i++)
            rc = walk_node(walk, node->data.sequence.items.start[i]);
        return rc;
    }
    rc = check_keys(walk, node);
    for (size_t i = 0; !rc && i < document_pair_count(node); i++)
        rc = walk_node(walk, node->data.mapping.pairs.start[i].value);
    return rc;
}

/* Recursion ends at PLAN_DEPTH_MAX, and aliases cannot multiply beyond VISITS_MAX. */
static int walk_node(struct walk *walk, int index)
{
    struct document *doc = walk->doc;
    const yaml_node_t *node = document_node(doc, index);
    if (++walk->visits > VISITS_MAX)
        return document_fail(doc, node, walk->err, "expected a smaller file: at most %d values",
                             VISITS_MAX);
    if (node->type == YAML_SCALAR_NODE)
        return check_text(walk, node);
    for (int i = 0; i < walk->depth; i++)
        if (walk->ancestors[i] == index)
            return document_fail(doc, node, walk->err, "this value contains itself by an alias");
    if (walk->depth == PLAN_DEPTH_MAX)
        return document_fail(doc, node, walk->err, "expected at most %d levels of nesting",
                             PLAN_DEPTH_MAX);
    walk->ancestors[walk->depth++] = index;
    int rc = walk_children(walk, node);
    walk->depth--;
    return rc;
}

/* libyaml knows the line of what it could not parse, but only the offset of what it could not
 * decode. */
static int fail_parse(const struct document *doc, const yaml_parser_t *parser, const char *data,
                      size_t length_bytes, struct err *err)
{
    char text[256];
    size_t line = parser->problem_mark.line + 1, column = parser->problem_mark.column + 1;
    const char *problem = parser->problem ? parser->problem : "unknown problem";
    if (parser->error == YAML_MEMORY_ERROR)
        return err_sys(err, -ENOMEM, "read %.200s", doc->path);
    if (parser->error == YAML_READER_ERROR) {
        line = column = 1;
        for (size_t i = 0; i < parser->problem_offset && i < length_bytes; i++) {
            line += data[i] == '\n';
            column = data[i] == '\n' ? 1 : column + (((unsigned char)data[i] & 0xc0) != 0x80);
        }
        (void)snprintf(text, sizeof(text), "expected UTF-8 text: %s", problem);
    } else if (parser->context) {
        (void)snprintf(text, sizeof(text), "expected YAML: %s, %s", problem, parser->context);
    } else {
        (void)snprintf(text, sizeof(text), "expected YAML: %s", problem);
    }
    return fail_at(doc, line, column, err, text);
}

/* What the events of a file are counted against. */
struct survey {
    int depth, anchors, values, documents;
};

static const char *survey_event(struct survey *survey, const yaml_event_t *event)
{
    const unsigned char *anchor = NULL;
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return ++survey->documents > 1 ? "expected one document, not a second" : NULL;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        survey->depth--;
        return NULL;
    case YAML_SEQUENCE_START_EVENT:
        survey->depth++;
        anchor = event->data.sequence_start.anchor;
        break;
    case YAML_MAPPING_START_EVENT:
        survey->depth++;
        anchor = event->data.mapping_start.anchor;
        break;
    case YAML_SCALAR_EVENT:
        anchor = event->data.scalar.anchor;
        break;
    default:
        break;
    }
    survey->anchors += anchor != NULL;
    if (survey->depth > PLAN_DEPTH_MAX)
        return "expected at most 32 levels of nesting";
    if (survey->anchors > ANCHORS_MAX)
        return "expected at most 256 anchors";
    return ++survey->values > VISITS_MAX ? "expected a smaller file: at most 20000 values" : NULL;
}

/* Directives all come before the first event, and are compared with each other. */
static int check_directives(const struct document *doc, const char *data, size_t length_bytes,
                            struct err *err)
{
    size_t line = 1, count = 0;
    for (size_t i = 0; i < length_bytes; i++) {
        bool starts_line = i == 0 || data[i - 1] == '\n' || data[i - 1] == '\r';
        line += i > 0 && data[i - 1] == '\n';
        if (starts_line && data[i] == '%' && ++count > DIRECTIVES_MAX)
            return fail_at(doc, line, 1, err, "expected at most 16 lines that begin with '%'");
    }
    return 0;
}

/* libyaml takes a time that grows with the square of the nesting and of the number of anchors, so
 * what goes too far is found event by event, before the whole is asked for. */
static int survey_data(const struct document *doc, yaml_parser_t *parser, const char *data,
                       size_t length_bytes, struct err *err)
{
    static_assert(PLAN_DEPTH_MAX == 32 && ANCHORS_MAX == 256 && VISITS_MAX == 20000 &&
                      DIRECTIVES_MAX == 16,
                  "the messages say so");
    struct survey survey = {0};
    for (;;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event))
            return fail_parse(doc, parser, data, length_bytes, err);
        const char *problem = survey_event(&survey, &event);
        yaml_mark_t mark = event.start_mark;
        bool ended = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
        if (problem)
            return fail_at(doc, mark.line + 1, mark.column + 1, err, problem);
        if (ended)
            return 0;
    }
}

static int start_parser(yaml_parser_t *parser, const struct document *doc, const char *data,
                        size_t length_bytes, struct err *err)
{
    if (!yaml_parser_initialize(parser))
        return err_sys(err, -ENOMEM, "read %.200s", doc->path);
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(parser, (const unsigned char *)data, length_bytes);
    return 0;
}

int document_load(struct document *doc, const char *path, const char *data, size_t length_bytes,
                  struct err *err)
{
    yaml_parser_t parser;
    *doc = (struct document){.path = path};
    if (length_bytes > PLAN_FILE_BYTES_MAX)
        return err_set(err, -EFBIG, "%.200s: expected a file of at most 1 MiB", path);
    int rc = check_directives(doc, data, length_bytes, err);
    if (!rc)
        rc = start_parser(&parser, doc, data, length_bytes, err);
    if (rc)
        return rc;
    rc = survey_data(doc, &parser, data, length_bytes, err);
    yaml_parser_delete(&parser);
    if (!rc)
        rc = start_parser(&parser, doc, data, length_bytes, err);
    if (rc)
        return rc;
    doc->loaded = yaml_parser_load(&parser, &doc->yaml);
    if (!doc->loaded)
        rc = fail_parse(doc, &parser, data, length_bytes, err);
    else if (!document_root(doc))
        rc = fail_at(doc, 1, 1, err, "expected a scenario, not an empty file");
    yaml_parser_delete(&parser);
    struct walk walk = {.doc = doc, .err = err};
    if (!rc)
        rc = walk_node(&walk, 1);
    if (rc)
        document_unload(doc);
    return rc;
}

void document_unload(struct document *doc)
{
    if (doc->loaded)
        yaml_document_delete(&doc->yaml);
    doc->loaded = false;
}
