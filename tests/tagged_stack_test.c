/* SPDX-License-Identifier: MIT */
/* tagged_stack_test.c - the lock-free stack gives each object to one thread at a time, and is not
 * fooled by a top that looks like the one before. */
#include "test.h"

#include "micro/tagged_stack.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>

static void gives_the_last_one_first(void **unused)
{
    (void)unused;
    struct tagged_stack stack;
    uint64_t retries = 0;
    assert_ok(tagged_stack_init(&stack, 100, 3));
    char *first = tagged_stack_pop(&stack, &retries);
    char *second = tagged_stack_pop(&stack, &retries);
    char *third = tagged_stack_pop(&stack, &retries);
    assert_true(first && second && third && first != second && second != third && first != third);
    memset(first, 1, 100);
    memset(second, 2, 100);
    memset(third, 3, 100);
    assert_true(first[99] == 1 && second[0] == 2 && second[99] == 2 && third[0] == 3);
    assert_null(tagged_stack_pop(&stack, &retries));
    tagged_stack_push(&stack, third, &retries);
    tagged_stack_push(&stack, first, &retries);
    assert_ptr_equal(tagged_stack_pop(&stack, &retries), first);
    assert_ptr_equal(tagged_stack_pop(&stack, &retries), third);
    assert_null(tagged_stack_pop(&stack, &retries));
    assert_int_equal(retries, 0);
    tagged_stack_fini(&stack);
}

static void refuses_sizes_without_sense(void **unused)
{
    (void)unused;
    struct tagged_stack stack;
    assert_int_equal(tagged_stack_init(&stack, 0, 3), -EINVAL);
    assert_int_equal(tagged_stack_init(&stack, SIZE_MAX, 3), -EINVAL);
    assert_int_equal(tagged_stack_init(&stack, SIZE_MAX / 8, 100), -EINVAL);
    assert_ok(tagged_stack_init(&stack, 1, 0));
    assert_null(tagged_stack_pop(&stack, &(uint64_t){0}));
    tagged_stack_fini(&stack);
}

/* What a thread has read that is late: the top is A, and B lies below it. Meanwhile A and B are
 * taken and A is put back. Its exchange would hand out B, which is somebody's. */
static void sees_through_aba(void **unused)
{
    (void)unused;
    struct tagged_stack stack;
    uint64_t retries = 0;
    assert_ok(tagged_stack_init(&stack, 8, 2));
    uint64_t seen = atomic_load(&stack.top);
    uint32_t below = atomic_load(&tagged_stack_node(&stack, (uint32_t)seen)->below);
    void *a = tagged_stack_pop(&stack, &retries), *b = tagged_stack_pop(&stack, &retries);
    assert_ptr_equal(tagged_stack_node(&stack, below) + 1, b);
    tagged_stack_push(&stack, a, &retries);
    uint64_t now = atomic_load(&stack.top);
    assert_int_equal((uint32_t)now, (uint32_t)seen); /* the same object is on top */
    assert_false(atomic_compare_exchange_strong(&stack.top, &seen, tagged_stack_word(seen, below)));
    assert_ptr_equal(tagged_stack_pop(&stack, &retries), a);
    assert_null(tagged_stack_pop(&stack, &retries));
    tagged_stack_fini(&stack);
}

/* The tag goes round without touching the number. */
static void the_tag_wraps(void **unused)
{
    (void)unused;
    uint64_t last = (uint64_t)UINT32_MAX << 32 | 7;
    assert_int_equal(tagged_stack_word(last, 9), 9);
    assert_int_equal(tagged_stack_word(9, UINT32_MAX), (uint64_t)1 << 32 | UINT32_MAX);
}

/* ---- Many threads ---------------------------------------------------------------------------- */

enum { THREADS = 4, OBJECTS = 6, HELD_MAX = 3, TURNS = 20000 };

struct shared {
    struct tagged_stack stack;
    pthread_barrier_t start;
};

struct turn {
    struct shared *shared;
    uint64_t id, taken, stolen; /* stolen: changed by somebody while it was ours */
};

/* Plain words: two owners at once would also be a race, which TSan tells. */
static void *take_turns(void *arg)
{
    struct turn *turn = arg;
    struct tagged_stack *stack = &turn->shared->stack;
    uint64_t *held[HELD_MAX], retries = 0;
    (void)pthread_barrier_wait(&turn->shared->start);
    for (uint64_t i = 0; i < TURNS;) {
        size_t want = 1 + i % HELD_MAX, count = 0;
        while (count < want && (held[count] = tagged_stack_pop(stack, &retries)))
            *held[count++] = turn->id << 32 | i;
        if (count == 0) { /* those who have them do not run now: no turn */
            (void)sched_yield();
            continue;
        }
        for (size_t k = 0; k < count; k++) {
            turn->stolen += *held[k] != (turn->id << 32 | i);
            tagged_stack_push(stack, held[k], &retries);
        }
        turn->taken += count;
        i++;
    }
    return NULL;
}

static void has_one_owner_at_a_time(void **unused)
{
    (void)unused;
    struct shared *shared = aligned_alloc(TAGGED_LINE_BYTES, sizeof(*shared));
    pthread_t threads[THREADS];
    struct turn turns[THREADS];
    uint64_t retries = 0;
    size_t left = 0;
    assert_non_null(shared);
    assert_ok(tagged_stack_init(&shared->stack, sizeof(uint64_t), OBJECTS));
    assert_ok(pthread_barrier_init(&shared->start, NULL, THREADS));
    for (size_t i = 0; i < THREADS; i++) {
        turns[i] = (struct turn){.shared = shared, .id = i + 1};
        assert_ok(pthread_create(&threads[i], NULL, take_turns, &turns[i]));
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_ok(pthread_join(threads[i], NULL));
        assert_int_equal(turns[i].stolen, 0);
        assert_true(turns[i].taken >= TURNS);
    }
    bool seen[OBJECTS + 1] = {false};
    for (uint64_t *object; (object = tagged_stack_pop(&shared->stack, &retries)); left++) {
        uint32_t number = ((struct tagged_node *)(void *)object - 1)->number;
        assert_in_range(number, 1, OBJECTS);
        assert_false(seen[number]);
        seen[number] = true;
    }
    assert_int_equal(left, OBJECTS); /* none lost, none twice */
    (void)pthread_barrier_destroy(&shared->start);
    tagged_stack_fini(&shared->stack);
    free(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_last_one_first), cmocka_unit_test(refuses_sizes_without_sense),
        cmocka_unit_test(sees_through_aba),         cmocka_unit_test(the_tag_wraps),
        cmocka_unit_test(has_one_owner_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
