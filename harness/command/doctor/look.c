/* SPDX-License-Identifier: MIT */
/* look.c - what the checks share: reading small files, finding programs, writing findings. */
#include "command/doctor/doctor.h"

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void finding_set(struct finding *finding, enum finding_level level, const char *remedy,
                 const char *format, ...)
{
    va_list args;
    finding->level = level;
    finding->remedy = remedy;
    va_start(args, format);
    (void)vsnprintf(finding->found, sizeof(finding->found), format, args);
    va_end(args);
}

void finding_add(struct finding *finding, const char *format, ...)
{
    va_list args;
    size_t used = strlen(finding->found);
    if (used && used + 2 < sizeof(finding->found)) {
        memcpy(finding->found + used, ", ", 3);
        used += 2;
    }
    va_start(args, format);
    (void)vsnprintf(finding->found + used, sizeof(finding->found) - used, format, args);
    va_end(args);
}

bool look_text(const char *path, char *text, size_t size_bytes)
{
    *text = '\0';
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t length = read(fd, text, size_bytes - 1);
    (void)close(fd);
    text[length > 0 ? length : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return length > 0;
}

bool look_number(const char *path, int64_t *value)
{
    char text[64];
    char *end = NULL;
    if (!look_text(path, text, sizeof(text)))
        return false;
    long long number = strtoll(text, &end, 10);
    if (end == text)
        return false;
    *value = number;
    return true;
}

bool look_program(const char *name, char *path, size_t size_bytes)
{
    static const char system_folders[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin";
    const char *lists[] = {getenv("PATH"), system_folders};
    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
        for (const char *folder = lists[i]; folder && *folder;) {
            int length = (int)strcspn(folder, ":");
            int needed = snprintf(path, size_bytes, "%.*s/%s", length, folder, name);
            if (length && (size_t)needed < size_bytes && access(path, X_OK) == 0)
                return true;
            folder += length + (folder[length] == ':');
        }
    }
    *path = '\0';
    return false;
}
