/* SPDX-License-Identifier: MIT */
/* object_pool.c - get, put and the handles behind them; the pool's beginning and end. */
#include "subject/object_pool_internal.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAGAZINE_OBJECTS = 32, MAGAZINE_OBJECTS_MAX = 4096, CACHE_HANDLES = 64 };

/* What a thread remembers: its handle of each pool it used lately. uid never comes back, so an
 * entry of a destroyed pool is merely never found. */
struct thread_cache {
    struct {
        uint64_t uid;
        struct handle *handle;
    } entries[CACHE_HANDLES];
    struct list
        handles; /* all of the thread's, under object_pool_registry; zeroed until the first */
};

enum { CACHE_ENTRY_BYTES = sizeof(((struct thread_cache *)0)->entries[0]) };

static __thread struct thread_cache thread_cache __attribute__((tls_model("initial-exec")));

pthread_mutex_t object_pool_registry = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;
static pthread_once_t process_once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_key; /* for its destructor: hands over what an ending thread holds */
static int process_error;        /* of what is done once, 0 or -errno */
static _Atomic(uint64_t) uid_next = CACHE_ENTRY_BYTES;
static _Atomic(uint64_t) serial_next = 1;

/* An empty magazine; NULL when retained_max is reached or memory is out. */
static struct magazine *magazine_empty(struct object_pool *pool)
{
    struct magazine *magazine = magazine_pop(&pool->empty, &pool->store);
    return magazine ? magazine : magazine_make(&pool->store);
}

/* --- Handles: a thread's part of a pool. --- */

/* Moves the slot's object into a magazine others can take, where there is room. */
static void slot_empty(struct handle *handle)
{
    struct magazine *into = handle->loaded;
    void *object = entry_object(&handle->local.slot);
    if (!object)
        return;
    if (!into || magazine_count(into) == into->capacity)
        into = handle->spare;
    if (!into || magazine_count(into) == into->capacity) {
        into = magazine_empty(handle->pool);
        if (!into)
            return; /* it stays, for the next owner or reclaim */
        if (handle->spare)
            magazine_push(&handle->pool->full, handle->spare);
        handle->spare = into;
    }
    magazine_add(into, object, entry_bytes(&handle->local.slot));
    slot_clear(&handle->local.slot);
}

static void magazine_pass_on(struct handle *handle, struct magazine **magazine,
                             struct magazine_stack *stack)
{
    if (*magazine)
        magazine_push(magazine_count(*magazine) ? stack : &handle->pool->empty, *magazine);
    *magazine = NULL;
}

/* The key's destructor, on the ending thread: what it holds goes to the shared stages. */
static void thread_ends(void *cache)
{
    struct thread_cache *self = cache;
    lock(&object_pool_registry);
    while (!list_empty(&self->handles)) {
        struct handle *handle =
            container_of(list_pop_front(&self->handles), struct handle, in_thread);
        slot_empty(handle);
        if (handle->loaded)
            handle->loaded->filler = handle->serial;
        if (handle->spare)
            handle->spare->filler = handle->serial;
        magazine_pass_on(handle, &handle->loaded, &handle->pool->full);
        magazine_pass_on(handle, &handle->spare, &handle->pool->full);
        magazine_pass_on(handle, &handle->victims, &handle->pool->victims);
        handle->owner = NULL;
    }
    unlock(&object_pool_registry);
    memset(self, 0, sizeof(*self)); /* a later destructor of this thread may start anew */
}

static void process_prepare(void)
{
    int result = pthread_key_create(&thread_key, thread_ends);
    if (result == 0 &&
        syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) != 0)
        result = errno;
    process_error = -result;
}

static void handle_init(struct handle *handle, struct object_pool *pool)
{
    const struct object_pool_options *options = &pool->options;
    memset(handle, 0, sizeof(*handle));
    handle->pool = pool;
    handle->serial = atomic_fetch_add_explicit(&serial_next, 1, memory_order_relaxed);
    handle->local.limit_bytes = options->limit_bytes;
    handle->local.care =
        (options->reset ? OBJECT_POOL_RESET : 0U) | (options->size_of ? OBJECT_POOL_MEASURE : 0U);
    atomic_init(&handle->local.slot.bytes, options->object_bytes);
}

