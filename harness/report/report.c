/* SPDX-License-Identifier: MIT */
/* report.c - finds formats and writes their files whole or not at all. */
#include "report/report.h"

#include "core/param.h"
#include "report/whole_file.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

const struct report_format *report_find(const char *name, struct err *err)
{
    enum { WORDS_MAX = 32 };
    const char *words[WORDS_MAX] = {0};
    for (size_t i = 0; report_formats[i]; i++) {
        if (strcmp(report_formats[i]->name, name) == 0)
            return report_formats[i];
        if (i < WORDS_MAX - 1)
            words[i] = report_formats[i]->name;
    }
    const char *near = word_suggest(words, name);
    if (near)
        (void)err_set(err, -EINVAL, "no report format '%.60s'; did you mean '%s'?", name, near);
    else
        (void)err_set(err, -EINVAL, "no report format '%.60s'", name);
    return NULL;
}

/* The last part of a path of length bytes, without slashes. */
static const char *last_part(const char *path, size_t *length)
{
    while (*length > 0 && path[*length - 1] == '/')
        --*length;
    size_t start = *length;
    while (start > 0 && path[start - 1] != '/')
        start--;
    *length -= start;
    return path + start;
}

char *report_name(char *name, size_t size_bytes, const char *path)
{
    static const char record[] = "result.json", extension[] = ".json";
    size_t length = strlen(path);
    const char *part = last_part(path, &length);
    if (length == sizeof(record) - 1 && strncmp(part, record, length) == 0) {
        length = (size_t)(part - path);
        part = last_part(path, &length);
    } else if (length >= sizeof(extension) && strncmp(part + length - sizeof(extension) + 1,
                                                      extension, sizeof(extension) - 1) == 0) {
        length -= sizeof(extension) - 1;
    }
    bool none = length == 0 || strspn(part, ".") >= length;
    (void)snprintf(name, size_bytes, "%.*s", none ? 6 : (int)length, none ? "result" : part);
    return name;
}

int report_open(const struct report_input *input, size_t index, struct report_opened *out,
                struct err *err)
{
    *out = (struct report_opened){.item = input->items[index]};
    return input->shelf ? input->shelf->open(input->shelf->arg, index, out, err) : 0;
}

void report_close(const struct report_input *input, struct report_opened *opened)
{
    if (input->shelf)
        input->shelf->close(opened);
}

int report_write_one(const struct report_format *format, const struct result *result,
                     const struct judgement *judgement, FILE *out, struct err *err)
{
    enum { PARTS_MAX = 1 << 16 };
    char called[256];
    const struct report_item item = {
        result, judgement,
        report_name(called, sizeof(called), result->folder ? result->folder : "")};
    struct report_input input = {.items = &item, .item_count = 1};
    char name[256];
    if (!format->part)
        return format->write(&input, out, err);
    int rc = 0;
    for (; !rc && input.part < PARTS_MAX && format->part(&input, name, sizeof(name)); input.part++)
        rc = format->write(&input, out, err);
    return rc;
}

/* A format and what it is asked to write. */
struct page {
    const struct report_format *format;
    const struct report_input *input;
};

static int write_page(const void *arg, FILE *out, struct err *err)
{
    const struct page *page = arg;
    return page->format->write(page->input, out, err);
}

int report_write_file(const struct report_format *format, const struct report_input *input,
                      const char *path, struct err *err)
{
    return whole_file_write(path, write_page, &(struct page){format, input}, err);
}
