/* SPDX-License-Identifier: MIT */
/* section.c - what a page says of one result: verdicts, figures, faults, plots, and whether to
 * believe it. */
#include "report/content.h"
#include "report/distributions.h"
#include "report/environment.h"
#include "report/html/html.h"
#include "report/over_time.h"

enum { COLUMNS_BESIDE = 6 }; /* of the table of variants, before it is turned */

/* A heading and its table, unless it has no rows; the table is done with. */
static int write_part(FILE *out, const char *title, struct table *table, enum html_turn turn,
                      struct err *err)
{
    if (table_rows(table) > 0 && title)
        (void)fprintf(out, "<h3>%s</h3>\n", title);
    int rc = html_table(out, table, turn, err);
    table_fini(table);
    return rc;
}

static int write_head(FILE *out, const struct report_item *item, const struct html_place *place,
                      struct err *err)
{
    const struct plan *plan = item->result->plan;
    char text[400];
    enum tone tone;
    (void)fprintf(out, "<h%d>%s%s", place->level, place->label ? place->label : "",
                  place->label ? ": " : "");
    int rc = html_text(out, plan->title, err);
    (void)fprintf(out, "</h%d>\n", place->level);
    if (!rc && plan->question) {
        (void)fputs("<p class=\"question\">", out);
        rc = html_text(out, plan->question, err);
        (void)fputs("</p>\n", out);
    }
    if (rc)
        return rc;
    content_outcome(item->result, item->judgement, text, sizeof(text), &tone);
    (void)fprintf(out, "<p class=\"outcome %s\">", html_tone(tone));
    rc = html_text(out, text, err);
    (void)fputs("</p>\n", out);
    return rc;
}

static int write_verdicts(FILE *out, const struct report_item *item, struct err *err)
{
    struct table expects = {0}, invariants = {0}, claims = {0};
    const struct judgement *judgement = item->judgement;
    content_conditions(item->result, judgement->expects, judgement->expect_count, &expects);
    content_conditions(item->result, judgement->invariants, judgement->invariant_count,
                       &invariants);
    content_claims(judgement, &claims);
    int rc = write_part(out, "Expectations", &expects, HTML_AS_IS, err);
    if (!rc)
        rc = write_part(out, "Invariants", &invariants, HTML_AS_IS, err);
    if (!rc)
        rc = write_part(out, "Claims", &claims, HTML_AS_IS, err);
    table_fini(&expects);
    table_fini(&invariants);
    table_fini(&claims);
    return rc;
}

static int write_figures(FILE *out, const struct report_item *item, struct err *err)
{
    struct table table = {0};
    struct content_notes notes = {0};
    int rc = content_variants(item->result, item->judgement, &table, &notes, err);
    enum html_turn turn = table.column_count > COLUMNS_BESIDE ? HTML_TURNED : HTML_AS_IS;
    if (!rc)
        rc = write_part(out, "Figures", &table, turn, err);
    table_fini(&table);
    if (rc)
        return rc;
    (void)fputs("<p class=\"note\">Median of the valid rounds ± half their range; ratios of pairs "
                "[95 % interval].",
                out);
    for (size_t i = 0; !rc && i < notes.count; i++) {
        char text[160];
        (void)fputs("<br>", out);
        rc = html_text(out, content_note(&notes, i, text, sizeof(text)), err);
    }
    (void)fputs("</p>\n", out);
    return rc;
}

static int write_faults(FILE *out, const struct report_item *item, struct err *err)
{
    struct table faults = {0};
    int rc = content_faults(item->result, &faults, err);
    if (!rc)
        rc = write_part(out, "Faults, in the median of the valid rounds", &faults,
                        faults.column_count > COLUMNS_BESIDE && table_rows(&faults) <= 4
                            ? HTML_TURNED
                            : HTML_AS_IS,
                        err);
    table_fini(&faults);
    return rc;
}

/* The script takes the place of what is in the section; the drawing in letters is for those who
 * have none. */
static int write_plots(FILE *out, const struct report_item *item, size_t id, struct err *err)
{
    struct table over_time = {0};
    (void)fprintf(out, "<section class=\"plots\" data-from=\"data-%zu\">\n<noscript>\n", id);
    (void)fputs(html_plots_by[0]
                    ? "<p class=\"note\">The plots need scripts; what they show stands in the "
                      "tables.</p>\n"
                    : "",
                out);
    int rc = content_over_time(item->result, &over_time, err);
    if (!rc)
        rc = write_part(out, "Over time, in the median round", &over_time, HTML_DRAWN, err);
    table_fini(&over_time);
    (void)fputs("</noscript>\n</section>\n", out);
    if (!html_plots_by[0])
        (void)fputs("<p class=\"note\">This poolstorm was built without uPlot: the plots are "
                    "missing (<code>poolstorm doctor plots</code>).</p>\n",
                    out);
    if (rc || !html_plots_by[0])
        return rc;
    (void)fprintf(out, "<script type=\"application/json\" id=\"data-%zu\">", id);
    rc = html_data(out, item, err);
    (void)fputs("</script>\n", out);
    return rc;
}

static int write_rest(FILE *out, const struct report_item *item, struct err *err)
{
    struct table curves = {0}, distributions = {0}, validity = {0};
    content_curves(item->result, &curves);
    int rc = write_part(out, "Search", &curves, HTML_AS_IS, err);
    if (!rc)
        rc = content_distributions(item->result, &distributions, err);
    if (!rc)
        rc = write_part(out, "Histograms, of all valid rounds", &distributions, HTML_DRAWN, err);
    if (!rc)
        rc = content_validity(item->result, item->judgement, &validity, err);
    if (!rc)
        content_record(item->result, &validity);
    if (!rc)
        rc = write_part(out, "Validity", &validity, HTML_AS_IS, err);
    table_fini(&curves);
    table_fini(&distributions);
    table_fini(&validity);
    return rc;
}

static int write_environment(FILE *out, const struct report_item *item, struct err *err)
{
    struct table table = {0};
    content_environment(&(struct report_input){.items = item, .item_count = 1}, true, &table);
    (void)fputs("<details><summary>Environment</summary>\n", out);
    int rc = html_table(out, &table, HTML_AS_IS, err);
    (void)fputs("</details>\n", out);
    table_fini(&table);
    return rc;
}

static int write_source(FILE *out, const struct plan *plan, struct err *err)
{
    (void)fputs("<details><summary>Scenario</summary>\n<pre tabindex=\"0\">", out);
    int rc = html_text(out, plan->text, err);
    (void)fputs("</pre></details>\n", out);
    return rc;
}

int html_section(FILE *out, const struct report_item *item, const struct html_place *place,
                 struct err *err)
{
    (void)fprintf(out, "<article id=\"scenario-%zu\">\n", place->id);
    int rc = write_head(out, item, place, err);
    if (!rc)
        rc = write_verdicts(out, item, err);
    if (!rc)
        rc = write_figures(out, item, err);
    if (!rc)
        rc = write_faults(out, item, err);
    if (!rc)
        rc = write_plots(out, item, place->id, err);
    if (!rc)
        rc = write_rest(out, item, err);
    if (!rc)
        rc = write_environment(out, item, err);
    if (!rc)
        rc = write_source(out, item->result->plan, err);
    (void)fputs("</article>\n", out);
    return rc;
}
