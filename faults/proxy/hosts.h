/* SPDX-License-Identifier: MIT */
/* hosts.h - the addresses of names by a file such as /etc/hosts, and the ports of services: without
 * the system's resolver, which may ask the network, and for long. */
#ifndef POOLSTORM_FAULTS_PROXY_HOSTS_H
#define POOLSTORM_FAULTS_PROXY_HOSTS_H

#include <stdint.h>

#define HOSTS_PATH    "/etc/hosts"
#define SERVICES_PATH "/etc/services"

/* The first address of that family (AF_INET, AF_INET6) that the file has for name, in whatever
 * case; address is a struct in_addr or in6_addr. Reads the file each time, 1 MiB at most. 0;
 * -ENOENT when there is none; or why the file can't be read. */
int hosts_find(const char *path, const char *name, int family, void *address);

/* The port that a file such as /etc/services has for name, or for one that is also called so, over
 * TCP. As hosts_find. */
int hosts_find_port(const char *path, const char *name, uint16_t *port);

#endif
