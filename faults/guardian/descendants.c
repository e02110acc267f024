/* SPDX-License-Identifier: MIT */
/* descendants.c - reads /proc/PID/stat of everyone and keeps those whose line of parents meets us.
 */
#include "faults/guardian/descendants.h"

#include "core/io.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "pid (name) state ppid pgrp session …"; a name may hold blanks and parentheses. */
static bool read_stat(pid_t pid, struct descendant *out)
{
    char path[64], state;
    char *text;
    size_t length;
    int parent, session;
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    if (io_read_file(path, 4096, &text, &length))
        return false; /* it has gone meanwhile */
    const char *rest = strrchr(text, ')');
    bool whole = rest && sscanf(rest + 1, " %c %d %*d %d", &state, &parent, &session) == 3;
    free(text);
    if (!whole)
        return false;
    *out = (struct descendant){
        .pid = pid, .parent = parent, .session = session, .zombie = state == 'Z' || state == 'X'};
    return true;
}

static int read_all(DIR *proc, struct descendants *list, struct err *err)
{
    size_t room = 0;
    for (struct dirent *entry = readdir(proc); entry; entry = readdir(proc)) {
        pid_t pid = (pid_t)atoi(entry->d_name);
        if (pid <= 0)
            continue;
        if (list->count == room) {
            room = room ? 2 * room : 256;
            struct descendant *items = reallocarray(list->items, room, sizeof(*items));
            if (!items)
                return err_sys(err, -ENOMEM, "list processes");
            list->items = items;
        }
        if (read_stat(pid, &list->items[list->count]))
            list->count++;
    }
    return 0;
}

/* Moves children of those at the front to the front, generation by generation. */
static void keep_ours(struct descendants *list)
{
    size_t kept = 0;
    pid_t parent = getpid();
    for (size_t next = 0;; parent = list->items[next++].pid) {
        for (size_t i = kept; i < list->count; i++) {
            struct descendant found = list->items[i];
            if (found.parent != parent)
                continue;
            list->items[i] = list->items[kept];
            list->items[kept++] = found;
        }
        if (next == kept)
            break;
    }
    list->count = kept;
}

int descendants_read(struct descendants *out, struct err *err)
{
    *out = (struct descendants){0};
    DIR *proc = opendir("/proc");
    if (!proc)
        return err_sys(err, -errno, "open /proc");
    int rc = read_all(proc, out, err);
    (void)closedir(proc);
    if (rc)
        descendants_fini(out);
    else
        keep_ours(out);
    return rc;
}

void descendants_fini(struct descendants *list)
{
    free(list->items);
    *list = (struct descendants){0};
}

bool descendants_stem_from(const struct descendants *list, pid_t pid, pid_t root)
{
    for (size_t steps = 0; pid != root && steps <= list->count; steps++) {
        pid_t parent = 0;
        for (size_t i = 0; i < list->count; i++)
            if (list->items[i].pid == pid)
                parent = list->items[i].parent;
        if (parent == 0)
            return false;
        pid = parent;
    }
    return pid == root;
}
