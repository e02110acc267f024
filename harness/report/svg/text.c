/* SPDX-License-Identifier: MIT */
/* text.c - the head of a file with its style, and texts as XML. */
#include "report/svg/svg.h"

#include "report/text.h"

#include <math.h>
#include <string.h>

/* Light, and dark where the reader's system is; the colours are the page's (html/style.css). The
 * ground is painted, for a page that is light where the system is dark, and the other way round.
 * Classes and not variables: not every reader of SVG knows these. */
static const char style[] =
    "text{font:12px system-ui,-apple-system,\"Segoe UI\",\"Noto Sans\",\"DejaVu Sans\",sans-serif;"
    "fill:#667080}"
    ".h{font-size:16px;font-weight:600;fill:#1c2026}.n{fill:#1c2026}.p{font-weight:600;"
    "fill:#1c2026}"
    ".e{text-anchor:end}.m{text-anchor:middle}"
    ".bg{fill:#fff;stroke:#e6e9ee}"
    ".g{stroke:#e6e9ee;fill:none}.o{stroke:#7a8494;stroke-width:1.25;stroke-dasharray:5 4;"
    "fill:none}.w{fill:#d98a00}.wt{fill:#8a5a00}.lt{fill:#667080}"
    ".wt,.lt{font-size:11px;paint-order:stroke;stroke:#fff;stroke-opacity:.8;stroke-width:3px}"
    ".hx{fill:url(#x);stroke:#b9c0ca}.hl{stroke:#b9c0ca;stroke-width:2}"
    ".s{fill:none;stroke-width:1.75;stroke-linejoin:round;stroke-linecap:round}"
    ".r{fill:none;stroke-dasharray:2 3}.b{opacity:.14}"
    ".c0{stroke:#0072b2}.c1{stroke:#d55e00}.c2{stroke:#009e73}.c3{stroke:#c0529a}"
    ".c4{stroke:#b98500}.c5{stroke:#3aa0d8}.c6{stroke:#5b4fb0}.c7{stroke:#5a6270}"
    ".f0{fill:#0072b2}.f1{fill:#d55e00}.f2{fill:#009e73}.f3{fill:#c0529a}"
    ".f4{fill:#b98500}.f5{fill:#3aa0d8}.f6{fill:#5b4fb0}.f7{fill:#5a6270}"
    "@media(prefers-color-scheme:dark){text{fill:#97a1b0}.h,.n,.p{fill:#e4e8ee}"
    ".bg{fill:#14171c;stroke:#282d36}.g{stroke:#282d36}.o{stroke:#8a94a4}"
    ".w{fill:#e0a030}.wt{fill:#e0b565}.lt{fill:#97a1b0}.wt,.lt{stroke:#14171c}.b{opacity:.2}"
    ".hx{stroke:#4a5260}.hl{stroke:#3a414d}"
    ".c0{stroke:#56a8e8}.c1{stroke:#f08a4b}.c2{stroke:#3cc79c}.c3{stroke:#e08cc4}"
    ".c4{stroke:#e6b94d}.c5{stroke:#8fd0f5}.c6{stroke:#a79cf0}.c7{stroke:#aab3c0}"
    ".f0{fill:#56a8e8}.f1{fill:#f08a4b}.f2{fill:#3cc79c}.f3{fill:#e08cc4}"
    ".f4{fill:#e6b94d}.f5{fill:#8fd0f5}.f6{fill:#a79cf0}.f7{fill:#aab3c0}}";

int svg_text(FILE *out, const char *text, struct err *err)
{
    return text_escape(out, text, " ", err);
}

int svg_begin(FILE *out, double height, const char *title, const char *about, struct err *err)
{
    (void)fprintf(out,
                  "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %.0f\" width=\"%d\" "
                  "height=\"%.0f\" role=\"img\">\n<title>",
                  SVG_WIDTH, height, SVG_WIDTH, height);
    int rc = svg_text(out, title, err);
    (void)fputs("</title>\n<desc>", out);
    if (!rc)
        rc = svg_text(out, about, err);
    (void)fprintf(out,
                  "</desc>\n<style>%s</style>\n<rect class=\"bg\" x=\".5\" y=\".5\" width=\"%d\" "
                  "height=\"%.0f\" rx=\"6\"/>\n",
                  style, SVG_WIDTH - 1, height - 1);
    return rc;
}

void svg_put(FILE *out, char before, double value)
{
    double tenths = nearbyint(value * 10);
    if (!isfinite(tenths))
        tenths = 0;
    (void)fputc(before, out);
    if (fmod(tenths, 10) == 0)
        (void)fprintf(out, "%.0f", tenths / 10 + 0.0); /* never "-0" */
    else
        (void)fprintf(out, "%.1f", tenths / 10);
}

double svg_text_width(const char *text)
{
    return 6.7 * (double)text_width(text, strlen(text));
}

double svg_paragraph(FILE *out, double y, const char *text, int *rc, struct err *err)
{
    enum { LINE_PX = 17 };
    const size_t width = (size_t)((SVG_WIDTH - 2 * SVG_MARGIN) / 6.2);
    size_t length;
    for (const char *line; (line = text_line(&text, width, &length));) {
        double at = y;
        y += LINE_PX;
        char part[400];
        (void)snprintf(part, sizeof(part), "%.*s", (int)length, line);
        if (!out)
            continue;
        (void)fprintf(out, "<text x=\"%d\" y=\"%.0f\">", SVG_MARGIN, at);
        if (!*rc)
            *rc = svg_text(out, part, err);
        (void)fputs("</text>\n", out);
    }
    return y - LINE_PX;
}
