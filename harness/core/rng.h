/* SPDX-License-Identifier: MIT */
/* rng.h - seeded randomness: xoshiro256++ (Blackman and Vigna, 2019), seeded by splitmix64. */
#ifndef POOLSTORM_CORE_RNG_H
#define POOLSTORM_CORE_RNG_H

#include <math.h>
#include <stdint.h>

/* One thread at a time. The same seed and stream give the same numbers everywhere. */
struct rng {
    uint64_t state[4];
};

static inline uint64_t rng_splitmix(uint64_t *x)
{
    uint64_t z = (*x += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* stream tells apart the users of one seed: thread 0 and 1, arrivals and bodies. */
static inline void rng_init(struct rng *rng, uint64_t seed, uint64_t stream)
{
    uint64_t x = seed ^ (stream * UINT64_C(0xd1342543de82ef95));
    for (int i = 0; i < 4; i++)
        rng->state[i] = rng_splitmix(&x);
}

static inline uint64_t rng_rotl(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

static inline uint64_t rng_next(struct rng *rng)
{
    uint64_t *s = rng->state;
    uint64_t result = rng_rotl(s[0] + s[3], 23) + s[0];
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rng_rotl(s[3], 45);
    return result;
}

/* Uniform in [0, limit); 0 when limit is 0. Unbiased (Lemire's multiply and reject). */
static inline uint64_t rng_below(struct rng *rng, uint64_t limit)
{
    if (limit == 0)
        return 0;
    uint64_t threshold = -limit % limit;
    for (;;) {
        __extension__ unsigned __int128 product = (unsigned __int128)rng_next(rng) * limit;
        if ((uint64_t)product >= threshold)
            return (uint64_t)(product >> 64);
    }
}

/* Uniform in [0, 1). */
static inline double rng_unit(struct rng *rng)
{
    return (double)(rng_next(rng) >> 11) * 0x1.0p-53;
}

/* Exponential with the given mean: the gaps of a Poisson process. */
static inline double rng_exponential(struct rng *rng, double mean)
{
    return -mean * log1p(-rng_unit(rng));
}

#endif
