/* SPDX-License-Identifier: MIT */
/* read_subject.c - the subject and its variants: each variant ends up with a whole subject. */
#include "plan/read.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A kind nobody has chosen yet. */
#define KIND_NONE ((enum plan_subject_kind) - 1)

static void pairs_fini(struct plan_pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++) {
        free(pairs->items[i].name);
        free(pairs->items[i].value);
    }
    free(pairs->items);
    *pairs = (struct plan_pairs){0};
}

static void command_fini(struct plan_subject *subject)
{
    for (char **word = subject->command; word && *word; word++)
        free(*word);
    free(subject->command);
    subject->command = NULL;
}

void plan_subject_fini(struct plan_subject *subject)
{
    pairs_fini(&subject->serve);
    pairs_fini(&subject->env);
    command_fini(subject);
    param_fini(plan_subject_params, subject);
}

static int pairs_set(struct reading *reading, struct plan_pairs *pairs, const char *name,
                     const char *value)
{
    char *copy;
    int rc = read_copy(reading, value, &copy);
    if (rc)
        return rc;
    for (size_t i = 0; i < pairs->count; i++) {
        if (strcmp(pairs->items[i].name, name) == 0) {
            free(pairs->items[i].value);
            pairs->items[i].value = copy;
            return 0;
        }
    }
    struct plan_pair *items = realloc(pairs->items, (pairs->count + 1) * sizeof(*items));
    char *owned = NULL;
    if (items)
        pairs->items = items;
    if (!items || read_copy(reading, name, &owned)) {
        free(copy);
        return err_sys(reading->err, -ENOMEM, "read %.200s", reading->doc.path);
    }
    items[pairs->count++] = (struct plan_pair){owned, copy};
    return 0;
}

static int pairs_copy(struct reading *reading, struct plan_pairs *to, const struct plan_pairs *from)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < from->count; i++)
        rc = pairs_set(reading, to, from->items[i].name, from->items[i].value);
    return rc;
}

static int command_copy(struct reading *reading, struct plan_subject *to, char *const *from)
{
    size_t count = 0;
    while (from && from[count])
        count++;
    int rc = count ? read_alloc(reading, count + 1, sizeof(char *), &to->command) : 0;
    for (size_t i = 0; !rc && i < count; i++)
        rc = read_copy(reading, from[i], &to->command[i]);
    return rc;
}

static int subject_copy(struct reading *reading, struct plan_subject *to,
                        const struct plan_subject *from)
{
    *to = (struct plan_subject){.kind = from->kind};
    int rc = param_copy(plan_subject_params, to, from, reading->err);
    if (!rc)
        rc = pairs_copy(reading, &to->serve, &from->serve);
    if (!rc)
        rc = pairs_copy(reading, &to->env, &from->env);
    if (!rc)
        rc = command_copy(reading, to, from->command);
    return rc;
}

/* One setting of the service, tried out on a struct of its own. */
static int check_setting(struct reading *reading, const yaml_node_t *key, const yaml_node_t *value,
                         const struct param **found)
{
    static const struct param none[] = {{0}};
    const struct plan_tables *tables = reading->tables;
    const struct param *params = tables->service ? tables->service : none;
    const char *name = document_text(key);
    *found = param_find(params, name);
    if (!*found) {
        const char *near = param_suggest(params, name);
        return near ? document_fail(&reading->doc, key, reading->err,
                                    "expected a setting of serve, not '%.60s' (did you mean "
                                    "'%s'?)",
                                    name, near)
                    : document_fail(&reading->doc, key, reading->err,
                                    "expected a setting of serve, not '%.60s'", name);
    }
    const char *const *reserved = tables->service_reserved;
    for (size_t i = 0; reserved && reserved[i]; i++)
        if (strcmp(reserved[i], (*found)->name) == 0)
            return document_fail(&reading->doc, key, reading->err,
                                 "'%s' is chosen anew for every round: leave it out", name);
    int rc = document_expect(&reading->doc, value, YAML_SCALAR_NODE, param_expects(*found),
                             reading->err);
    if (rc)
        return rc;
    void *scratch = calloc(1, tables->service_size_bytes);
    if (!scratch)
        return err_sys(reading->err, -ENOMEM, "read %.200s", reading->doc.path);
    rc = param_set(*found, scratch, document_text(value), reading->err);
    param_fini(params, scratch);
    free(scratch);
    return rc ? document_wrap(&reading->doc, value, 0, reading->err) : 0;
}

