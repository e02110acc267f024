/* SPDX-License-Identifier: MIT */
/* chain_fixture.c - a link without sockets. */
#include "test.h"

#include "chain_fixture.h"
#include "settings_fixture.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void begin(struct stand *stand, uint64_t number, uint64_t now_ns)
{
    struct sockaddr_in client = {.sin_family = AF_INET, .sin_port = htons(5000)};
    client.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    toxic_peer_init(&stand->peer, stand->toxics, number, (const struct sockaddr *)&client);
    assert_ok(chain_init(&stand->up, &stand->peer, FAULT_UPSTREAM, now_ns));
    assert_ok(chain_init(&stand->down, &stand->peer, FAULT_DOWNSTREAM, now_ns));
}

void stand_init(struct stand *stand, uint64_t seed)
{
    *stand = (struct stand){.now_ns = 1};
    toxics_init(&stand->own, seed, "p");
    stand->toxics = &stand->own;
    begin(stand, 1, 1);
}

void stand_join(struct stand *stand, struct stand *first, uint64_t number, uint64_t now_ns)
{
    *stand = (struct stand){.toxics = first->toxics, .next = first->next};
    first->next = stand;
    begin(stand, number, now_ns);
}

static void end(struct stand *stand)
{
    chain_fini(&stand->up);
    chain_fini(&stand->down);
    toxic_peer_fini(&stand->peer);
}

void stand_part(struct stand *stand, struct stand *first)
{
    assert_ptr_equal(first->next, stand);
    first->next = stand->next;
    end(stand);
}

void stand_fini(struct stand *first)
{
    struct stand *stand = first;
    do
        end(stand);
    while ((stand = stand->next));
    list_each(link, &first->own.list) /* every hold was let go of */
        assert_int_equal(container_of(link, struct toxic, of_all)->holding, 0);
    toxics_fini(&first->own);
}

static void *settings_of(const struct fault_type *type, const char *words)
{
    void *settings = calloc(1, type->state_bytes + 1);
    assert_non_null(settings);
    settings_read(type->params, settings, words);
    return settings;
}

int stand_try(struct stand *first, const char *kind, enum fault_stream stream, const char *settings,
              const char *aim, struct toxic **out, struct err *err)
{
    const struct fault_type *type = fault_type_find(kind);
    assert_non_null(type);
    struct fault_aim how = {0};
    settings_read(fault_aim_params, &how, aim);
    void *state = settings_of(type, settings);
    struct toxic_options options = {.type = type, .stream = stream, .aim = &how, .settings = state};
    int rc = toxics_create(first->toxics, &options, first->follows, first->now_ns, out, err);
    param_fini(fault_aim_params, &how);
    param_fini(type->params, state);
    free(state);
    return rc;
}

struct toxic *stand_add(struct stand *first, const char *kind, enum fault_stream stream,
                        const char *settings, const char *aim)
{
    struct toxic *toxic = NULL;
    struct err err = {0};
    if (stand_try(first, kind, stream, settings, aim, &toxic, &err))
        fail_msg("%s", err.text);
    for (struct stand *stand = first; stand; stand = stand->next) {
        assert_ok(chain_add(&stand->up, toxic, first->now_ns));
        assert_ok(chain_add(&stand->down, toxic, first->now_ns));
    }
    return toxic;
}

void stand_change(struct stand *first, struct toxic *toxic, const char *settings, const char *aim,
                  uint64_t now_ns)
{
    struct fault_aim how = {0};
    settings_read(fault_aim_params, &how, aim);
    void *state = settings_of(toxic_type(toxic), settings);
    assert_ok(toxic_set(toxic, aim ? &how : NULL, settings ? state : NULL, now_ns, NULL));
    for (struct stand *stand = first; stand; stand = stand->next) {
        chain_change(&stand->up, toxic, now_ns);
        chain_change(&stand->down, toxic, now_ns);
    }
    param_fini(fault_aim_params, &how);
    param_fini(toxic_type(toxic)->params, state);
    free(state);
}

void stand_remove(struct stand *first, struct toxic *toxic, uint64_t now_ns)
{
    for (struct stand *stand = first; stand; stand = stand->next) {
        chain_remove(&stand->up, toxic, now_ns);
        chain_remove(&stand->down, toxic, now_ns);
    }
    toxic_destroy(toxic);
}

void stand_push_bytes(struct chain *chain, const char *data, size_t size_bytes, uint64_t now_ns)
{
    struct chain_input input = {.data = data, .size_bytes = size_bytes};
    assert_ok(chain_push(chain, &input, now_ns));
}

void stand_push(struct chain *chain, const char *text, uint64_t now_ns)
{
    stand_push_bytes(chain, text, strlen(text), now_ns);
}

void stand_end(struct chain *chain, uint64_t now_ns)
{
    struct chain_input input = {.end = true};
    assert_ok(chain_push(chain, &input, now_ns));
}

size_t stand_take(struct chain *chain, uint64_t now_ns, char *text, size_t size_bytes)
{
    struct chain_item item;
    size_t used = 0;
    while (chain_take(chain, now_ns, &item)) {
        assert_true(used + item.size_bytes + 3 < size_bytes);
        if (item.verdict == FAULT_CLOSE || item.verdict == FAULT_RESET) {
            text[used++] = item.verdict == FAULT_CLOSE ? '!' : '#';
            break;
        }
        if (used > 0)
            text[used++] = '|';
        if (item.verdict == FAULT_FAIL)
            text[used++] = '?';
        if (item.size_bytes > 0)
            memcpy(text + used, item.data, item.size_bytes);
        used += item.size_bytes;
        if (item.end)
            text[used++] = '$';
        chain_sent(chain, item.size_bytes);
    }
    text[used] = '\0';
    return used;
}

void stand_expect_(struct chain *chain, uint64_t now_ns, const char *expected, const char *file,
                   int line)
{
    char text[4096];
    (void)stand_take(chain, now_ns, text, sizeof(text));
    _assert_string_equal(text, expected, file, line);
}
