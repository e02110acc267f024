/* SPDX-License-Identifier: MIT */
/* proxies.c - list, inspect, create, toggle and delete proxies. */
#include "command/toxic/action.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option_group common_options[] = {{"Options", toxic_common_params, 0}, {0}};

struct create_options {
    struct toxic_common common;
    char *listen, *upstream;
    char *protocol; /* NULL: not told, Toxiproxy knows none */
    bool disabled;
};

static const struct param create_params[] = {
    {PARAM_TEXT("listen", create_options, listen, NULL, "where it listens"), .letter = 'l'},
    {PARAM_TEXT("upstream", create_options, upstream, NULL, "what it relays to"), .letter = 'u'},
    {PARAM_TEXT("protocol", create_options, protocol, NULL, "that it follows: postgres")},
    {PARAM_BOOL("disabled", create_options, disabled, NULL, "do not listen yet")},
    {0},
};

static const struct option_group create_groups[] = {
    {"Options", create_params, 0},
    {"Control API", toxic_common_params, 0},
    {0},
};

static const char *enabled_text(json_t *proxy)
{
    return json_is_true(json_object_get(proxy, "enabled")) ? "enabled" : "disabled";
}

/* ---- list ------------------------------------------------------------------------------------ */

/* For programs tabs alone, as Toxiproxy's has them. */
static void print_row(bool terminal, const char *const cells[5])
{
    printf(terminal ? "%-20s %-24s %-28s %-10s %s\n" : "%s\t%s\t%s\t%s\t%s\n", cells[0], cells[1],
           cells[2], cells[3], cells[4]);
}

static void print_proxy(bool terminal, const char *name, json_t *proxy)
{
    char count[24];
    (void)snprintf(count, sizeof(count), "%zu", json_array_size(json_object_get(proxy, "toxics")));
    print_row(terminal,
              (const char *const[]){name, toxic_text_of(proxy, "listen"),
                                    toxic_text_of(proxy, "upstream"), enabled_text(proxy), count});
}

static int compare_names(const void *one, const void *other)
{
    return strcmp(*(const char *const *)one, *(const char *const *)other);
}

static int print_sorted(bool terminal, json_t *proxies, struct err *err)
{
    size_t count = 0;
    const char *name;
    json_t *proxy;
    const char **names = calloc(json_object_size(proxies) + 1, sizeof(*names));
    if (!names)
        return err_sys(err, -ENOMEM, "list the proxies");
    json_object_foreach(proxies, name, proxy) {
        names[count++] = name;
    }
    qsort(names, count, sizeof(*names), compare_names);
    for (size_t i = 0; i < count; i++)
        print_proxy(terminal, names[i], json_object_get(proxies, names[i]));
    free(names);
    return 0;
}

static int list(struct toxic_session *session, struct err *err)
{
    json_t *proxies = NULL;
    int rc = toxic_ask(session, "GET", NULL, NULL, NULL, NULL, &proxies, err);
    if (!rc && session->terminal && json_object_size(proxies) == 0)
        puts("no proxies; make one with poolstorm toxic create");
    else if (!rc && session->terminal)
        print_row(true, (const char *const[]){"Name", "Listen", "Upstream", "State", "Toxics"});
    if (!rc)
        rc = print_sorted(session->terminal, proxies, err);
    json_decref(proxies);
    return rc;
}

/* ---- inspect --------------------------------------------------------------------------------- */

static void print_attribute(json_t *attributes, const char *name)
{
    json_t *value = json_object_get(attributes, name);
    if (json_is_number(value))
        printf("\t%s=%.15g", name, json_number_value(value));
    else if (json_is_boolean(value))
        printf("\t%s=%s", name, json_is_true(value) ? "true" : "false");
    else
        printf("\t%s=%s", name, toxic_text_of(attributes, name));
}

