/* SPDX-License-Identifier: MIT */
/* control_test.c - the control API answers as Toxiproxy does: every route, code, body and error. */
#include "ring_fixture.h"
#include "test.h"

#include "fake_proxy.h"

#include "core/fiber.h"
#include "core/group.h"
#include "faults/control/answer.h"
#include "faults/control/client.h"
#include "faults/control/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define REDIS                                                                                      \
    "{\"name\":\"redis\",\"listen\":\"127.0.0.1:4000\",\"upstream\":\"127.0.0.1:6379\","           \
    "\"enabled\":true,\"toxics\":[]}"
#define REDIS_BODY                                                                                 \
    "{\"name\":\"redis\",\"listen\":\"127.0.0.1:4000\",\"upstream\":\"127.0.0.1:6379\"}"
#define LATENCY                                                                                    \
    "{\"attributes\":{\"latency\":100,\"jitter\":0},\"name\":\"latency_downstream\","              \
    "\"type\":\"latency\",\"stream\":\"downstream\",\"toxicity\":1}"
#define LATENCY_BODY        "{\"type\":\"latency\",\"attributes\":{\"latency\":100}}"
#define ERROR(text, status) "{\"error\":\"" text "\",\"status\":" #status "}\n"

static struct proxy_set *set;

static int set_up(void **state)
{
    (void)state;
    fake_counts = (struct fake_counts){0};
    return proxy_set_create(NULL, 1, &set, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    proxy_set_destroy(set);
    return 0;
}

/* A request and what it is answered; reply NULL: nothing, "…" behind it: at least that. */
struct step {
    const char *method, *path, *body;
    unsigned status;
    const char *reply;
};

static void answer(const struct step *step, struct control_reply *reply)
{
    *reply = (struct control_reply){0};
    const struct control_request request = {
        .method = step->method,
        .path = step->path,
        .body = step->body,
        .body_bytes = step->body ? strlen(step->body) : 0,
    };
    control_answer(set, &request, reply);
}

static void check(const struct step *step)
{
    struct control_reply reply;
    static const char more[] = "…";
    answer(step, &reply);
    const char *body = reply.body ? reply.body : "", *wanted = step->reply ? step->reply : "";
    size_t length = strlen(wanted);
    bool open = length >= strlen(more) && strcmp(wanted + length - strlen(more), more) == 0;
    if (reply.status != step->status ||
        (open ? strncmp(body, wanted, length - strlen(more)) : strcmp(body, wanted)) != 0)
        fail_msg("%s %s %s: %u %s", step->method, step->path, step->body ? step->body : "",
                 reply.status, body);
    assert_int_equal(reply.body_bytes, strlen(body));
    control_reply_fini(&reply);
}

static void run_steps(const struct step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check(&steps[i]);
}

#define RUN(...)                                                                                   \
    do {                                                                                           \
        const struct step steps_[] = {__VA_ARGS__};                                                \
        run_steps(steps_, sizeof(steps_) / sizeof(*steps_));                                       \
    } while (0)

/* ---- Proxies --------------------------------------------------------------------------------- */

static void test_proxy(void **state)
{
    (void)state;
    RUN({"GET", "/proxies", NULL, 200, "{}"}, {"POST", "/proxies", REDIS_BODY, 201, REDIS},
        {"GET", "/proxies", NULL, 200, "{\"redis\":" REDIS "}"},
        {"GET", "/proxies/redis", NULL, 200, REDIS},
        {"POST", "/proxies", REDIS_BODY, 409, ERROR("proxy already exists", 409)},
        {"DELETE", "/proxies/redis", NULL, 204, NULL},
        {"DELETE", "/proxies/redis", NULL, 404, ERROR("proxy not found", 404)},
        {"GET", "/proxies/redis", NULL, 404, ERROR("proxy not found", 404)},
        {"PATCH", "/proxies/redis", "{}", 404, ERROR("proxy not found", 404)},
        {"GET", "/proxies", NULL, 200, "{}"});
}

static void test_proxies_are_sorted(void **state)
{
    (void)state;
    struct control_reply reply;
    RUN({"POST", "/proxies", "{\"name\":\"b\",\"upstream\":\"u\",\"enabled\":false}", 201, "…"},
        {"POST", "/proxies", "{\"name\":\"a\",\"upstream\":\"u\",\"enabled\":false}", 201, "…"});
    answer(&(struct step){"GET", "/proxies", NULL, 200, NULL}, &reply);
    assert_true(strstr(reply.body, "\"a\":") < strstr(reply.body, "\"b\":"));
    control_reply_fini(&reply);
}

static void test_proxy_listens(void **state)
{
    (void)state;
    RUN({"POST", "/proxies", "{\"name\":\"p\",\"listen\":\"localhost:0\",\"upstream\":\"u:1\"}",
         201,
         "{\"name\":\"p\",\"listen\":\"127.0.0.1:40000\",\"upstream\":\"u:1\",\"enabled\":true,"
         "\"toxics\":[]}"},
        {"POST", "/proxies",
         "{\"name\":\"off\",\"listen\":\"localhost:0\",\"upstream\":\"u:1\",\"enabled\":false}",
         201,
         "{\"name\":\"off\",\"listen\":\"localhost:0\",\"upstream\":\"u:1\",\"enabled\":false,"
         "\"toxics\":[]}"},
        {"POST", "/proxies", "{\"name\":\"q\",\"listen\":\"127.0.0.1:1\",\"upstream\":\"u:1\"}",
         500, ERROR("listen tcp 127.0.0.1:1: bind: address already in use", 500)},
        {"GET", "/proxies/q", NULL, 404, "…"},
        {"POST", "/proxies", "{\"name\":\"any\",\"upstream\":\"u:1\"}", 201,
         "{\"name\":\"any\",\"listen\":\"[::]:40000\",\"upstream\":\"u:1\",\"enabled\":true,"
         "\"toxics\":[]}"},
        {"POST", "/proxies", "{\"name\":\"q\",\"listen\":\"nonsense\",\"upstream\":\"u:1\"}", 500,
         ERROR("listen tcp: address nonsense: missing port in address", 500)});
}

static void test_proxy_bodies(void **state)
{
    (void)state;
    RUN({"POST", "/proxies", "{\"upstream\":\"u\"}", 400,
         ERROR("missing required field: name", 400)},
        {"POST", "/proxies", "{\"name\":\"\",\"upstream\":\"u\"}", 400,
         ERROR("missing required field: name", 400)},
        {"POST", "/proxies", "{\"name\":\"n\"}", 400,
         ERROR("missing required field: upstream", 400)},
        {"POST", "/proxies", "null", 400, ERROR("missing required field: name", 400)},
        {"POST", "/proxies", NULL, 400, ERROR("bad request body: EOF", 400)},
        {"POST", "/proxies", "{", 400,
         ERROR("bad request body: line 1, column 1: the text ends too early", 400)},
        {"POST", "/proxies", "{\"name\":tru}", 400,
         ERROR("bad request body: line 1, column 11: expected JSON", 400)},
        {"POST", "/proxies", "{\"n\":1e400}", 400,
         ERROR("bad request body: line 1, column 10: the number is too large", 400)},
        {"POST", "/proxies", "[]", 400,
         ERROR("bad request body: the body: expected an object, found an array", 400)},
        {"POST", "/proxies", "{\"name\":1}", 400,
         ERROR("bad request body: name: expected a text, found a number", 400)},
        {"POST", "/proxies", "{\"enabled\":\"yes\"}", 400,
         ERROR("bad request body: enabled: expected true or false, found a text", 400)},
        {"POST", "/proxies", "{\"name\":\"n\\u0000\",\"upstream\":\"u\"}", 400,
         ERROR("bad request body: line 1, column 17: a text may not have \\\\u0000 in it", 400)},
        {"POST", "/proxies", "{\"name\":\"\xff\",\"upstream\":\"u\"}", 400,
         ERROR("bad request body: line 1, column 9: expected UTF-8", 400)},
        {"GET", "/proxies", NULL, 200, "{}"});
}

/* As Go's decoder does. */
static void test_lenient_bodies(void **state)
{
    (void)state;
    RUN({"POST", "/proxies",
         "{\"NAME\":\"redis\",\"Listen\":\"127.0.0.1:4000\",\"uPstream\":\"127.0.0.1:6379\","
         "\"enabled\":null,\"toxics\":null,\"colour\":\"red\"} trailing",
         201, REDIS});
}

static void nesting_main(struct ctx *ctx, void *arg)
{
    (void)ctx;
    (void)arg;
    enum { DEPTH = 100000 };
    char *body = malloc(DEPTH + 1);
    assert_non_null(body);
    memset(body, '[', DEPTH);
    body[DEPTH] = '\0';
    RUN({"POST", "/proxies", body, 400,
         ERROR("bad request body: nested deeper than 32 levels", 400)});
    free(body);
    /* as deep as may be, on a fiber's stack */
    RUN({"POST", "/proxies", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
         400, ERROR("bad request body: the body: expected an object, found an array", 400)});
}

static void test_nesting_is_bounded(void **state)
{
    (void)state;
    (void)run_on_ring(nesting_main, NULL);
}

static void test_change_proxy(void **state)
{
    (void)state;
    RUN({"POST", "/proxies", REDIS_BODY, 201, REDIS},
        {"PATCH", "/proxies/redis", "{\"name\":\"other\"}", 200, REDIS},
        {"POST", "/proxies/redis", "{\"enabled\":true}", 200, REDIS},
        {"PATCH", "/proxies/redis", "{\"listen\":\"nonsense\"}", 500,
         ERROR("listen tcp: address nonsense: missing port in address", 500)},
        {"GET", "/proxies/redis", NULL, 200, REDIS});
    assert_int_equal(fake_counts.drops, 0); /* nothing has changed */
    RUN({"PATCH", "/proxies/redis", "{\"upstream\":\"127.0.0.1:6380\"}", 200,
         "{\"name\":\"redis\",\"listen\":\"127.0.0.1:4000\",\"upstream\":\"127.0.0.1:6380\","
         "\"enabled\":true,\"toxics\":[]}"});
    assert_int_equal(fake_counts.drops, 1);
    RUN({"POST", "/proxies/redis", "{\"enabled\":false}", 200,
         "{\"name\":\"redis\",\"listen\":\"127.0.0.1:4000\",\"upstream\":\"127.0.0.1:6380\","
         "\"enabled\":false,\"toxics\":[]}"},
        {"PATCH", "/proxies/redis", "{\"listen\":\"127.0.0.1:1\",\"enabled\":true}", 500,
         ERROR("listen tcp 127.0.0.1:1: bind: address already in use", 500)},
        {"PATCH", "/proxies/redis", "{\"enabled\":1}", 400, "{\"error\":\"bad request body: …"},
        {"PATCH", "/proxies/redis", "x", 400, "{\"error\":\"bad request body: …"});
}

/* What can't be changed with a proxy is not passed over in silence, unless it is what Toxiproxy's
 * client for Go sends back. */
static void test_change_what_stays(void **state)
{
    (void)state;
    struct control_reply reply;
    static const char with[] = "{\"toxics\":[" LATENCY "]}";
    RUN({"POST", "/proxies", REDIS_BODY, 201, REDIS},
        {"PATCH", "/proxies/redis", "{\"protocol\":\"opaque\",\"toxics\":[]}", 200, REDIS},
        {"PATCH", "/proxies/redis", "{\"protocol\":\"postgres\",\"enabled\":false}", 400,
         ERROR("bad request body: protocol: it stays opaque: delete the proxy, or use /populate",
               400)},
        {"POST", "/proxies/redis", "{\"protocol\":1}", 400,
         ERROR("bad request body: protocol: expected a text, found a number", 400)},
        {"POST", "/proxies/redis", "{\"toxics\":[" LATENCY_BODY "],\"enabled\":false}", 400,
         ERROR("bad request body: toxics: they are not changed with their proxy: use "
               "/proxies/{proxy}/toxics, or /populate",
               400)},
        {"PATCH", "/proxies/redis", "{\"toxics\":{}}", 400,
         ERROR("bad request body: toxics: expected an array, found an object", 400)},
        {"GET", "/proxies/redis", NULL, 200, REDIS});
    answer(&(struct step){"POST", "/proxies/redis", with, 200, NULL}, &reply);
    assert_int_equal(reply.status, 200);
    assert_non_null(reply.warning);
    control_reply_fini(&reply);
    RUN({"POST", "/proxies/redis/toxics", LATENCY_BODY, 200, LATENCY});
    answer(&(struct step){"POST", "/proxies/redis", with, 200, NULL}, &reply);
    assert_int_equal(reply.status, 200);
    assert_null(reply.warning);
    control_reply_fini(&reply);
}

static void test_names_in_paths(void **state)
{
    (void)state;
    RUN({"POST", "/proxies", "{\"name\":\"a/b c%\",\"upstream\":\"u\",\"enabled\":false}", 201,
         "…"},
        {"GET", "/proxies/a%2Fb%20c%25", NULL, 200, "{\"name\":\"a/b c%\"…"},
        {"GET", "/proxies/a%2fb c%", NULL, 200, "{\"name\":\"a/b c%\"…"},
        {"GET", "/proxies/a/b c%", NULL, 404, "404 page not found\n"});
    char *path = control_path("a/b c%", "", NULL);
    RUN({"GET", path, NULL, 200, "[]"});
    free(path);
}

static void test_unknown_paths(void **state)
{
    (void)state;
    RUN({"GET", "/", NULL, 404, "404 page not found\n"},
        {"GET", "", NULL, 404, "404 page not found\n"},
        {"GET", "/proxies/", NULL, 404, "404 page not found\n"},
        {"GET", "/proxies/redis/colour", NULL, 404, "404 page not found\n"},
        {"GET", "/a/b/c/d/e/f/g/h", NULL, 404, "404 page not found\n"},
        {"PUT", "/proxies", "{}", 405, NULL}, {"HEAD", "/proxies", NULL, 405, NULL},
        {"PUT", "/proxies/redis", NULL, 405, NULL}, {"GET", "/reset", NULL, 405, NULL},
        {"GET", "/populate", NULL, 405, NULL}, {"POST", "/version", NULL, 405, NULL},
        {"PATCH", "/proxies/redis/toxics", NULL, 405, NULL},
        {"PUT", "/proxies/redis/toxics/t", NULL, 405, NULL});
}

static void test_types_of_replies(void **state)
{
    (void)state;
    static const struct {
        struct step step;
        const char *type;
    } cases[] = {
        {{"GET", "/proxies", NULL, 200, NULL}, "application/json"},
        {{"GET", "/proxies/x", NULL, 404, NULL}, "text/plain; charset=utf-8"},
        {{"GET", "/x", NULL, 404, NULL}, "text/plain; charset=utf-8"},
        {{"GET", "/version", NULL, 200, NULL}, "application/json;charset=utf-8"},
        {{"GET", "/metrics", NULL, 200, NULL}, "text/plain; version=0.0.4; charset=utf-8"},
        {{"POST", "/populate", "{}", 400, NULL}, "application/json"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct control_reply reply;
        answer(&cases[i].step, &reply);
        assert_int_equal(reply.status, cases[i].step.status);
        assert_string_equal(reply.type, cases[i].type);
        control_reply_fini(&reply);
    }
}

/* ---- Toxics ---------------------------------------------------------------------------------- */

static void test_messages_are_mended(void **state)
{
    (void)state;
    static const struct {
        const char *text, *body;
    } cases[] = {
        {"caf\xc3\xa9", "{\"error\":\"caf\xc3\xa9\",\"status\":400}\n"},
        {"caf\xc3", "{\"error\":\"caf?\",\"status\":400}\n"}, /* cut within a letter */
        {"\xe2\x82: \xff", "{\"error\":\"??: ?\",\"status\":400}\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct control_reply reply = {0};
        control_reply_error(&reply, 400, cases[i].text);
        assert_int_equal(reply.status, 400);
        assert_string_equal(reply.body, cases[i].body);
        control_reply_fini(&reply);
    }
}

static void test_toxic(void **state)
{
    (void)state;
    RUN({"POST", "/proxies", REDIS_BODY, 201, REDIS},
        {"GET", "/proxies/redis/toxics", NULL, 200, "[]"},
        {"POST", "/proxies/redis/toxics", LATENCY_BODY, 200, LATENCY},
        {"GET", "/proxies/redis/toxics", NULL, 200, "[" LATENCY "]"},
        {"GET", "/proxies/redis/toxics/latency_downstream", NULL, 200, LATENCY},
        {"GET", "/proxies/redis", NULL, 200,
         "{\"name\":\"redis\",\"listen\":\"127.0.0.1:4000\",\"upstream\":\"127.0.0.1:6379\","
         "\"enabled\":true,\"toxics\":[" LATENCY "]}"},
        {"POST", "/proxies/redis/toxics", LATENCY_BODY, 409, ERROR("toxic already exists", 409)},
        {"DELETE", "/proxies/redis/toxics/latency_downstream", NULL, 204, NULL},
        {"DELETE", "/proxies/redis/toxics/latency_downstream", NULL, 404,
         ERROR("toxic not found", 404)},
        {"GET", "/proxies/redis/toxics/latency_downstream", NULL, 404,
         ERROR("toxic not found", 404)},
        {"PATCH", "/proxies/redis/toxics/x", "{}", 404, ERROR("toxic not found", 404)},
        {"POST", "/proxies/none/toxics", LATENCY_BODY, 404, ERROR("proxy not found", 404)},
        {"GET", "/proxies/none/toxics/x", NULL, 404, ERROR("proxy not found", 404)});
}

static void test_upstream_comes_first(void **state)
{
    (void)state;
    RUN({"POST", "/proxies", REDIS_BODY, 201, REDIS},
        {"POST", "/proxies/redis/toxics", "{\"name\":\"one\",\"type\":\"noop\"}", 200, "…"},
        {"POST", "/proxies/redis/toxics",
         "{\"name\":\"two\",\"type\":\"noop\",\"stream\":\"upstream\"}", 200, "…"},
        {"GET", "/proxies/redis/toxics", NULL, 200,
         "[{\"attributes\":{},\"name\":\"two\",\"type\":\"noop\",\"stream\":\"upstream\","
         "\"toxicity\":1},{\"attributes\":{},\"name\":\"one\",\"type\":\"noop\","
         "\"stream\":\"downstream\",\"toxicity\":1}]"});
}

/* Toxiproxy's own kinds, with their attributes in its order and its units. */
static void test_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *type, *given, *shown;
    } kinds[] = {
        {"latency", "\"latency\":1000,\"jitter\":50", "\"latency\":1000,\"jitter\":50"},
        {"latency", "", "\"latency\":0,\"jitter\":0"},
        {"bandwidth", "\"rate\":100", "\"rate\":100"},
        {"bandwidth", "", "\"rate\":0"},
        {"slow_close", "\"delay\":5", "\"delay\":5"},
        {"timeout", "\"timeout\":0", "\"timeout\":0"},
        {"timeout", "\"timeout\":250", "\"timeout\":250"},
        {"reset_peer", "\"timeout\":20", "\"timeout\":20"},
        {"slicer", "\"average_size\":64,\"size_variation\":32,\"delay\":10",
         "\"average_size\":64,\"size_variation\":32,\"delay\":10"},
        {"slicer", "", "\"average_size\":0,\"size_variation\":0,\"delay\":0"},
        {"limit_data", "\"bytes\":123456789012", "\"bytes\":123456789012"},
        /* ours are shown where they say something */
        {"bandwidth", "\"rate\":1,\"scope\":\"proxy\"", "\"rate\":1,\"scope\":\"proxy\""},
        {"partition", "", "\"connections\":\"both\",\"how\":\"hold\",\"dead\":false"},
        {"noop", "\"colour\":\"red\"", ""},
    };
    RUN({"POST", "/proxies", REDIS_BODY, 201, REDIS});
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        char body[256], reply[256];
        (void)snprintf(body, sizeof(body), "{\"name\":\"t\",\"type\":\"%s\",\"attributes\":{%s}}",
                       kinds[i].type, kinds[i].given);
        (void)snprintf(reply, sizeof(reply), "{\"attributes\":{%s}…", kinds[i].shown);
        RUN({"POST", "/proxies/redis/toxics", body, 200, reply},
            {"DELETE", "/proxies/redis/toxics/t", NULL, 204, NULL});
    }
}

