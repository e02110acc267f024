/* SPDX-License-Identifier: MIT */
/* read.h - what the readers of a scenario's parts share: its keys, and a plan under construction.
 */
#ifndef POOLSTORM_PLAN_READ_H
#define POOLSTORM_PLAN_READ_H

#include "plan/document.h"
#include "plan/plan.h"

/* Sections by index into plan_sections. */
enum {
    SECTION_SCENARIO,
    SECTION_SUBJECT,
    SECTION_VARIANT,
    SECTION_LOAD,
    SECTION_REQUEST,
    SECTION_PHASE,
    SECTION_OBSERVE,
    SECTION_DERIVE,
    SECTION_CLAIM,
    SECTION_SEARCH,
    SECTION_DATABASE,
    SECTION_FAULT,
    SECTION_AXIS,
    SECTION_GRID,
};

/* As many structs as a section has tables of settings, see struct plan_section. */
enum { STATES_MAX = 4 };

/* A metric's mapping, as written. */
struct metric_text {
    char *from;      /* series or expression */
    char *histogram; /* instead of a series */
    char *sql;       /* likewise */
    char *reached;   /* a bound, of which is told when it was met; or NULL */
    double quantile; /* of a histogram */
    int take;        /* enum plan_take */
    int at;          /* enum plan_at */
    int unit;        /* index into the choices: 0 is "by its name", else enum metric_unit + 1 */
    int better;      /* index into the choices: as enum metric_better */
};

/* A claim's mapping, as written. */
struct claim_text {
    char *what, *figure, *says, *why;
    double tolerance;
};

/* A search's mapping, as written, but for the settings of the search itself. */
struct search_text {
    char *objective;
};

extern const struct param plan_search_params[];
extern const struct param plan_observe_params[];
extern const struct param plan_derive_params[];
extern const struct param plan_claim_params[];
extern const struct param plan_subject_params[];
extern const struct param plan_phase_params[];
extern const struct param plan_params[];
extern const struct param plan_variant_params[];
extern const struct param plan_database_params[];
extern const struct param plan_fault_params[];
extern const struct param plan_axis_params[];
extern const struct param plan_grid_params[];

/* A grid's mapping, as written, but for its lists. */
struct grid_text {
    uint64_t rounds; /* 0: as many as the file has */
};

/* A plan under construction. */
struct reading {
    struct document doc;
    const struct plan_tables *tables;
    struct plan *plan;
    struct load_profile load;      /* the load all phases start from */
    struct load_request *requests; /* likewise, owned */
    size_t request_count;
    const yaml_node_t *search; /* of the load, for the phases that say no rate; or NULL */
    struct err *err;
};

/* Reads a mapping's settings into states, which lie as the section's tables do. Structural keys are
 * left alone; others are refused with a suggestion. Keys not given keep what is there. */
int read_settings(struct reading *reading, const yaml_node_t *mapping, int section,
                  void *const states[STATES_MAX]);

/* The same of a section made for the occasion. */
int read_settings_of(struct reading *reading, const yaml_node_t *mapping,
                     const struct plan_section *section, void *const states[STATES_MAX]);

/* Whether node's text is fit to stand in expressions; says what it should be when not. */
int read_name_check(struct reading *reading, const yaml_node_t *node, const char *what);

/* A list of count zeroed elements; -ENOMEM is told. */
int read_alloc(struct reading *reading, size_t count, size_t size_bytes, void *out);

/* A text of SQL statements, its quotes checked. */
int read_sql(struct reading *reading, const yaml_node_t *node, struct plan_sql *sql);

/* A copy of a scalar's text. */
int read_copy(struct reading *reading, const char *text, char **out);

/* The parts of a file, each given its own node. */
int read_subject(struct reading *reading, const yaml_node_t *node, struct plan_subject *subject);
int read_database(struct reading *reading, const yaml_node_t *node);
int read_variants(struct reading *reading, const yaml_node_t *node,
                  const struct plan_subject *defaults);
int read_load(struct reading *reading, const yaml_node_t *node);
int read_search(struct reading *reading, const yaml_node_t *node, struct plan_phase *phase);
int read_phases(struct reading *reading, const yaml_node_t *node);
int read_phase_name(struct reading *reading, const yaml_node_t *node, size_t index);

/* Of a scenario of micro-benchmarks: what it must not have, and its one phase. */
int read_micro_check(struct reading *reading, const yaml_node_t *root);
int read_micro_subject(struct reading *reading, const yaml_node_t *node,
                       const struct plan_variant *variant);
int read_micro_phase(struct reading *reading, const yaml_node_t *node, size_t index);
int read_faults(struct reading *reading, const yaml_node_t *node);
int read_ledger(struct reading *reading, const yaml_node_t *node); /* after the phases */
int read_metrics(struct reading *reading, const yaml_node_t *observe, const yaml_node_t *derive);
int read_show(struct reading *reading, const yaml_node_t *node);
int read_expects(struct reading *reading, const yaml_node_t *node, enum expr_scope scope,
                 struct plan_expect **out, size_t *count);
int read_claims(struct reading *reading, const yaml_node_t *node);
int read_grid(struct reading *reading, const yaml_node_t *root); /* after all others */

/* Changes the document, before any part is read, to what a cell of the grid is. */
int read_cell(struct reading *reading, const char *cell);

/* An expression in a scalar, checked. The caller owns *out. */
int read_expr(struct reading *reading, const yaml_node_t *node, const char *text,
              enum expr_scope scope, struct expr **out);

/* Release what the parts hold, but not the structs themselves. */
void plan_database_fini(struct plan_database *database);
void plan_fault_fini(struct plan_fault *fault);
void plan_subject_fini(struct plan_subject *subject);
void plan_grid_fini(struct plan *plan);
void plan_requests_destroy(struct load_request *requests, size_t count);

#endif
