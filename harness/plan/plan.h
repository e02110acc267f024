/* SPDX-License-Identifier: MIT */
/* plan.h - a scenario file read, checked and resolved: what to run, on what, and what to expect.
 *
 * A plan is complete: every variant carries its whole subject, every phase its whole load, every
 * expression its resolved names. It is immutable once loaded and owns all it points to; any thread
 * may read it. Nothing here waits on anything but the file system.
 *
 * Values. A round of a variant yields one row of plan->metric_count doubles per phase, by metric
 * index: the built-in metrics first (enum metric_index), then the observed, then those of faults,
 * then the derived ones; NAN is "none". The runner fills all but the derived ones of the measured
 * phases, plan_derive works out the rest of a row, and plan_gather makes the row of the whole
 * round, which is what a path without a phase means:
 *
 *   qps, goodput, a request's cost: the first closed-loop measured phase, else the first measured;
 *   latencies, lateness, quantiles of observed ones: the first open-loop one, else the first;
 *   counts, observed counters: summed over the measured phases;
 *   observed gauges: by take, the last measured phase's, or the largest, least or mean;
 *   when a bound was reached: in the last measured phase;
 *   figures of a fault: in the phase the fault is in.
 */
#ifndef POOLSTORM_PLAN_PLAN_H
#define POOLSTORM_PLAN_PLAN_H

#include "core/err.h"
#include "core/param.h"
#include "faults/fault.h"
#include "load/profile.h"
#include "load/search.h"
#include "plan/expr.h"
#include "plan/metric.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PLAN_VARIANTS_MAX = 32,
    PLAN_PHASES_MAX = 64,
    PLAN_FAULTS_MAX = 16,
    PLAN_AXES_MAX = 3,
    PLAN_CELLS_MAX = 64,
    PLAN_FILE_BYTES_MAX = 1 << 20,
    PLAN_DEPTH_MAX = 32, /* nesting of the file's mappings and lists */
};

/* Where a part of a plan was written, from 1. */
struct plan_where {
    size_t line, column;
};

struct plan_pair {
    char *name, *value;
};

/* In the order written; an override takes the place of what it overrides. */
struct plan_pairs {
    struct plan_pair *items;
    size_t count;
};

/* What is measured; all variants are of the scenario's kind. */
enum plan_kind {
    PLAN_KIND_SERVICE, /* services under load */
    PLAN_KIND_MICRO,   /* micro-benchmarks: no load, one measured phase, subjects of MICRO alone */
};

extern const char *const plan_kind_names[]; /* by enum plan_kind, ends with NULL */

enum plan_subject_kind {
    PLAN_SUBJECT_SERVE,   /* the built-in service, started by the runner */
    PLAN_SUBJECT_COMMAND, /* a program started by the runner */
    PLAN_SUBJECT_URL,     /* already running; never started or stopped */
    PLAN_SUBJECT_MICRO,   /* a micro-benchmark, in a process of its own */
};

enum plan_allocator {
    PLAN_ALLOCATOR_DEFAULT, /* not said: the subject's own, nothing is preloaded */
    PLAN_ALLOCATOR_GLIBC,
    PLAN_ALLOCATOR_JEMALLOC,
    PLAN_ALLOCATOR_TCMALLOC,
    PLAN_ALLOCATOR_MIMALLOC,
};

extern const char *const plan_allocator_names[]; /* by enum plan_allocator, ends with NULL */

struct plan_subject {
    enum plan_subject_kind kind;
    struct plan_pairs serve; /* SERVE: settings of the service, names as in its own table */
    char **command;          /* COMMAND: argv, ends with NULL; "{port}", "{dir}", "{database}" */
    char *url;             /* COMMAND (may hold "{port}") and URL: scheme, host, port; else NULL */
    char *health;          /* path that answers 2xx once the subject is up; NULL for MICRO */
    int allocator;         /* enum plan_allocator; not for URL */
    struct plan_pairs env; /* added to the environment; not for URL */
    uint64_t start_timeout_ns; /* from start to healthy */
    char *benchmark;           /* MICRO: its name, as poolstorm micro lists it */
    char *row;                 /* MICRO: which of its rows, or NULL where it has no such choice */
    uint64_t threads;          /* MICRO */
};

