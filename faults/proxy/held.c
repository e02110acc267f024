/* SPDX-License-Identifier: MIT */
/* held.c - the lines of connections that faults hold. */
#include "faults/proxy/held.h"

#include <errno.h>
#include <stdlib.h>

struct held_line {
    struct list member; /* in the proxy's lines */
    uint64_t toxic_id;  /* of whom they are held by */
    struct list links;  /* struct held.member, by number; never empty */
};

static struct held *of_member(struct list *member)
{
    return container_of(member, struct held, member);
}

static struct held_line *find_line(struct list *lines, uint64_t toxic_id)
{
    list_each(member, lines) {
        struct held_line *line = container_of(member, struct held_line, member);
        if (line->toxic_id == toxic_id)
            return line;
    }
    return NULL;
}

static struct held_line *make_line(struct list *lines, uint64_t toxic_id)
{
    struct held_line *line = calloc(1, sizeof(*line));
    if (!line)
        return NULL;
    line->toxic_id = toxic_id;
    list_init(&line->links);
    list_push_back(lines, &line->member);
    return line;
}

int held_enter(struct list *lines, struct held *held, uint64_t toxic_id)
{
    if (held->line && held->line->toxic_id == toxic_id)
        return 0;
    (void)held_leave(held); /* the faults have changed: all are asked anyway */
    struct held_line *line = find_line(lines, toxic_id);
    if (!line)
        line = make_line(lines, toxic_id);
    if (!line)
        return -ENOMEM;
    struct list *before = line->links.prev; /* mostly the newest comes last */
    while (before != &line->links && of_member(before)->number > held->number)
        before = before->prev;
    list_push_front(before, &held->member);
    held->line = line;
    return 0;
}

struct held *held_leave(struct held *held)
{
    struct held_line *line = held->line;
    if (!line)
        return NULL;
    held->line = NULL;
    list_remove(&held->member);
    if (!list_empty(&line->links))
        return of_member(line->links.next);
    list_remove(&line->member);
    free(line);
    return NULL;
}

void held_ask(struct list *lines, void (*ask)(struct held *held))
{
    list_each(member, lines)
        ask(of_member(container_of(member, struct held_line, member)->links.next));
}
