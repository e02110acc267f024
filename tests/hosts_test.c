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

static const char services[] = "# web 1/tcp\n"
                               "\n"
                               "nonsense\n"
                               "more x80/tcp\n"
                               "large 65536/tcp\n"
                               "http\t80/udp\n"
                               "http\t\t80/tcp  www web# the web\r\n"
                               "postgresql 5432/tcp postgres\n"
                               "last 65535/tcp";

static void services_have_ports(void **unused)
{
    (void)unused;
    static const struct {
        const char *name;
        int port; /* 0: none such */
    } cases[] = {{"http", 80},    {"HTTP", 80}, {"web", 80}, {"postgres", 5432},
                 {"last", 65535}, {"large", 0}, {"more", 0}, {"80/tcp", 0},
                 {"nonsense", 0}, {"", 0},      {"the", 0}};
    char path[] = "/tmp/poolstorm-services-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, services, strlen(services)), strlen(services));
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        uint16_t port = 0;
        assert_int_equal(hosts_find_port(path, cases[i].name, &port), cases[i].port ? 0 : -ENOENT);
        assert_int_equal(port, cases[i].port);
    }
    assert_ok(close(fd));
    assert_ok(unlink(path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_found_by_family),
        cmocka_unit_test(services_have_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