/* SQL as written in the file. A block scalar (`setup: |`) tells its own lines; see plan/sql.h. */
struct plan_sql {
    char *text;              /* one or more statements, sound as to quotes; NULL: none */
    struct plan_where where; /* of the first character of text */
    bool by_line;            /* each line of text is one of the file, from where on */
};

enum plan_database_kind {
    PLAN_DATABASE_NONE,
    PLAN_DATABASE_POSTGRES, /* a server for this run alone, or the one that --database names */
};

extern const char *const plan_database_names[]; /* by enum plan_database_kind, ends with NULL */

struct plan_database_setting {
    char *name, *value;
    struct plan_where where; /* of the name */
};

struct plan_database {
    int kind;                               /* enum plan_database_kind */
    struct plan_database_setting *settings; /* of the server, as in postgresql.conf */
    size_t setting_count;
    struct plan_sql setup;      /* before the first round */
    struct plan_sql each_round; /* before every round */
};

struct plan_variant {
    char *name;
    char *about; /* one line for people, or NULL */
    struct plan_subject subject;
    struct plan_where where;
};

enum plan_phase_kind {
    PLAN_PHASE_WARMUP,  /* load, thrown away */
    PLAN_PHASE_MEASURE, /* load, kept */
    PLAN_PHASE_DRAIN,   /* no load: the subject settles */
};

extern const char *const plan_phase_kind_names[]; /* by enum plan_phase_kind, ends with NULL */

struct plan_phase {
    char *name;
    int kind; /* enum plan_phase_kind */
    uint64_t length_ns;
    struct load_profile profile;   /* the load with this phase's overrides */
    struct load_request *requests; /* likewise */
    size_t request_count;          /* at least 1, but 0 in a drain and for micro-benchmarks */
    struct expr *objective;        /* of a knee search, which may take length_ns; NULL: the load is
                                      as the profile says */
    struct search_settings search; /* with an objective; the profile's rate is what it begins at */
    struct plan_where where;
};

struct act;

/* A kind of fault, as scenario files have it: one of the proxy's (struct fault_type), or one that
 * the runner makes by itself. Static data. */
struct plan_fault_kind {
    const char *name;               /* as in `kind: latency` */
    const char *summary;            /* one line, lower case, no full stop */
    const struct param *params;     /* its own settings; NULL: none */
    size_t settings_bytes;          /* of the struct they fill */
    bool database, service;         /* what it can be on; database goes first */
    bool aimed;                     /* stream, toxicity and the like mean something */
    bool started;                   /* needs a subject that the run has started */
    bool proxied;                   /* needs a proxy before what it is on */
    const char *touches;            /* what it counts: "sessions"; NULL: "connections" */
    const struct fault_type *proxy; /* the proxy's kind; NULL: the runner's own */
    const struct act *act;          /* then: how it is made, see run/act.h */

    /* Contradictions among settings; may be NULL. */
    int (*check)(const void *settings, struct err *err);
};

enum plan_on { PLAN_ON_DATABASE, PLAN_ON_SERVICE };

extern const char *const plan_on_names[]; /* by enum plan_on, ends with NULL */

/* The figures of a fault, `<its name>_depth` and so on; see measure/recovery.h. */
enum plan_fault_metric {
    PLAN_FAULT_DEPTH,
    PLAN_FAULT_DETECT,
    PLAN_FAULT_RECOVER,
    PLAN_FAULT_RECOVERED,
    PLAN_FAULT_ERRORS,
    PLAN_FAULT_AMPLIFICATION,
    PLAN_FAULT_METRICS,
};

/* One on the timeline of every round, whatever the variant. */
struct plan_fault {
    char *name; /* of its own: how metrics and results call it */
    struct plan_fault_kind kind;
    int on;               /* enum plan_on */
    char *phase_name;     /* as written, or NULL */
    size_t phase;         /* a measured one without a search */
    uint64_t at_ns;       /* since the phase's load began */
    uint64_t for_ns;      /* 0: until the phase's end */
    uint64_t hold_ns;     /* how long it must be well again to count as recovered */
    uint64_t slack_ns;    /* by which P99 may be above that before, and be well again */
    int stream;           /* enum fault_stream; for aimed kinds, like aim */
    struct fault_aim aim; /* source owned */
    void *settings;       /* by kind.params, owned */
    char *metric_names[PLAN_FAULT_METRICS];
    struct plan_where where;
};

