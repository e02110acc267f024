/* SPDX-License-Identifier: MIT */
/* meter_test.c - a child does a known amount of everything, stops itself, and is read from outside.
 */
#include "test.h"

#include "core/clock.h"
#include "core/sanitizer.h"
#include "measure/meter.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MEMORY_BYTES (UINT64_C(16) << 20)
#define SPIN_NS      (20 * NS_PER_MS)

enum { NAPS = 30 };

static uint64_t thread_cpu_ns(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void spin(void)
{
    for (uint64_t start_ns = thread_cpu_ns(); thread_cpu_ns() - start_ns < SPIN_NS;)
        ;
}

static void nap(void)
{
    struct timespec shortly = {.tv_nsec = 1};
    for (int i = 0; i < NAPS; i++)
        (void)nanosleep(&shortly, NULL);
}

static sem_t napped, may_end;

static void *worker(void *unused)
{
    spin();
    nap();
    (void)sem_post(&napped);
    (void)sem_wait(&may_end);
    return unused;
}

/* Stops itself between the steps; the parent looks and continues it. */
static void child_main(void)
{
    pthread_t thread;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed assertion must not leave it stopped */
    (void)raise(SIGSTOP);                   /* 1: nothing done yet */
    char *memory =
        mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || madvise(memory, MEMORY_BYTES, MADV_NOHUGEPAGE))
        _exit(2);
    memset(memory, 1, MEMORY_BYTES);
    (void)raise(SIGSTOP); /* 2: has touched its memory */
    if (munmap(memory, MEMORY_BYTES) || sem_init(&napped, 0, 0) || sem_init(&may_end, 0, 0) ||
        pthread_create(&thread, NULL, worker, NULL))
        _exit(3);
    while (sem_wait(&napped))
        ;
    (void)raise(SIGSTOP); /* 3: a thread has spun and napped, and lives */
    (void)sem_post(&may_end);
    if (pthread_join(thread, NULL))
        _exit(4);
    (void)raise(SIGSTOP); /* 4: it has ended */
    _exit(0);
}

static void wait_for_stop(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_true(WIFSTOPPED(status));
}

static struct meter_sample next_step(struct meter *meter, pid_t pid)
{
    struct meter_sample sample = {0};
    assert_ok(kill(pid, SIGCONT));
    wait_for_stop(pid);
    assert_ok(meter_read(meter, &sample, NULL));
    return sample;
}

static pid_t start_child(void)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        child_main();
    wait_for_stop(pid);
    return pid;
}

/* TSan adds threads of its own, in no number to rely on. */
static void assert_threads(const struct meter_sample *sample, uint64_t count)
{
#ifdef BUILT_WITH_TSAN
    assert_true(sample->threads >= count);
#else
    assert_int_equal(sample->threads, count);
#endif
}

static void a_process_is_read_from_outside(void **unused)
{
    (void)unused;
    struct meter *meter = NULL;
    struct meter_sample idle, filled, worked, after, difference;
    pid_t pid = start_child();
    assert_ok(meter_create(&meter, pid, NULL));
    assert_ok(meter_read(meter, &idle, NULL));
    assert_threads(&idle, 1);

    filled = next_step(meter, pid);
    difference = meter_difference(&idle, &filled);
    assert_true(filled.rss_bytes >= idle.rss_bytes + MEMORY_BYTES / 2);
    assert_true(filled.rss_peak_bytes >= MEMORY_BYTES);
    assert_true(difference.faults_minor >= MEMORY_BYTES / (uint64_t)sysconf(_SC_PAGESIZE));
    assert_true(difference.at_ns > 0);

    worked = next_step(meter, pid);
    difference = meter_difference(&filled, &worked);
    assert_threads(&worked, 2);
    assert_true(worked.rss_bytes < filled.rss_bytes);
    assert_true(worked.rss_peak_bytes >= MEMORY_BYTES);
    assert_true(difference.cpu_ns >= SPIN_NS);
    assert_true(difference.switches_voluntary >= NAPS);
    assert_true(meter_cpus(&difference) > 0);

    after = next_step(meter, pid);
    assert_threads(&after, 1);
    assert_true(after.cpu_ns >= worked.cpu_ns); /* what an ended thread did stays in */
    assert_true(after.switches_voluntary >= worked.switches_voluntary);
    assert_true(after.faults_minor >= worked.faults_minor);

    assert_ok(kill(pid, SIGKILL));
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    meter_destroy(meter);
}

