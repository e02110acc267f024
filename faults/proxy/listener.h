/* SPDX-License-Identifier: MIT */
/* listener.h - where a proxy listens: begun, ended, and asked to look at its faults. */
#ifndef POOLSTORM_FAULTS_PROXY_LISTENER_H
#define POOLSTORM_FAULTS_PROXY_LISTENER_H

#include "core/err.h"

struct proxy;

/* Listens as proxy->listen says, which becomes the resolved text. */
int listener_start(struct proxy *proxy, struct err *err);

/* The port is free again when it returns; nothing without a listener. */
void listener_stop(struct proxy *proxy);

/* Asks the faults of its proxy anew whether connections get in; they do or don't from now on. */
void listener_look(struct proxy *proxy);

#endif