static void test_streams(void **state)
{
    (void)state;
    RUN({"POST", "/proxies", REDIS_BODY, 201, REDIS},
        {"POST", "/proxies/redis/toxics", "{\"type\":\"noop\",\"stream\":\"upstream\"}", 200,
         "{\"attributes\":{},\"name\":\"noop_upstream\",\"type\":\"noop\",\"stream\":\"upstream\","
         "\"toxicity\":1}"},
        {"POST", "/proxies/redis/toxics", "{\"type\":\"noop\",\"stream\":\"DownStream\"}", 200,
         "{\"attributes\":{},\"name\":\"noop_DownStream\",\"type\":\"noop\","
         "\"stream\":\"DownStream\",\"toxicity\":1}"},
        {"POST", "/proxies/redis/toxics", "{\"type\":\"noop\",\"stream\":\"both\"}", 200,
         "{\"attributes\":{},\"name\":\"noop_both\",\"type\":\"noop\",\"stream\":\"both\","
         "\"toxicity\":1}"},
        {"POST", "/proxies/redis/toxics", "{\"type\":\"noop\",\"stream\":\"sideways\"}", 400,
         ERROR("stream was invalid, can be either upstream or downstream", 400)},
        {"POST", "/proxies/redis/toxics", "{\"type\":\"noop\",\"stream\":\"\"}", 400,
         ERROR("stream was invalid, can be either upstream or downstream", 400)});
}