/* What is kept of a gauge over a phase. All but the last are sampled while it lasts, and what was
 * seen over time is kept as well. */
enum plan_take {
    PLAN_TAKE_LAST,
    PLAN_TAKE_MAX,
    PLAN_TAKE_MEAN,
    PLAN_TAKE_MIN,
    PLAN_TAKE_REACHED, /* when a bound was first met: said by `reached`, not by `take` */
};

/* When a statement is asked. */
enum plan_at {
    PLAN_AT_PHASE, /* at a measured phase's end, or while it lasts, as take says */
    PLAN_AT_ROUND, /* once, after the last phase: a figure of the whole round alone */
};

extern const char *const plan_take_names[]; /* by enum plan_take up to MIN, ends with NULL */
extern const char *const plan_at_names[];   /* by enum plan_at, ends with NULL */

/* One of a series or a histogram of the subject's /metrics, or a statement its database is asked;
 * of a micro-benchmark a counter of its own, by the name in `series`. Metric index
 * METRIC_BUILTIN_COUNT + its own index. */
struct plan_observe {
    char *name;           /* the metric's name */
    char *series;         /* Prometheus name, with labels in braces where given; or NULL */
    char *histogram;      /* likewise, without _bucket; or NULL */
    double quantile;      /* of what a histogram grew by over the phase, above 0 and below 1 */
    struct plan_sql sql;  /* yields one number; text NULL: none */
    bool counter;         /* growth over the phase is kept, else what take says */
    int take;             /* enum plan_take; LAST for a counter and a histogram */
    int at;               /* enum plan_at; PHASE for all but sql */
    int reached_op;       /* enum expr_op, of REACHED: what is observed reached_op reached_limit */
    double reached_limit; /* likewise, in its unit; the metric is a time from the phase's start */
    double scale;         /* the metric is what was read times this: 1e9 for seconds */
};

struct plan_derive {
    char *name;        /* the metric's name */
    struct expr *expr; /* over metrics without variant or phase that were defined before it */
};

/* One thing that a grid varies. */
struct plan_axis {
    char *name;
    char *set;     /* the path of the key that is set: "subject.allocator" */
    char **values; /* value_count of them, as written */
    size_t value_count;
};

/* A condition. */
struct plan_expect {
    struct expr *expr;
    struct plan_where where;
};

/* A figure someone published. */
struct plan_claim {
    char *what;
    struct expr *figure; /* NULL: it has no counterpart here, and why says why */
    char *says;          /* as written: "1.58", "> 95%", "7 → 0" */
    enum expr_op op;     /* with figure: what says means; EXPR_ABOUT for a bare value */
    double limit;        /* with figure: in the figure's unit */
    double tolerance;    /* of EXPR_ABOUT, relative */
    char *why;           /* or NULL */
    struct plan_where where;
};

struct plan {
    char *path;  /* of the file, as given */
    char *name;  /* "allocation/encode": folder and file without .yaml */
    char *title; /* the name, of a cell with the cell's behind a blank: what reports call it */
    char *text;  /* the whole file, for the record */
    int kind;    /* enum plan_kind */
    char *question, *source;
    char *notes; /* or NULL */
    struct plan_database database;
    struct plan_variant *variants; /* the first is the baseline */
    size_t variant_count;
    struct plan_phase *phases;
    size_t phase_count;
    struct plan_sql ledger;    /* the tokens of what is stored; text NULL: no ledger is kept */
    uint64_t rounds;           /* of every variant */
    uint64_t sample_every_ns;  /* distance of a gauge's samples; 0: see run/observe.h */
    double noise_share;        /* the band within which variants count as equivalent */
    struct plan_fault *faults; /* as written */
    size_t fault_count;
    struct plan_observe *observes;
    size_t observe_count;
    struct plan_derive *derives;
    size_t derive_count;
    struct metric *metrics; /* built-in, observed, PLAN_FAULT_METRICS a fault, derived */
    size_t metric_count;
    int *show; /* metrics to print as further columns */
    size_t show_count;
    struct plan_expect *expects; /* paths name a variant */
    size_t expect_count;
    struct plan_expect *invariants; /* a path without a variant is asked of every variant */
    size_t invariant_count;
    struct plan_claim *claims;
    size_t claim_count;
    struct plan_axis *axes; /* of its grid; the product of their values is its cells */
    size_t axis_count;
    struct expr **figures; /* of the grid: what each cell is asked for */
    size_t figure_count;
    char *cell; /* which one this is, such as "allocator=glibc,payload=16KB"; NULL: the file as it
                   is written */
};

