/* SPDX-License-Identifier: MIT */
/* list.h - a circular doubly linked list whose links live inside the elements. */
#ifndef POOLSTORM_CORE_LIST_H
#define POOLSTORM_CORE_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* Both the head of a list and the link in an element. A zeroed link is on no list. */
struct list {
    struct list *prev, *next;
};

#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

static inline void list_init(struct list *head)
{
    head->prev = head->next = head;
}

static inline bool list_empty(const struct list *head)
{
    return head->next == head;
}

static inline bool list_linked(const struct list *link)
{
    return link->next != NULL;
}

static inline void list_push_back(struct list *head, struct list *link)
{
    link->prev = head->prev;
    link->next = head;
    head->prev->next = link;
    head->prev = link;
}

static inline void list_push_front(struct list *head, struct list *link)
{
    list_push_back(head->next, link);
}

static inline void list_remove(struct list *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    link->prev = link->next = NULL;
}

/* NULL when empty. */
static inline struct list *list_pop_front(struct list *head)
{
    if (list_empty(head))
        return NULL;
    struct list *link = head->next;
    list_remove(link); /* NOLINT(clang-analyzer-unix.Malloc): it loses track of relinked nodes */
    return link;
}

#define list_each(link, head)                                                                      \
    for (struct list *link = (head)->next; link != (head); link = link->next)

#endif
