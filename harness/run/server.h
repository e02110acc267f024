/* SPDX-License-Identifier: MIT */
/* server.h - which PostgreSQL server this machine has. */
#ifndef POOLSTORM_RUN_SERVER_H
#define POOLSTORM_RUN_SERVER_H

#include "core/err.h"

enum { SERVER_FOLDER_BYTES = 512 };

struct server {
    char folder[SERVER_FOLDER_BYTES]; /* holds postgres and initdb */
    char version[32];                 /* as it says itself: "15.13" */
    unsigned number;                  /* 150013: to compare */
};

/* Finds the newest one in $PATH and in the folders where systems put it, which starts each of them
 * to ask (some ms); $POOLSTORM_POSTGRES, a folder, stands for all of these. -ENOENT with what would
 * help when there is none. */
int server_find(struct server *out, struct err *err);

#endif