static void test_toxic_bodies(void **state)
{
    (void)state;
    static const char path[] = "/proxies/redis/toxics";
    RUN({"POST", "/proxies", REDIS_BODY, 201, REDIS},
        {"POST", path, "{}", 400, ERROR("invalid toxic type", 400)},
        {"POST", path, "{\"type\":\"colour\"}", 400, ERROR("invalid toxic type", 400)},
        {"POST", path, "", 400, ERROR("bad request body: EOF", 400)},
        {"POST", path, "{\"type\":1}", 400,
         ERROR("bad request body: type: expected a text, found a number", 400)},
        {"POST", path, "{\"type\":\"latency\",\"attributes\":[]}", 400,
         ERROR("bad request body: attributes: expected an object, found an array", 400)},
        {"POST", path, "{\"type\":\"latency\",\"attributes\":{\"latency\":-5}}", 400,
         ERROR("bad request body: attributes: latency: expected a number from 0, not -5", 400)},
        {"POST", path, "{\"type\":\"latency\",\"attributes\":{\"latency\":true}}", 400,
         ERROR("bad request body: attributes: latency: expected a number, found true or false",
               400)},
        {"POST", path, "{\"type\":\"latency\",\"attributes\":{\"latency\":\"soon\"}}", 400,
         "{\"error\":\"bad request body: attributes: latency: expected a duration…"},
        {"POST", path, "{\"type\":\"latency\",\"attributes\":{\"latency\":1e300}}", 400,
         ERROR("bad request body: attributes: latency: 1e+300 is out of range", 400)},
        {"POST", path, "{\"type\":\"latency\",\"toxicity\":\"all\"}", 400,
         ERROR("bad request body: toxicity: expected a number, found a text", 400)},
        {"POST", path, "{\"type\":\"latency\",\"toxicity\":1.5}", 400,
         ERROR("bad request body: toxicity: expected a number from 0 to 1, not 1.5", 400)},
        {"GET", path, NULL, 200, "[]"});
}

