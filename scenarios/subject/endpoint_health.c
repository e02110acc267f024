/* SPDX-License-Identifier: MIT */
/* endpoint_health.c - says that the service is up. */
#include "subject/endpoint.h"
#include "subject/request.h"

static int health_answer(struct request *request)
{
    request->content_type = "text/plain";
    int rc = buffer_append(&request->response, "ok\n", 3);
    return rc ? rc : 200;
}

const struct endpoint endpoint_health = {
    .name = "health",
    .path = "/health",
    .summary = "answers ok",
    .methods = ENDPOINT_GET,
    .answer = health_answer,
};
