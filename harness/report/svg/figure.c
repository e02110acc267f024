/* SPDX-License-Identifier: MIT */
/* figure.c - what plots are put together from: panels, their series, their captions. */
#include "report/svg/svg.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void svg_figure_fini(struct svg_figure *figure)
{
    for (size_t i = 0; i < figure->panel_count; i++) {
        for (size_t k = 0; k < figure->panels[i].line_count; k++)
            free(figure->panels[i].lines[k].x);
        free(figure->panels[i].lines);
    }
    figure->panel_count = 0;
}

struct svg_panel *svg_add_panel(struct svg_figure *figure, const char *title)
{
    if (figure->panel_count == SVG_PANELS_MAX)
        return &figure->panels[SVG_PANELS_MAX - 1];
    struct svg_panel *panel = &figure->panels[figure->panel_count++];
    *panel = (struct svg_panel){
        .height = 190, .x = {.from = NAN, .to = NAN}, .y = {.from = NAN, .to = NAN}};
    (void)snprintf(panel->title, sizeof(panel->title), "%s", title);
    return panel;
}

void svg_drop_empty(struct svg_figure *figure)
{
    if (figure->panel_count > 0 && figure->panels[figure->panel_count - 1].line_count == 0)
        figure->panel_count--;
}

struct svg_line *svg_add_line(struct svg_figure *figure, struct svg_panel *panel, size_t look,
                              enum svg_shape shape, size_t count)
{
    struct svg_line *lines =
        reallocarray(panel->lines, panel->line_count + 1, sizeof(*panel->lines));
    if (lines)
        panel->lines = lines;
    double *memory = lines ? calloc(3 * count + 1, sizeof(double)) : NULL;
    if (!memory) {
        figure->failed = true;
        return NULL;
    }
    lines[panel->line_count] = (struct svg_line){.look = look,
                                                 .shape = shape,
                                                 .x = memory,
                                                 .y = memory + count,
                                                 .high = memory + 2 * count,
                                                 .count = count};
    return &lines[panel->line_count++];
}

void svg_add_level(struct svg_panel *panel, double value, const char *text)
{
    for (size_t i = 0; i < panel->level_count; i++)
        if (panel->levels[i].value == value && strcmp(panel->levels[i].text, text) == 0)
            return;
    if (panel->level_count == SVG_LEVELS_MAX)
        return;
    struct svg_level *level = &panel->levels[panel->level_count++];
    level->value = value;
    (void)snprintf(level->text, sizeof(level->text), "%s", text);
}

static double number_at(const json_t *array, size_t index)
{
    const json_t *value = json_array_get(array, index);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

void svg_add_slots(const struct svg_view *view, struct svg_figure *figure, struct svg_panel *panel,
                   const char *key)
{
    for (size_t v = 0; v < view->variant_count; v++) {
        const json_t *step = svg_step(view, v);
        const json_t *list = json_object_get(step, key);
        double slot = svg_member(step, "slot");
        size_t count = json_array_size(list), finite = 0;
        for (size_t i = 0; i < count; i++)
            finite += isfinite(number_at(list, i)) != 0;
        struct svg_line *line = finite ? svg_add_line(figure, panel, v, SVG_LINE, count) : NULL;
        for (size_t i = 0; line && i < count; i++) {
            line->x[i] = ((double)i + 0.5) * slot;
            line->y[i] = number_at(list, i);
        }
    }
}

void svg_time_axes(const struct svg_view *view, struct svg_panel *panel, enum svg_unit unit,
                   bool log)
{
    panel->x = (struct svg_axis){.label = "seconds", .from = 0, .to = view->seconds};
    panel->y = (struct svg_axis){.unit = unit, .log = log, .from = NAN, .to = NAN};
    panel->faults = true;
}

void svg_say(struct svg_figure *figure, const char *format, ...)
{
    size_t used = strlen(figure->caption);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(figure->caption + used, sizeof(figure->caption) - used, format, args);
    va_end(args);
}

static double slot_ms(const struct svg_view *view)
{
    for (size_t v = 0; v < view->variant_count; v++) {
        double slot = svg_member(svg_step(view, v), "slot");
        if (isfinite(slot))
            return slot * 1000;
    }
    return 100;
}

void svg_say_point(const struct svg_view *view, struct svg_figure *figure, const char *plot)
{
    char slot[48];
    const char *text =
        json_string_value(json_object_get(json_object_get(view->data, "points"), plot));
    (void)svg_format(SVG_MS, slot_ms(view), slot, sizeof(slot));
    while (text && *text) {
        size_t plain = strcspn(text, "{");
        svg_say(figure, "%.*s", (int)plain, text);
        text += plain;
        if (strncmp(text, "{slot}", 6) == 0)
            svg_say(figure, "%s", slot);
        else if (strncmp(text, "{first}", 7) == 0)
            svg_say(figure, "%s", svg_variant(view, 0));
        text += strcspn(text, "}");
        text += *text == '}';
    }
}
