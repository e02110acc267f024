/* SPDX-License-Identifier: MIT */
/* ledger.c - a byte for each write: what its client knows, and how often it was found. */
#include "load/ledger.h"

#include <errno.h>
#include <stdlib.h>

/* What the client knows, in the lower bits; how often it was found, in the upper ones. */
enum {
    NOT_WRITTEN,
    UNKNOWN,
    REFUSED,
    ACKNOWLEDGED,
    KNOWN = 3,
    FOUND_ONCE = 4,
    FOUND_OFTEN = 8,
};

int ledger_init(struct ledger *ledger, unsigned threads, struct err *err)
{
    *ledger = (struct ledger){.parts = calloc(threads, sizeof(*ledger->parts))};
    if (!ledger->parts)
        return err_sys(err, -ENOMEM, "make a ledger");
    ledger->part_count = threads;
    for (unsigned i = 0; i < threads; i++) {
        ledger->parts[i].marks =
            calloc(LEDGER_ROOM, 1); /* the system gives pages as they are used */
        if (!ledger->parts[i].marks) {
            ledger_fini(ledger);
            return err_sys(err, -ENOMEM, "make a ledger");
        }
    }
    return 0;
}

void ledger_fini(struct ledger *ledger)
{
    for (unsigned i = 0; i < ledger->part_count; i++)
        free(ledger->parts[i].marks);
    free(ledger->parts);
    *ledger = (struct ledger){0};
}

void ledger_sent(struct ledger_part *part, uint64_t number)
{
    uint64_t at = number - part->first;
    if (at >= LEDGER_ROOM) {
        part->beyond++;
        return;
    }
    part->marks[at] = UNKNOWN;
    if (at >= part->used)
        part->used = at + 1;
}

void ledger_answered(struct ledger_part *part, uint64_t number, enum load_outcome outcome,
                     int status)
{
    uint64_t at = number - part->first;
    if (at >= LEDGER_ROOM || !load_outcome_is_reply(outcome) || status == 502 || status == 504)
        return;
    part->marks[at] = status < 400 ? ACKNOWLEDGED : REFUSED;
}

bool ledger_stored(struct ledger *ledger, uint64_t number)
{
    for (unsigned i = 0; i < ledger->part_count; i++) {
        struct ledger_part *part = &ledger->parts[i];
        uint64_t at = number - part->first;
        if (at >= part->used || (part->marks[at] & KNOWN) == NOT_WRITTEN)
            continue;
        part->marks[at] |= part->marks[at] & FOUND_ONCE ? FOUND_OFTEN : FOUND_ONCE;
        return true;
    }
    return false;
}

static void count_one(struct ledger_counts *counts, unsigned mark)
{
    bool stored = mark & FOUND_ONCE;
    counts->acknowledged += (mark & KNOWN) == ACKNOWLEDGED;
    counts->refused += (mark & KNOWN) == REFUSED;
    counts->unknown += (mark & KNOWN) == UNKNOWN;
    counts->stored += stored;
    counts->doubled += (mark & FOUND_OFTEN) != 0;
    counts->lost += (mark & KNOWN) == ACKNOWLEDGED && !stored;
    counts->ghosts += (mark & KNOWN) == REFUSED && stored;
}

struct ledger_counts ledger_count(const struct ledger *ledger)
{
    struct ledger_counts counts = {0};
    for (unsigned i = 0; i < ledger->part_count; i++) {
        const struct ledger_part *part = &ledger->parts[i];
        for (uint64_t at = 0; at < part->used; at++)
            count_one(&counts, part->marks[at]);
        counts.beyond += part->beyond;
    }
    return counts;
}
