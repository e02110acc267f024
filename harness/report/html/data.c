/* SPDX-License-Identifier: MIT */
/* data.c - the data of a result's plots, as the page's scripts read them. */
#include "report/html/html.h"
#include "report/plot_data.h"

#include <errno.h>

/* A '<' stands in texts alone, and could end the script element or hide its end. */
static int write_harmless(const char *buffer, size_t size, void *out)
{
    for (size_t i = 0; i < size; i++)
        if (buffer[i] == '<')
            (void)fputs("\\u003c", out);
        else
            (void)fputc(buffer[i], out);
    return 0;
}

int html_data(FILE *out, const struct report_item *item, struct err *err)
{
    json_t *data = NULL;
    int rc = plot_data_create(item, &data, err);
    if (!rc && json_dump_callback(data, write_harmless, out, JSON_COMPACT | JSON_REAL_PRECISION(5)))
        rc = err_set(err, -EIO, "write plots as JSON");
    json_decref(data);
    return rc;
}