static void test_numbers(void **state)
{
    (void)state;
    static const char path[] = "/proxies/redis/toxics";
    RUN({"POST", "/proxies", REDIS_BODY, 201, REDIS},
        {"POST", path, "{\"type\":\"latency\",\"attributes\":{\"latency\":1e30}}", 400,
         ERROR("bad request body: attributes: latency: 1e+30 is out of range", 400)},
        {"POST", path, "{\"type\":\"bandwidth\",\"attributes\":{\"rate\":1e30}}", 400,
         ERROR("bad request body: attributes: rate: 1e+30 is out of range", 400)},
        {"POST", path, "{\"type\":\"connection_limit\",\"attributes\":{\"max\":1.5}}", 400,
         "{\"error\":\"bad request body: attributes: max: expected a whole number…"},
        {"POST", path,
         "{\"name\":\"t\",\"type\":\"latency\",\"toxicity\":0.1,"
         "\"attributes\":{\"latency\":1.5,\"jitter\":\"2ms\"}}",
         200,
         "{\"attributes\":{\"latency\":1.5,\"jitter\":2},\"name\":\"t\",\"type\":\"latency\","
         "\"stream\":\"downstream\",\"toxicity\":0.1}"});
}

static void test_change_toxic(void **state)
{
    (void)state;
    static const char path[] = "/proxies/redis/toxics/latency_downstream";
    RUN({"POST", "/proxies", REDIS_BODY, 201, REDIS},
        {"POST", "/proxies/redis/toxics", LATENCY_BODY, 200, LATENCY},
        {"PATCH", path, "{}", 200, LATENCY},
        {"POST", path,
         "{\"attributes\":{\"jitter\":20},\"toxicity\":0.5,\"name\":\"other\",\"type\":\"noop\","
         "\"stream\":\"upstream\"}",
         200,
         "{\"attributes\":{\"latency\":100,\"jitter\":20},\"name\":\"latency_downstream\","
         "\"type\":\"latency\",\"stream\":\"downstream\",\"toxicity\":0.5}"},
        {"PATCH", path, "{\"attributes\":{\"latency\":null}}", 200,
         "{\"attributes\":{\"latency\":100,\"jitter\":20},\"name\":\"latency_downstream\","
         "\"type\":\"latency\",\"stream\":\"downstream\",\"toxicity\":0.5}"},
        {"PATCH", path, "{\"toxicity\":-1}", 400, "{\"error\":\"bad request body: …"},
        {"PATCH", path, "{\"attributes\":{\"latency\":7,\"jitter\":\"x\"}}", 400,
         "{\"error\":\"bad request body: …"},
        {"PATCH", path, "nope", 400, "{\"error\":\"bad request body: …"},
        {"GET", path, NULL, 200,
         "{\"attributes\":{\"latency\":100,\"jitter\":20},\"name\":\"latency_downstream\","
         "\"type\":\"latency\",\"stream\":\"downstream\",\"toxicity\":0.5}"});
}

/* Of Toxiproxy's types what is unknown is passed over, as it does; of ours it is a mistake. */
static void test_misspelt_attributes(void **state)
{
    (void)state;
    static const char path[] = "/proxies/redis/toxics";
    RUN({"POST", "/proxies", REDIS_BODY, 201, REDIS},
        {"POST", path, "{\"type\":\"close_after\",\"attributes\":{\"tiem\":5}}", 400,
         ERROR("bad request body: attributes: there is no 'tiem' (did you mean 'time'?)", 400)},
        {"POST", path, "{\"type\":\"close_after\",\"attributes\":{\"xyz\":5}}", 400,
         ERROR("bad request body: attributes: there is no 'xyz'", 400)},
        {"POST", path, "{\"type\":\"close_after\",\"attributes\":{\"sorce\":\"::1\"}}", 400,
         ERROR("bad request body: attributes: there is no 'sorce' (did you mean 'source'?)", 400)},
        {"POST", path, "{\"type\":\"close_after\",\"attributes\":{\"Time\":5,\"after\":2}}", 200,
         "…"},
        {"PATCH", "/proxies/redis/toxics/close_after_both", "{\"attributes\":{\"tim\":5}}", 400,
         ERROR("bad request body: attributes: there is no 'tim' (did you mean 'time'?)", 400)},
        {"POST", path, "{\"type\":\"noop\",\"attributes\":{\"colour\":5}}", 200, "…"},
        {"POST", path, "{\"type\":\"latency\",\"attributes\":{\"latency\":100,\"jiter\":5}}", 200,
         LATENCY});
}

/* Ours: what aims a toxic stands among its attributes, and is shown only when it does. */
static void test_aim(void **state)
{
    (void)state;
    RUN({"POST", "/proxies", REDIS_BODY, 201, REDIS},
        {"POST", "/proxies/redis/toxics",
         "{\"name\":\"t\",\"type\":\"noop\",\"toxicity\":0,"
         "\"attributes\":{\"source\":\"10.0.0.0/8\",\"after\":3,\"toxicity\":0.7}}",
         200,
         "{\"attributes\":{\"source\":\"10.0.0.0/8\",\"after\":3},\"name\":\"t\","
         "\"type\":\"noop\",\"stream\":\"downstream\",\"toxicity\":0}"},
        {"PATCH", "/proxies/redis/toxics/t", "{\"attributes\":{\"after\":0,\"first\":2}}", 200,
         "{\"attributes\":{\"source\":\"10.0.0.0/8\",\"first\":2},\"name\":\"t\","
         "\"type\":\"noop\",\"stream\":\"downstream\",\"toxicity\":0}"});
}

