/* SPDX-License-Identifier: MIT */
/* process_tree.c - adds up what /proc tells of a process and of those that stem from it.
 *
 * A tree's totals only grow: each reading adds what each process did since the one before. What has
 * ended counts with the one that waited for it, less what it was seen to do while it lived. */
#include "run/process_tree.h"

#include "core/clock.h"
#include "core/io.h"
#include "faults/guardian/descendants.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SCHEDSTAT_BYTES_MAX = 256, STAT_BYTES_MAX = 4096 };

/* ---- What /proc tells ------------------------------------------------------------------------ */

/* Of one process: exactly, from the scheduler; 0 when it has gone. */
static uint64_t own_cpu_ns(pid_t pid)
{
    char path[64], *text;
    size_t length;
    (void)snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)pid);
    if (io_read_file(path, SCHEDSTAT_BYTES_MAX, &text, &length))
        return 0;
    uint64_t cpu_ns = strtoull(text, NULL, 10);
    free(text);
    return cpu_ns;
}

/* What the process has of its own, and its share of what several have; left as it is where that is
 * not to be read. */
static void read_share(pid_t pid, uint64_t *bytes)
{
    char path[64], *text;
    size_t length;
    (void)snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
    if (io_read_file(path, STAT_BYTES_MAX, &text, &length))
        return;
    const char *line = strstr(text, "\nPss:");
    if (line)
        *bytes = strtoull(line + strlen("\nPss:"), NULL, 10) * 1024;
    free(text);
}

/* Of the children that pid has waited for, and of those these had waited for, in the kernel's
 * ticks.
 */
static bool read_reaped(pid_t pid, struct meter_sample *reaped)
{
    char path[64], *text;
    size_t length;
    uint64_t minor, major, user, system;
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    if (io_read_file(path, STAT_BYTES_MAX, &text, &length))
        return false;
    const char *rest = strrchr(text, ')');
    bool whole = rest && sscanf(rest + 1,
                                " %*c %*d %*d %*d %*d %*d %*u %*u %" SCNu64 " %*u %" SCNu64
                                " %*u %*u %" SCNu64 " %" SCNu64,
                                &minor, &major, &user, &system) == 4;
    free(text);
    uint64_t tick_ns = NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);
    if (whole)
        *reaped = (struct meter_sample){.cpu_ns = (user + system) * tick_ns,
                                        .cpu_user_ns = user * tick_ns,
                                        .cpu_system_ns = system * tick_ns,
                                        .faults_minor = minor,
                                        .faults_major = major};
    return whole;
}

bool process_tree_cpu_ns(pid_t pid, uint64_t *cpu_ns)
{
    struct descendants list;
    struct meter_sample reaped;
    if (!read_reaped(pid, &reaped) || descendants_read(&list, NULL))
        return false;
    *cpu_ns = reaped.cpu_ns;
    for (size_t i = 0; i < list.count; i++)
        if (descendants_stem_from(&list, list.items[i].pid, pid))
            *cpu_ns += own_cpu_ns(list.items[i].pid);
    descendants_fini(&list);
    return true;
}

/* ---- A tree ---------------------------------------------------------------------------------- */

/* One process of it. */
struct member {
    pid_t pid, parent;
    struct meter *meter;
    struct meter_sample own;    /* when it was last read */
    struct meter_sample reaped; /* likewise, of those it has waited for, and they had; coarse */
    bool there;                 /* in the list that is being read */
};

struct process_tree {
    pid_t pid;
    struct member *members;
    size_t count, room;
    struct meter_sample total; /* grows; says nothing of memory and threads */
};

/* Of what grows. */
static void add(struct meter_sample *to, const struct meter_sample *part)
{
    to->cpu_ns += part->cpu_ns;
    to->cpu_user_ns += part->cpu_user_ns;
    to->cpu_system_ns += part->cpu_system_ns;
    to->faults_minor += part->faults_minor;
    to->faults_major += part->faults_major;
    to->switches_voluntary += part->switches_voluntary;
    to->switches_involuntary += part->switches_involuntary;
}

static struct member *find(const struct process_tree *tree, pid_t pid)
{
    for (size_t i = 0; i < tree->count; i++)
        if (tree->members[i].pid == pid)
            return &tree->members[i];
    return NULL;
}

