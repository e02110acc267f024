/* SPDX-License-Identifier: MIT */
/* main.c - poolstorm-micro: the micro-benchmarks' program; says which allocator it runs on. */
#include "benchmark/benchmark.h"
#include "benchmark/table.h"
#include "measure/meter.h"

#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <sched.h>
#include <stdio.h>

/* Whichever is preloaded, told by a function only it has. */
static const char *allocator_name(char *text, size_t size_bytes)
{
    int (*mimalloc_version)(void) = (int (*)(void))dlsym(RTLD_DEFAULT, "mi_version");
    int (*jemalloc_control)(const char *, void *, size_t *, void *, size_t) =
        (int (*)(const char *, void *, size_t *, void *, size_t))dlsym(RTLD_DEFAULT, "mallctl");
    const char *(*tcmalloc_version)(int *, int *, const char **) =
        (const char *(*)(int *, int *, const char **))dlsym(RTLD_DEFAULT, "tc_version");
    const char *jemalloc_version = "";
    size_t length = sizeof(jemalloc_version);
    if (mimalloc_version)
        (void)snprintf(text, size_bytes, "mimalloc %d", mimalloc_version());
    else if (jemalloc_control &&
             jemalloc_control("version", &jemalloc_version, &length, NULL, 0) == 0)
        (void)snprintf(text, size_bytes, "jemalloc %s", jemalloc_version);
    else if (tcmalloc_version)
        (void)snprintf(text, size_bytes, "tcmalloc %s", tcmalloc_version(NULL, NULL, NULL));
    else
        (void)snprintf(text, size_bytes, "glibc %s", gnu_get_libc_version());
    return text;
}

/* CPUs of the process as it was started. */
static cpu_set_t all_cpus;

/* Threads that share a CPU would be measured waiting for each other: the kernel takes longer to
 * part them than a short pass takes. With more threads than CPUs they have to. */
static void enter(int thread)
{
    int left = thread % CPU_COUNT(&all_cpus);
    cpu_set_t own;
    CPU_ZERO(&own);
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &all_cpus) && left-- == 0)
            CPU_SET(cpu, &own);
    (void)sched_setaffinity(0, sizeof(own), &own); /* else wherever the kernel likes */
}

static void leave(void)
{
    (void)sched_setaffinity(0, sizeof(all_cpus), &all_cpus);
}

int main(int argc, char **argv)
{
    char allocator[128];
    const struct microbench_host host = {
        .allocator = allocator_name(allocator, sizeof(allocator)),
        .waited_ns = meter_thread_waited_ns,
        .enter = enter,
        .leave = leave,
    };
    if (sched_getaffinity(0, sizeof(all_cpus), &all_cpus)) {
        perror("sched_getaffinity");
        return 1;
    }
    return microbench_main(argc, argv, microbenchmarks, &host);
}
