/* SPDX-License-Identifier: MIT */
/* conninfo_test.c - connection strings lead where they say, and a way round changes nothing else.
 */
#include "test.h"

#include "core/err.h"
#include "run/conninfo.h"

#include <stdlib.h>
#include <string.h>

static void addresses_are_found(void **unused)
{
    (void)unused;
    static const struct {
        const char *conninfo, *address;
    } cases[] = {
        {"postgresql://u:p@127.0.0.1:5433/db", "127.0.0.1:5433"},
        {"host=db.example user=u", "db.example:5432"},
        {"host=db.example hostaddr=10.0.0.7 port=6000", "10.0.0.7:6000"},
        {"postgresql://[::1]:5433/db", "[::1]:5433"},
        {"host=/run/postgresql port=5434", "unix:/run/postgresql/.s.PGSQL.5434"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[128];
        assert_ok(conninfo_address(cases[i].conninfo, text, sizeof(text), NULL));
        assert_string_equal(text, cases[i].address);
    }
}

static void several_hosts_and_none_are_refused(void **unused)
{
    (void)unused;
    static const char *const refused[] = {"host=a,b", "postgresql://a:1,b:2/db", "user=u",
                                          "host=a port=1,2", "no such thing=1"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        struct err err = {0};
        char text[128];
        assert_int_equal(conninfo_address(refused[i], text, sizeof(text), &err), -EINVAL);
        assert_true(err.text[0] != '\0');
    }
    char small[8];
    assert_int_equal(conninfo_address("host=db.example", small, sizeof(small), NULL),
                     -ENAMETOOLONG);
}

static void a_way_round_keeps_the_rest(void **unused)
{
    (void)unused;
    static const struct {
        const char *conninfo, *redirected;
    } cases[] = {
        {"postgresql://u:p%40ss@10.0.0.7:5433/db?options=-csearch_path%3Dx",
         "postgresql://u:p%40ss@127.0.0.1:6000/db?options=-csearch_path%3Dx"},
        {"host=/run/postgresql dbname=db", "postgresql://127.0.0.1:6000/db"},
        {"host=a hostaddr=10.0.0.7 user=u dbname=db sslmode=disable",
         "postgresql://u@127.0.0.1:6000/db?sslmode=disable"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char *uri = NULL, text[64];
        assert_ok(conninfo_redirect(&uri, cases[i].conninfo, 6000, NULL));
        assert_string_equal(uri, cases[i].redirected);
        assert_ok(conninfo_address(uri, text, sizeof(text), NULL));
        assert_string_equal(text, "127.0.0.1:6000");
        free(uri);
    }
    char *uri = NULL;
    assert_int_equal(conninfo_redirect(&uri, "nonsense", 1, NULL), -EINVAL);
    assert_null(uri);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_found),
        cmocka_unit_test(several_hosts_and_none_are_refused),
        cmocka_unit_test(a_way_round_keeps_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
