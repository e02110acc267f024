/* SPDX-License-Identifier: MIT */
/* doctor.h - one look at this machine: what it finds, and the remedy; the table of them is made
 * from names in meson.build. */
#ifndef POOLSTORM_COMMAND_DOCTOR_DOCTOR_H
#define POOLSTORM_COMMAND_DOCTOR_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum finding_level {
    FINDING_OK,   /* nothing to do */
    FINDING_WARN, /* runs, but some of it cannot, or figures are to be read with care */
    FINDING_FAIL, /* poolstorm cannot do its work here */
};

struct finding {
    enum finding_level level;
    char found[400];    /* one line without a full stop */
    const char *remedy; /* static; NULL: none needed */
};

/* Static data, `const struct doctor_check check_<name>` in <name>.c, '-' in the name being '_'. */
struct doctor_check {
    const char *name;                      /* as typed: doctor NAME */
    void (*look)(struct finding *finding); /* fills it; a look takes half a second at most */
};

/* Every check in the order they are printed; ends with NULL. */
extern const struct doctor_check *const doctor_checks[];

/* Fills a finding; remedy is static or NULL. */
void finding_set(struct finding *finding, enum finding_level level, const char *remedy,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Adds ", " and a word to what was found. */
void finding_add(struct finding *finding, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The first line of a file of /proc or /sys. False, and text empty, when it cannot be read. */
bool look_text(const char *path, char *text, size_t size_bytes);

/* The number a file starts with. False, and value untouched, when there is none. */
bool look_number(const char *path, int64_t *value);

/* The path of a program in $PATH or the system's folders. False when there is none. */
bool look_program(const char *name, char *path, size_t size_bytes);

#endif
