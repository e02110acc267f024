/* SPDX-License-Identifier: MIT */
/* whole_file.c - files by way of a temporary one beside them. */
#include "report/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_stream(whole_file_fn *write, const void *arg, FILE *out, const char *path,
                        struct err *err)
{
    int rc = write(arg, out, err);
    if (!rc && (fflush(out) != 0 || ferror(out)))
        rc = err_sys(err, errno ? -errno : -EIO, "write %.200s", path);
    return rc;
}

/* A pipe, a device or a link is written to as it is: a file must not take its place. */
static int write_special(const char *path, whole_file_fn *write, const void *arg, struct err *err)
{
    FILE *out = fopen(path, "we");
    if (!out)
        return err_sys(err, -errno, "write %.200s", path);
    int rc = write_stream(write, arg, out, path, err);
    if (fclose(out) && !rc)
        rc = err_sys(err, -errno, "write %.200s", path);
    return rc;
}

int whole_file_write(const char *path, whole_file_fn *write, const void *arg, struct err *err)
{
    char temporary[PATH_MAX];
    struct stat status;
    if (lstat(path, &status) == 0 && !S_ISREG(status.st_mode))
        return write_special(path, write, arg, err);
    int length = snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
    if (length < 0 || (size_t)length >= sizeof(temporary))
        return err_sys(err, -ENAMETOOLONG, "write %.200s", path);
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, -errno, "write %.200s", path);
    FILE *out = fdopen(fd, "w");
    int rc = out ? 0 : err_sys(err, -errno, "open %.200s", temporary);
    if (!rc)
        rc = write_stream(write, arg, out, path, err);
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
