/* SPDX-License-Identifier: MIT */
/* view.c - finds its way in the data of plots, and says figures as the page does. */
#include "report/svg/svg.h"

#include <math.h>
#include <string.h>

static size_t index_of(const json_t *object, const char *key)
{
    return (size_t)json_integer_value(json_object_get(object, key));
}

void svg_view_init(struct svg_view *view, const json_t *data)
{
    *view = (struct svg_view){.data = data, .phase = index_of(data, "main")};
    view->variant_count = json_array_size(json_object_get(data, "variants"));
    view->seconds = svg_member(svg_phase(view), "seconds");
}

double svg_member(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

const json_t *svg_phase(const struct svg_view *view)
{
    return json_array_get(json_object_get(view->data, "phases"), view->phase);
}

const char *svg_variant(const struct svg_view *view, size_t variant)
{
    const json_t *of = json_array_get(json_object_get(view->data, "variants"), variant);
    const char *name = json_string_value(json_object_get(of, "name"));
    return name ? name : "";
}

const json_t *svg_round(const struct svg_view *view, size_t variant)
{
    const json_t *of = json_array_get(json_object_get(view->data, "typical"), variant);
    const json_t *index = json_array_get(of, view->phase);
    return json_is_integer(index) ? json_array_get(json_object_get(view->data, "rounds"),
                                                   (size_t)json_integer_value(index))
                                  : NULL;
}

static const json_t *step_in(const struct svg_view *view, const json_t *round)
{
    const json_t *step = json_array_get(json_object_get(round, "phases"), view->phase);
    return json_is_object(step) ? step : NULL;
}

const json_t *svg_step(const struct svg_view *view, size_t variant)
{
    return step_in(view, svg_round(view, variant));
}

const json_t *svg_step_of(const struct svg_view *view, size_t variant, size_t round)
{
    const json_t *of = json_array_get(json_object_get(view->data, "rounds"), round);
    bool counts = index_of(of, "variant") == variant && json_is_true(json_object_get(of, "valid"));
    return counts ? step_in(view, of) : NULL;
}

/* ---- Figures --------------------------------------------------------------------------------- */

/* From a size on: by what to multiply, and what follows. */
struct scale {
    double from, factor;
    const char *unit;
};

/* Three digits that count, without zeros behind them where they would be noise. */
static void digits(double value, const char *unit, char *text, size_t size_bytes)
{
    double size = fabs(value);
    if (size > 0 && (size >= 1e15 || size < 1e-4)) {
        (void)snprintf(text, size_bytes, "%.1e%s", value, unit);
        return;
    }
    double places = size > 0 ? 2 - floor(log10(size)) : 0;
    int decimals = (int)fmin(fmax(places, 0), 8);
    char number[64];
    (void)snprintf(number, sizeof(number), "%.*f", decimals, value);
    if (strchr(number, '.')) {
        char *end = number + strlen(number);
        while (end[-1] == '0')
            end--;
        if (end[-1] == '.')
            end--;
        *end = '\0';
    }
    (void)snprintf(text, size_bytes, "%s%s", number, unit);
}

static void percentile(double x, char *text, size_t size_bytes)
{
    if (x <= 1)
        (void)snprintf(text, size_bytes, "least");
    else
        (void)snprintf(text, size_bytes, x < 100 ? "P%.3g" : "P%.7g", 100 * (1 - 1 / x));
}

char *svg_format(enum svg_unit unit, double value, char *text, size_t size_bytes)
{
    enum { STEPS_MAX = 4 };
    static const struct scale steps[][STEPS_MAX] = {
        [SVG_NUMBER] = {{0, 1, ""}},
        [SVG_MS] = {{1e3, 1e-3, " s"}, {1, 1, " ms"}, {1e-3, 1e3, " µs"}, {0, 1e6, " ns"}},
        [SVG_RATE] = {{1e6, 1e-6, " M/s"}, {1e4, 1e-3, " k/s"}, {0, 1, " /s"}},
        [SVG_BYTES] = {{0x1p30, 0x1p-30, " GiB"},
                       {0x1p20, 0x1p-20, " MiB"},
                       {0x1p10, 0x1p-10, " KiB"},
                       {0, 1, " B"}},
        [SVG_COUNT] = {{1e6, 1e-6, " M"}, {1e4, 1e-3, " k"}, {0, 1, ""}},
        [SVG_SHARE] = {{0, 100, " %"}},
    };
    if (unit == SVG_PERCENTILE) {
        percentile(value, text, size_bytes);
        return text;
    }
    const struct scale *scale = steps[unit];
    while (fabs(value) < scale->from)
        scale++;
    if (value == 0)
        digits(0, unit == SVG_SHARE ? " %" : "", text, size_bytes);
    else
        digits(value * scale->factor, scale->unit, text, size_bytes);
    return text;
}

enum svg_unit svg_unit_called(const char *name)
{
    static const struct {
        const char *name;
        enum svg_unit unit;
    } units[] = {
        {"ms", SVG_MS},       {"rate", SVG_RATE},   {"bytes", SVG_BYTES},
        {"count", SVG_COUNT}, {"share", SVG_SHARE},
    };
    for (size_t i = 0; name && i < sizeof(units) / sizeof(*units); i++)
        if (strcmp(units[i].name, name) == 0)
            return units[i].unit;
    return SVG_NUMBER;
}
