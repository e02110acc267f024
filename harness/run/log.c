/* SPDX-License-Identifier: MIT */
/* log.c - reads logs back, from their ends. */
#include "run/log.h"

#include "core/io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { TAIL_BYTES = 300 }; /* in an error's text, which holds 480 */

int log_add_tail(const char *path, int code, struct err *err)
{
    char *text, said[sizeof(err->text)];
    size_t length;
    if (!err || io_read_file(path, LOG_BYTES_MAX, &text, &length))
        return code;
    while (length > 0 && text[length - 1] == '\n')
        text[--length] = '\0';
    const char *tail = length > TAIL_BYTES ? text + length - TAIL_BYTES : text;
    const char *line = tail > text ? strchr(tail, '\n') : NULL;
    tail = line ? line + 1 : tail;
    memcpy(said, err->text, sizeof(said));
    if (*tail)
        (void)err_set(err, code, "%s; its log (%s) ends:\n%s", said, path, tail);
    else
        (void)err_set(err, code, "%s; its log (%s) is empty", said, path);
    free(text);
    return code;
}

char *log_find_last(const char *path, size_t offset_bytes, const char *word)
{
    char *text, *found = NULL;
    size_t length;
    if (io_read_file(path, LOG_BYTES_MAX, &text, &length))
        return NULL;
    char *from = text + (offset_bytes < length ? offset_bytes : length);
    for (char *at = strstr(from, word); at; at = strstr(at + 1, word))
        found = at;
    if (found)
        found = strndup(found, strcspn(found, "\n"));
    free(text);
    return found;
}

bool log_find_line(const char *path, const char *start, char *rest, size_t size_bytes)
{
    char *text;
    size_t length, start_length = strlen(start);
    bool found = false;
    if (io_read_file(path, LOG_BYTES_MAX, &text, &length))
        return false;
    for (const char *line = text; line && !found; line = strchr(line, '\n')) {
        line += *line == '\n';
        size_t span = strcspn(line, "\n");
        if (strncmp(line, start, start_length) != 0 || line[span] == '\0')
            continue;
        (void)snprintf(rest, size_bytes, "%.*s", (int)(span - start_length), line + start_length);
        found = true;
    }
    free(text);
    return found;
}

size_t log_length(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? (size_t)status.st_size : 0;
}
