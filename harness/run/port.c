/* SPDX-License-Identifier: MIT */
/* port.c - lets the kernel choose a port, and gives it back. */
#include "run/port.h"

#include "core/sock.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int port_find(uint16_t *port, struct err *err)
{
    struct addr addr;
    char where[128];
    int rc = addr_parse(&addr, "127.0.0.1:0", err);
    int fd = rc ? rc : sock_listen(&addr, 1, false, err);
    if (fd < 0)
        return fd;
    rc = sock_local(fd, &addr);
    (void)close(fd);
    if (rc)
        return err_sys(err, rc, "find a free port");
    *port = (uint16_t)atoi(strrchr(addr_format(&addr, where, sizeof(where)), ':') + 1);
    return 0;
}
