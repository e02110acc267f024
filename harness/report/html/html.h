/* SPDX-License-Identifier: MIT */
/* html.h - the parts of an HTML report, for html.c and its tests. One thread at a time. */
#ifndef POOLSTORM_REPORT_HTML_HTML_H
#define POOLSTORM_REPORT_HTML_HTML_H

#include "report/compare.h"
#include "report/report.h"
#include "report/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Text from elsewhere: what could be markup made plain, also in attributes; newlines become <br>.
 * NULL writes nothing. -ENOMEM. */
int html_text(FILE *out, const char *text, struct err *err);

/* The class that gives a tone its colour, or "". Static. */
const char *html_tone(enum tone tone);

enum html_turn {
    HTML_AS_IS,
    HTML_TURNED, /* rows and columns change places */
    HTML_DRAWN,  /* as it is, in letters of one width */
};

/* A table in a frame that scrolls where it is too wide, with its heads marked as such. Writes
 * nothing when it has no rows. -ENOMEM. */
int html_table(FILE *out, const struct table *table, enum html_turn turn, struct err *err);

/* Where a result stands on its page. */
struct html_place {
    size_t id;         /* its number */
    int level;         /* of its heading: 1 or 2 */
    const char *label; /* before its name, or NULL */
};

/* All that is said of one result. */
int html_section(FILE *out, const struct report_item *item, const struct html_place *place,
                 struct err *err);

/* Of two runs of one scenario, the items that sides says: heading, what the second did otherwise,
 * also in the cells of its grid, and where the plots of both go. *made is false, and nothing
 * written, when they cannot be compared. */
int html_comparison(FILE *out, const struct report_input *input, const size_t sides[static 2],
                    bool *made, struct err *err);

/* Of a comparison at the gate: its scenario, what it came to and all its figures. */
int html_gate(FILE *out, const struct comparison *comparison, struct err *err);

/* What its plots are drawn from, as JSON that may stand in a script element: a few hundred bytes a
 * variant, phase and second at most; latencies in ms, times in s. view.js says what is in it. */
int html_data(FILE *out, const struct report_item *item, struct err *err);

/* ---- What the build takes in, see scripts/embed-page --------------------------------------------
 */

extern const char html_style[], html_script[];
extern const char html_style_hash[], html_script_hash[]; /* "sha256-…" */
extern const char html_plots_by[];                       /* "uPlot 1.6.32"; "": built without */

#endif