/* What the plan cannot know by itself. */
struct plan_tables {
    const struct param *service; /* the settings of `serve:`; NULL: none are known, all refused */
    size_t service_size_bytes;   /* of the struct they fill */
    int (*service_check)(const void *settings, struct err *err); /* contradictions; may be NULL */
    const char *const *service_reserved; /* names of settings the runner gives; NULL: none */
    const struct fault_type *const *proxy_faults;       /* ends with NULL; NULL: none are known */
    const struct plan_fault_kind *const *runner_faults; /* likewise: those the runner makes */
};

/* Reads a scenario file. Errors read `file:line:column: what was expected`. -EINVAL for what is
 * wrong in it, else the errno of reading it. The caller owns *out: plan_destroy. */
int plan_load(const char *path, const struct plan_tables *tables, struct plan **out,
              struct err *err);

/* The same from memory; path names it in messages. */
int plan_parse(const char *path, const char *data, size_t length_bytes,
               const struct plan_tables *tables, struct plan **out, struct err *err);

/* The same for a cell of the file's grid: with the axes' values laid over what the file says, and
 * the grid's phases and rounds alone. Expectations and claims are of the file as it is written; a
 * cell has invariants and figures. cell: as plan_cell_name writes it; NULL: as plan_parse. */
int plan_parse_cell(const char *path, const char *data, size_t length_bytes,
                    const struct plan_tables *tables, const char *cell, struct plan **out,
                    struct err *err);

void plan_destroy(struct plan *plan); /* NULL is fine */

/* How many cells its grid has; 0: it has none. */
size_t plan_cell_count(const struct plan *plan);

/* "allocator=glibc,payload=16KB": the values of a cell, the last axis varying fastest. Returns
 * text. */
char *plan_cell_name(const struct plan *plan, size_t index, char *text, size_t size_bytes);

/* The phase a path without one stands for, or -1 where it sums, compares or derives. */
int plan_phase_of(const struct plan *plan, size_t metric);

/* Fills the derived metrics of a row from the others. */
void plan_derive(const struct plan *plan, double *row);

/* Makes the row of a whole round out of phase_count rows (those of unmeasured phases are not
 * looked at), derived ones included. What only the round has is in whole already. */
void plan_gather(const struct plan *plan, const double *rows, double *whole);

/* What tables show of each variant, whatever else is asked for, and what variants are compared by.
 * Built-in metrics; both lists end with -1. */
const int *plan_columns(const struct plan *plan);
const int *plan_compared(const struct plan *plan);

/* The index of a metric by name, or -1. */
int plan_metric_find(const struct plan *plan, const char *name);

/* The index of a fault's metric, by enum plan_fault_metric. */
size_t plan_fault_metric(const struct plan *plan, size_t fault, int which);

/* What stands behind a structural key. */
enum plan_shape {
    PLAN_TEXT,     /* a text */
    PLAN_TEXTS,    /* a list of texts */
    PLAN_PAIRS,    /* names with a text each */
    PLAN_SECTION,  /* a mapping with the keys of the section `of` */
    PLAN_SECTIONS, /* a list of those */
    PLAN_NAMED,    /* names with one of those each */
    PLAN_NAMED_OR_TEXTS,
};

enum plan_key_how {
    PLAN_BRIEF = 1,    /* a text may stand in the place of each section */
    PLAN_REQUIRED = 2, /* where its section is there, it has to be, too */
};

/* The format, for reference pages and editors: what the parser itself goes by. A section's keys
 * come from one or more tables of settings and from a list of structural keys. */
struct plan_key {
    const char *name;
    enum plan_shape shape;
    const char *of;   /* name of a section, or "serve": the service's settings; NULL: texts */
    unsigned how;     /* enum plan_key_how, or'ed */
    const char *help; /* one line, lower case, no full stop */
};

struct plan_section {
    const char *name; /* "scenario", "subject", "load", … */
    const char *help;
    const struct param *settings[4]; /* ends with NULL */
    const struct plan_key *keys;     /* ends with {0} */
};

extern const struct plan_section plan_sections[]; /* ends with {0} */

#endif
