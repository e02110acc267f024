/* SPDX-License-Identifier: MIT */
/* benchmark.h - micro-benchmarks in C: a descriptor each, run and reported by Google Benchmark. */
#ifndef POOLSTORM_BENCHMARK_BENCHMARK_H
#define POOLSTORM_BENCHMARK_BENCHMARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One row of a benchmark: what is varied, and what it is called in the row's name. */
struct microbench_case {
    const char *label; /* as in "1KiB/first"; NULL ends the table */
    int64_t a, b;      /* the benchmark's to interpret */
};

/* One thread's part in one timed pass. */
struct microbench_pass {
    const struct microbench_case *row; /* NULL when the benchmark has no cases */
    int thread, threads;               /* which of how many */
    void *shared;                      /* setup's, the same for all threads of a pass */
    uint64_t spent_ns;                 /* written by a benchmark with own_time, else 0 */
    void *binding;                     /* private */
    uint64_t begun_ns;                 /* private */
    uint64_t waited_ns;                /* private */
};

/* One benchmark. Static data, one a file, listed in scenarios/micro/meson.build. */
struct microbench {
    const char *name;                    /* slashes group: "object_pool/called" */
    const char *summary;                 /* one line, what one iteration is */
    const struct microbench_case *cases; /* NULL: one row without a label */
    const int *threads;                  /* each row once for each number, ends with 0; NULL: 1 */
    bool own_time;                       /* run says in spent_ns what its iterations took */

    /* Around each pass, on its first thread, untimed; both may be NULL. setup answers what the
     * passes share; NULL means it failed. */
    void *(*setup)(const struct microbench_pass *pass);
    void (*teardown)(const struct microbench_pass *pass);

    /* On each thread: prepares, calls microbench_begin, does the thing as often as that answered in
     * a loop of its own (so nothing of the binding is in it), calls microbench_end, tidies up. */
    void (*run)(struct microbench_pass *pass);
};

/* Waits for the other threads and starts the clock. Answers the number of iterations to do. */
uint64_t microbench_begin(struct microbench_pass *pass);

/* Stops the clock and waits for the other threads. */
void microbench_end(struct microbench_pass *pass);

/* After the end: what this thread has counted. The row gets a counter of that name: what all
 * threads have counted over all their operations. */
void microbench_count(struct microbench_pass *pass, const char *name, uint64_t counted);

/* Instead of begin and end: the row is reported as failed, with this text. */
void microbench_fail(struct microbench_pass *pass, const char *why);

/* What the program knows and the binding does not. */
struct microbench_host {
    const char *allocator;       /* shown in the context */
    uint64_t (*waited_ns)(void); /* the calling thread was ready to run so long without a CPU */
    void (*enter)(int thread);   /* called by each of several threads of a pass as it begins */
    void (*leave)(void);         /* and as it ends */
};

/* Runs what the arguments (Google Benchmark's flags) ask for of table, which ends with NULL.
 * Beside Google's columns each row has ns_op: wall time of one iteration as one thread sees it,
 * averaged over threads; cpu_waited: the share of that time that its threads were ready to run and
 * had no CPU; and items_per_second, of all threads. Answers main's exit code. */
int microbench_main(int argc, char **argv, const struct microbench *const *table,
                    const struct microbench_host *host);

/* Makes the compiler believe that memory at pointer is read and written here. */
static inline void microbench_use(void *pointer)
{
    __asm__ volatile("" : : "r"(pointer) : "memory");
}

#ifdef __cplusplus
}
#endif

#endif
