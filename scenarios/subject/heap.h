/* SPDX-License-Identifier: MIT */
/* heap.h - which allocator the process runs on, and what it says about itself. */
#ifndef POOLSTORM_SUBJECT_HEAP_H
#define POOLSTORM_SUBJECT_HEAP_H

#include <stdint.h>

/* What an allocator does not tell is UINT64_MAX. */
struct heap_figures {
    uint64_t allocated_bytes; /* in the program's hands */
    uint64_t active_bytes;    /* pages that hold some of it */
    uint64_t resident_bytes;  /* pages in memory, the allocator's own included */
    uint64_t mapped_bytes;    /* taken from the system */
};

/* "glibc", "jemalloc", "tcmalloc" or "mimalloc". Found by symbols only that allocator has, so one
 * that was preloaded is seen. Any thread. */
const char *heap_allocator(void);

/* Asks it. Takes the allocator's locks: not for measured paths. */
void heap_figures(struct heap_figures *figures);

#endif
