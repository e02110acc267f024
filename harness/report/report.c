/* SPDX-License-Identifier: MIT */
/* report.c - finds formats and writes their files whole or not at all. */
#include "report/report.h"

#include "core/param.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

static int write_stream(const struct report_format *format, const struct report_input *input,
                        FILE *out, const char *path, struct err *err)
{
    int rc = format->write(input, out, err);
    if (!rc && (fflush(out) != 0 || ferror(out)))
        rc = err_sys(err, errno ? -errno : -EIO, "write %.200s", path);
    return rc;
}

/* A pipe, a device or a link is written to as it is: a file must not take its place. */
static int write_special(const struct report_format *format, const struct report_input *input,
                         const char *path, struct err *err)
{
    FILE *out = fopen(path, "we");
    if (!out)
        return err_sys(err, -errno, "write %.200s", path);
    int rc = write_stream(format, input, out, path, err);
    if (fclose(out) && !rc)
        rc = err_sys(err, -errno, "write %.200s", path);
    return rc;
}

int report_write_file(const struct report_format *format, const struct report_input *input,
                      const char *path, struct err *err)
{
    char temporary[PATH_MAX];
    struct stat status;
    if (lstat(path, &status) == 0 && !S_ISREG(status.st_mode))
        return write_special(format, input, path, err);
    int length = snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
    if (length < 0 || (size_t)length >= sizeof(temporary))
        return err_sys(err, -ENAMETOOLONG, "write %.200s", path);
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, -errno, "write %.200s", path);
    FILE *out = fdopen(fd, "w");
    int rc = out ? 0 : err_sys(err, -errno, "open %.200s", temporary);
    if (!rc)
        rc = write_stream(format, input, out, path, err);
    if (!rc && fchmod(fd, 0644))
        rc = err_sys(err, -errno, "set the mode of %.200s", temporary);
    if (out ? fclose(out) : close(fd))
        rc = rc ? rc : err_sys(err, -errno, "write %.200s", path);
    if (!rc && rename(temporary, path))
        rc = err_sys(err, -errno, "rename %.150s to %.150s", temporary, path);
    if (rc)
        (void)unlink(temporary);
    return rc;
}
