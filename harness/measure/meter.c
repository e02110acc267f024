/* SPDX-License-Identifier: MIT */
/* meter.c - reads what the kernel knows about a process out of its clocks, rusage and /proc. */
#include "measure/meter.h"

#include "core/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* The longest file read is status, some 1.5 KB; masks of thousands of CPUs fit too. */
enum { FILE_BYTES_MAX = 8192 };

/* What a thread had at the last sample. */
struct thread_switches {
    int tid;
    uint64_t voluntary, involuntary;
};

struct meter {
    pid_t pid;
    int dir_fd;          /* /proc/PID: of this process, even when its number is reused */
    clockid_t cpu_clock; /* of the process */
    struct thread_switches *threads; /* of the last sample, ascending by tid */
    size_t thread_count;             /* used entries of threads */
    uint64_t voluntary, involuntary; /* all switches seen so far, of ended threads too */
};

static int ended(pid_t pid, struct err *err)
{
    return err_set(err, -ESRCH, "process %d has ended", (int)pid);
}

/* Reads all of a small file of process pid into text. -ESRCH when what it tells of is gone. */
static int read_text(int dir_fd, const char *path, pid_t pid, char text[static FILE_BYTES_MAX],
                     struct err *err)
{
    int rc = 0;
    text[0] = '\0';
    int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        rc = errno == ENOENT ? -ESRCH : -errno;
    } else {
        size_t used = 0;
        ssize_t got;
        while ((got = read(fd, text + used, FILE_BYTES_MAX - 1 - used)) > 0)
            used += (size_t)got;
        rc = got < 0 ? -errno : 0;
        text[used] = '\0';
        (void)close(fd); /* nothing was written to it */
    }
    if (rc == -ESRCH)
        return ended(pid, err);
    return rc ? err_sys(err, rc, "cannot read %s of process %d", path, (int)pid) : 0;
}

/* The number behind "name" at the start of a line of a status file; 0 when there is none, as for
 * the memory of a kernel thread. */
static uint64_t status_field(const char *text, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0)
            return strtoull(line + length, NULL, 10);
    }
    return 0;
}

static void read_memory(const char *status, struct meter_sample *sample)
{
    sample->rss_bytes = status_field(status, "VmRSS:") * 1024;
    sample->rss_peak_bytes = status_field(status, "VmHWM:") * 1024;
    sample->threads = status_field(status, "Threads:");
}

enum {
    STAT_STATE = 3,
    STAT_FAULTS_MINOR = 10,
    STAT_FAULTS_MAJOR = 12,
    STAT_USER = 14,
    STAT_SYSTEM = 15,
    STAT_THREADS = 20,
    STAT_FIELDS
};

/* Reads faults and the split of CPU time from /proc/PID/stat; fields are numbered as in proc(5). */
static int parse_stat(pid_t pid, const char *text, struct meter_sample *sample, struct err *err)
{
    const char *at = strrchr(text, ')'); /* behind the name, which may hold anything */
    if (!at || strlen(at) < 4)
        return err_set(err, -EBADMSG, "cannot make sense of /proc/%d/stat", (int)pid);
    char state = at[2];
    at += 3;
    uint64_t fields[STAT_FIELDS] = {0};
    for (int i = STAT_STATE + 1; i < STAT_FIELDS; i++) {
        char *end;
        fields[i] = strtoull(at, &end, 10);
        if (end == at)
            return err_set(err, -EBADMSG, "/proc/%d/stat ends before field %d", (int)pid, i);
        at = end;
    }
    /* A first thread that has ended is a zombie while the others go on. */
    if (state == 'X' || (state == 'Z' && fields[STAT_THREADS] <= 1))
        return ended(pid, err);
    uint64_t tick_ns = NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);
    sample->faults_minor = fields[STAT_FAULTS_MINOR];
    sample->faults_major = fields[STAT_FAULTS_MAJOR];
    sample->cpu_user_ns = fields[STAT_USER] * tick_ns;
    sample->cpu_system_ns = fields[STAT_SYSTEM] * tick_ns;
    return 0;
}

static int read_clock(clockid_t clock, uint64_t *ns)
{
    struct timespec now;
    if (clock_gettime(clock, &now))
        return -errno;
    *ns = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
    return 0;
}

