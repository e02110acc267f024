/* SPDX-License-Identifier: MIT */
/* param.h - named, typed, documented settings of a struct: one table serves the command line,
 * scenario files, subject settings, faults and their help texts. */
#ifndef POOLSTORM_CORE_PARAM_H
#define POOLSTORM_CORE_PARAM_H

#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum param_type {
    PARAM_TYPE_NS,     /* uint64_t nanoseconds: 10ms, 1.5s, 250us, 2m, 1h; 0 needs no unit */
    PARAM_TYPE_BYTES,  /* uint64_t bytes: 1200, 1.2KB (1000), 16KiB (1024), 1MB, 4MiB, 1GB */
    PARAM_TYPE_RATE,   /* double per second: 5000/s, 0.5/s, 300/m, 10k/s; a bare number is /s */
    PARAM_TYPE_COUNT,  /* uint64_t: 64, 10k, 1M */
    PARAM_TYPE_SHARE,  /* double in [0, 1]: 10%, 0.1 */
    PARAM_TYPE_NUMBER, /* double */
    PARAM_TYPE_BOOL,   /* bool: true, false, yes, no, on, off */
    PARAM_TYPE_TEXT,   /* char *, owned by the struct, NULL when unset */
    PARAM_TYPE_CHOICE, /* int: the index into choices */
};

/* One setting. Tables end with {0}. Everything is static data. */
struct param {
    const char *name;           /* snake_case; '-' is accepted for '_' */
    enum param_type type;       /* what the text is read as, and the field's C type */
    size_t offset;              /* of the field in the struct */
    const char *fallback;       /* default, in the text form; NULL: zero / unset */
    const char *help;           /* one line, lower case, no full stop */
    const char *const *choices; /* for PARAM_TYPE_CHOICE, ends with NULL */
    char letter;                /* short option on the command line, 0: none */
    double min, max;            /* inclusive bounds on numbers when max > min */
    bool secret;         /* a text that may hold a password: a command line is cleared of it */
    bool repeats;        /* a text that, given again, gains a line instead of being replaced */
    bool required;       /* where a file has the setting's section, it has to be there */
    const char *section; /* heading in the help from this setting on; NULL: the one before */
    double wire;         /* what 1 as a bare number (JSON) stands for; 0: see param_wire */
};

#define PARAM_FIELD(name_, kind_, struct_, field_, fallback_, help_)                               \
    .name = (name_), .type = PARAM_TYPE_##kind_, .offset = offsetof(struct struct_, field_),       \
    .fallback = (fallback_), .help = (help_)

/* { PARAM_NS("delay", latency, delay_ns, "10ms", "added to every write") } and so on; further
 * designated initialisers (.letter = 'c', .min = 1, .max = 100) may follow inside the braces. */
#define PARAM_NS(n, s, f, d, h)        PARAM_FIELD(n, NS, s, f, d, h)
#define PARAM_BYTES(n, s, f, d, h)     PARAM_FIELD(n, BYTES, s, f, d, h)
#define PARAM_RATE(n, s, f, d, h)      PARAM_FIELD(n, RATE, s, f, d, h)
#define PARAM_COUNT(n, s, f, d, h)     PARAM_FIELD(n, COUNT, s, f, d, h)
#define PARAM_SHARE(n, s, f, d, h)     PARAM_FIELD(n, SHARE, s, f, d, h)
#define PARAM_NUMBER(n, s, f, d, h)    PARAM_FIELD(n, NUMBER, s, f, d, h)
#define PARAM_BOOL(n, s, f, d, h)      PARAM_FIELD(n, BOOL, s, f, d, h)
#define PARAM_TEXT(n, s, f, d, h)      PARAM_FIELD(n, TEXT, s, f, d, h)
#define PARAM_CHOICE(n, s, f, d, h, c) PARAM_FIELD(n, CHOICE, s, f, d, h), .choices = (c)

/* Writes every default into state. Texts are copied; call param_fini before state goes away. */
int param_defaults(const struct param *params, void *state, struct err *err);

/* Reads text into the field. On -EINVAL err says what was expected and nothing has changed. */
int param_set(const struct param *param, void *state, const char *text, struct err *err);

/* Frees the texts. */
void param_fini(const struct param *params, void *state);

/* Copies every field of from to to; texts are duplicated. to must hold defaults or zeroes. */
int param_copy(const struct param *params, void *to, const void *from, struct err *err);

/* The setting called name, or NULL. */
const struct param *param_find(const struct param *params, const char *name);

/* The name nearest to a mistyped one ("did you mean"), or NULL when none is near. */
const char *param_suggest(const struct param *params, const char *name);

/* The same over any list of words that ends with NULL. */
const char *word_suggest(const char *const *words, const char *name);

/* Writes the field's value in the text form param_set reads. Returns the length, as snprintf. */
int param_format(const struct param *param, const void *state, char *text, size_t size_bytes);

/* What 1 stands for where settings are bare numbers, in the field's unit: 1e6 for a duration in
 * milliseconds, which it is unless the table says otherwise; 1 for other numbers. A control API
 * reads field = number * param_wire and writes number = field / param_wire; booleans, texts and
 * choices are JSON's own. */
double param_wire(const struct param *param);

/* What kind of text the setting takes, with an example: "a duration such as 10ms". */
const char *param_expects(const struct param *param);

/* Writes nanoseconds or bytes as a person would say them: "1.5 ms", "16 KiB". Return text. */
char *format_ns(char *text, size_t size_bytes, double value_ns);
char *format_bytes(char *text, size_t size_bytes, double value_bytes);
char *format_count(char *text, size_t size_bytes, double value);

#endif