/* Toxiproxy accepts it in silence. */
static void test_toxic_on_disabled_proxy(void **state)
{
    (void)state;
    struct control_reply reply;
    RUN({"POST", "/proxies", "{\"name\":\"off\",\"upstream\":\"u\",\"enabled\":false}", 201, "…"});
    answer(&(struct step){"POST", "/proxies/off/toxics", LATENCY_BODY, 200, NULL}, &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, LATENCY);
    assert_non_null(reply.warning);
    control_reply_fini(&reply);
}

static void test_effects(void **state)
{
    (void)state;
    fake_effects = (struct toxic_effects){
        .first_ns = 5, .last_ns = 9, .links = 2, .bytes = 30, .pieces = 4, .refused = 1};
    fake_links[0] = (struct toxic_link){7, "127.0.0.1:50", 8, 9, 20};
    fake_links[1] = (struct toxic_link){3, "127.0.0.1:40", 5, 6, 10};
    RUN({"POST", "/proxies", REDIS_BODY, 201, REDIS},
        {"POST", "/proxies/redis/toxics", "{\"type\":\"noop\"}", 200, "…"},
        {"GET", "/proxies/redis/toxics/noop_downstream/effects", NULL, 200,
         "{\"first_ns\":5,\"last_ns\":9,\"links\":2,\"bytes\":30,\"pieces\":4,\"refused\":1,"
         "\"connections\":[{\"number\":7,\"client\":\"127.0.0.1:50\",\"first_ns\":8,"
         "\"last_ns\":9,\"bytes\":20},{\"number\":3,\"client\":\"127.0.0.1:40\",\"first_ns\":5,"
         "\"last_ns\":6,\"bytes\":10}]}"},
        {"GET", "/proxies/redis/figures", NULL, 200,
         "{\"received_bytes\":{\"upstream\":11,\"downstream\":12},"
         "\"sent_bytes\":{\"upstream\":13,\"downstream\":14},\"links_open\":1,\"links_total\":2,"
         "\"dial_failures\":3,\"opaque_links\":4,\"queries\":5,\"spliced_bytes\":6,"
         "\"out_of_descriptors\":7,\"links_refused\":8}"},
        {"GET", "/proxies/redis/toxics/none/effects", NULL, 404, ERROR("toxic not found", 404)});
}

/* Ours: a proxy and its toxics in one call, or neither. */
static void test_proxy_with_toxics(void **state)
{
    (void)state;
    RUN({"POST", "/proxies",
         "{\"name\":\"redis\",\"listen\":\"127.0.0.1:4000\",\"upstream\":\"127.0.0.1:6379\","
         "\"toxics\":[" LATENCY_BODY "]}",
         201,
         "{\"name\":\"redis\",\"listen\":\"127.0.0.1:4000\",\"upstream\":\"127.0.0.1:6379\","
         "\"enabled\":true,\"toxics\":[" LATENCY "]}"},
        {"POST", "/proxies",
         "{\"name\":\"two\",\"listen\":\"127.0.0.1:4001\",\"upstream\":\"u\","
         "\"toxics\":[" LATENCY_BODY "," LATENCY_BODY "]}",
         409, ERROR("toxic already exists", 409)},
        {"POST", "/proxies",
         "{\"name\":\"two\",\"listen\":\"127.0.0.1:4001\",\"upstream\":\"u\","
         "\"toxics\":[" LATENCY_BODY ",{\"type\":\"colour\"}]}",
         400, ERROR("invalid toxic type", 400)},
        {"GET", "/proxies/two", NULL, 404, ERROR("proxy not found", 404)},
        {"POST", "/proxies", "{\"name\":\"two\",\"upstream\":\"u\",\"toxics\":{}}", 400,
         ERROR("bad request body: toxics: expected an array, found an object", 400)});
}

static void test_protocol(void **state)
{
    (void)state;
    RUN({"POST", "/proxies",
         "{\"name\":\"pg\",\"listen\":\"127.0.0.1:4000\",\"upstream\":\"127.0.0.1:5432\","
         "\"protocol\":\"postgres\"}",
         201,
         "{\"name\":\"pg\",\"listen\":\"127.0.0.1:4000\",\"upstream\":\"127.0.0.1:5432\","
         "\"enabled\":true,\"toxics\":[],\"protocol\":\"postgres\"}"},
        {"POST", "/proxies", "{\"name\":\"my\",\"upstream\":\"u\",\"protocol\":\"mysql\"}", 400,
         ERROR("bad request body: protocol: expected postgres, not 'mysql'", 400)});
}

/* What the kind's own check finds is a mistake in the body; what the proxy cannot do is none. */
static void test_refused_toxics(void **state)
{
    (void)state;
    RUN({"POST", "/proxies", REDIS_BODY, 201, REDIS},
        {"POST", "/proxies/redis/toxics", "{\"type\":\"fail_query\"}", 409,
         ERROR("needs queries", 409)},
        {"POST", "/proxies",
         "{\"name\":\"pg\",\"listen\":\"127.0.0.1:4001\",\"upstream\":\"u\","
         "\"protocol\":\"postgres\"}",
         201, "…"},
        {"POST", "/proxies/pg/toxics",
         "{\"type\":\"fail_query\",\"attributes\":{\"sqlstate\":\"5701\"}}", 400,
         "{\"error\":\"bad request body: attributes: sqlstate: …"},
        {"POST", "/proxies/pg/toxics",
         "{\"type\":\"fail_query\",\"attributes\":{\"sqlstate\":\"40001\"}}", 200,
         "{\"attributes\":{…"},
        {"GET", "/proxies/redis/toxics", NULL, 200, "[]"});
}

/* ---- All of them ----------------------------------------------------------------------------- */

static void test_reset(void **state)
{
    (void)state;
    RUN({"POST", "/proxies", REDIS_BODY, 201, REDIS},
        {"POST", "/proxies/redis/toxics", LATENCY_BODY, 200, LATENCY},
        {"PATCH", "/proxies/redis", "{\"enabled\":false}", 200, "…"},
        {"POST", "/reset", NULL, 204, NULL}, {"POST", "/reset", "whatever", 204, NULL},
        {"GET", "/proxies/redis", NULL, 200, REDIS},
        {"POST", "/proxies",
         "{\"name\":\"taken\",\"listen\":\"127.0.0.1:1\",\"upstream\":\"u\",\"enabled\":false}",
         201, "…"},
        {"POST", "/reset", NULL, 500,
         ERROR("listen tcp 127.0.0.1:1: bind: address already in use", 500)});
}

static void test_version(void **state)
{
    (void)state;
    RUN({"GET", "/version", NULL, 200, "{\"version\": \"2.12.0\"}\n"});
}

static void test_populate(void **state)
{
    (void)state;
    RUN({"POST", "/populate", "[]", 201, "{\"proxies\":null}"},
        {"POST", "/populate", "[" REDIS_BODY "]", 201, "{\"proxies\":[" REDIS "]}"},
        {"POST", "/proxies/redis/toxics", LATENCY_BODY, 200, LATENCY},
        /* unchanged: its toxics stay, its connections, too */
        {"POST", "/populate",
         "[{\"name\":\"redis\",\"listen\":\"localhost:4000\",\"upstream\":\"127.0.0.1:6379\","
         "\"toxics\":[]}]",
         201, "…"},
        {"GET", "/proxies/redis/toxics", NULL, 200, "[" LATENCY "]"});
    assert_int_equal(fake_counts.drops, 0);
    RUN({"POST", "/populate",
         "[{\"name\":\"redis\",\"listen\":\"127.0.0.1:4000\",\"upstream\":\"127.0.0.1:6380\"}]",
         201,
         "{\"proxies\":[{\"name\":\"redis\",\"listen\":\"127.0.0.1:4000\","
         "\"upstream\":\"127.0.0.1:6380\",\"enabled\":true,\"toxics\":[]}]}"});
    assert_int_equal(fake_counts.drops, 1);
}