static void an_ended_process_is_gone(void **unused)
{
    (void)unused;
    struct meter *meter = NULL, *second = NULL;
    struct meter_sample sample, before;
    struct err err = {0};
    siginfo_t info;
    pid_t pid = start_child();
    assert_ok(meter_create(&meter, pid, NULL));
    assert_ok(meter_read(meter, &sample, NULL));
    before = sample;
    assert_ok(kill(pid, SIGKILL));
    assert_ok(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT)); /* a zombie now */
    assert_int_equal(meter_read(meter, &sample, &err), -ESRCH);
    assert_non_null(strstr(err.text, "has ended"));
    assert_int_equal(meter_create(&second, pid, NULL), -ESRCH);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(meter_read(meter, &sample, NULL), -ESRCH);
    assert_int_equal(meter_create(&second, pid, &err), -ESRCH);
    assert_null(second);
    assert_memory_equal(&sample, &before, sizeof(sample));
    meter_destroy(meter);
}

static void there_is_no_process_zero(void **unused)
{
    (void)unused;
    struct meter *meter = NULL;
    struct err err = {0};
    assert_int_equal(meter_create(&meter, 0, &err), -ESRCH);
    assert_non_null(strstr(err.text, "no process 0"));
    assert_int_equal(meter_create(&meter, -1, &err), -ESRCH);
    assert_null(meter);
}

static void *spin_apart(void *unused)
{
    spin();
    return unused;
}

static void the_thread_is_told_from_the_process(void **unused)
{
    (void)unused;
    struct meter_sample process[2], thread[2], difference;
    pthread_t other;
    assert_ok(meter_self(&process[0], NULL));
    assert_ok(meter_thread(&thread[0], NULL));
    spin();
    nap();
    assert_ok(pthread_create(&other, NULL, spin_apart, NULL));
    assert_ok(pthread_join(other, NULL));
    uint64_t own_cpu_ns = thread_cpu_ns();
    assert_ok(meter_thread(&thread[1], NULL));
    assert_ok(meter_self(&process[1], NULL));

    difference = meter_difference(&thread[0], &thread[1]);
    assert_true(difference.cpu_ns >= SPIN_NS);
    assert_true(thread[1].cpu_ns >= own_cpu_ns);
    assert_true(difference.switches_voluntary >= NAPS);
    assert_int_equal(thread[1].rss_bytes, 0);
    assert_int_equal(thread[1].threads, 1);
    uint64_t of_thread_ns = difference.cpu_ns;
    difference = meter_difference(&process[0], &process[1]);
    assert_true(difference.cpu_ns >= of_thread_ns + SPIN_NS);
    assert_true(process[1].rss_bytes > 0 && process[1].rss_peak_bytes > 0);
    assert_true(process[1].threads >= 1);
}

static void differences_never_fall_below_zero(void **unused)
{
    (void)unused;
    struct meter_sample before = {.at_ns = 10, .cpu_ns = 5, .switches_voluntary = 9};
    struct meter_sample after = {.at_ns = 30, .cpu_ns = 15, .switches_voluntary = 4, .threads = 3};
    struct meter_sample difference = meter_difference(&before, &after);
    assert_int_equal(difference.switches_voluntary, 0);
    assert_int_equal(difference.threads, 3);
    assert_true(meter_cpus(&difference) == 0.5);
    difference = meter_difference(&after, &before);
    assert_true(meter_cpus(&difference) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_is_read_from_outside),
        cmocka_unit_test(an_ended_process_is_gone),
        cmocka_unit_test(there_is_no_process_zero),
        cmocka_unit_test(the_thread_is_told_from_the_process),
        cmocka_unit_test(differences_never_fall_below_zero),
    };
    return cmocka_run_group_tests_name("meter", tests, NULL, NULL);
}
