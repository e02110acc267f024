/* SPDX-License-Identifier: MIT */
/* document.h - a YAML document whose every node knows its line and column.
 *
 * What is loaded has been walked once: it is UTF-8, nested at most PLAN_DEPTH_MAX deep, without
 * cycles of aliases or duplicate keys ('-' and '_' are one letter). Its keys are texts, and no text
 * holds control characters, which could end a C string early or steer a terminal.
 * Not thread-safe; nothing waits. */
#ifndef POOLSTORM_PLAN_DOCUMENT_H
#define POOLSTORM_PLAN_DOCUMENT_H

#include "core/err.h"
#include "plan/plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <yaml.h>

struct document {
    yaml_document_t yaml;
    bool loaded;      /* yaml is to be deleted */
    const char *path; /* for messages, borrowed */
};

/* Parses data. On failure nothing needs to be released. */
int document_load(struct document *doc, const char *path, const char *data, size_t length_bytes,
                  struct err *err);

void document_unload(struct document *doc);

yaml_node_t *document_root(struct document *doc);

/* The node an item or pair member stands for. */
yaml_node_t *document_node(struct document *doc, int index);

/* The value of a mapping's key, or NULL. '-' and '_' are one letter. */
yaml_node_t *document_get(struct document *doc, const yaml_node_t *mapping, const char *key);

size_t document_pair_count(const yaml_node_t *mapping);
size_t document_item_count(const yaml_node_t *sequence);
yaml_node_t *document_item(struct document *doc, const yaml_node_t *sequence, size_t index);
yaml_node_t *document_key(struct document *doc, const yaml_node_t *mapping, size_t index);
yaml_node_t *document_value(struct document *doc, const yaml_node_t *mapping, size_t index);

/* Lays value, a node of the document, at a path of keys such as "subject.allocator" below the root;
 * mappings on the way that are not there are made. What was there is replaced. Nodes move: pointers
 * to any are good no longer. -EINVAL where a key on the way holds no mapping, -ENOMEM. */
int document_lay(struct document *doc, const char *path, const yaml_node_t *value, struct err *err);

/* Takes a key out of a mapping, if it is there, or an item out of a list. */
void document_take_key(struct document *doc, yaml_node_t *mapping, const char *key);
void document_take_item(yaml_node_t *sequence, size_t index);

/* The text of a scalar; the caller knows that it is one. */
const char *document_text(const yaml_node_t *scalar);

/* A value that was left out: `key:` with nothing behind it. */
bool document_is_empty(const yaml_node_t *node);

struct plan_where document_where(const yaml_node_t *node);

/* -EINVAL with "file:line:column: expected <what>, not a list" unless node is of the kind. An empty
 * value is a text only when quoted. */
int document_expect(struct document *doc, const yaml_node_t *node, yaml_node_type_t kind,
                    const char *what, struct err *err);

/* Sets "file:line:column: <format>" and returns -EINVAL. */
int document_fail(struct document *doc, const yaml_node_t *node, struct err *err,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Puts "file:line:column: " before what is there; offset_bytes counts from the start of a scalar's
 * text. Returns err's code, -EINVAL without an err. */
int document_wrap(struct document *doc, const yaml_node_t *node, size_t offset_bytes,
                  struct err *err);

#endif
