/* SPDX-License-Identifier: MIT */
/* html.c - the report as one page that needs nothing else: no network, and for its tables no
 * scripts. */
#include "report/html/html.h"
#include "report/content.h"
#include "report/gate_page.h"
#include "report/grid.h"
#include "report/summary.h"

#include <stdio.h>
#include <string.h>

/* Nothing may be loaded, and no script or style but the page's own be run. */
static void write_policy(FILE *out)
{
    (void)fprintf(out,
                  "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                  "script-src '%s'; style-src '%s'; img-src data:; base-uri 'none'; form-action "
                  "'none'\">\n",
                  html_script_hash, html_style_hash);
}

/* Two runs of one scenario, with or without the cells of their grids; sets which two. */
static bool is_pair(const struct report_input *input, size_t sides[static 2])
{
    size_t count = 0;
    for (size_t i = 0; i < input->item_count; i++)
        if (grid_is_apart(input, i) && count++ < 2)
            sides[count - 1] = i;
    return count == 2 && strcmp(input->items[sides[0]].result->plan->title,
                                input->items[sides[1]].result->plan->title) == 0;
}

static int write_title(FILE *out, const struct report_input *input, struct err *err)
{
    size_t count = summary_count(input), sides[2];
    if (count < 2 || is_pair(input, sides))
        return html_text(out, input->items[0].result->plan->title, err);
    (void)fprintf(out, "%zu scenarios", count);
    return 0;
}

static int write_head(FILE *out, const struct report_input *input, struct err *err)
{
    (void)fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n", out);
    write_policy(out);
    (void)fputs("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                "<meta name=\"color-scheme\" content=\"light dark\">\n"
                "<link rel=\"icon\" href=\"data:,\">\n<title>",
                out);
    int rc = write_title(out, input, err);
    (void)fprintf(out, " · poolstorm</title>\n<style>%s</style>\n</head>\n", html_style);
    return rc;
}

static int write_banner(FILE *out, const struct report_input *input, struct err *err)
{
    const struct result_environment *env = &input->items[0].result->environment;
    (void)fputs("<body>\n<header><span class=\"brand\">poolstorm</span>\n<span class=\"when\">",
                out);
    int rc = html_text(out, env->started, err);
    (void)fputs("</span>\n<button type=\"button\" class=\"theme\" hidden>Dark</button></header>\n"
                "<main>\n",
                out);
    return rc;
}

static int write_index_row(FILE *out, const struct report_item *item, size_t id, struct err *err)
{
    char outcome[400], expects[48], invariants[48], claims[48];
    enum tone tone;
    const struct judgement *judgement = item->judgement;
    content_outcome(item->result, judgement, outcome, sizeof(outcome), &tone);
    summary_held(judgement->expects, judgement->expect_count, expects, sizeof(expects));
    summary_held(judgement->invariants, judgement->invariant_count, invariants, sizeof(invariants));
    summary_upheld(judgement, claims, sizeof(claims));
    (void)fprintf(out, "<tr><th scope=\"row\"><a href=\"#scenario-%zu\">", id);
    int rc = html_text(out, item->result->plan->title, err);
    (void)fprintf(out, "</a></th><td class=\"%s\">", html_tone(tone));
    if (!rc)
        rc = html_text(out, outcome, err);
    (void)fprintf(out,
                  "</td><td class=\"number\">%s</td><td class=\"number\">%s</td><td "
                  "class=\"number\">%s</td></tr>\n",
                  expects, invariants, claims);
    return rc;
}

/* Below the scenarios' rows: what the cells of each grid came to. */
static int write_index_grids(FILE *out, const struct report_input *input, struct err *err)
{
    struct grid_outcome outcome;
    int rc = 0;
    for (size_t i = 0; !rc && grid_outcome(input, i, &outcome); i++) {
        (void)fputs("<tr><th scope=\"row\">", out);
        rc = html_text(out, outcome.title, err);
        (void)fprintf(out, "</th><td class=\"%s\">", html_tone(outcome.tone));
        rc = rc ? rc : html_text(out, outcome.text, err);
        (void)fputs("</td><td></td><td></td><td></td></tr>\n", out);
    }
    return rc;
}

/* Scenarios, and grids of theirs, that went well; sets of how many. */
static size_t count_well(const struct report_input *input, size_t *count)
{
    struct grid_outcome outcome;
    size_t well = 0, grids = 0;
    for (size_t i = 0; i < input->item_count; i++)
        well += grid_is_apart(input, i) && input->items[i].judgement->outcome == OUTCOME_WELL;
    for (; grid_outcome(input, grids, &outcome); grids++)
        well += outcome.tone == TONE_GOOD;
    *count = summary_count(input) + grids;
    return well;
}

