/* SPDX-License-Identifier: MIT */
/* ask.c - what the actions of poolstorm toxic have in common. */
#include "command/toxic/action.h"

#include <errno.h>
#include <stdlib.h>

int toxic_ask(struct toxic_session *session, const char *method, const char *proxy,
              const char *toxic, const char *last, json_t *body, json_t **reply, struct err *err)
{
    char *path = control_path(proxy, toxic, last);
    int rc = path ? control_ask(session->ctx, &session->client, method, path, body, reply, err)
                  : err_sys(err, -ENOMEM, "ask the control API");
    free(path);
    return rc < 0 ? rc : 0;
}

const char *toxic_text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}
