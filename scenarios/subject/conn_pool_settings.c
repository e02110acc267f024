/* SPDX-License-Identifier: MIT */
/* conn_pool_settings.c - the table of the connection pool's settings. */
#include "subject/conn_pool.h"

#include <errno.h>

const char *const conn_order_words[] = {
    [CONN_ORDER_FIFO] = "fifo",
    [CONN_ORDER_RANDOM] = "random",
    [CONN_ORDER_LIFO] = "lifo",
    NULL,
};

const char *const conn_reconnect_words[] = {
    [CONN_RECONNECT_BACKOFF] = "backoff",
    [CONN_RECONNECT_IMMEDIATE] = "immediate",
    NULL,
};

const struct param conn_pool_params[] = {CONN_POOL_PARAMS("", conn_pool_settings, ), {0}};

int conn_pool_settings_check(const struct conn_pool_settings *settings, struct err *err)
{
    if (settings->max_open == 0)
        return err_set(err, -EINVAL, "max_open must be at least 1");
    if (settings->min_idle > settings->max_open)
        return err_set(err, -EINVAL, "min_idle must not exceed max_open");
    if (settings->min_idle > settings->max_idle)
        return err_set(err, -EINVAL, "min_idle must not exceed max_idle");
    if (settings->prewarm > settings->max_open)
        return err_set(err, -EINVAL, "prewarm must not exceed max_open");
    if (settings->prewarm > settings->max_idle)
        return err_set(err, -EINVAL, "prewarm must not exceed max_idle");
    if (settings->backoff_ns > settings->backoff_max_ns)
        return err_set(err, -EINVAL, "backoff must not exceed backoff_max");
    if (settings->connect_timeout_ns == 0 || settings->validation_timeout_ns == 0)
        return err_set(err, -EINVAL, "connect_timeout and validation_timeout must not be 0");
    if (settings->lifetime_jitter >= 1 || settings->keepalive_jitter >= 1)
        return err_set(err, -EINVAL, "lifetime_jitter and keepalive_jitter must be below 100%%");
    return 0;
}
