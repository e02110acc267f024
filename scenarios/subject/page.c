/* SPDX-License-Identifier: MIT */
/* page.c - writes a page of figures in Prometheus's text format (0.0.4). */
#include "subject/page.h"

#include <inttypes.h>

void page_type(struct page *page, const char *name, const char *type, const char *help)
{
    page_printf(page, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void page_one(struct page *page, const char *name, const char *type, const char *help,
              uint64_t value)
{
    page_type(page, name, type, help);
    page_printf(page, "%s %" PRIu64 "\n", name, value);
}

void page_rows(struct page *page, const struct page_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        page_one(page, rows[i].name, rows[i].type, rows[i].help, rows[i].value);
}
