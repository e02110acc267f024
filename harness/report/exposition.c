/* SPDX-License-Identifier: MIT */
/* exposition.c - heads, labels, units and histograms of Prometheus' text format. */
#include "report/exposition.h"

#include "report/text.h"

#include <inttypes.h>
#include <stdbool.h>

/* Upper bounds of the histograms' buckets. */
static const double bounds_s[] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                  0.1,    0.25,    0.5,    1,     2.5,    5,     10,   30,    60};

static const struct {
    const char *suffix;
    double scale;
} units[] = {
    [METRIC_NUMBER] = {"", 1},      [METRIC_COUNT] = {"", 1},
    [METRIC_SHARE] = {"_ratio", 1}, [METRIC_NS] = {"_seconds", 1e-9},
    [METRIC_BYTES] = {"_bytes", 1}, [METRIC_RATE] = {"_per_second", 1},
};

const char *exposition_suffix(enum metric_unit unit)
{
    return units[unit].suffix;
}

double exposition_scale(enum metric_unit unit)
{
    return units[unit].scale;
}

static void write_escaped(FILE *out, const char *text, bool quoted)
{
    for (; *text; text++) {
        if (*text == '\n')
            (void)fputs("\\n", out);
        else if (*text == '\\' || (quoted && *text == '"'))
            (void)fprintf(out, "\\%c", *text);
        else
            (void)fputc(*text, out);
    }
}

void exposition_label(FILE *out, const char *name, const char *text)
{
    char clean[256];
    (void)snprintf(clean, sizeof(clean), "%s", text);
    (void)fprintf(out, "%s=\"", name);
    write_escaped(out, text_clean(clean), true);
    (void)fputs("\"", out);
}

void exposition_head(FILE *out, const char *name, const char *type, const char *help)
{
    char clean[300];
    (void)snprintf(clean, sizeof(clean), "%s", help);
    (void)fprintf(out, "# HELP poolstorm_%s ", name);
    write_escaped(out, text_clean(clean), false);
    (void)fprintf(out, "\n# TYPE poolstorm_%s %s\n", name, type);
}

void exposition_histogram(FILE *out, const char *name, void (*labels)(FILE *out, const void *arg),
                          const void *arg, const struct hist *hist)
{
    for (size_t i = 0; i < sizeof(bounds_s) / sizeof(*bounds_s); i++) {
        (void)fprintf(out, "poolstorm_%s_bucket", name);
        labels(out, arg);
        (void)fprintf(out, ",le=\"%g\"} %" PRIu64 "\n", bounds_s[i],
                      hist_count_at_or_below(hist, (uint64_t)(bounds_s[i] * 1e9)));
    }
    (void)fprintf(out, "poolstorm_%s_bucket", name);
    labels(out, arg);
    (void)fprintf(out, ",le=\"+Inf\"} %" PRIu64 "\npoolstorm_%s_sum", hist->count, name);
    labels(out, arg);
    (void)fprintf(out, "} %.9g\npoolstorm_%s_count", hist_mean_ns(hist) * (double)hist->count / 1e9,
                  name);
    labels(out, arg);
    (void)fprintf(out, "} %" PRIu64 "\n", hist->count);
}
