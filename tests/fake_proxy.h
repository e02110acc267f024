/* SPDX-License-Identifier: MIT */
/* fake_proxy.h - proxies without a socket or a fiber, for what stands on faults/proxy/proxy.h: link
 * fake_proxy.c in its place. */
#ifndef POOLSTORM_TESTS_FAKE_PROXY_H
#define POOLSTORM_TESTS_FAKE_PROXY_H

#include "faults/proxy/proxy.h"

/* What a set does not tell by proxy.h. A listen whose port is 1 is in use. Port 0 becomes 40000. */
struct fake_counts {
    unsigned starts; /* how often a proxy began to listen */
    unsigned drops;  /* how often one's connections were dropped */
};

extern struct fake_counts fake_counts;

/* Descriptors that the set leaves alone. */
extern size_t fake_reserve;

/* What toxic_effects and toxic_links are to answer, of every toxic. */
extern struct toxic_effects fake_effects;
extern struct toxic_link fake_links[2];

#endif
