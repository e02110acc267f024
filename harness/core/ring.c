/* SPDX-License-Identifier: MIT */
/* ring.c - the loop: run what is ready, submit what is queued, wait for the kernel or a timer. */
#include "core/ring.h"

#include "core/internal.h"
#include "core/sanitizer.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    ENTRIES_DEFAULT = 1024,
    COMPLETIONS_PER_ENTRY = 4,
    STACKS_WARM_DEFAULT = 1024,
};

#define ALARM_SPAN_NS_MIN (10 * NS_PER_MS) /* nearer timers end the one sleep they are for */

#ifdef BUILT_WITH_ASAN
#define STACK_BYTES_DEFAULT (256u << 10) /* red zones make frames several times as large */
#else
#define STACK_BYTES_DEFAULT (64u << 10)
#endif

/* The low bits of an entry's user_data say what the pointer above them is. */
enum { TAG_OP = 0, TAG_MESSAGE = 1, TAG_POST = 2, TAG_MASK = 3 };

_Thread_local struct ring *ring_current;

/* ---- Creation -------------------------------------------------------------------------------- */

static int explain_setup(int rc, struct err *err)
{
    if (rc == -EPERM)
        return err_set(err, rc,
                       "io_uring is forbidden here: set /proc/sys/kernel/io_uring_disabled "
                       "to 0, or allow io_uring in the container's seccomp profile");
    if (rc == -ENOSYS || rc == -EINVAL)
        return err_set(err, rc, "this kernel's io_uring is too old: Linux 6.1 or newer is needed");
    return err_sys(err, rc, "io_uring_queue_init");
}

static void alarm_went_off(struct op *op, int result, unsigned flags)
{
    (void)result;
    (void)flags;
    container_of(op, struct ring, alarm)->alarm_ns = CLOCK_NEVER;
}

int ring_create(struct ring **out, const struct ring_options *options, struct err *err)
{
    static const struct ring_options none;
    const struct ring_options *want = options ? options : &none;
    if (ring_current)
        return err_set(err, -EBUSY, "this thread has a ring already");
    struct ring *ring = calloc(1, sizeof(*ring));
    if (!ring)
        return err_sys(err, -ENOMEM, "allocate a ring");
    unsigned entries = want->entries ? want->entries : ENTRIES_DEFAULT;
    struct io_uring_params params = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                 IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE,
        .cq_entries = entries * COMPLETIONS_PER_ENTRY,
    };
    int rc = io_uring_queue_init_params(entries, &ring->uring, &params);
    if (rc) {
        free(ring);
        return explain_setup(rc, err);
    }
    ring->spin_ns = want->spin_ns;
    ring->alarm = (struct op){.complete = alarm_went_off};
    ring->alarm_ns = CLOCK_NEVER;
    ring->late_end = &ring->late_first;
    stack_pool_init(&ring->stacks, want->stack_bytes ? want->stack_bytes : STACK_BYTES_DEFAULT,
                    want->stacks_warm ? want->stacks_warm : STACKS_WARM_DEFAULT);
    ring_current = ring;
    ring->now_ns = clock_now_ns();
    fiber_adopt_thread(ring);
    group_init(&ring->root, NULL);
    rc = overflow_guard_thread(ring, err);
    if (rc) {
        ring_destroy(ring);
        return rc;
    }
    *out = ring;
    return 0;
}

void ring_destroy(struct ring *ring)
{
    if (!ring)
        return;
    assert(ring->stats.fibers_live == 0);
    overflow_unguard_thread(ring);
    timer_disarm(&ring->root.ctx.deadline);
    io_uring_queue_exit(&ring->uring);
    inbox_buffers_destroy(ring->inbox_buffers);
    stack_pool_fini(&ring->stacks);
    if (ring_current == ring)
        ring_current = NULL;
    free(ring);
}

struct ring *ring_self(void)
{
    return ring_current;
}

struct ctx *ring_root(struct ring *ring)
{
    return &ring->root.ctx;
}

struct ring_stats ring_stats(const struct ring *ring)
{
    return ring->stats;
}

uint64_t ring_now_ns(const struct ring *ring)
{
    return ring->now_ns;
}

void ring_set_spin(struct ring *ring, uint64_t spin_ns)
{
    ring->spin_ns = spin_ns;
}

/* ---- Requests -------------------------------------------------------------------------------- */

static void submit(struct ring *ring)
{
    ring->stats.enters++;
    int rc = io_uring_submit_and_get_events(&ring->uring);
    /* EAGAIN and EBUSY: the kernel wants completions reaped first, which comes next in any case. */
    assert(rc >= 0 || rc == -EAGAIN || rc == -EBUSY || rc == -EINTR);
    (void)rc;
}

