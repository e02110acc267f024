/* SPDX-License-Identifier: MIT */
/* lease_pause.c - a process of ours and its group stopped by signal, and let go on. */
#include "faults/guardian/descendants.h"
#include "faults/guardian/lease.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* Nobody else's processes are stopped: those of a process lease are children of the guardian's and
 * lead a session of their own. */
static int check_ours(pid_t pid, struct err *err)
{
    struct descendants list;
    int rc = descendants_read(&list, err);
    if (rc)
        return rc;
    rc = -ESRCH;
    for (size_t i = 0; i < list.count; i++) {
        const struct descendant *item = &list.items[i];
        if (item->pid == pid && item->session == pid && item->parent == getpid() && !item->zombie)
            rc = 0;
    }
    descendants_fini(&list);
    return rc ? err_set(err, rc, "no process %d of this run to stop", (int)pid) : 0;
}

/* The word is the number of the leader of the group. */
static int pause_take(struct lease *lease, char *const *words, struct err *err)
{
    char *end = NULL;
    long number = words[0] ? strtol(words[0], &end, 10) : 0;
    if (number <= 1 || number > INT32_MAX || *end || words[1])
        return err_set(err, -EINVAL, "expected the number of a process to stop");
    pid_t *group = malloc(sizeof(*group));
    lease->state = group;
    if (!group)
        return err_sys(err, -ENOMEM, "stop a process");
    *group = (pid_t)number;
    int rc = check_ours(*group, err);
    if (!rc && kill(-*group, SIGSTOP) != 0)
        rc = err_sys(err, -errno, "stop process %d", (int)*group);
    return rc;
}

/* What was killed meanwhile need not go on; its number stays its own until it has been waited for,
 * and to go on harms nobody. */
static void pause_undo(struct lease *lease, const struct lease *all)
{
    const pid_t *group = lease->state;
    (void)all;
    (void)kill(-*group, SIGCONT);
    lease->status = 0;
    lease->ended = true;
}

const struct lease_kind lease_pause = {
    .name = "pause",
    .take = pause_take,
    .undo = pause_undo,
};