static int read_serve(struct reading *reading, const yaml_node_t *node, struct plan_pairs *serve)
{
    struct document *doc = &reading->doc;
    if (document_is_empty(node))
        return 0;
    int rc = document_expect(doc, node, YAML_MAPPING_NODE, "settings of the service", reading->err);
    for (size_t i = 0; !rc && i < document_pair_count(node); i++) {
        const struct param *param;
        const yaml_node_t *value = document_value(doc, node, i);
        rc = check_setting(reading, document_key(doc, node, i), value, &param);
        if (!rc)
            rc = pairs_set(reading, serve, param->name, document_text(value));
    }
    return rc;
}

static int read_env(struct reading *reading, const yaml_node_t *node, struct plan_pairs *env)
{
    struct document *doc = &reading->doc;
    int rc =
        document_expect(doc, node, YAML_MAPPING_NODE, "a mapping of names to values", reading->err);
    for (size_t i = 0; !rc && i < document_pair_count(node); i++) {
        const yaml_node_t *key = document_key(doc, node, i);
        const yaml_node_t *value = document_value(doc, node, i);
        const char *name = document_text(key);
        if (!*name || strchr(name, '='))
            return document_fail(doc, key, reading->err,
                                 "expected the name of an environment variable");
        if (!document_is_empty(value))
            rc = document_expect(doc, value, YAML_SCALAR_NODE, "a text", reading->err);
        if (!rc)
            rc = pairs_set(reading, env, name, document_text(value));
    }
    return rc;
}

static int read_command(struct reading *reading, const yaml_node_t *node,
                        struct plan_subject *subject)
{
    struct document *doc = &reading->doc;
    int rc = document_expect(doc, node, YAML_SEQUENCE_NODE, "a list of words, such as [prog, -x]",
                             reading->err);
    size_t count = rc ? 0 : document_item_count(node);
    if (!rc && count == 0)
        return document_fail(doc, node, reading->err, "expected at least the program's name");
    command_fini(subject);
    if (!rc)
        rc = read_alloc(reading, count + 1, sizeof(char *), &subject->command);
    for (size_t i = 0; !rc && i < count; i++) {
        const yaml_node_t *word = document_item(doc, node, i);
        rc = document_expect(doc, word, YAML_SCALAR_NODE, "a word of the command", reading->err);
        if (!rc)
            rc = read_copy(reading, document_text(word), &subject->command[i]);
    }
    if (!rc && !subject->command[0][0])
        return document_fail(doc, node, reading->err, "expected at least the program's name");
    return rc;
}

/* A mapping that says what kind of subject it is replaces another kind, health and all; a url
 * beside a command, or over one, is the command's address. */
static int choose_kind(struct reading *reading, const yaml_node_t *node,
                       struct plan_subject *subject)
{
    struct document *doc = &reading->doc;
    const yaml_node_t *serve = document_get(doc, node, "serve");
    const yaml_node_t *command = document_get(doc, node, "command");
    const yaml_node_t *url = document_get(doc, node, "url");
    if (serve && (command || url))
        return document_fail(doc, serve, reading->err,
                             "expected one subject: serve or %s, not both",
                             command ? "command" : "url");
    enum plan_subject_kind kind = subject->kind;
    if (serve)
        kind = PLAN_SUBJECT_SERVE;
    else if (command)
        kind = PLAN_SUBJECT_COMMAND;
    else if (url && kind != PLAN_SUBJECT_COMMAND)
        kind = PLAN_SUBJECT_URL;
    if (kind == subject->kind)
        return 0;
    bool first = subject->kind == KIND_NONE; /* what was said for any kind stays */
    subject->kind = kind;
    if (first)
        return 0;
    pairs_fini(&subject->serve);
    command_fini(subject);
    free(subject->url);
    free(subject->health);
    subject->url = subject->health = NULL;
    return 0;
}

/* Keys that mean something in the other kind of scenario alone. */
static int refuse_others(struct reading *reading, const yaml_node_t *node)
{
    static const char *const services[] = {"serve",  "command",       "url",
                                           "health", "start_timeout", NULL};
    static const char *const benchmarks[] = {"benchmark", "row", "threads", NULL};
    bool micro = reading->plan->kind == PLAN_KIND_MICRO;
    for (const char *const *key = micro ? services : benchmarks; *key; key++) {
        const yaml_node_t *value = document_get(&reading->doc, node, *key);
        if (value && micro)
            return document_fail(&reading->doc, value, reading->err,
                                 "a scenario of kind micro has benchmarks: '%s' has no place",
                                 *key);
        if (value)
            return document_fail(&reading->doc, value, reading->err,
                                 "'%s' is of benchmarks: expected kind: micro in the scenario",
                                 *key);
    }
    return 0;
}

