/* SPDX-License-Identifier: MIT */
/* sampler.c - samples by a timer on the thread's CPU clock, attributed by walking the stack. */
#include "subject/sampler.h"

#include "core/clock.h"
#include "subject/heap.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <unwind.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* Deep enough for an allocator that asks the kernel, and for a document freed node by node. */
enum { FRAMES_MAX = 48 };

const char *const sampler_place_names[SAMPLER_PLACES] = {
    [SAMPLER_ALLOCATOR] = "allocator",
    [SAMPLER_SERVICE] = "service",
    [SAMPLER_OTHER] = "other",
};

static const char *const family[] = {
    "malloc",         "free",     "calloc", "realloc", "reallocarray", "aligned_alloc",
    "posix_memalign", "memalign", "valloc", "pvalloc", "malloc_trim",  "malloc_usable_size",
};

enum { FAMILY_SIZE = sizeof(family) / sizeof(*family) };

/* Where the allocator is: found once, read by handlers. */
static struct {
    uintptr_t functions[FAMILY_SIZE]; /* their addresses, 0: it has none of that name */
    uintptr_t start, end;             /* the object it has for itself, or nothing */
} allocator;

static pthread_once_t found = PTHREAD_ONCE_INIT;

/* Of this thread, for the handler; NULL: it is not sampled. */
static _Thread_local struct sampler *own_sampler;
static _Thread_local sampler_function *const *own_service;

/* ---- Finding the allocator ------------------------------------------------------------------- */

static int note_object(struct dl_phdr_info *info, size_t size, void *arg)
{
    const uintptr_t *inside = arg;
    uintptr_t start = UINTPTR_MAX, end = 0;
    (void)size;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        uintptr_t from = info->dlpi_addr + header->p_vaddr;
        if (header->p_type != PT_LOAD)
            continue;
        start = from < start ? from : start;
        end = from + header->p_memsz > end ? from + header->p_memsz : end;
    }
    if (*inside < start || *inside >= end)
        return 0;
    allocator.start = start;
    allocator.end = end;
    return 1;
}

static void find_allocator(void)
{
    for (size_t i = 0; i < FAMILY_SIZE; i++)
        allocator.functions[i] = (uintptr_t)dlsym(RTLD_DEFAULT, family[i]);
    if (strcmp(heap_allocator(), "glibc") != 0)
        (void)dl_iterate_phdr(note_object, &allocator.functions[0]);
}

/* ---- One sample ------------------------------------------------------------------------------ */

struct walk {
    sampler_function *const *service;
    enum sampler_place place;
    unsigned frames;
};

static bool is_allocator(uintptr_t at, uintptr_t function)
{
    if (at >= allocator.start && at < allocator.end)
        return true;
    for (size_t i = 0; i < FAMILY_SIZE; i++)
        if (function == allocator.functions[i])
            return true;
    return false;
}

static bool is_service(uintptr_t function, sampler_function *const *service)
{
    while (*service && (uintptr_t)*service != function)
        service++;
    return *service;
}

/* From the innermost frame outwards; only those that the unwind tables know have a start. */
static _Unwind_Reason_Code visit(struct _Unwind_Context *context, void *arg)
{
    struct walk *walk = arg;
    uintptr_t function = (uintptr_t)_Unwind_GetRegionStart(context);
    if (function == 0 || walk->frames++ == FRAMES_MAX)
        return _URC_NORMAL_STOP;
    if (is_allocator((uintptr_t)_Unwind_GetIP(context), function))
        walk->place = SAMPLER_ALLOCATOR;
    else if (is_service(function, walk->service))
        walk->place = SAMPLER_SERVICE;
    return walk->place == SAMPLER_OTHER ? _URC_NO_REASON : _URC_NORMAL_STOP;
}

/* The unwinder takes no lock since glibc 2.35 and gcc 12, and allocates nothing once it has run. */
static enum sampler_place look(sampler_function *const *service)
{
    struct walk walk = {.service = service, .place = SAMPLER_OTHER};
    (void)_Unwind_Backtrace(visit, &walk);
    return walk.place;
}

enum sampler_place sampler_look(sampler_function *const *service)
{
    (void)pthread_once(&found, find_allocator); /* cannot fail */
    return look(service);
}

static void on_tick(int signal)
{
    struct sampler *sampler = own_sampler;
    int error = errno;
    (void)signal;
    if (sampler)
        counter_add(&sampler->samples[look(own_service)], 1);
    errno = error;
}

/* ---- The timer ------------------------------------------------------------------------------- */

/* For good: a signal that is still on its way must find it. */
static int install(void)
{
    struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART | SA_ONSTACK};
    (void)sigemptyset(&action.sa_mask);
    return sigaction(SIGPROF, &action, NULL) ? -errno : 0;
}

int sampler_begin(struct sampler *sampler, uint64_t period_ns, sampler_function *const *service,
                  struct err *err)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF};
    const struct timespec period = {.tv_sec = (time_t)(period_ns / NS_PER_S),
                                    .tv_nsec = (long)(period_ns % NS_PER_S)};
    const struct itimerspec each = {.it_interval = period, .it_value = period};
    if (period_ns == 0)
        return err_set(err, -EINVAL, "sample CPU time: expected a period above 0");
    event.sigev_notify_thread_id = gettid();
    (void)sampler_look(service); /* the unwinder and the allocator are found by now */
    int rc = install();
    if (!rc && timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &sampler->timer) != 0)
        rc = -errno;
    if (rc)
        return err_sys(err, rc, "sample CPU time");
    own_service = service;
    own_sampler = sampler;
    sampler->running = true;
    if (timer_settime(sampler->timer, 0, &each, NULL) == 0)
        return 0;
    rc = -errno;
    sampler_end(sampler);
    return err_sys(err, rc, "sample CPU time");
}

void sampler_end(struct sampler *sampler)
{
    if (!sampler->running)
        return;
    own_sampler = NULL;
    sampler->running = false;
    (void)timer_delete(sampler->timer); /* it exists */
}
