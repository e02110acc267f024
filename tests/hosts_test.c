/* SPDX-License-Identifier: MIT */
/* hosts_test.c - names are found in a file of hosts, and nowhere else. */
#include "test.h"

#include "faults/proxy/hosts.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char hosts[] = "# 10.0.0.9 web\n"
                            "127.0.0.1\tlocalhost\r\n"
                            "::1 localhost ip6-localhost\n"
                            "\n"
                            "nonsense web\n"
                            "10.0.0.1   db  web # db2\n"
                            "10.0.0.2 web\n"
                            "fd00::1 Web.example";

static void expect(const char *path, const char *name, int family, const char *wanted)
{
    struct in6_addr address;
    char text[INET6_ADDRSTRLEN];
    int rc = hosts_find(path, name, family, &address);
    if (!wanted) {
        assert_int_equal(rc, -ENOENT);
        return;
    }
    assert_ok(rc);
    assert_string_equal(inet_ntop(family, &address, text, sizeof(text)), wanted);
}

static void names_are_found_by_family(void **unused)
{
    (void)unused;
    char path[] = "/tmp/poolstorm-hosts-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, hosts, strlen(hosts)), strlen(hosts));
    expect(path, "localhost", AF_INET, "127.0.0.1");
    expect(path, "LOCALHOST", AF_INET6, "::1");
    expect(path, "web", AF_INET, "10.0.0.1");
    expect(path, "web.example", AF_INET6, "fd00::1");
    expect(path, "web", AF_INET6, NULL);
    expect(path, "db2", AF_INET, NULL);
    expect(path, "10.0.0.1", AF_INET, NULL);
    expect(path, "", AF_INET, NULL);
    assert_ok(close(fd));
    assert_ok(unlink(path));
    expect(path, "web", AF_INET, NULL); /* no file */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_found_by_family),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
