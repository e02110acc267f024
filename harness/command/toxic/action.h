/* SPDX-License-Identifier: MIT */
/* action.h - one thing poolstorm toxic does: a line in the table of its file. */
#ifndef POOLSTORM_COMMAND_TOXIC_ACTION_H
#define POOLSTORM_COMMAND_TOXIC_ACTION_H

#include "command/options.h"
#include "faults/control/client.h"

/* What every action takes; the first member of its options. */
struct toxic_common {
    char *host;  /* URL of the control API */
    char *token; /* that it asks for */
};

extern const struct param toxic_common_params[];

/* An action under way. */
struct toxic_session {
    struct ctx *ctx;
    struct control_client client;
    const void *options; /* the action's struct, read */
    const char *name;    /* the proxy's; NULL where the action takes none */
    bool terminal;       /* stdout is one: print for people */
};

/* Static data. */
struct toxic_action {
    const char *name, *aliases; /* aliases: " l ls ", between blanks */
    const char *usage;          /* the words behind the options: "PROXY", or "" */
    const char *summary;        /* one line, lower case, no full stop */
    const struct option_group *options;
    size_t options_size_bytes;

    /* Asks and prints. Errors as control_ask; -EINVAL for mistakes in the options. */
    int (*run)(struct toxic_session *session, struct err *err);
};

/* Asks the control API; proxy, toxic and last are a path as control_path has it. 0, or as
 * control_ask. */
int toxic_ask(struct toxic_session *session, const char *method, const char *proxy,
              const char *toxic, const char *last, json_t *body, json_t **reply, struct err *err);

/* A text of a reply's; "" when it has none. The reply's. */
const char *toxic_text_of(const json_t *object, const char *name);

/* Each ends with {0}. */
extern const struct toxic_action toxic_proxy_actions[];
extern const struct toxic_action toxic_actions[];

#endif