static int print_toxic(json_t *toxic, struct err *err)
{
    json_t *attributes = json_object_get(toxic, "attributes"), *value;
    const char *name;
    size_t count = 0;
    const char **names = calloc(json_object_size(attributes) + 1, sizeof(*names));
    if (!names)
        return err_sys(err, -ENOMEM, "list the toxics");
    json_object_foreach(attributes, name, value) {
        names[count++] = name;
    }
    qsort(names, count, sizeof(*names), compare_names);
    printf("%s\ttype=%s\tstream=%s\ttoxicity=%.2f\tattributes=[", toxic_text_of(toxic, "name"),
           toxic_text_of(toxic, "type"), toxic_text_of(toxic, "stream"),
           json_number_value(json_object_get(toxic, "toxicity")));
    for (size_t i = 0; i < count; i++)
        print_attribute(attributes, names[i]);
    puts("\t]");
    free(names);
    return 0;
}

static int inspect(struct toxic_session *session, struct err *err)
{
    json_t *proxy = NULL, *toxic;
    size_t i;
    int rc = toxic_ask(session, "GET", session->name, NULL, NULL, NULL, &proxy, err);
    if (!rc && session->terminal)
        printf("Name: %s\tListen: %s\tUpstream: %s\t%s\n", toxic_text_of(proxy, "name"),
               toxic_text_of(proxy, "listen"), toxic_text_of(proxy, "upstream"),
               enabled_text(proxy));
    json_array_foreach(json_object_get(proxy, "toxics"), i, toxic) {
        if (!rc)
            rc = print_toxic(toxic, err);
    }
    json_decref(proxy);
    return rc;
}

/* ---- create, toggle, delete ------------------------------------------------------------------ */

static int create(struct toxic_session *session, struct err *err)
{
    const struct create_options *options = session->options;
    if (!options->listen || !options->upstream)
        return err_set(err, -EINVAL, "expected --listen ADDRESS and --upstream ADDRESS");
    json_t *body =
        json_pack("{s:s, s:s, s:s, s:b}", "name", session->name, "listen", options->listen,
                  "upstream", options->upstream, "enabled", !options->disabled);
    if (!body || (options->protocol &&
                  json_object_set_new(body, "protocol", json_string(options->protocol)) != 0)) {
        json_decref(body);
        return err_set(err, -EINVAL, "names and addresses are UTF-8");
    }
    int rc = toxic_ask(session, "POST", NULL, NULL, NULL, body, NULL, err);
    json_decref(body);
    if (rc == 0)
        printf("Created new proxy %s\n", session->name);
    return rc;
}

static int toggle(struct toxic_session *session, struct err *err)
{
    json_t *proxy = NULL, *changed = NULL;
    int rc = toxic_ask(session, "GET", session->name, NULL, NULL, NULL, &proxy, err);
    if (rc)
        return rc;
    json_t *body = json_pack("{s:b}", "enabled", !json_is_true(json_object_get(proxy, "enabled")));
    rc = toxic_ask(session, "POST", session->name, NULL, NULL, body, &changed, err);
    if (rc == 0)
        printf("Proxy %s is now %s\n", session->name, enabled_text(changed));
    json_decref(body);
    json_decref(proxy);
    json_decref(changed);
    return rc;
}

static int delete (struct toxic_session *session, struct err *err)
{
    int rc = toxic_ask(session, "DELETE", session->name, NULL, NULL, NULL, NULL, err);
    if (rc == 0)
        printf("Deleted proxy %s\n", session->name);
    return rc;
}

const struct toxic_action toxic_proxy_actions[] = {
    {"list", " l li ls ", "", "list all proxies", common_options, sizeof(struct toxic_common),
     list},
    {"inspect", " i ins ", "PROXY", "list the toxics of a proxy", common_options,
     sizeof(struct toxic_common), inspect},
    {"create", " c new ", "PROXY", "make a proxy", create_groups, sizeof(struct create_options),
     create},
    {"toggle", " tog ", "PROXY", "disable an enabled proxy, enable a disabled one", common_options,
     sizeof(struct toxic_common), toggle},
    {"delete", " d ", "PROXY", "delete a proxy", common_options, sizeof(struct toxic_common),
     delete},
    {0},
};