/* What a message can hold of a long address ends within a letter. */
#define E      "\xc3\xa9"
#define E25    E E E E E E E E E E E E E E E E E E E E E E E E E
#define E225   E25 E25 E25 E25 E25 E25 E25 E25 E25
#define E_BODY "[{\"name\":\"n\",\"upstream\":\"u\",\"listen\":\"" E225 E25 "\"}]"
#define E_SAID                                                                                     \
    "{\"error\":\"listen tcp: address " E225 E E E E "?\",\"status\":500,\"proxies\":null}"

static void test_populate_checks_first(void **state)
{
    (void)state;
#define FAILED(text) "{\"error\":\"" text "\",\"status\":400,\"proxies\":null}"
    RUN({"POST", "/populate", "[" REDIS_BODY ",{\"upstream\":\"u\"}]", 400,
         FAILED("missing required field: name at proxy 2")},
        {"POST", "/populate", "[" REDIS_BODY ",{\"name\":\"n\"}]", 400,
         FAILED("missing required field: upstream at proxy 2")},
        {"POST", "/populate", "[" REDIS_BODY ",{\"name\":1}]", 400,
         FAILED("bad request body: name: expected a text, found a number at proxy 2")},
        {"POST", "/populate", "[" REDIS_BODY ",3]", 400,
         FAILED("bad request body: proxy: expected an object, found a number at proxy 2")},
        {"POST", "/populate",
         "[" REDIS_BODY ",{\"name\":\"n\",\"upstream\":\"u\",\"toxics\":[{}]}]", 400,
         FAILED("invalid toxic type at proxy 2")},
        {"POST", "/populate",
         "[" REDIS_BODY
         ",{\"name\":\"n\",\"upstream\":\"u\",\"protocol\":\"postgres\",\"toxics\":[{"
         "\"type\":\"fail_query\",\"attributes\":{\"match\":\"(\"}}]}]",
         400, "{\"error\":\"bad request body: attributes: match: expected an extended …"},
        {"POST", "/populate",
         "[" REDIS_BODY
         ",{\"name\":\"n\",\"upstream\":\"u\",\"toxics\":[{\"type\":\"slow_query\"}]}]",
         409, "{\"error\":\"needs queries at proxy 2\",\"status\":409,\"proxies\":null}"},
        {"POST", "/populate",
         "[" REDIS_BODY ",{\"name\":\"n\",\"upstream\":\"u\",\"toxics\":[" LATENCY_BODY
         "," LATENCY_BODY "]}]",
         409, "{\"error\":\"toxic already exists at proxy 2\",\"status\":409,\"proxies\":null}"},
        {"POST", "/populate", "{}", 400,
         FAILED("bad request body: expected an array of proxies, found an object")},
        {"POST", "/populate", "", 400, FAILED("bad request body: EOF")},
        {"POST", "/populate", E_BODY, 500, E_SAID}, {"GET", "/proxies", NULL, 200, "{}"});
#undef FAILED
}

static void test_populate_stops_at_failure(void **state)
{
    (void)state;
    RUN({"POST", "/populate",
         "[" REDIS_BODY ",{\"name\":\"taken\",\"listen\":\"127.0.0.1:1\",\"upstream\":\"u\"},"
         "{\"name\":\"third\",\"listen\":\"127.0.0.1:4002\",\"upstream\":\"u\"}]",
         500,
         "{\"error\":\"listen tcp 127.0.0.1:1: bind: address already in use\",\"status\":500,"
         "\"proxies\":[" REDIS "]}"},
        {"GET", "/proxies", NULL, 200, "{\"redis\":" REDIS "}"});
}

static void test_populate_toxics(void **state)
{
    (void)state;
#define WITH(toxics)                                                                               \
    "[{\"name\":\"redis\",\"listen\":\"127.0.0.1:4000\",\"upstream\":\"127.0.0.1:6379\","          \
    "\"toxics\":[" toxics "]}]"
    RUN({"POST", "/populate", WITH(LATENCY_BODY), 201, "…"},
        {"GET", "/proxies/redis/toxics", NULL, 200, "[" LATENCY "]"},
        {"POST", "/populate", WITH("{\"type\":\"noop\"}"), 201, "…"},
        {"GET", "/proxies/redis/toxics", NULL, 200,
         "[{\"attributes\":{},\"name\":\"noop_downstream\",\"type\":\"noop\","
         "\"stream\":\"downstream\",\"toxicity\":1}]"});
#undef WITH
    assert_int_equal(fake_counts.drops, 0);
}

static void test_populate_protocol(void **state)
{
    (void)state;
    RUN({"POST", "/populate", "[" REDIS_BODY "]", 201, "…"},
        {"POST", "/populate",
         "[{\"name\":\"redis\",\"listen\":\"127.0.0.1:4000\",\"upstream\":\"127.0.0.1:6379\","
         "\"protocol\":\"postgres\"}]",
         201,
         "{\"proxies\":[{\"name\":\"redis\",\"listen\":\"127.0.0.1:4000\","
         "\"upstream\":\"127.0.0.1:6379\",\"enabled\":true,\"toxics\":[],"
         "\"protocol\":\"postgres\"}]}"});
}

static void test_metrics(void **state)
{
    (void)state;
    struct control_reply reply;
    fake_effects = (struct toxic_effects){.links = 2, .bytes = 30};
    RUN({"POST", "/proxies",
         "{\"name\":\"a\\\"b\",\"listen\":\"127.0.0.1:4000\",\"upstream\":\"u:1\","
         "\"toxics\":[" LATENCY_BODY "]}",
         201, "…"});
    answer(&(struct step){"GET", "/metrics", NULL, 200, NULL}, &reply);
    static const char *const wanted[] = {
        "# TYPE toxiproxy_proxy_received_bytes_total counter\n"
        "toxiproxy_proxy_received_bytes_total{direction=\"upstream\",listener=\"127.0.0.1:4000\","
        "proxy=\"a\\\"b\",upstream=\"u:1\"} 11\n",
        "toxiproxy_proxy_sent_bytes_total{direction=\"downstream\",listener=\"127.0.0.1:4000\","
        "proxy=\"a\\\"b\",upstream=\"u:1\"} 14\n",
        "# TYPE poolstorm_proxy_links_open gauge\npoolstorm_proxy_links_open{",
        "poolstorm_toxic_links_total{proxy=\"a\\\"b\",stream=\"downstream\","
        "toxic=\"latency_downstream\",type=\"latency\"} 2\n",
    };
    for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
        if (!strstr(reply.body, wanted[i]))
            fail_msg("no %s in\n%s", wanted[i], reply.body);
    control_reply_fini(&reply);
}

/* ---- Over HTTP ------------------------------------------------------------------------------- */