/* Applies a mapping's structural keys. The settings come after, as choose_kind drops some. */
static int apply_subject(struct reading *reading, const yaml_node_t *node,
                         struct plan_subject *subject)
{
    struct document *doc = &reading->doc;
    const yaml_node_t *serve = document_get(doc, node, "serve");
    const yaml_node_t *command = document_get(doc, node, "command");
    const yaml_node_t *env = document_get(doc, node, "env");
    int rc = refuse_others(reading, node);
    if (!rc)
        rc = choose_kind(reading, node, subject);
    if (!rc && serve)
        rc = read_serve(reading, serve, &subject->serve);
    if (!rc && command)
        rc = read_command(reading, command, subject);
    if (!rc && env)
        rc = read_env(reading, env, &subject->env);
    return rc;
}

int read_subject(struct reading *reading, const yaml_node_t *node, struct plan_subject *subject)
{
    subject->kind = reading->plan->kind == PLAN_KIND_MICRO ? PLAN_SUBJECT_MICRO : KIND_NONE;
    int rc = param_defaults(plan_subject_params, subject, reading->err);
    if (rc || !node)
        return rc;
    rc = document_expect(&reading->doc, node, YAML_MAPPING_NODE, "a mapping", reading->err);
    if (!rc)
        rc = apply_subject(reading, node, subject);
    if (!rc)
        rc = read_settings(reading, node, SECTION_SUBJECT, (void *const[STATES_MAX]){subject});
    return rc;
}

/* http://host:port, where port may be {port} for a command. */
static bool url_is_sound(const char *url, bool command)
{
    static const char scheme[] = "http://";
    if (strncmp(url, scheme, sizeof(scheme) - 1) != 0)
        return false;
    const char *host = url + sizeof(scheme) - 1;
    const char *end = host;
    if (*host == '[') {
        end += strspn(host + 1, "0123456789abcdefABCDEF:.") + 1;
        if (*end++ != ']')
            return false;
    } else {
        while (isalnum((unsigned char)*end) || *end == '.' || *end == '-')
            end++;
    }
    if (end == host)
        return false;
    if (*end == ':') {
        bool replaced = command && strncmp(end + 1, "{port}", 6) == 0;
        size_t digits = strspn(end + 1, "0123456789");
        long port = digits > 0 && digits <= 5 ? strtol(end + 1, NULL, 10) : 0;
        if (!replaced && (port < 1 || port > 65535))
            return false;
        end += 1 + (replaced ? 6 : digits);
    }
    return *end == '\0' || strcmp(end, "/") == 0;
}

static const yaml_node_t *where_given(struct reading *reading, const yaml_node_t *variant,
                                      const char *key)
{
    const yaml_node_t *subject =
        document_get(&reading->doc, document_root(&reading->doc), "subject");
    const yaml_node_t *found =
        variant->type == YAML_MAPPING_NODE ? document_get(&reading->doc, variant, key) : NULL;
    if (!found && subject && subject->type == YAML_MAPPING_NODE)
        found = document_get(&reading->doc, subject, key);
    return found ? found : variant;
}

static bool mentions_database(const struct plan_subject *subject)
{
    for (char *const *word = subject->command; word && *word; word++)
        if (strstr(*word, "{database}"))
            return true;
    for (size_t i = 0; i < subject->env.count; i++)
        if (strstr(subject->env.items[i].value, "{database}"))
            return true;
    return false;
}

/* What a whole subject lacks or contradicts. */
static int check_subject(struct reading *reading, const yaml_node_t *node,
                         const struct plan_variant *variant)
{
    struct document *doc = &reading->doc;
    const struct plan_subject *subject = &variant->subject;
    if (subject->kind == PLAN_SUBJECT_MICRO)
        return read_micro_subject(reading, node, variant);
    if (subject->kind == KIND_NONE)
        return document_fail(doc, node, reading->err,
                             "variant '%s' has no subject: expected serve, command or url, here or "
                             "under subject",
                             variant->name);
    bool command = subject->kind == PLAN_SUBJECT_COMMAND;
    if (subject->url && !url_is_sound(subject->url, command))
        return document_fail(doc, where_given(reading, node, "url"), reading->err,
                             "expected a url such as http://127.0.0.1:8080, not '%.80s'",
                             subject->url);
    if (subject->health && subject->health[0] != '/')
        return document_fail(doc, where_given(reading, node, "health"), reading->err,
                             "health: expected a path that begins with '/', not '%.80s'",
                             subject->health);
    bool running = subject->kind == PLAN_SUBJECT_URL;
    if (running && subject->allocator != PLAN_ALLOCATOR_DEFAULT)
        return document_fail(doc, where_given(reading, node, "allocator"), reading->err,
                             "an allocator is for serve and command: a url is running already");
    if (running && subject->env.count > 0)
        return document_fail(doc, where_given(reading, node, "env"), reading->err,
                             "env is for serve and command: a url is running already");
    if (mentions_database(subject) && reading->plan->database.kind == PLAN_DATABASE_NONE)
        return document_fail(doc, node, reading->err,
                             "{database} needs a database: expected database: postgres in the "
                             "scenario");
    return 0;
}