/* The thread's own handle, or one whose thread has ended. NULL when there is neither. */
static struct handle *handle_find(struct object_pool *pool)
{
    struct handle *orphan = NULL;
    list_each(link, &pool->handles) {
        struct handle *handle = container_of(link, struct handle, in_pool);
        if (handle->owner == &thread_cache)
            return handle;
        if (!handle->owner)
            orphan = handle;
    }
    return orphan;
}

static void handle_own(struct handle *handle)
{
    if (!list_linked(&thread_cache.handles))
        list_init(&thread_cache.handles);
    handle->owner = &thread_cache;
    list_push_back(&thread_cache.handles, &handle->in_thread);
}

/* The way there when the cache does not know: first use, or two pools in one entry's place. */
static __attribute__((noinline)) struct handle *handle_make(struct object_pool *pool)
{
    if (!pthread_getspecific(thread_key) && pthread_setspecific(thread_key, &thread_cache) != 0)
        return NULL;
    lock(&object_pool_registry);
    struct handle *handle = handle_find(pool);
    if (handle && !handle->owner)
        handle_own(handle);
    unlock(&object_pool_registry);
    if (!handle) {
        handle = aligned_alloc(_Alignof(struct handle), sizeof(*handle));
        if (!handle)
            return NULL;
        handle_init(handle, pool);
        lock(&object_pool_registry);
        handle_own(handle);
        list_push_back(&pool->handles, &handle->in_pool);
        unlock(&object_pool_registry);
    }
    size_t place = (pool->uid / CACHE_ENTRY_BYTES) % CACHE_HANDLES;
    thread_cache.entries[place].uid = pool->uid;
    thread_cache.entries[place].handle = handle;
    return handle;
}

/* NULL when the cache does not know. uids come in steps of an entry's size, so one mask makes an
 * offset of them. */
static inline struct handle *handle_cached(struct object_pool *pool)
{
    size_t place = (pool->uid / CACHE_ENTRY_BYTES) % CACHE_HANDLES;
    bool known = thread_cache.entries[place].uid == pool->uid;
    return __builtin_expect(known, 1) ? thread_cache.entries[place].handle : NULL;
}

struct object_pool_local *object_pool_local(struct object_pool *pool)
{
    struct handle *handle = handle_cached(pool);
    if (!handle)
        handle = handle_make(pool);
    return handle ? &handle->local : NULL;
}

/* --- Get. --- */

