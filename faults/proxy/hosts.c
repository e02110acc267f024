/* SPDX-License-Identifier: MIT */
/* hosts.c - reads a file of lines "ADDRESS NAME ...  # comment". */
#include "faults/proxy/hosts.h"

#include "core/io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FILE_BYTES_MAX = 1 << 20 };

static const char blanks[] = " \t\r";

/* line is cut up. */
static bool line_has(char *line, const char *name, int family, void *address)
{
    char *rest = NULL;
    line[strcspn(line, "#")] = '\0';
    const char *number = strtok_r(line, blanks, &rest);
    if (!number || inet_pton(family, number, address) != 1)
        return false;
    for (const char *word; (word = strtok_r(NULL, blanks, &rest));)
        if (strcasecmp(word, name) == 0)
            return true;
    return false;
}

int hosts_find(const char *path, const char *name, int family, void *address)
{
    char *text = NULL, *rest = NULL;
    size_t length = 0;
    int rc = io_read_file(path, FILE_BYTES_MAX, &text, &length);
    if (rc)
        return rc;
    rc = -ENOENT;
    for (char *line = strtok_r(text, "\n", &rest); rc && line; line = strtok_r(NULL, "\n", &rest))
        if (line_has(line, name, family, address))
            rc = 0;
    free(text);
    return rc;
}