static int check_service(struct reading *reading, const yaml_node_t *node,
                         const struct plan_subject *subject)
{
    const struct plan_tables *tables = reading->tables;
    if (subject->kind != PLAN_SUBJECT_SERVE || !tables->service || !tables->service_check)
        return 0;
    void *settings = calloc(1, tables->service_size_bytes);
    if (!settings)
        return err_sys(reading->err, -ENOMEM, "read %.200s", reading->doc.path);
    int rc = param_defaults(tables->service, settings, reading->err);
    for (size_t i = 0; !rc && i < subject->serve.count; i++)
        rc = param_set(param_find(tables->service, subject->serve.items[i].name), settings,
                       subject->serve.items[i].value, reading->err);
    if (!rc)
        rc = tables->service_check(settings, reading->err);
    param_fini(tables->service, settings);
    free(settings);
    return rc ? document_wrap(&reading->doc, node, 0, reading->err) : 0;
}

static int fill_addresses(struct reading *reading, struct plan_subject *subject)
{
    int rc = 0;
    if (subject->kind == PLAN_SUBJECT_MICRO)
        return 0;
    if (!subject->health)
        rc = read_copy(reading, subject->kind == PLAN_SUBJECT_SERVE ? "/health" : "/",
                       &subject->health);
    if (!rc && !subject->url && subject->kind == PLAN_SUBJECT_COMMAND)
        rc = read_copy(reading, "http://127.0.0.1:{port}", &subject->url);
    return rc;
}

static int read_variant(struct reading *reading, const yaml_node_t *key, const yaml_node_t *node,
                        const struct plan_subject *defaults, struct plan_variant *variant)
{
    variant->where = document_where(key);
    int rc = read_name_check(reading, key, "a variant");
    if (!rc)
        rc = read_copy(reading, document_text(key), &variant->name);
    if (!rc)
        rc = subject_copy(reading, &variant->subject, defaults);
    bool bare = document_is_empty(node);
    if (!rc && !bare)
        rc = document_expect(&reading->doc, node, YAML_MAPPING_NODE, "a mapping", reading->err);
    if (!rc && !bare)
        rc = apply_subject(reading, node, &variant->subject);
    if (!rc && !bare)
        rc = read_settings(reading, node, SECTION_VARIANT,
                           (void *const[STATES_MAX]){variant, &variant->subject});
    const yaml_node_t *place = bare ? key : node;
    if (!rc)
        rc = check_subject(reading, place, variant);
    if (!rc)
        rc = check_service(reading, place, &variant->subject);
    return rc ? rc : fill_addresses(reading, &variant->subject);
}

int read_variants(struct reading *reading, const yaml_node_t *node,
                  const struct plan_subject *defaults)
{
    struct document *doc = &reading->doc;
    struct plan *plan = reading->plan;
    if (!node)
        return document_fail(doc, document_root(doc), reading->err,
                             "expected variants: at least one");
    int rc = document_expect(doc, node, YAML_MAPPING_NODE, "a mapping of names to variants",
                             reading->err);
    if (rc)
        return rc;
    size_t count = document_pair_count(node);
    if (count == 0 || count > PLAN_VARIANTS_MAX)
        return document_fail(doc, node, reading->err, "expected 1 to %d variants, not %zu",
                             PLAN_VARIANTS_MAX, count);
    rc = read_alloc(reading, count, sizeof(*plan->variants), &plan->variants);
    for (size_t i = 0; !rc && i < count; i++) {
        plan->variant_count = i + 1;
        rc = read_variant(reading, document_key(doc, node, i), document_value(doc, node, i),
                          defaults, &plan->variants[i]);
    }
    return rc;
}
