/* SPDX-License-Identifier: MIT */
/* overflow.c - turns the fault on a fiber's guard page into a message that names the fiber. */
#include "core/internal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct sigaction previous; /* whoever handled faults before us: a sanitizer, mostly */
static pthread_mutex_t installing = PTHREAD_MUTEX_INITIALIZER;

static void say(const char *text)
{
    ssize_t written = write(STDERR_FILENO, text, strlen(text));
    (void)written; /* dying anyway */
}

/* Only async-signal-safe calls from here. */
static void on_fault(int signal, siginfo_t *info, void *context)
{
    const struct ring *ring = ring_current;
    const char *at = info->si_addr;
    const struct fiber *fiber = ring ? ring->running : NULL;
    if (fiber && fiber != &ring->loop && at >= fiber->stack.base &&
        at < fiber->stack.base + ring->stacks.guard_bytes) {
        say("poolstorm: fiber '");
        say(fiber->name);
        say("' overflowed its stack\n");
        (void)sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
        return; /* the same fault again, and now it ends the process */
    }
    if (previous.sa_flags & SA_SIGINFO)
        previous.sa_sigaction(signal, info, context);
    else
        (void)sigaction(signal, &previous, NULL);
    if (info->si_code <= 0)
        (void)raise(
            signal); /* sent by somebody: unlike a fault, it does not come again by itself */
}

/* Again with every ring, for others may have put theirs in its place. */
static void install(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    struct sigaction present;
    (void)sigemptyset(&action.sa_mask);
    (void)pthread_mutex_lock(&installing);
    if (sigaction(SIGSEGV, NULL, &present) == 0 && present.sa_sigaction != on_fault) {
        previous = present;
        (void)sigaction(SIGSEGV, &action, NULL);
    }
    (void)pthread_mutex_unlock(&installing);
}

/* The handler needs a stack of its own: the one that overflowed has no room. Sanitizers may have
 * given the thread one already. */
int overflow_guard_thread(struct ring *ring, struct err *err)
{
    install();
    stack_t present = {.ss_flags = SS_DISABLE};
    if (sigaltstack(NULL, &present) == 0 && !(present.ss_flags & SS_DISABLE))
        return 0;
    long least = sysconf(_SC_SIGSTKSZ);
    size_t length = least > (64 << 10) ? (size_t)least : (64u << 10);
    ring->signal_stack = malloc(length);
    if (!ring->signal_stack)
        return err_sys(err, -ENOMEM, "allocate a signal stack");
    stack_t stack = {.ss_sp = ring->signal_stack, .ss_size = length};
    if (sigaltstack(&stack, NULL) != 0)
        return err_sys(err, -errno, "sigaltstack");
    return 0;
}

void overflow_unguard_thread(struct ring *ring)
{
    if (ring == ring_current && ring->signal_stack)
        (void)sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL);
    free(ring->signal_stack);
    ring->signal_stack = NULL;
}