/* Makes the turn odd. Answers the even one before. */
static uint64_t enter(struct object_pool_local *local)
{
    uint64_t turn = atomic_load_explicit(&local->turn, memory_order_relaxed);
    atomic_store_explicit(&local->turn, turn + 1, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
    return turn;
}

static void leave(struct object_pool_local *local, uint64_t turn)
{
    atomic_store_explicit(&local->turn, turn, memory_order_release);
}

/* Entered; stays so when no reclaim is at the handle, else waits outside for its pointer moves. */
static void await_open(struct object_pool_local *local, uint64_t turn)
{
    while (atomic_load_explicit(&local->shut, memory_order_acquire)) {
        leave(local, turn);
        (void)sched_yield();
        (void)enter(local);
    }
}

/* From the victims: one at a time, so that those nobody asks for stay victims. */
static void *take_victim(struct handle *handle)
{
    struct object_pool *pool = handle->pool;
    void *object = entry_object(&handle->victim_slot);
    if (object) {
        slot_clear(&handle->victim_slot);
    } else {
        if (!handle->victims)
            handle->victims = magazine_pop(&pool->victims, &pool->store);
        if (!handle->victims)
            return NULL;
        object = magazine_take(handle->victims);
        if (magazine_count(handle->victims) == 0)
            magazine_pass_on(handle, &handle->victims, &pool->victims);
    }
    bump(&handle->counters.revivals, 1);
    return object;
}

/* A whole magazine from the shared stage becomes the loaded one. */
static bool load_shared(struct handle *handle)
{
    struct object_pool *pool = handle->pool;
    struct magazine *magazine = magazine_pop(&pool->full, &pool->store);
    if (!magazine)
        return false;
    if (magazine->filler != 0 && magazine->filler != handle->serial)
        bump(&handle->counters.steals, magazine_count(magazine));
    if (handle->spare)
        magazine_push(&pool->empty, handle->spare);
    handle->spare = handle->loaded;
    handle->loaded = magazine;
    return true;
}

static void magazines_swap(struct handle *handle)
{
    struct magazine *loaded = handle->loaded;
    handle->loaded = handle->spare;
    handle->spare = loaded;
}

/* By the owner, entered. NULL when nothing rests where this thread may take it. */
static void *take(struct handle *handle)
{
    void *object = entry_object(&handle->local.slot);
    if (object) {
        slot_clear(&handle->local.slot);
        return object;
    }
    if (handle->loaded && magazine_count(handle->loaded))
        return magazine_take(handle->loaded);
    if (handle->spare && magazine_count(handle->spare)) {
        magazines_swap(handle);
        return magazine_take(handle->loaded);
    }
    if (load_shared(handle))
        return magazine_take(handle->loaded);
    return take_victim(handle);
}

static void *object_make(struct object_pool *pool)
{
    if (pool->options.create)
        return pool->options.create(pool->options.user);
    return malloc(pool->options.object_bytes);
}

static size_t object_size(const struct object_pool *pool, const void *object)
{
    const struct object_pool_options *options = &pool->options;
    return options->size_of ? options->size_of(options->user, object) : options->object_bytes;
}

/* Entered, with neither slot nor loaded magazine to take from, or with a reclaim at the handle. */
static __attribute__((noinline)) void *get_from_afar(struct handle *handle, uint64_t turn)
{
    await_open(&handle->local, turn);
    void *object = take(handle);
    leave(&handle->local, object ? turn + 2 : turn);
    if (object)
        return object;
    object = object_make(handle->pool);
    if (object) {
        bump(&handle->counters.misses, 1);
        bump(&handle->counters.made, 1);
    }
    return object;
}

/* The loaded magazine, for one who has entered; NULL when a reclaim is at the handle. In this
 * order: before shut is known to be 0, loaded may be a reclaim's to change. */
static inline struct magazine *loaded_if_open(struct handle *handle)
{
    if (atomic_load_explicit(&handle->local.shut, memory_order_acquire))
        return NULL;
    return handle->loaded;
}

void *object_pool_local_get_slow(struct object_pool_local *local)
{
    struct handle *handle = handle_of(local);
    struct magazine *loaded = loaded_if_open(handle);
    uint64_t turn = atomic_load_explicit(&local->turn, memory_order_relaxed) - 1;
    if (!loaded || !magazine_count(loaded) || entry_object(&local->slot))
        return get_from_afar(handle, turn);
    void *object = magazine_take(loaded);
    leave(local, turn + 2);
    return object;
}

static __attribute__((noinline)) void *get_first(struct object_pool *pool)
{
    struct handle *handle = handle_make(pool);
    return handle ? object_pool_local_get(&handle->local) : NULL;
}

void *object_pool_get(struct object_pool *pool)
{
    struct handle *handle = handle_cached(pool);
    return handle ? object_pool_local_get(&handle->local) : get_first(pool);
}

/* --- Put. --- */

/* Makes room in the loaded magazine. False when there may be no further magazine. */
static bool make_room(struct handle *handle)
{
    struct object_pool *pool = handle->pool;
    if (handle->spare && magazine_count(handle->spare) < handle->spare->capacity) {
        magazines_swap(handle);
        return true;
    }
    struct magazine *empty = magazine_empty(pool);
    if (!empty && handle->victims) {
        empty = handle->victims; /* all may rest is taken: its victims are young once more */
        handle->victims = NULL;
    }
    if (!empty)
        return false;
    if (handle->spare) {
        handle->spare->filler = handle->serial;
        magazine_push(&pool->full, handle->spare);
    }
    handle->spare = handle->loaded;
    handle->loaded = empty;
    return true;
}

/* By the owner, entered. False when the pool holds all it may. */
static bool keep(struct handle *handle, void *object, size_t bytes)
{
    if (!atomic_load_explicit(&handle->local.slot.object, memory_order_acquire)) {
        entry_set(&handle->local.slot, object, bytes);
        return true;
    }
    if (!handle->loaded || magazine_count(handle->loaded) == handle->loaded->capacity) {
        if (!make_room(handle))
            return false;
    }
    magazine_add(handle->loaded, object, bytes);
    return true;
}

/* With everything there may be to do, in order: limit, reset, keep or give up. */
static __attribute__((noinline)) void put_with_care(struct handle *handle, void *object,
                                                    size_t bytes)
{
    struct object_pool_local *local = &handle->local;
    struct object_pool *pool = handle->pool;
    bool kept = false;
    if (bytes > pool->options.limit_bytes) {
        bump(&handle->counters.drops_oversize, 1);
    } else {
        if (pool->options.reset)
            pool->options.reset(pool->options.user, object);
        uint64_t turn = enter(local);
        await_open(local, turn);
        kept = keep(handle, object, bytes);
        leave(local, turn);
    }
    if (kept) {
        bump(&local->puts, 1);
    } else {
        bump(&handle->counters.drops, 1);
        object_pool_give_up(pool, object, bytes);
    }
}

/* Into the loaded magazine, when that is all there is to it. */
static inline bool put_loaded(struct handle *handle, void *object, size_t bytes)
{
    struct object_pool_local *local = &handle->local;
    uint64_t turn = enter(local);
    struct magazine *loaded = loaded_if_open(handle);
    bool fits = loaded && magazine_count(loaded) < loaded->capacity && entry_object(&local->slot);
    if (fits) {
        magazine_add(loaded, object, bytes);
        bump(&local->puts, 1);
    }
    leave(local, turn);
    return fits;
}

void object_pool_local_put_slow(struct object_pool_local *local, void *object)
{
    struct handle *handle = handle_of(local);
    if (!local->care && put_loaded(handle, object, handle->pool->options.object_bytes))
        return;
    put_with_care(handle, object, object_size(handle->pool, object));
}

/* From the first sized put on, every put of this thread says the size. */
void object_pool_local_put_sized_slow(struct object_pool_local *local, void *object, size_t bytes)
{
    struct handle *handle = handle_of(local);
    local->care |= OBJECT_POOL_MEASURE;
    if (local->care == OBJECT_POOL_MEASURE && bytes <= local->limit_bytes &&
        put_loaded(handle, object, bytes))
        return;
    put_with_care(handle, object, bytes);
}

/* The first on this thread, or nearly. An object cannot rest where memory for a handle is out. */
static __attribute__((noinline)) void put_first(struct object_pool *pool, void *object,
                                                size_t bytes)
{
    struct handle *handle = handle_make(pool);
    if (handle) {
        if (bytes != pool->options.object_bytes)
            handle->local.care |= OBJECT_POOL_MEASURE;
        put_with_care(handle, object, bytes);
    } else {
        bump_shared(&pool->counters.drops, 1);
        object_pool_destroy_now(pool, object);
    }
}

/* Apart, so that the fast path of object_pool_put saves no registers for the hook's sake. */
static __attribute__((noinline)) void put_first_measured(struct object_pool *pool, void *object)
{
    put_first(pool, object, object_size(pool, object));
}

void object_pool_put(struct object_pool *pool, void *object)
{
    if (__builtin_expect(!object, 0))
        return;
    struct handle *handle = handle_cached(pool);
    if (handle)
        object_pool_local_put(&handle->local, object);
    else
        put_first_measured(pool, object);
}

void object_pool_put_sized(struct object_pool *pool, void *object, size_t bytes)
{
    if (__builtin_expect(!object, 0))
        return;
    struct handle *handle = handle_cached(pool);
    if (handle)
        object_pool_local_put_sized(&handle->local, object, bytes);
    else
        put_first(pool, object, bytes);
}

void object_pool_discard(struct object_pool *pool, void *object)
{
    if (!object)
        return;
    bump_shared(&pool->counters.discards, 1);
    object_pool_destroy_now(pool, object);
}

/* --- Prewarm. --- */

/* Fills magazine with at most wanted objects. Answers how many; fewer only when create failed. */
static uint64_t magazine_prewarm(struct object_pool *pool, struct magazine *magazine,
                                 uint64_t wanted)
{
    uint64_t made = 0;
    while (made < wanted) {
        void *object = object_make(pool);
        if (!object)
            break;
        magazine_add(magazine, object, object_size(pool, object));
        made++;
    }
    magazine->filler = 0;
    magazine_push(made ? &pool->full : &pool->empty, magazine);
    return made;
}

int object_pool_prewarm(struct object_pool *pool, uint64_t count, struct err *err)
{
    uint64_t done = 0;
    int result = 0;
    while (done < count && result == 0) {
        struct magazine *magazine = magazine_empty(pool);
        if (!magazine) {
            result = -ENOSPC;
            break;
        }
        uint64_t wanted = count - done < magazine->capacity ? count - done : magazine->capacity;
        uint64_t made = magazine_prewarm(pool, magazine, wanted);
        result = made < wanted ? -ENOMEM : 0;
        done += made;
    }
    bump_shared(&pool->counters.made, done);
    if (result)
        return err_sys(err, result, "prewarm pool '%s': %llu of %llu made", pool->options.name,
                       (unsigned long long)done, (unsigned long long)count);
    return 0;
}

/* --- Creation and destruction. --- */

static int options_check(const struct object_pool_options *options, const char *name,
                         struct err *err)
{
    if (!options->object_bytes && !options->create)
        return err_set(err, -EINVAL, "pool '%s': neither object_bytes nor a create hook", name);
    if (options->create && !options->destroy)
        return err_set(err, -EINVAL, "pool '%s': a create hook needs a destroy hook", name);
    if (options->magazine_objects > MAGAZINE_OBJECTS_MAX)
        return err_set(err, -EINVAL, "pool '%s': magazines of %u objects, at most %d", name,
                       options->magazine_objects, MAGAZINE_OBJECTS_MAX);
    if (!options->size_of && options->limit_bytes && options->object_bytes > options->limit_bytes)
        return err_set(err, -EINVAL, "pool '%s': no object of %zu bytes fits a limit of %zu", name,
                       options->object_bytes, options->limit_bytes);
    return 0;
}

/* With a small retained_max, eight magazines share it, so that several threads get some. */
static uint32_t magazine_size(const struct object_pool_options *options)
{
    if (options->magazine_objects)
        return options->magazine_objects;
    if (!options->retained_max || options->retained_max / 8 >= MAGAZINE_OBJECTS)
        return MAGAZINE_OBJECTS;
    return options->retained_max < 8 ? 1 : (uint32_t)(options->retained_max / 8);
}

int object_pool_create(struct object_pool **out, const struct object_pool_options *options,
                       struct err *err)
{
    const char *name = options->name ? options->name : "objects";
    int result = options_check(options, name, err);
    if (result)
        return result;
    (void)pthread_once(&process_once, process_prepare);
    if (process_error)
        return err_sys(err, process_error, "pool '%s': membarrier or thread key", name);
    struct object_pool *pool = aligned_alloc(_Alignof(struct object_pool), sizeof(*pool));
    if (!pool)
        return err_sys(err, -ENOMEM, "pool '%s'", name);
    memset(pool, 0, sizeof(*pool));
    pool->options = *options;
    pool->options.name = name;
    pool->options.limit_bytes = options->limit_bytes ? options->limit_bytes : SIZE_MAX;
    pool->uid = atomic_fetch_add_explicit(&uid_next, CACHE_ENTRY_BYTES, memory_order_relaxed);
    magazine_store_init(&pool->store, magazine_size(options), options->retained_max,
                        options->object_bytes);
    list_init(&pool->handles);
    (void)pthread_mutex_init(&pool->grave_lock, NULL); /* cannot fail with default attributes */
    *out = pool;
    return 0;
}

/* Out of the lists of its thread; what it rests is destroyed. */
static void handle_destroy(struct handle *handle)
{
    const struct object_pool_entry *const slots[] = {&handle->local.slot, &handle->victim_slot};
    for (size_t i = 0; i < sizeof(slots) / sizeof(*slots); i++) {
        if (entry_object(slots[i]))
            object_pool_destroy_now(handle->pool, entry_object(slots[i]));
    }
    free(handle);
}

uint64_t object_pool_destroy(struct object_pool *pool)
{
    if (!pool)
        return 0;
    struct object_pool_figures figures;
    object_pool_figures(pool, &figures);
    lock(&object_pool_registry);
    list_each(link, &pool->handles) {
        struct handle *handle = container_of(link, struct handle, in_pool);
        if (handle->owner)
            list_remove(&handle->in_thread);
    }
    unlock(&object_pool_registry);
    while (!list_empty(&pool->handles))
        handle_destroy(container_of(list_pop_front(&pool->handles), struct handle, in_pool));
    uint32_t made = atomic_load_explicit(&pool->store.made, memory_order_acquire);
    for (uint32_t number = 1; number <= made; number++) {
        struct magazine *magazine = magazine_at(&pool->store, number);
        while (magazine_count(magazine))
            object_pool_destroy_now(pool, magazine_take(magazine));
    }
    object_pool_bury(pool, &pool->grave);
    magazine_store_fini(&pool->store);
    (void)pthread_mutex_destroy(&pool->grave_lock);
    free(pool);
    return figures.out_objects;
}
