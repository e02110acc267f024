/* SPDX-License-Identifier: MIT */
/* metrics.c - figures of all proxies, a table for each kind of them. */
#include "faults/control/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* A figure of a proxy; by stream it has two. */
struct proxy_metric {
    const char *name, *help;
    bool gauge, streams;
    size_t offset; /* in struct proxy_figures */
};

static const struct proxy_metric proxy_metrics[] = {
    {"toxiproxy_proxy_received_bytes_total", "bytes read", false, true,
     offsetof(struct proxy_figures, received_bytes)},
    {"toxiproxy_proxy_sent_bytes_total", "bytes sent", false, true,
     offsetof(struct proxy_figures, sent_bytes)},
    {"poolstorm_proxy_links_open", "connections now", true, false,
     offsetof(struct proxy_figures, links_open)},
    {"poolstorm_proxy_links_total", "connections accepted", false, false,
     offsetof(struct proxy_figures, links_total)},
    {"poolstorm_proxy_dial_failures_total", "connections whose upstream did not answer", false,
     false, offsetof(struct proxy_figures, dial_failures)},
    {"poolstorm_proxy_opaque_links_total", "connections that left the protocol", false, false,
     offsetof(struct proxy_figures, opaque_links)},
    {"poolstorm_proxy_queries_total", "queries seen", false, false,
     offsetof(struct proxy_figures, queries)},
    {"poolstorm_proxy_spliced_bytes_total", "bytes moved without being read", false, false,
     offsetof(struct proxy_figures, spliced_bytes)},
    {"poolstorm_proxy_out_of_descriptors_total",
     "connections that had to wait for descriptors, or were refused for want of any", false, false,
     offsetof(struct proxy_figures, out_of_descriptors)},
    {"poolstorm_proxy_links_refused_total",
     "connections accepted, and closed for want of descriptors or memory", false, false,
     offsetof(struct proxy_figures, links_refused)},
    {0},
};

struct toxic_metric {
    const char *name, *help;
    size_t offset; /* in struct toxic_effects */
};

static const struct toxic_metric toxic_metrics[] = {
    {"poolstorm_toxic_links_total", "connections touched", offsetof(struct toxic_effects, links)},
    {"poolstorm_toxic_bytes_total", "bytes touched", offsetof(struct toxic_effects, bytes)},
    {"poolstorm_toxic_pieces_total", "pieces touched", offsetof(struct toxic_effects, pieces)},
    {"poolstorm_toxic_refused_total",
     "connections kept out, delayed or closed before they were one",
     offsetof(struct toxic_effects, refused)},
    {0},
};

static void head(FILE *out, const char *name, const char *help, bool gauge)
{
    (void)fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
                  gauge ? "gauge" : "counter");
}

/* name="value", with the value's escapes. */
static void label(FILE *out, const char *name, const char *value)
{
    (void)fprintf(out, "%s=\"", name);
    for (; *value; value++) {
        if (*value == '\n')
            (void)fputs("\\n", out);
        else if (*value == '"' || *value == '\\')
            (void)fprintf(out, "\\%c", *value);
        else
            (void)fputc(*value, out);
    }
    (void)fputc('"', out);
}

static void proxy_sample(FILE *out, const struct proxy_metric *metric, const struct proxy *proxy,
                         const char *stream, uint64_t value)
{
    (void)fprintf(out, "%s{", metric->name);
    if (stream) {
        label(out, "direction", stream);
        (void)fputc(',', out);
    }
    label(out, "listener", proxy_listen(proxy));
    (void)fputc(',', out);
    label(out, "proxy", proxy_name(proxy));
    (void)fputc(',', out);
    label(out, "upstream", proxy_upstream(proxy));
    (void)fprintf(out, "} %" PRIu64 "\n", value);
}

static void proxy_samples(FILE *out, const struct proxy_metric *metric, struct proxy_set *set)
{
    for (struct proxy *proxy = proxy_first(set); proxy; proxy = proxy_next(proxy)) {
        struct proxy_figures figures = proxy_figures(proxy);
        const void *field = (const char *)&figures + metric->offset;
        const uint64_t *values = field;
        for (int i = FAULT_UPSTREAM; metric->streams && i <= FAULT_DOWNSTREAM; i++)
            proxy_sample(out, metric, proxy, fault_stream_names[i], values[i]);
        if (!metric->streams)
            proxy_sample(out, metric, proxy, NULL, values[0]);
    }
}

static void toxic_sample(FILE *out, const struct toxic_metric *metric, const struct proxy *proxy,
                         const struct toxic *toxic)
{
    struct toxic_effects effects = toxic_effects(toxic);
    const void *field = (const char *)&effects + metric->offset;
    const uint64_t *value = field;
    (void)fprintf(out, "%s{", metric->name);
    label(out, "proxy", proxy_name(proxy));
    (void)fprintf(out, ",stream=\"%s\",", fault_stream_names[toxic_stream(toxic)]);
    label(out, "toxic", toxic_name(toxic));
    (void)fprintf(out, ",type=\"%s\"} %" PRIu64 "\n", toxic_type(toxic)->name, *value);
}

static void toxic_samples(FILE *out, const struct toxic_metric *metric, struct proxy_set *set)
{
    for (struct proxy *proxy = proxy_first(set); proxy; proxy = proxy_next(proxy))
        for (struct toxic *toxic = toxic_first(proxy); toxic; toxic = toxic_next(toxic))
            toxic_sample(out, metric, proxy, toxic);
}

char *metrics_text(struct proxy_set *set)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return NULL;
    for (const struct proxy_metric *metric = proxy_metrics; metric->name; metric++) {
        head(out, metric->name, metric->help, metric->gauge);
        proxy_samples(out, metric, set);
    }
    for (const struct toxic_metric *metric = toxic_metrics; metric->name; metric++) {
        head(out, metric->name, metric->help, false);
        toxic_samples(out, metric, set);
    }
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}
