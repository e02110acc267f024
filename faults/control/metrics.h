/* SPDX-License-Identifier: MIT */
/* metrics.h - what proxies and toxics have done, in Prometheus's text format. No I/O. */
#ifndef POOLSTORM_FAULTS_CONTROL_METRICS_H
#define POOLSTORM_FAULTS_CONTROL_METRICS_H

#include "faults/proxy/proxy.h"

/* To be freed; NULL without memory. Toxiproxy's names and labels for its figures, counted live. */
char *metrics_text(struct proxy_set *set);

#endif
