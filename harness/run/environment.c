/* SPDX-License-Identifier: MIT */
/* environment.c - asks the kernel, /proc and /sys about this machine, and the build about itself.
 */
#include "run/environment.h"

#include "core/io.h"
#include "core/sanitizer.h"
#include "run/commit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif
#ifdef __OPTIMIZE__
#define OPTIMIZED "optimized"
#else
#define OPTIMIZED "not optimized"
#endif
#ifdef NDEBUG
#define ASSERTS ""
#else
#define ASSERTS ", assertions"
#endif
#if defined(BUILT_WITH_ASAN) || defined(BUILT_WITH_TSAN)
#define SANITIZERS ", sanitizers"
#else
#define SANITIZERS ""
#endif

/* The first line of a file behind prefix (or its first line at all), without its newline. */
static void read_line(char *out, size_t size_bytes, const char *path, const char *prefix)
{
    char line[512];
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file)) {
        if (strncmp(line, prefix, strlen(prefix)) != 0)
            continue;
        const char *value = line + strlen(prefix);
        value += strspn(value, " \t:");
        (void)snprintf(out, size_bytes, "%.*s", (int)strcspn(value, "\n"), value);
        break;
    }
    if (file)
        (void)fclose(file);
}

void environment_load_averages(double values[3])
{
    if (getloadavg(values, 3) != 3)
        values[0] = values[1] = values[2] = NAN;
}

static void read_build(struct result_environment *environment)
{
    static const char dirty[] = "-dirty";
    char *commit = environment->commit;
    (void)snprintf(environment->version, sizeof(environment->version), "%s", POOLSTORM_VERSION);
    (void)snprintf(commit, sizeof(environment->commit), "%s", POOLSTORM_COMMIT);
    (void)snprintf(environment->build, sizeof(environment->build), "%s",
                   COMPILER ", " OPTIMIZED ASSERTS SANITIZERS);
    size_t length = strlen(commit), tail = sizeof(dirty) - 1;
    environment->dirty = length > tail && strcmp(commit + length - tail, dirty) == 0;
    if (environment->dirty)
        commit[length - tail] = '\0';
}

static void read_machine(struct result_environment *environment)
{
    struct utsname name;
    cpu_set_t allowed;
    if (uname(&name) == 0) {
        (void)snprintf(environment->host, sizeof(environment->host), "%s", name.nodename);
        (void)snprintf(environment->kernel, sizeof(environment->kernel), "%s %s %s", name.sysname,
                       name.release, name.machine);
    }
    read_line(environment->cpu_model, sizeof(environment->cpu_model), "/proc/cpuinfo",
              "model name");
    read_line(environment->governor, sizeof(environment->governor),
              "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "");
    if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0)
        environment->cpu_count = (unsigned)CPU_COUNT(&allowed);
    long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    if (pages > 0 && page_bytes > 0)
        environment->memory_bytes = (uint64_t)pages * (uint64_t)page_bytes;
}

void environment_read(struct result_environment *environment, const struct placement *placement,
                      const char *command_line)
{
    time_t now = time(NULL); /* the one use of wall time: to say when it was */
    struct tm parts;
    read_build(environment);
    read_machine(environment);
    environment->command_line = strdup(command_line ? command_line : "");
    if (gmtime_r(&now, &parts))
        (void)strftime(environment->started, sizeof(environment->started), "%Y-%m-%dT%H:%M:%SZ",
                       &parts);
    environment_load_averages(environment->load_before);
    (void)placement_format(&placement->generator, environment->generator_cpus,
                           sizeof(environment->generator_cpus));
    (void)placement_format(&placement->subject, environment->subject_cpus,
                           sizeof(environment->subject_cpus));
    environment->cpus_shared = placement->shared;
}
