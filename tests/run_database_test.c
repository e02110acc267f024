/* SPDX-License-Identifier: MIT */
/* run_database_test.c - a round finds the server as if no other had been before. */
#include "postgres_fixture.h"
#include "ring_fixture.h"

#include "core/io.h"
#include "postgres/pg.h"
#include "run/database.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Well below what a listener of 100 sessions queues, and long to work off. */
enum { ABANDONED = 150 };

static char log_path[] = "/tmp/poolstorm-run-database-XXXXXX";

static struct run_database *create(struct ctx *ctx, struct guardian *guardian)
{
    static struct plan plan = {.database.kind = PLAN_DATABASE_POSTGRES};
    static cpu_set_t cpus;
    struct run_database *database;
    struct err err = {0};
    assert_int_equal(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
    struct run_database_options options = {
        .guardian = guardian, .plan = &plan, .cpus = &cpus, .log_path = log_path};
    if (run_database_create(ctx, &database, &options, &err))
        fail_msg("%s", err.text);
    return database;
}

/* The process all backends stem from. */
static pid_t postmaster_of(struct ctx *ctx, const struct run_database *database)
{
    char path[64], *text;
    size_t length;
    int pid = 0;
    struct pg *pg;
    assert_ok(pg_connect(ctx, &pg, run_database_conninfo(database), NULL, NULL));
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", pg_backend_pid(pg));
    assert_ok(io_read_file(path, 4096, &text, &length));
    assert_int_equal(sscanf(strrchr(text, ')'), ") %*c %d", &pid), 1);
    assert_true(pid > 1);
    free(text);
    pg_close(pg);
    return pid;
}

static uint16_t port_of(const struct run_database *database)
{
    const char *at = strstr(run_database_uri(database), "127.0.0.1:");
    assert_non_null(at);
    return (uint16_t)strtoul(at + strlen("127.0.0.1:"), NULL, 10);
}

/* Connections that a listener has not taken up yet, as the kernel counts them. */
static unsigned queue_length(uint16_t port)
{
    char wanted[32], *text, *at;
    size_t length;
    unsigned queued = 0;
    (void)snprintf(wanted, sizeof(wanted), "0100007F:%04X 00000000:0000 0A ", port);
    assert_ok(io_read_file("/proc/net/tcp", 64 << 20, &text, &length));
    at = strstr(text, wanted);
    assert_non_null(at);
    assert_int_equal(sscanf(at + strlen(wanted), "%*x:%x", &queued), 1);
    free(text);
    return queued;
}

static void connect_and_leave(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    (void)close(fd);
}

static void leaves_nobody_in_the_queue(struct ctx *ctx, void *arg)
{
    struct guardian *guardian;
    struct err err = {0};
    (void)arg;
    assert_ok(guardian_create(&guardian, &err));
    struct run_database *database = create(ctx, guardian);
    pid_t postmaster = postmaster_of(ctx, database);
    uint16_t port = port_of(database);
    assert_int_equal(kill(postmaster, SIGSTOP), 0);
    for (int i = 0; i < ABANDONED; i++)
        connect_and_leave(port);
    assert_true(queue_length(port) >= ABANDONED);
    assert_int_equal(kill(postmaster, SIGCONT), 0);
    if (run_database_begin_round(ctx, database, &err))
        fail_msg("%s", err.text);
    assert_int_equal(queue_length(port), 0);
    run_database_destroy(database);
    guardian_destroy(guardian);
}

static void test_leaves_nobody_in_the_queue(void **state)
{
    (void)state;
    run_on_ring(leaves_nobody_in_the_queue, NULL);
}

static int make_log(void **state)
{
    (void)state;
    int fd = mkstemp(log_path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_log(void **state)
{
    (void)state;
    return unlink(log_path);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "guardian") == 0)
        return guardian_main(GUARDIAN_FD, NULL) ? 1 : 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leaves_nobody_in_the_queue),
    };
    return postgres_is_installed() ? cmocka_run_group_tests(tests, make_log, remove_log) : 0;
}
