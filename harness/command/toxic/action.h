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

/* Each ends with {0}. */
extern const struct toxic_action toxic_proxy_actions[];
extern const struct toxic_action toxic_actions[];

#endif
