/* SPDX-License-Identifier: MIT */
/* io_uring.c - may this process have rings, and do they know the operations we use? */
#include "command/doctor/doctor.h"

#include <liburing.h>
#include <string.h>

/* What the core submits. */
static const struct {
    int code;
    const char *name;
} operations[] = {
    {IORING_OP_ACCEPT, "accept"},     {IORING_OP_CONNECT, "connect"},
    {IORING_OP_RECV, "recv"},         {IORING_OP_SEND, "send"},
    {IORING_OP_SENDMSG, "sendmsg"},   {IORING_OP_READ, "read"},
    {IORING_OP_WRITE, "write"},       {IORING_OP_CLOSE, "close"},
    {IORING_OP_POLL_ADD, "poll"},     {IORING_OP_ASYNC_CANCEL, "cancel"},
    {IORING_OP_MSG_RING, "msg_ring"}, {IORING_OP_SHUTDOWN, "shutdown"},
};

static void explain_refusal(struct finding *finding, int rc)
{
    int64_t disabled = 0;
    bool known = look_number("/proc/sys/kernel/io_uring_disabled", &disabled);
    const char *remedy = "allow io_uring_setup in the container's seccomp profile";
    if (known && disabled == 2)
        remedy = "sysctl kernel.io_uring_disabled=0 (2 forbids it to everyone)";
    else if (known && disabled == 1)
        remedy = "sysctl kernel.io_uring_disabled=0 (1 allows it to root alone)";
    else if (rc == -ENOMEM)
        remedy = "raise the memlock limit: ulimit -l unlimited";
    finding_set(finding, FINDING_FAIL, remedy, "no ring can be made: %s", strerror(-rc));
}

static void io_uring_look(struct finding *finding)
{
    struct io_uring ring;
    int rc =
        io_uring_queue_init(64, &ring, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
    if (rc) {
        explain_refusal(finding, rc);
        return;
    }
    struct io_uring_probe *probe = io_uring_get_probe_ring(&ring);
    finding_set(finding, FINDING_OK, NULL, "rings with deferred task work");
    for (size_t i = 0; probe && i < sizeof(operations) / sizeof(*operations); i++) {
        if (io_uring_opcode_supported(probe, operations[i].code))
            continue;
        finding->level = FINDING_FAIL;
        finding->remedy = "run on Linux 6.1 or newer";
        finding_add(finding, "no %s", operations[i].name);
    }
    if (probe)
        io_uring_free_probe(probe);
    io_uring_queue_exit(&ring);
}

const struct doctor_check check_io_uring = {.name = "io-uring", .look = io_uring_look};
