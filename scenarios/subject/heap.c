/* SPDX-License-Identifier: MIT */
/* heap.c - asks the loaded allocator for its statistics, without linking to any. */
#include "subject/heap.h"

#include <dlfcn.h>
#include <malloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef int mallctl_fn(const char *name, void *old, size_t *old_size, void *new, size_t new_size);
typedef bool tcmalloc_property_fn(const char *name, size_t *value);

/* ISO C has no cast from data to function pointers; POSIX has dlsym all the same. */
#define FIND(function, name)                                                                       \
    do {                                                                                           \
        void *found = dlsym(RTLD_DEFAULT, (name));                                                 \
        memcpy(&(function), &found, sizeof(found));                                                \
    } while (0)

const char *heap_allocator(void)
{
    if (dlsym(RTLD_DEFAULT, "mallctl"))
        return "jemalloc";
    if (dlsym(RTLD_DEFAULT, "tc_version"))
        return "tcmalloc";
    if (dlsym(RTLD_DEFAULT, "mi_version"))
        return "mimalloc";
    return "glibc";
}

static void ask_jemalloc(mallctl_fn *mallctl, struct heap_figures *figures)
{
    const struct {
        const char *name;
        uint64_t *value;
    } asked[] = {
        {"stats.allocated", &figures->allocated_bytes},
        {"stats.active", &figures->active_bytes},
        {"stats.resident", &figures->resident_bytes},
        {"stats.mapped", &figures->mapped_bytes},
    };
    uint64_t epoch = 1; /* writing it makes the figures fresh */
    (void)mallctl("epoch", NULL, NULL, &epoch, sizeof(epoch));
    for (size_t i = 0; i < sizeof(asked) / sizeof(*asked); i++) {
        size_t value = 0, size = sizeof(value);
        if (mallctl(asked[i].name, &value, &size, NULL, 0) == 0)
            *asked[i].value = value;
    }
}

static void ask_tcmalloc(tcmalloc_property_fn *property, struct heap_figures *figures)
{
    size_t value = 0;
    if (property("generic.current_allocated_bytes", &value))
        figures->allocated_bytes = value;
    if (property("generic.heap_size", &value))
        figures->mapped_bytes = value;
}

static void ask_glibc(struct heap_figures *figures)
{
    struct mallinfo2 info = mallinfo2();
    figures->allocated_bytes = info.uordblks + info.hblkhd;
    figures->mapped_bytes = info.arena + info.hblkhd;
}

void heap_figures(struct heap_figures *figures)
{
    mallctl_fn *mallctl;
    tcmalloc_property_fn *property;
    memset(figures, 0xff, sizeof(*figures));
    FIND(mallctl, "mallctl");
    FIND(property, "MallocExtension_GetNumericProperty");
    if (mallctl)
        ask_jemalloc(mallctl, figures);
    else if (property)
        ask_tcmalloc(property, figures);
    else if (strcmp(heap_allocator(), "glibc") == 0)
        ask_glibc(figures);
}