/* Of several runs: what each came to, before any figure. */
static int write_index(FILE *out, const struct report_input *input, struct err *err)
{
    size_t count, well = count_well(input, &count);
    int rc = 0;
    (void)fprintf(out,
                  "<h1>%zu scenarios</h1>\n<p class=\"outcome %s\">%s %zu of %zu went well%s</p>\n"
                  "<div class=\"scroll\" tabindex=\"0\"><table class=\"index\"><thead><tr>"
                  "<th scope=\"col\">scenario</th><th scope=\"col\">outcome</th>"
                  "<th scope=\"col\" class=\"number\">expectations</th>"
                  "<th scope=\"col\" class=\"number\">invariants</th>"
                  "<th scope=\"col\" class=\"number\">claims upheld</th></tr></thead>\n",
                  summary_count(input), well == count ? "good" : "bad", well == count ? "✔" : "✘",
                  well, count, count > summary_count(input) ? ", grids included" : "");
    for (size_t i = 0; !rc && i < input->item_count; i++)
        if (grid_is_apart(input, i))
            rc = write_index_row(out, &input->items[i], i, err);
    if (!rc)
        rc = write_index_grids(out, input, err);
    (void)fputs("</table></div>\n", out);
    return rc;
}

/* Of several runs: all claims in one table, behind what each came to. */
static int write_claims(FILE *out, const struct report_input *input, struct err *err)
{
    struct table table = {0};
    summary_claims(input, &table);
    if (table_rows(&table) > 0)
        (void)fputs("<h2>All claims</h2>\n", out);
    int rc = html_table(out, &table, HTML_AS_IS, err);
    table_fini(&table);
    return rc;
}

/* Grids are told as a whole, below what is told by itself. */
static int write_grid_part(void *arg, const struct grid_part *part, struct err *err)
{
    FILE *out = arg;
    (void)fputs("<h3>", out);
    int rc = html_text(out, part->title, err);
    (void)fputs("</h3>\n", out);
    if (!rc && part->outcome) {
        (void)fprintf(out, "<p class=\"outcome %s\">", html_tone(part->outcome->tone));
        rc = html_text(out, part->outcome->text, err);
        (void)fputs("</p>\n", out);
    }
    return rc ? rc : html_table(out, part->table, HTML_AS_IS, err);
}

static int write_end(FILE *out)
{
    (void)fprintf(out, "</main>\n<script>%s</script>\n</body>\n</html>\n", html_script);
    return 0;
}

/* One after the other: all records at once would take more memory than a small machine has. */
static int write_opened(FILE *out, const struct report_input *input, const struct html_place *place,
                        struct err *err)
{
    struct report_opened opened;
    int rc = report_open(input, place->id, &opened, err);
    if (!rc)
        rc = html_section(out, &opened.item, place, err);
    report_close(input, &opened);
    return rc;
}

int gate_page_write(const struct report_input *input, const struct comparison *const *comparisons,
                    size_t count, FILE *out, struct err *err)
{
    int rc = write_head(out, input, err);
    if (!rc)
        rc = write_banner(out, input, err);
    (void)fputs("<h1>At the gate</h1>\n", out);
    for (size_t i = 0; !rc && i < count; i++)
        rc = html_gate(out, comparisons[i], err);
    for (size_t i = 0; !rc && i < input->item_count; i++)
        rc = write_opened(out, input, &(struct html_place){.id = i, .level = 2}, err);
    return rc ? rc : write_end(out);
}

static int html_format(const struct report_input *input, FILE *out, struct err *err)
{
    bool several = summary_count(input) > 1, compared = false;
    size_t sides[2];
    int rc = write_head(out, input, err);
    if (!rc)
        rc = write_banner(out, input, err);
    if (!rc && is_pair(input, sides))
        rc = html_comparison(out, input, sides, &compared, err);
    if (!rc && several && !compared)
        rc = write_index(out, input, err);
    if (!rc && several && !compared)
        rc = write_claims(out, input, err);
    for (size_t i = 0; !rc && i < input->item_count; i++) {
        struct html_place place = {.id = i,
                                   .level = several ? 2 : 1,
                                   .label = !compared       ? NULL
                                            : i == sides[0] ? "A"
                                                            : "B"};
        if (grid_is_apart(input, i))
            rc = write_opened(out, input, &place, err);
    }
    if (!rc)
        rc = grid_write(input, write_grid_part, out, err);
    return rc ? rc : write_end(out);
}

const struct report_format report_html = {
    .name = "html",
    .extension = "html",
    .by_item = true,
    .summary = "one page with verdicts, tables and plots, for people; needs no network",
    .write = html_format,
};
