// SPDX-License-Identifier: MIT
// benchmark.cc - the binding to Google Benchmark, and all the C++ there is.
#include "benchmark.h" // beside this file: Google's has the same path

#include <benchmark/benchmark.h>
#include <pthread.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <string>

namespace
{

// One row with one number of threads; its threads meet here around setup and teardown.
struct row {
    row(const microbench *bench_, const microbench_case *case_, int threads_)
        : bench(bench_), which(case_), threads(threads_)
    {
        pthread_barrier_init(&barrier, nullptr, static_cast<unsigned>(threads));
    }
    ~row()
    {
        pthread_barrier_destroy(&barrier);
    }
    row(const row &) = delete;
    row &operator=(const row &) = delete;

    std::string name() const
    {
        std::string text = bench->name;
        return which ? text + "/" + which->label : text;
    }

    const microbench *bench;
    const microbench_case *which;
    int threads;
    void *shared = nullptr;
    pthread_barrier_t barrier;
};

const microbench_host *host;

std::uint64_t now_ns()
{
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1000000000U +
           static_cast<std::uint64_t>(now.tv_nsec);
}

benchmark::State &state_of(microbench_pass *pass)
{
    return *static_cast<benchmark::State *>(pass->binding);
}

void row_run(row &self, benchmark::State &state)
{
    microbench_pass pass = {
        self.which, state.thread_index(), state.threads(), nullptr, 0, &state, 0, 0};
    bool first = pass.thread == 0;
    if (pass.threads > 1)
        host->enter(pass.thread);
    if (first)
        self.shared = self.bench->setup ? self.bench->setup(&pass) : nullptr;
    pthread_barrier_wait(&self.barrier);
    pass.shared = self.shared;
    if (self.bench->setup && !self.shared)
        microbench_fail(&pass, "setup failed");
    else
        self.bench->run(&pass);
    pthread_barrier_wait(&self.barrier);
    if (first && self.shared && self.bench->teardown)
        self.bench->teardown(&pass);
    if (pass.threads > 1)
        host->leave();
}

void row_register(const microbench *bench, const microbench_case *which, int threads)
{
    auto self = std::make_shared<row>(bench, which, threads);
    auto run = [self](benchmark::State &state) { row_run(*self, state); };
    auto *entry = benchmark::RegisterBenchmark(self->name().c_str(), run)->Threads(threads);
    if (bench->own_time)
        entry->UseManualTime();
    else
        entry->UseRealTime();
}

void bench_register(const microbench *bench)
{
    static const int once[] = {1, 0};
    for (const int *threads = bench->threads ? bench->threads : once; *threads; threads++) {
        if (!bench->cases)
            row_register(bench, nullptr, *threads);
        for (const microbench_case *which = bench->cases; which && which->label; which++)
            row_register(bench, which, *threads);
    }
}

} // namespace

uint64_t microbench_begin(microbench_pass *pass)
{
    benchmark::State &state = state_of(pass);
    pass->waited_ns = host->waited_ns();
    if (!state.KeepRunningBatch(state.max_iterations))
        return 0;
    pass->begun_ns = now_ns();
    return static_cast<uint64_t>(state.max_iterations);
}

void microbench_end(microbench_pass *pass)
{
    benchmark::State &state = state_of(pass);
    std::uint64_t wall = now_ns() - pass->begun_ns;
    std::uint64_t spent = pass->spent_ns ? pass->spent_ns : wall;
    double spent_ns = static_cast<double>(spent);
    if (pass->spent_ns)
        state.SetIterationTime(spent_ns * 1e-9);
    state.KeepRunningBatch(state.max_iterations); // says that it was the last
    std::uint64_t waited = host->waited_ns() - pass->waited_ns;
    state.counters["ns_op"] = benchmark::Counter(
        spent_ns / static_cast<double>(state.max_iterations), benchmark::Counter::kAvgThreads);
    state.counters["cpu_waited"] = benchmark::Counter(
        wall ? std::min(1.0, static_cast<double>(waited) / static_cast<double>(wall)) : 0,
        benchmark::Counter::kAvgThreads);
    state.SetItemsProcessed(static_cast<std::int64_t>(state.max_iterations));
}

void microbench_count(microbench_pass *pass, const char *name, uint64_t counted)
{
    state_of(pass).counters[name] =
        benchmark::Counter(static_cast<double>(counted), benchmark::Counter::kAvgIterations);
}

void microbench_fail(microbench_pass *pass, const char *why)
{
    benchmark::State &state = state_of(pass);
    state.SkipWithError(why);
    while (state.KeepRunningBatch(1)) // the other threads wait at the start and at the end
        ;
}

int microbench_main(int argc, char **argv, const microbench *const *table,
                    const microbench_host *host_)
{
    host = host_;
    for (; *table; table++)
        bench_register(*table);
    benchmark::AddCustomContext("allocator", host->allocator);
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv))
        return 2;
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
