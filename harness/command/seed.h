/* SPDX-License-Identifier: MIT */
/* seed.h - a seed for who was given none; whoever draws one prints it. */
#ifndef POOLSTORM_COMMAND_SEED_H
#define POOLSTORM_COMMAND_SEED_H

#include <stdint.h>

/* Never 0. */
uint64_t seed_draw(void);

#endif