static int read_totals(const struct meter *meter, struct meter_sample *sample, struct err *err)
{
    char text[FILE_BYTES_MAX];
    sample->at_ns = clock_now_ns();
    /* Before stat: that stat can still be read shows that the clock was this process's. */
    if (read_clock(meter->cpu_clock, &sample->cpu_ns))
        return ended(meter->pid, err);
    int rc = read_text(meter->dir_fd, "stat", meter->pid, text, err);
    if (!rc)
        rc = parse_stat(meter->pid, text, sample, err);
    if (!rc)
        rc = read_text(meter->dir_fd, "status", meter->pid, text, err);
    if (!rc)
        read_memory(text, sample);
    return rc;
}

static int by_tid(const void *a, const void *b)
{
    const struct thread_switches *left = a, *right = b;
    return (left->tid > right->tid) - (left->tid < right->tid);
}

/* Reads the switches of thread tid. False when it has ended meanwhile. */
static bool read_thread(const struct meter *meter, const char *tid, struct thread_switches *thread)
{
    char path[64], text[FILE_BYTES_MAX];
    (void)snprintf(path, sizeof(path), "task/%s/status", tid);
    if (read_text(meter->dir_fd, path, meter->pid, text, NULL))
        return false;
    *thread = (struct thread_switches){
        .tid = (int)strtol(tid, NULL, 10),
        .voluntary = status_field(text, "voluntary_ctxt_switches:"),
        .involuntary = status_field(text, "nonvoluntary_ctxt_switches:"),
    };
    return true;
}

/* Lists the threads alive now, ascending. The caller frees *out. */
static int list_threads(const struct meter *meter, DIR *dir, struct thread_switches **out,
                        size_t *count, struct err *err)
{
    struct thread_switches *threads = NULL;
    size_t used = 0, room = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        if (used == room) {
            room = room ? 2 * room : 16;
            struct thread_switches *larger = reallocarray(threads, room, sizeof(*threads));
            if (!larger) {
                free(threads);
                return err_set(err, -ENOMEM, "no memory for %zu threads", room);
            }
            threads = larger;
        }
        if (read_thread(meter, entry->d_name, &threads[used]))
            used++;
    }
    if (used > 0)
        qsort(threads, used, sizeof(*threads), by_tid);
    *out = threads;
    *count = used;
    return 0;
}

/* Adds what each thread did since the last sample. A number lower than before is that of a new
 * thread under an old tid. */
static void add_switches(struct meter *meter, const struct thread_switches *threads, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct thread_switches *now = &threads[i], *before = NULL;
        if (meter->thread_count > 0)
            before = bsearch(now, meter->threads, meter->thread_count, sizeof(*now), by_tid);
        bool same = before && before->voluntary <= now->voluntary &&
                    before->involuntary <= now->involuntary;
        meter->voluntary += now->voluntary - (same ? before->voluntary : 0);
        meter->involuntary += now->involuntary - (same ? before->involuntary : 0);
    }
}

static int read_switches(struct meter *meter, struct meter_sample *sample, struct err *err)
{
    int fd = openat(meter->dir_fd, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        int rc = -errno;
        if (fd >= 0)
            (void)close(fd);
        return rc == -ENOENT || rc == -ESRCH
                   ? ended(meter->pid, err)
                   : err_sys(err, rc, "cannot list the threads of process %d", (int)meter->pid);
    }
    struct thread_switches *threads = NULL;
    size_t count = 0;
    int rc = list_threads(meter, dir, &threads, &count, err);
    (void)closedir(dir);
    if (rc)
        return rc;
    add_switches(meter, threads, count);
    free(meter->threads);
    meter->threads = threads;
    meter->thread_count = count;
    sample->switches_voluntary = meter->voluntary;
    sample->switches_involuntary = meter->involuntary;
    return 0;
}

int meter_read(struct meter *meter, struct meter_sample *sample, struct err *err)
{
    struct meter_sample now = {0};
    int rc = read_totals(meter, &now, err);
    if (!rc)
        rc = read_switches(meter, &now, err);
    if (!rc)
        *sample = now;
    return rc;
}