/* Sends text as it is, and reads until the server closes. */
static void talk(struct ctx *ctx, const struct control *control, const char *text, char *reply,
                 size_t size_bytes)
{
    size_t used = 0;
    ssize_t got;
    int fd = sock_connect(ctx, control_addr(control));
    assert_true(fd >= 0);
    assert_ok(sock_send(ctx, fd, text, strlen(text)));
    while ((got = sock_recv(ctx, fd, reply + used, size_bytes - used - 1)) > 0)
        used += (size_t)got;
    reply[used] = '\0';
    sock_close(fd, false);
}

static void expect_talk(struct ctx *ctx, const struct control *control, const char *text,
                        const char *status, const char *part)
{
    char reply[4096];
    talk(ctx, control, text, reply, sizeof(reply));
    if (strncmp(reply, status, strlen(status)) != 0 || !strstr(reply, part))
        fail_msg("%s\n->\n%s", text, reply);
}

static struct control *start(struct ctx *ctx, const char *listen, const char *host,
                             const char *token)
{
    struct control *control;
    struct err err = {0};
    struct control_options options = {.host = host, .token = token, .log = CONTROL_LOG_NONE};
    assert_ok(addr_parse(&options.addr, listen, &err));
    if (control_start(ctx, &options, set, &control, &err))
        fail_msg("%s", err.text);
    return control;
}

#define GET(headers) "GET /proxies HTTP/1.1\r\nConnection: close\r\n" headers "\r\n"
#define POST_CLOSE   "POST /proxies HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"

static void http_main(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct control *control = start(ctx, "127.0.0.1:0", "proxy.test", NULL);
    expect_talk(ctx, control, GET("Host: localhost:8474\r\n"), "HTTP/1.1 200 ", "\r\n\r\n{}");
    expect_talk(ctx, control, GET("Host: localhost\r\n"), "HTTP/1.1 200 ",
                "Content-Type: application/json\r\n");
    expect_talk(ctx, control, "GET /x HTTP/1.0\r\n\r\n", "HTTP/1.", "404 page not found\n");
    expect_talk(ctx, control, "GET /x HTTP/1.0\r\n\r\n", "HTTP/1.",
                "X-Content-Type-Options: nosniff\r\n");
    expect_talk(ctx, control, POST_CLOSE "Content-Length: 3\r\n\r\n{ }", "HTTP/1.1 400 ",
                "missing required field: name");
    expect_talk(ctx, control,
                POST_CLOSE "Transfer-Encoding: chunked\r\n\r\n"
                           "c\r\n{\"name\":\"n\",\r\n"
                           "1c\r\n\"upstream\":\"u\",\"enabled\":0}\r\n0\r\n\r\n",
                "HTTP/1.1 400 ", "enabled: expected true or false, found a number");
    expect_talk(ctx, control,
                "POST /reset HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                "HTTP/1.1 204 ", "\r\n\r\n");
    control_stop(control);
}

static void test_http(void **state)
{
    (void)state;
    (void)run_on_ring(http_main, NULL);
}

static void rebinding_main(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct control *control = start(ctx, "127.0.0.1:0", "proxy.test", NULL);
    static const char *const hosts[] = {
        GET("Host: localhost:1\r\n"),    GET("Host: LOCALHOST\r\n"),
        GET("Host: 127.0.0.1:8474\r\n"), GET("Host: 10.1.2.3:8474\r\n"),
        GET("Host: [::1]:8474\r\n"),     GET("Host: proxy.test:8474\r\n"),
    };
    for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++)
        expect_talk(ctx, control, hosts[i], "HTTP/1.1 200 ", "{}");
    expect_talk(ctx, control, GET("Host: evil.example:8474\r\n"), "HTTP/1.1 403 ",
                "Host not allowed\n");
    expect_talk(ctx, control, GET("Host: localhost.evil.example\r\n"), "HTTP/1.1 403 ",
                "Host not allowed\n");
    expect_talk(ctx, control, GET("Host: 127.0.0.1.evil.example\r\n"), "HTTP/1.1 403 ",
                "Host not allowed\n");
    expect_talk(ctx, control, GET("Host: localhost\r\nUser-Agent: Mozilla/5.0 (X)\r\n"),
                "HTTP/1.1 403 ", "\r\n\r\nUser agent not allowed\n");
    expect_talk(ctx, control, GET("Host: localhost\r\nUser-Agent: not Mozilla/5.0\r\n"),
                "HTTP/1.1 200 ", "{}");
    control_stop(control);
}

static void test_rebinding(void **state)
{
    (void)state;
    (void)run_on_ring(rebinding_main, NULL);
}

