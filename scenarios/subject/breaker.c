/* SPDX-License-Identifier: MIT */
/* breaker.c - three states, and results that count only in the state they belong to. */
#include "subject/breaker.h"

#include "core/clock.h"

#include <errno.h>

int breaker_init(struct breaker *breaker, const struct breaker_options *options, struct err *err)
{
    if (options->window_ns < WINDOW_SLOTS)
        return err_set(err, -EINVAL, "expected a window of at least 10 ns");
    if (options->calls_min == 0 || options->trials == 0)
        return err_set(err, -EINVAL, "expected at least 1 call and at least 1 trial");
    if (!(options->failure_share > 0 && options->failure_share <= 1))
        return err_set(err, -EINVAL, "expected a share of failures over 0 and up to 1");
    if (options->open_ns == 0)
        return err_set(err, -EINVAL, "expected to stay open for at least 1 ns");
    *breaker = (struct breaker){.options = *options, .open_ns = options->open_ns};
    if (breaker->options.trial_ns == 0)
        breaker->options.trial_ns = options->open_ns;
    window_init(&breaker->window, options->window_ns);
    return 0;
}

/* What is under way belongs to the epoch before. */
static void enter(struct breaker *breaker, enum breaker_state state)
{
    breaker->epoch++;
    counter_set(&breaker->figures.state, (uint64_t)state);
}

static void open_up(struct breaker *breaker, uint64_t now_ns)
{
    enter(breaker, BREAKER_OPEN);
    counter_add(&breaker->figures.opened, 1);
    breaker->until_ns = clock_after(now_ns, breaker->open_ns);
    uint64_t twice_ns = clock_after(breaker->open_ns, breaker->open_ns);
    if (twice_ns <= breaker->options.open_max_ns)
        breaker->open_ns = twice_ns;
    else if (breaker->open_ns < breaker->options.open_max_ns)
        breaker->open_ns = breaker->options.open_max_ns;
}

static void close_down(struct breaker *breaker)
{
    enter(breaker, BREAKER_CLOSED);
    counter_add(&breaker->figures.closed, 1);
    breaker->open_ns = breaker->options.open_ns;
    window_clear(&breaker->window);
}

static void begin_trials(struct breaker *breaker, uint64_t now_ns)
{
    enter(breaker, BREAKER_HALF_OPEN);
    counter_add(&breaker->figures.half_opened, 1);
    breaker->given = breaker->trials_ended = breaker->trials_failed = 0;
    breaker->trials_from_ns = now_ns;
    breaker->until_ns = clock_after(now_ns, breaker->options.trial_ns);
}

/* Gives the places of trials that have not reported to others; should they still report, they count
 * all the same. */
static void replace_trials(struct breaker *breaker, uint64_t now_ns)
{
    breaker->given = breaker->trials_ended;
    breaker->trials_from_ns = now_ns;
    breaker->until_ns = clock_after(now_ns, breaker->options.trial_ns);
}

static bool may_pass(struct breaker *breaker, uint64_t now_ns)
{
    if (breaker->force != BREAKER_AS_MEASURED)
        return breaker->force == BREAKER_KEPT_CLOSED;
    if (breaker_state(breaker) == BREAKER_CLOSED)
        return true;
    bool over = now_ns >= breaker->until_ns;
    if (breaker_state(breaker) == BREAKER_OPEN && !over)
        return false;
    if (breaker_state(breaker) == BREAKER_OPEN)
        begin_trials(breaker, now_ns);
    else if (over)
        replace_trials(breaker, now_ns);
    if (breaker->given >= breaker->options.trials)
        return false;
    breaker->given++;
    return true;
}

int breaker_allow(struct breaker *breaker, uint64_t now_ns, struct breaker_token *token)
{
    if (!may_pass(breaker, now_ns)) {
        counter_add(&breaker->figures.refused, 1);
        return -EHOSTDOWN;
    }
    counter_add(&breaker->figures.allowed, 1);
    *token = (struct breaker_token){breaker->epoch, now_ns};
    return 0;
}

static bool share_reached(const struct breaker *breaker, uint64_t failed, uint64_t calls)
{
    return failed > 0 && (double)failed >= breaker->options.failure_share * (double)calls;
}

static void count_closed(struct breaker *breaker, uint64_t now_ns, bool failed)
{
    window_add(&breaker->window, now_ns, 1, failed);
    struct window_count sum = window_sum(&breaker->window, now_ns);
    if (sum.all >= breaker->options.calls_min && share_reached(breaker, sum.bad, sum.all))
        open_up(breaker, now_ns);
}

/* Opens as soon as no further success could keep the share of all trials down. */
static void count_trial(struct breaker *breaker, uint64_t now_ns, bool failed)
{
    breaker->trials_ended++;
    breaker->trials_failed += failed;
    if (share_reached(breaker, breaker->trials_failed, breaker->options.trials))
        open_up(breaker, now_ns);
    else if (breaker->trials_ended == breaker->options.trials)
        close_down(breaker);
}

/* Counts the result for the figures; true when it was a failure. */
static bool weigh(struct breaker *breaker, uint64_t now_ns, struct breaker_token token,
                  enum breaker_result result)
{
    uint64_t took_ns = now_ns > token.started_ns ? now_ns - token.started_ns : 0;
    bool slow = breaker->options.slow_ns > 0 && took_ns > breaker->options.slow_ns;
    bool failed = result == BREAKER_FAILED || slow;
    counter_add(failed ? &breaker->figures.failed : &breaker->figures.succeeded, 1);
    if (slow && result != BREAKER_FAILED)
        counter_add(&breaker->figures.slow, 1);
    return failed;
}

/* A trial that was replaced has no place to give back any more. */
static void free_place(struct breaker *breaker, struct breaker_token token)
{
    if (token.started_ns >= breaker->trials_from_ns && breaker->given > breaker->trials_ended)
        breaker->given--;
}

void breaker_report(struct breaker *breaker, uint64_t now_ns, struct breaker_token token,
                    enum breaker_result result)
{
    bool late = token.epoch != breaker->epoch, ignored = result == BREAKER_IGNORED;
    bool failed = !ignored && weigh(breaker, now_ns, token, result);
    if (ignored)
        counter_add(&breaker->figures.ignored, 1);
    if (late)
        counter_add(&breaker->figures.late, 1);
    if (late || breaker->force != BREAKER_AS_MEASURED)
        return;
    bool trial = breaker_state(breaker) == BREAKER_HALF_OPEN;
    if (trial && ignored)
        free_place(breaker, token);
    else if (trial)
        count_trial(breaker, now_ns, failed);
    else if (!ignored)
        count_closed(breaker, now_ns, failed);
}

void breaker_force(struct breaker *breaker, uint64_t now_ns, enum breaker_force force)
{
    breaker->force = force;
    if (force == BREAKER_KEPT_OPEN)
        open_up(breaker, now_ns);
    else
        close_down(breaker);
}

uint64_t breaker_ready_ns(const struct breaker *breaker, uint64_t now_ns)
{
    if (breaker->force == BREAKER_KEPT_OPEN)
        return CLOCK_NEVER;
    bool trials_left =
        breaker_state(breaker) == BREAKER_HALF_OPEN && breaker->given < breaker->options.trials;
    if (breaker_state(breaker) == BREAKER_CLOSED || trials_left || breaker->until_ns < now_ns)
        return now_ns;
    return breaker->until_ns;
}