struct io_uring_sqe *ring_sqe(struct ring *ring)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->uring);
    while (!sqe) {
        submit(ring);
        sqe = io_uring_get_sqe(&ring->uring);
    }
    sqe->flags = 0;
    return sqe;
}

void op_finish(struct op *op, int result, unsigned flags)
{
    op->result = result;
    op->flags = flags;
    op->done = (flags & IORING_CQE_F_MORE) == 0;
    if (op->waiter)
        fiber_wake(op->waiter);
    op->waiter = NULL;
}

void op_start(struct op *op, struct io_uring_sqe *sqe)
{
    if (!op->complete)
        op->complete = op_finish;
    op->waiter = NULL;
    op->done = false;
    io_uring_sqe_set_data(sqe, op);
}

void ring_start_late(struct ring *ring, struct late *late)
{
    late->next = NULL;
    *ring->late_end = late;
    ring->late_end = &late->next;
}

static void queue_late(struct ring *ring)
{
    for (struct late *late = ring->late_first; late; late = late->next)
        *ring_sqe(ring) = late->sqe;
    ring->late_first = NULL;
    ring->late_end = &ring->late_first;
}

void op_take_back(struct op *op)
{
    queue_late(ring_current); /* op may be among them, and cannot be cancelled before it started */
    struct io_uring_sqe *sqe = ring_sqe(ring_current);
    io_uring_prep_cancel(sqe, op, 0);
    io_uring_sqe_set_data(sqe, NULL);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

struct op_waiting {
    struct ctx_waiter ending; /* under the ctx */
    struct op *op;            /* to take back when it ends */
};

static void wait_ended(struct ctx_waiter *ending)
{
    op_take_back(container_of(ending, struct op_waiting, ending)->op);
}

void op_wait_next(struct ctx *ctx, struct op *op)
{
    struct op_waiting waiting = {.ending.ended = wait_ended, .op = op};
    if (ctx_wait_begin(ctx, &waiting.ending))
        op_take_back(op);
    op->waiter = ring_current->running;
    fiber_park();
    ctx_wait_end(&waiting.ending);
}

int op_wait(struct ctx *ctx, struct op *op)
{
    while (!op->done)
        op_wait_next(ctx, op);
    /* EINTR: what cannot be polled waits in a thread of the kernel's, and a signal calls it off. */
    bool taken_back = op->result == -ECANCELED || op->result == -EINTR;
    return taken_back && ctx && ctx_error(ctx) ? ctx_error(ctx) : op->result;
}

/* ---- Messages -------------------------------------------------------------------------------- */

/* The kernel hands a message from thread to thread in order; TSan has to be told. */
#ifdef BUILT_WITH_TSAN
#include <sanitizer/tsan_interface.h>
#define HAND_OVER(message) __tsan_release(message)
#define TAKE_OVER(message) __tsan_acquire(message)
#else
#define HAND_OVER(message) ((void)(message))
#define TAKE_OVER(message) ((void)(message))
#endif

static void post(struct ring *from, struct message *message)
{
    struct io_uring_sqe *sqe = ring_sqe(from);
    io_uring_prep_msg_ring(sqe, message->to->uring.ring_fd, 0, (uintptr_t)message | TAG_MESSAGE, 0);
    io_uring_sqe_set_data64(sqe, (uintptr_t)message | TAG_POST);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

void ring_post(struct ring *to, struct message *message)
{
    message->to = to;
    HAND_OVER(message);
    post(ring_current, message);
}

/* ---- The loop -------------------------------------------------------------------------------- */

static void dispatch(struct ring *ring, const struct io_uring_cqe *cqe)
{
    uint64_t data = io_uring_cqe_get_data64(cqe);
    void *pointer = (void *)(uintptr_t)(data & ~(uint64_t)TAG_MASK);
    if (!pointer)
        return;
    if ((data & TAG_MASK) == TAG_OP) {
        struct op *op = pointer;
        op->complete(op, cqe->res, cqe->flags);
    } else if ((data & TAG_MASK) == TAG_MESSAGE) {
        struct message *message = pointer;
        TAKE_OVER(message);
        message->run(message);
    } else if (cqe->res == -EOVERFLOW || cqe->res == -EAGAIN) {
        post(ring, pointer); /* the target's completion queue was full: once more */
    }
}

static void reap(struct ring *ring)
{
    struct io_uring_cqe *cqe;
    unsigned head, seen = 0;
    io_uring_for_each_cqe(&ring->uring, head, cqe)
    {
        dispatch(ring, cqe);
        seen++;
    }
    ring->stats.completions += seen;
    io_uring_cq_advance(&ring->uring, seen);
}

static bool kernel_has_work(const struct ring *ring)
{
    unsigned flags = IO_URING_READ_ONCE(*ring->uring.sq.kflags);
    return (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
}

void ring_flush(struct ring *ring)
{
    queue_late(ring);
    if (io_uring_sq_ready(&ring->uring) > 0 || kernel_has_work(ring))
        submit(ring);
}

/* Polls until something has completed or due_ns is reached: a sleep would wake some 50 µs late. */
static void spin(struct ring *ring, uint64_t due_ns)
{
    ring_flush(ring);
    uint64_t now_ns = clock_now_ns();
    while (io_uring_cq_ready(&ring->uring) == 0 && now_ns < due_ns) {
        uint64_t before_ns = now_ns;
        bool idle = !kernel_has_work(ring);
        if (idle)
            __builtin_ia32_pause();
        else
            submit(ring);
        now_ns = clock_now_ns();
        ring->stats.polled_ns += idle ? now_ns - before_ns : 0;
    }
}

static struct __kernel_timespec to_timespec(uint64_t span_ns)
{
    return (struct __kernel_timespec){.tv_sec = (int64_t)(span_ns / NS_PER_S),
                                      .tv_nsec = (long long)(span_ns % NS_PER_S)};
}

/* Has the kernel wake the loop at until_ns or before. A limit to a single sleep costs some 1.5 µs,
 * since the clock's interrupt is set and called off each time; deadlines are mostly far away and
 * not reached. So an alarm is left where it is as long as nothing is due before: at worst the loop
 * wakes once for nothing and sets it anew. */
static void set_alarm(struct ring *ring, uint64_t until_ns, uint64_t span_ns)
{
    struct io_uring_sqe *sqe = ring_sqe(ring);
    ring->alarm_span = to_timespec(span_ns);
    if (ring->alarm_ns == CLOCK_NEVER) {
        io_uring_prep_timeout(sqe, &ring->alarm_span, 0, 0);
        op_start(&ring->alarm, sqe);
    } else {
        /* Fails when it has gone off by now; that wakes the loop, too. */
        io_uring_prep_timeout_update(sqe, &ring->alarm_span, (uintptr_t)&ring->alarm, 0);
        io_uring_sqe_set_data(sqe, NULL);
        sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    }
    ring->alarm_ns = until_ns;
}

static void sleep_in_kernel(struct ring *ring, uint64_t until_ns)
{
    struct __kernel_timespec span, *limit = NULL;
    queue_late(ring);
    if (until_ns < ring->alarm_ns) {
        uint64_t now_ns = clock_now_ns();
        uint64_t span_ns = until_ns > now_ns ? until_ns - now_ns : 0;
        if (span_ns >= ALARM_SPAN_NS_MIN) {
            set_alarm(ring, until_ns, span_ns);
        } else {
            span = to_timespec(span_ns);
            limit = &span;
        }
    }
    struct io_uring_cqe *cqe;
    ring->stats.enters++;
    int rc = io_uring_submit_and_wait_timeout(&ring->uring, &cqe, 1, limit, NULL);
    assert(rc >= 0 || rc == -ETIME || rc == -EINTR || rc == -EAGAIN || rc == -EBUSY);
    (void)rc;
}

/* due_ns: when the next timer fires. */
static void wait_for_kernel(struct ring *ring, uint64_t due_ns)
{
    /* Memory goes back when nobody is ready to run, and a little at a time. */
    if (ring->ready_first || stack_pool_trim(&ring->stacks)) {
        ring_flush(ring);
    } else if (due_ns != CLOCK_NEVER && ring->spin_ns > 0) {
        if (due_ns <= clock_after(ring->now_ns, ring->spin_ns))
            spin(ring, due_ns);
        else
            sleep_in_kernel(ring, due_ns - ring->spin_ns);
    } else {
        sleep_in_kernel(ring, due_ns);
    }
}

void ring_flush_all(struct ring *ring)
{
    do {
        ring_flush(ring);
        reap(ring); /* the kernel takes no more while completions wait to be seen */
    } while (io_uring_sq_ready(&ring->uring) > 0 || ring->orphans > 0);
}

int ring_run(struct ring *ring, const char *name, void (*entry)(struct ctx *ctx, void *arg),
             void *arg, struct err *err)
{
    assert(ring == ring_current);
    int rc = group_spawn(&ring->root, name, entry, arg);
    if (rc)
        return err_sys(err, rc, "start the first fiber");
    while (ring->stats.fibers_live > 0) {
        ring->stats.loops++;
        ring->now_ns = clock_now_ns();
        timer_run_due(&ring->timers, ring->now_ns);
        fiber_run_ready(ring);
        if (ring->stats.fibers_live == 0)
            break;
        wait_for_kernel(ring, timer_next(&ring->timers));
        reap(ring);
    }
    ring_flush_all(ring); /* messages sent by the last fiber */
    return 0;
}
