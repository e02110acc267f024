/* SPDX-License-Identifier: MIT */
/* leftovers.c - orphans are killed, and shared memory nobody uses is removed. */
#include "faults/guardian/leftovers.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_spared(const struct descendants *list, pid_t pid, const struct descendants *spared)
{
    for (size_t i = 0; i < spared->count; i++)
        if (descendants_stem_from(list, pid, spared->items[i].pid))
            return true;
    return false;
}

size_t leftovers_kill(const struct descendants *spared)
{
    struct descendants list;
    size_t left = 0;
    if (descendants_read(&list, NULL))
        return 1;
    for (size_t i = 0; i < list.count; i++) {
        const struct descendant *item = &list.items[i];
        if (is_spared(&list, item->pid, spared))
            continue;
        if (item->zombie) {
            if (item->parent == getpid())
                (void)waitpid(item->pid, NULL, WNOHANG);
            continue;
        }
        (void)kill(item->pid, SIGKILL);
        left++;
    }
    descendants_fini(&list);
    return left;
}

/* It outlives whoever made it and was killed: PostgreSQL, for one, holds some as a lock. What bears
 * the process's number and is no older than it is its own: the number was taken all the time.
 * (Seconds, rounded down, are all that the kernel keeps.) */
void leftovers_remove_shared_memory(pid_t pid, time_t started)
{
    struct shmid_ds segment;
    int last = shmctl(0, SHM_INFO, &segment);
    for (int i = 0; i <= last; i++) {
        int id = shmctl(i, SHM_STAT, &segment);
        if (id >= 0 && segment.shm_cpid == pid && segment.shm_ctime >= started &&
            segment.shm_nattch == 0)
            (void)shmctl(id, IPC_RMID, NULL);
    }
}
