/* SPDX-License-Identifier: MIT */
/* page.c - makes the page from the records, as `report` would. */
#include "command/run/page.h"

#include "command/records.h"
#include "report/summary.h"
#include "report/terminal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

static int print_summary(const struct report_input *input, struct err *err)
{
    struct table table = {0};
    struct table_style style = terminal_style(stdout);
    summary_scenarios(input, &table);
    (void)putchar('\n');
    int rc = table_write(&table, stdout, &style, err);
    table_fini(&table);
    return rc;
}

static int write_page(const struct report_input *input, const char *folder, bool told,
                      struct err *err)
{
    char path[PATH_MAX];
    const struct report_format *html = report_find("html", err);
    if (!html)
        return -ENOENT;
    int length = snprintf(path, sizeof(path), "%s/report.html", folder);
    if (length < 0 || (size_t)length >= sizeof(path))
        return err_set(err, -ENAMETOOLONG, "write %.80s…/report.html", folder);
    int rc = report_write_file(html, input, path, err);
    if (!rc && told && summary_count(input) > 1)
        rc = print_summary(input, err);
    if (!rc && told)
        printf("\nAll of it, with plots: %s\n", path);
    return rc;
}

int page_write(const char *folder, bool told, struct err *err)
{
    struct records records = {.may_be_light = true};
    struct report_input input = {0};
    int rc = records_add(&records, folder, err);
    if (!rc)
        rc = records_input(&records, &input, err);
    if (!rc && records.count > 0)
        rc = write_page(&input, folder, told, err);
    records_fini(&records);
    return rc;
}
