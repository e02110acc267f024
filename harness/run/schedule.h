/* SPDX-License-Identifier: MIT */
/* schedule.h - in which order the rounds of a run take place.
 *
 * Blocks come in twos: one in an order drawn from the seed, the next in the reverse of it; with two
 * variants that is ABBA or BAAB. Whatever drifts linearly over two blocks (a warming machine, a
 * filling disk) then hits every variant alike, and no variant always has the same neighbour before
 * it. An odd last block stands alone. */
#ifndef POOLSTORM_RUN_SCHEDULE_H
#define POOLSTORM_RUN_SCHEDULE_H

#include <stddef.h>
#include <stdint.h>

/* Fills order with block_count times variant_count variants (0 to variant_count - 1), block by
 * block. The same seed gives the same order. */
void schedule_fill(size_t *order, size_t block_count, size_t variant_count, uint64_t seed);

#endif