static void token_main(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct err err = {0};
    struct control *control;
    struct control_options open = {.host = "0.0.0.0", .log = CONTROL_LOG_NONE};
    assert_ok(addr_parse(&open.addr, "0.0.0.0:0", &err));
    assert_int_equal(control_start(ctx, &open, set, &control, &err), -EINVAL);
    assert_non_null(strstr(err.text, "--token"));

    control = start(ctx, "0.0.0.0:0", "0.0.0.0", "sesame");
    expect_talk(ctx, control, GET("Host: localhost\r\n"), "HTTP/1.1 401 ",
                "WWW-Authenticate: Bearer\r\n");
    static const char *const wrong[] = {
        GET("Host: localhost\r\nAuthorization: Bearer sesamo\r\n"),
        GET("Host: localhost\r\nAuthorization: Bearer sesam\r\n"),
        GET("Host: localhost\r\nAuthorization: Bearer sesames\r\n"),
        GET("Host: localhost\r\nAuthorization: Bearer \r\n"),
        GET("Host: localhost\r\nAuthorization: Basic sesame\r\n"),
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        expect_talk(ctx, control, wrong[i], "HTTP/1.1 401 ", "\"status\":401");
    expect_talk(ctx, control, GET("Host: build-7\r\nAuthorization: Bearer sesame\r\n"),
                "HTTP/1.1 200 ", "{}");
    expect_talk(ctx, control,
                GET("Host: x\r\nUser-Agent: Mozilla/5.0\r\nAuthorization: Bearer sesame\r\n"),
                "HTTP/1.1 403 ", "User agent not allowed");
    control_stop(control);
}

static void test_token(void **state)
{
    (void)state;
    (void)run_on_ring(token_main, NULL);
}

static void large_main(struct ctx *ctx, void *arg)
{
    (void)arg;
    enum { SIZE = 5 << 20 };
    struct control *control = start(ctx, "127.0.0.1:0", "localhost", NULL);
    char *text = malloc(SIZE + 512);
    assert_non_null(text);
    int head = snprintf(text, 512, POST_CLOSE "Content-Length: %d\r\n\r\n", (int)SIZE);
    memset(text + head, ' ', SIZE);
    text[head + SIZE] = '\0';
    expect_talk(ctx, control, text, "HTTP/1.1 413 ", "request body is larger than 4 MiB");
    expect_talk(ctx, control, GET("Host: localhost\r\n"), "HTTP/1.1 200 ", "{}");
    free(text);
    control_stop(control);
}

static void test_large_body(void **state)
{
    (void)state;
    (void)run_on_ring(large_main, NULL);
}

/* A client that never ends its request is in nobody's way, nor in that of the end. */
static void idle_main(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct control *control = start(ctx, "127.0.0.1:0", "localhost", NULL);
    int fd = sock_connect(ctx, control_addr(control));
    assert_true(fd >= 0);
    assert_ok(sock_send(ctx, fd, "POST /proxies HTTP/1.1\r\nHost: l", 31));
    expect_talk(ctx, control, GET("Host: localhost\r\n"), "HTTP/1.1 200 ", "{}");
    control_stop(control);
    sock_close(fd, false);
}

static void test_idle_client(void **state)
{
    (void)state;
    (void)run_on_ring(idle_main, NULL);
}

/* Sends a request on a connection that goes on, and reads the whole reply. */
static void ask_and_stay(struct ctx *ctx, int fd)
{
    static const char request[] = "GET /proxies HTTP/1.1\r\nHost: localhost\r\n\r\n";
    char reply[1024];
    size_t used = 0;
    assert_ok(sock_send(ctx, fd, request, sizeof(request) - 1));
    do {
        ssize_t got = sock_recv(ctx, fd, reply + used, sizeof(reply) - used - 1);
        assert_true(got > 0);
        used += (size_t)got;
        reply[used] = '\0';
    } while (!strstr(reply, "\r\n\r\n{}"));
    assert_memory_equal(reply, "HTTP/1.1 200 ", 13);
}

/* It answers as soon as there are descriptors again, whoever else is connected meanwhile. */
static void shortage_main(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct control *control = start(ctx, "127.0.0.1:0", "localhost", NULL);
    const struct addr *addr = control_addr(control);
    struct rlimit before, low;
    int idle = sock_connect(ctx, addr), late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(idle >= 0 && late >= 0);
    ask_and_stay(ctx, idle);
    int next = dup(late);
    assert_true(next >= 0);
    assert_ok(close(next));
    assert_ok(getrlimit(RLIMIT_NOFILE, &before));
    low = before;
    low.rlim_cur = (rlim_t)next;
    assert_ok(setrlimit(RLIMIT_NOFILE, &low));
    assert_ok(connect(late, (const struct sockaddr *)&addr->storage, addr->length));
    for (int i = 0; i < 100; i++)
        fiber_yield();
    ask_and_stay(ctx, idle); /* who is there is served all along */
    assert_ok(setrlimit(RLIMIT_NOFILE, &before));
    ask_and_stay(ctx, late);
    sock_close(idle, false);
    sock_close(late, false);
    control_stop(control);
}

static void test_shortage(void **state)
{
    (void)state;
    (void)run_on_ring(shortage_main, NULL);
}

/* Clients who keep all places, and say nothing, lose them soon. */
static void crowded_main(struct ctx *ctx, void *arg)
{
    (void)arg;
    enum { PLACES = 6 };
    int idle[PLACES];
    fake_reserve = 8;
    struct control *control = start(ctx, "127.0.0.1:0", "localhost", NULL);
    fake_reserve = 64;
    for (int i = 0; i < PLACES; i++) {
        idle[i] = sock_connect(ctx, control_addr(control));
        assert_true(idle[i] >= 0);
        ask_and_stay(ctx, idle[i]);
    }
    expect_talk(ctx, control, GET("Host: localhost\r\n"), "HTTP/1.1 200 ", "{}");
    ask_and_stay(ctx, idle[0]); /* who came early has kept his */
    for (int i = 0; i < PLACES; i++)
        sock_close(idle[i], false);
    control_stop(control);
}

static void test_crowded(void **state)
{
    (void)state;
    (void)run_on_ring(crowded_main, NULL);
}

/* ---- Our own client -------------------------------------------------------------------------- */

static void client_main(struct ctx *ctx, void *arg)
{
    (void)arg;
    struct control *control = start(ctx, "127.0.0.1:0", "localhost", "sesame");
    struct control_client client;
    struct err err = {0};
    char where[128], url[160];
    json_t *reply = NULL;
    (void)snprintf(url, sizeof(url), "http://%s/",
                   addr_format(control_addr(control), where, sizeof(where)));
    assert_ok(control_client_init(&client, url, NULL, &err));
    assert_int_equal(control_ask(ctx, &client, "GET", "/proxies", NULL, &reply, &err), -EINVAL);
    assert_null(reply);
    client.token = "sesame";
    json_t *body = json_pack("{s:s, s:s}", "name", "a b", "upstream", "u:1");
    assert_ok(json_object_set_new(body, "listen", json_string("x")));
    assert_int_equal(control_ask(ctx, &client, "POST", "/proxies", body, NULL, &err), -EIO);
    assert_string_equal(err.text, "listen tcp: address x: missing port in address");
    assert_ok(json_object_set_new(body, "enabled", json_false()));
    assert_int_equal(control_ask(ctx, &client, "POST", "/proxies", body, NULL, &err), 201);
    char *path = control_path("a b", NULL, NULL);
    assert_int_equal(control_ask(ctx, &client, "GET", path, NULL, &reply, &err), 200);
    assert_string_equal(json_string_value(json_object_get(reply, "name")), "a b");
    json_decref(reply);
    assert_int_equal(control_ask(ctx, &client, "DELETE", path, NULL, NULL, &err), 204);
    assert_int_equal(control_ask(ctx, &client, "DELETE", path, NULL, NULL, &err), -EINVAL);
    assert_string_equal(err.text, "proxy not found");
    free(path);
    json_decref(body);
    control_stop(control);
    assert_int_equal(control_ask(ctx, &client, "GET", "/proxies", NULL, NULL, &err), -ECONNREFUSED);
}

static void test_client(void **state)
{
    (void)state;
    (void)run_on_ring(client_main, NULL);
}

static void test_client_urls(void **state)
{
    (void)state;
    static const char *const good[][2] = {
        {"http://127.0.0.1:1234", "127.0.0.1:1234"},
        {"127.0.0.1:1234/", "127.0.0.1:1234"},
        {"HTTP://localhost", "localhost:8474"},
        {"127.0.0.1", "127.0.0.1:8474"},
        {"http://[::1]:99", "[::1]:99"},
        {"[::1]", "[::1]:8474"},
    };
    static const char *const bad[] = {"", "http://", "https://localhost:1", "localhost:99999"};
    struct control_client client;
    struct err err = {0};
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        assert_ok(control_client_init(&client, good[i][0], NULL, &err));
        assert_string_equal(client.host, good[i][1]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(control_client_init(&client, bad[i], NULL, &err), -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(proxy),
        TEST(proxies_are_sorted),
        TEST(proxy_listens),
        TEST(proxy_bodies),
        TEST(lenient_bodies),
        TEST(nesting_is_bounded),
        TEST(change_proxy),
        TEST(change_what_stays),
        TEST(names_in_paths),
        TEST(unknown_paths),
        TEST(types_of_replies),
        TEST(messages_are_mended),
        TEST(toxic),
        TEST(upstream_comes_first),
        TEST(kinds),
        TEST(streams),
        TEST(toxic_bodies),
        TEST(numbers),
        TEST(change_toxic),
        TEST(misspelt_attributes),
        TEST(aim),
        TEST(toxic_on_disabled_proxy),
        TEST(effects),
        TEST(proxy_with_toxics),
        TEST(protocol),
        TEST(refused_toxics),
        TEST(reset),
        TEST(version),
        TEST(populate),
        TEST(populate_checks_first),
        TEST(populate_stops_at_failure),
        TEST(populate_toxics),
        TEST(populate_protocol),
        TEST(metrics),
        TEST(http),
        TEST(rebinding),
        TEST(token),
        TEST(large_body),
        TEST(idle_client),
        TEST(shortage),
        TEST(crowded),
        TEST(client),
        TEST(client_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