int meter_create(struct meter **out, pid_t pid, struct err *err)
{
    char path[32];
    struct meter_sample sample;
    struct meter *meter = calloc(1, sizeof(*meter));
    if (!meter)
        return err_set(err, -ENOMEM, "no memory for a meter");
    (void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
    meter->pid = pid;
    meter->dir_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int rc = meter->dir_fd < 0 ? -errno : -clock_getcpuclockid(pid, &meter->cpu_clock);
    if (rc == -ENOENT || rc == -ESRCH)
        rc = err_set(err, -ESRCH, "there is no process %d", (int)pid);
    else if (rc)
        rc = err_sys(err, rc, "cannot watch process %d", (int)pid);
    else
        rc = meter_read(meter, &sample, err); /* what its threads have done so far */
    if (rc)
        meter_destroy(meter);
    else
        *out = meter;
    return rc;
}

void meter_destroy(struct meter *meter)
{
    if (!meter)
        return;
    if (meter->dir_fd >= 0)
        (void)close(meter->dir_fd);
    free(meter->threads);
    free(meter);
}

static uint64_t timeval_ns(struct timeval time)
{
    return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_usec * NS_PER_US;
}

/* The part of a sample that getrusage and a clock give, of the caller. */
static int read_usage(int who, clockid_t clock, struct meter_sample *sample, struct err *err)
{
    struct rusage usage;
    *sample = (struct meter_sample){.at_ns = clock_now_ns()};
    int rc = read_clock(clock, &sample->cpu_ns);
    if (!rc && getrusage(who, &usage))
        rc = -errno;
    if (rc)
        return err_sys(err, rc, "cannot read the resources used");
    sample->cpu_user_ns = timeval_ns(usage.ru_utime);
    sample->cpu_system_ns = timeval_ns(usage.ru_stime);
    sample->faults_minor = (uint64_t)usage.ru_minflt;
    sample->faults_major = (uint64_t)usage.ru_majflt;
    sample->switches_voluntary = (uint64_t)usage.ru_nvcsw;
    sample->switches_involuntary = (uint64_t)usage.ru_nivcsw;
    return 0;
}

int meter_self(struct meter_sample *sample, struct err *err)
{
    char text[FILE_BYTES_MAX];
    struct meter_sample now;
    int rc = read_usage(RUSAGE_SELF, CLOCK_PROCESS_CPUTIME_ID, &now, err);
    if (!rc) /* not ru_maxrss: it keeps the peak of before exec */
        rc = read_text(AT_FDCWD, "/proc/self/status", getpid(), text, err);
    if (rc)
        return rc;
    read_memory(text, &now);
    *sample = now;
    return 0;
}

int meter_thread(struct meter_sample *sample, struct err *err)
{
    struct meter_sample now;
    int rc = read_usage(RUSAGE_THREAD, CLOCK_THREAD_CPUTIME_ID, &now, err);
    if (rc)
        return rc;
    now.threads = 1;
    *sample = now;
    return 0;
}

uint64_t meter_thread_waited_ns(void)
{
    unsigned long long ran_ns, waited_ns = 0;
    FILE *file = fopen("/proc/thread-self/schedstat", "re");
    if (!file)
        return 0;
    if (fscanf(file, "%llu %llu", &ran_ns, &waited_ns) != 2)
        waited_ns = 0;
    (void)fclose(file);
    return waited_ns;
}

static uint64_t growth(uint64_t before, uint64_t after)
{
    return after > before ? after - before : 0;
}

struct meter_sample meter_difference(const struct meter_sample *before,
                                     const struct meter_sample *after)
{
    return (struct meter_sample){
        .at_ns = growth(before->at_ns, after->at_ns),
        .rss_bytes = after->rss_bytes,
        .rss_peak_bytes = after->rss_peak_bytes,
        .threads = after->threads,
        .cpu_ns = growth(before->cpu_ns, after->cpu_ns),
        .cpu_user_ns = growth(before->cpu_user_ns, after->cpu_user_ns),
        .cpu_system_ns = growth(before->cpu_system_ns, after->cpu_system_ns),
        .faults_minor = growth(before->faults_minor, after->faults_minor),
        .faults_major = growth(before->faults_major, after->faults_major),
        .switches_voluntary = growth(before->switches_voluntary, after->switches_voluntary),
        .switches_involuntary = growth(before->switches_involuntary, after->switches_involuntary),
    };
}

double meter_cpus(const struct meter_sample *difference)
{
    return difference->at_ns ? (double)difference->cpu_ns / (double)difference->at_ns : 0;
}
