/* SPDX-License-Identifier: MIT */
/* read_database.c - the scenario's database: its kind, its server's settings, its SQL. */
#include "plan/read.h"
#include "plan/sql.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SETTINGS_MAX = 64 };

/* What a server needs to be this run's own, and to be found and removed again. */
static const char *const reserved[] = {
    "config_file",
    "data_directory",
    "external_pid_file",
    "hba_file",
    "ident_file",
    "listen_addresses",
    "log_destination",
    "logging_collector",
    "port",
    "shared_memory_type",
    "ssl",
    "unix_socket_directories",
    "cluster_name",
    "dynamic_shared_memory_type",
    NULL,
};

void plan_database_fini(struct plan_database *database)
{
    for (size_t i = 0; i < database->setting_count; i++) {
        free(database->settings[i].name);
        free(database->settings[i].value);
    }
    free(database->settings);
    free(database->setup.text);
    free(database->each_round.text);
    *database = (struct plan_database){0};
}

/* The text's first character in the file. libyaml gives the place of the '|' for a block, whose
 * lines begin on the next one, indented by as much as the first that is not empty. */
static void find_text(struct reading *reading, const yaml_node_t *node, struct plan_sql *sql)
{
    yaml_scalar_style_t style = node->data.scalar.style;
    sql->where = document_where(node);
    sql->by_line = style == YAML_LITERAL_SCALAR_STYLE;
    if (style == YAML_SINGLE_QUOTED_SCALAR_STYLE || style == YAML_DOUBLE_QUOTED_SCALAR_STYLE)
        sql->where.column++;
    if (!sql->by_line)
        return;
    const char *line = reading->plan->text;
    for (size_t i = 0; i < sql->where.line && line; i++)
        line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL;
    sql->where.line++;
    while (line && line[strspn(line, " ")] == '\n')
        line += strspn(line, " ") + 1;
    size_t blanks = 0, text_blanks = strspn(sql->text, "\n");
    if (line)
        blanks = strspn(line, " ");
    text_blanks = strspn(sql->text + text_blanks, " "); /* an indentation of its own */
    sql->where.column = blanks >= text_blanks ? blanks - text_blanks + 1 : 1;
}

int read_sql(struct reading *reading, const yaml_node_t *node, struct plan_sql *sql)
{
    int rc = document_expect(&reading->doc, node, YAML_SCALAR_NODE, "SQL statements", reading->err);
    if (!rc)
        rc = read_copy(reading, document_text(node), &sql->text);
    if (rc)
        return rc;
    find_text(reading, node, sql);
    struct sql_statement statement;
    size_t at = 0, count = 0;
    while ((rc = sql_next(sql->text, &at, &statement, reading->err)) > 0)
        count++;
    struct plan_where where = sql_where(sql, statement.offset_bytes);
    if (rc < 0) {
        (void)err_wrap(reading->err, "%.200s:%zu:%zu", reading->doc.path, where.line, where.column);
        return rc;
    }
    return count > 0 ? 0
                     : document_fail(&reading->doc, node, reading->err,
                                     "expected at least one SQL statement");
}

static int check_name(struct reading *reading, const yaml_node_t *key)
{
    const char *name = document_text(key);
    bool sound = isalpha((unsigned char)*name);
    for (const char *at = name; *at; at++)
        sound = sound && (isalnum((unsigned char)*at) || *at == '_' || *at == '.');
    if (!sound)
        return document_fail(&reading->doc, key, reading->err,
                             "expected the name of a setting of the server, such as "
                             "max_connections, not '%.60s'",
                             name);
    for (size_t i = 0; reserved[i]; i++)
        if (strcasecmp(reserved[i], name) == 0)
            return document_fail(&reading->doc, key, reading->err,
                                 "'%s' is chosen anew for every run: leave it out", name);
    return 0;
}

static int read_server_settings(struct reading *reading, const yaml_node_t *node,
                                struct plan_database *database)
{
    struct document *doc = &reading->doc;
    int rc =
        document_expect(doc, node, YAML_MAPPING_NODE, "a mapping of names to values", reading->err);
    if (rc)
        return rc;
    size_t count = document_pair_count(node);
    if (count > SETTINGS_MAX)
        return document_fail(doc, node, reading->err, "expected at most %d settings", SETTINGS_MAX);
    if (count > 0)
        rc = read_alloc(reading, count, sizeof(*database->settings), &database->settings);
    for (size_t i = 0; !rc && i < count; i++) {
        const yaml_node_t *key = document_key(doc, node, i);
        const yaml_node_t *value = document_value(doc, node, i);
        struct plan_database_setting *setting = &database->settings[i];
        database->setting_count = i + 1;
        setting->where = document_where(key);
        rc = check_name(reading, key);
        if (!rc)
            rc = document_expect(doc, value, YAML_SCALAR_NODE, "a value such as 100 or '64MB'",
                                 reading->err);
        if (!rc)
            rc = read_copy(reading, document_text(key), &setting->name);
        if (!rc)
            rc = read_copy(reading, document_text(value), &setting->value);
    }
    return rc;
}

static int read_mapping(struct reading *reading, const yaml_node_t *node,
                        struct plan_database *database)
{
    struct document *doc = &reading->doc;
    const yaml_node_t *settings = document_get(doc, node, "settings");
    const yaml_node_t *setup = document_get(doc, node, "setup");
    const yaml_node_t *each_round = document_get(doc, node, "each_round");
    int rc = read_settings(reading, node, SECTION_DATABASE, (void *const[STATES_MAX]){database});
    if (!rc && database->kind == PLAN_DATABASE_NONE && document_pair_count(node) > 1)
        return document_fail(doc, node, reading->err,
                             "a database of kind none has nothing else: expected kind: postgres");
    if (!rc && settings)
        rc = read_server_settings(reading, settings, database);
    if (!rc && setup)
        rc = read_sql(reading, setup, &database->setup);
    if (!rc && each_round)
        rc = read_sql(reading, each_round, &database->each_round);
    return rc;
}

int read_database(struct reading *reading, const yaml_node_t *node)
{
    struct plan_database *database = &reading->plan->database;
    if (!node)
        return 0;
    int rc = param_defaults(plan_database_params, database, reading->err);
    if (rc)
        return rc;
    if (node->type == YAML_MAPPING_NODE)
        return read_mapping(reading, node, database);
    rc = document_expect(&reading->doc, node, YAML_SCALAR_NODE,
                         "a kind of database or a mapping, such as postgres", reading->err);
    if (!rc)
        rc = param_set(param_find(plan_database_params, "kind"), database, document_text(node),
                       reading->err);
    return rc == -EINVAL && !document_is_empty(node) && node->type == YAML_SCALAR_NODE
               ? document_wrap(&reading->doc, node, 0, reading->err)
               : rc;
}
