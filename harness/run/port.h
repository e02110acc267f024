/* SPDX-License-Identifier: MIT */
/* port.h - finds a free port of the loopback interface. */
#ifndef POOLSTORM_RUN_PORT_H
#define POOLSTORM_RUN_PORT_H

#include "core/err.h"

#include <stdint.h>

/* A port nobody had a moment ago; whoever binds it may still lose it to someone else. */
int port_find(uint16_t *port, struct err *err);

#endif
