/* SPDX-License-Identifier: MIT */
/* hosts.c - reads files of lines "ADDRESS NAME ...  # comment", and "NAME PORT/tcp NAME ...". */
#include "faults/proxy/hosts.h"

#include "core/io.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FILE_BYTES_MAX = 1 << 20 };

static const char blanks[] = " \t\r";

/* Whether a line, which it cuts up, has name; what it says of it is put where answer points. */
typedef bool line_fn(char *line, const char *name, void *answer);

/* The first line that has it: 0, -ENOENT, or why the file can't be read. */
static int find_line(const char *path, line_fn *has, const char *name, void *answer)
{
    char *text = NULL, *rest = NULL;
    size_t length = 0;
    int rc = io_read_file(path, FILE_BYTES_MAX, &text, &length);
    if (rc)
        return rc;
    rc = -ENOENT;
    for (char *line = strtok_r(text, "\n", &rest); rc && line; line = strtok_r(NULL, "\n", &rest)) {
        line[strcspn(line, "#")] = '\0';
        if (has(line, name, answer))
            rc = 0;
    }
    free(text);
    return rc;
}

/* ---- Hosts ----------------------------------------------------------------------------------- */

struct address {
    int family;
    void *address;
};

static bool names_host(char *line, const char *name, void *answer)
{
    const struct address *wanted = answer;
    char *rest = NULL;
    const char *number = strtok_r(line, blanks, &rest);
    if (!number || inet_pton(wanted->family, number, wanted->address) != 1)
        return false;
    for (const char *word; (word = strtok_r(NULL, blanks, &rest));)
        if (strcasecmp(word, name) == 0)
            return true;
    return false;
}

int hosts_find(const char *path, const char *name, int family, void *address)
{
    struct address wanted = {.family = family, .address = address};
    return find_line(path, names_host, name, &wanted);
}

/* ---- Services -------------------------------------------------------------------------------- */

/* "http 80/tcp www". */
static bool names_service(char *line, const char *name, void *answer)
{
    char *rest = NULL, *end = NULL;
    const char *word = strtok_r(line, blanks, &rest), *number = strtok_r(NULL, blanks, &rest);
    unsigned long port = number && isdigit((unsigned char)*number) ? strtoul(number, &end, 10) : 0;
    if (!end || port > UINT16_MAX || strcmp(end, "/tcp") != 0)
        return false;
    for (; word; word = strtok_r(NULL, blanks, &rest)) {
        if (strcasecmp(word, name) != 0)
            continue;
        *(uint16_t *)answer = (uint16_t)port;
        return true;
    }
    return false;
}

int hosts_find_port(const char *path, const char *name, uint16_t *port)
{
    return find_line(path, names_service, name, port);
}