/* One that has gone meanwhile is left out: whoever waits for it has its account. */
static int meet(struct process_tree *tree, pid_t pid, pid_t parent, struct err *err)
{
    struct member *member = find(tree, pid);
    if (member) {
        member->there = true;
        return 0;
    }
    if (tree->count == tree->room) {
        size_t room = tree->room ? 2 * tree->room : 8;
        struct member *larger = reallocarray(tree->members, room, sizeof(*larger));
        if (!larger)
            return err_sys(err, -ENOMEM, "watch %zu processes", room);
        tree->members = larger;
        tree->room = room;
    }
    member = &tree->members[tree->count];
    *member = (struct member){.pid = pid, .parent = parent, .there = true};
    int rc = meter_create(&member->meter, pid, err);
    tree->count += !rc;
    return rc == -ESRCH && pid != tree->pid ? 0 : rc;
}

/* Marks who is there. */
static int look_around(struct process_tree *tree, struct err *err)
{
    struct descendants list;
    for (size_t i = 0; i < tree->count; i++)
        tree->members[i].there = false;
    int rc = meet(tree, tree->pid, 0, err);
    if (!rc)
        rc = descendants_read(&list, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < list.count && !rc; i++) {
        const struct descendant *item = &list.items[i];
        if (item->pid != tree->pid && descendants_stem_from(&list, item->pid, tree->pid))
            rc = meet(tree, item->pid, item->parent, err);
    }
    descendants_fini(&list);
    return rc;
}

/* Adds what it did since the last time; reaped gets what those did that it waited for meanwhile.
 * One that has ended and has not been waited for stays as it was. */
static int read_member(struct process_tree *tree, struct member *member,
                       struct meter_sample *reaped, struct err *err)
{
    struct meter_sample now, grown;
    int rc = meter_read(member->meter, &now, err);
    if (rc)
        return rc == -ESRCH && member->pid != tree->pid ? 0 : rc;
    grown = meter_difference(&member->own, &now);
    add(&tree->total, &grown);
    member->own = now;
    if (read_reaped(member->pid, &now)) {
        grown = meter_difference(&member->reaped, &now);
        add(reaped, &grown);
        member->reaped = now;
    }
    return 0;
}

/* Whether its account is in that of one that is there. */
static bool was_waited_for(const struct process_tree *tree, const struct member *member)
{
    for (size_t steps = 0; member && !member->there && steps <= tree->count; steps++)
        member = find(tree, member->parent);
    return member && member->there;
}

/* Takes out who is not there any more; ended gets what they had done when last seen, as far as it
 * is in an account of another's, too. */
static void forget(struct process_tree *tree, struct meter_sample *ended)
{
    size_t kept = 0;
    for (size_t i = 0; i < tree->count; i++) {
        const struct member *member = &tree->members[i];
        if (member->there || !was_waited_for(tree, member))
            continue;
        add(ended, &member->own);
        add(ended, &member->reaped);
    }
    for (size_t i = 0; i < tree->count; i++) {
        if (tree->members[i].there)
            tree->members[kept++] = tree->members[i];
        else
            meter_destroy(tree->members[i].meter);
    }
    tree->count = kept;
}

static void add_memory(const struct process_tree *tree, struct meter_sample *sample)
{
    for (size_t i = 0; i < tree->count; i++) {
        struct meter_sample part = tree->members[i].own;
        if (tree->count > 1) {
            read_share(tree->members[i].pid, &part.rss_bytes);
            part.rss_peak_bytes = 0;
        }
        sample->rss_bytes += part.rss_bytes;
        sample->rss_peak_bytes += part.rss_peak_bytes;
        sample->threads += part.threads;
    }
}

int process_tree_read(struct process_tree *tree, struct meter_sample *sample, struct err *err)
{
    struct meter_sample reaped = {0}, ended = {0};
    int rc = look_around(tree, err);
    for (size_t i = 0; i < tree->count && !rc; i++)
        if (tree->members[i].there)
            rc = read_member(tree, &tree->members[i], &reaped, err);
    if (rc)
        return rc;
    forget(tree, &ended);
    reaped = meter_difference(&ended, &reaped);
    add(&tree->total, &reaped);
    *sample = tree->total;
    sample->at_ns = clock_now_ns();
    add_memory(tree, sample);
    return 0;
}

int process_tree_create(struct process_tree **out, pid_t pid, struct err *err)
{
    struct meter_sample sample;
    struct process_tree *tree = calloc(1, sizeof(*tree));
    if (!tree)
        return err_sys(err, -ENOMEM, "watch process %d", (int)pid);
    tree->pid = pid;
    int rc = process_tree_read(tree, &sample, err);
    if (rc)
        process_tree_destroy(tree);
    else
        *out = tree;
    return rc;
}

void process_tree_destroy(struct process_tree *tree)
{
    if (!tree)
        return;
    for (size_t i = 0; i < tree->count; i++)
        meter_destroy(tree->members[i].meter);
    free(tree->members);
    free(tree);
}
