/* SPDX-License-Identifier: MIT */
/* view_test.c - a run at present fits whatever it is shown on, and nothing in it steers a terminal.
 */
#include "test.h"

#include "command/run/screen.h"
#include "report/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TICKS = 40 };

/* Ten seconds of twenty, of which four were disturbed. */
struct scene {
    struct live live;
    struct live_tick ticks[TICKS];
    struct live_fault faults[3];
    struct live_gauge gauges[2];
    double in_use[TICKS];
};

static bool is_disturbed(size_t tick)
{
    return tick >= 12 && tick < 28;
}

static void make_ticks(struct scene *scene)
{
    for (size_t i = 0; i < TICKS; i++) {
        scene->ticks[i] = (struct live_tick){
            .end_ns = (i + 1) * LIVE_TICK_NS,
            .span_ns = LIVE_TICK_NS,
            .p99_ns = is_disturbed(i) ? NAN : 1e6 + 1e5 * (double)(i % 4),
            .in_flight = is_disturbed(i) ? 64 : 8,
        };
        scene->ticks[i].ended[LOAD_OK] = is_disturbed(i) ? 0 : 1000;
        scene->ticks[i].ended[LOAD_TIMEOUT] = is_disturbed(i) ? 100 : 0;
        scene->in_use[i] = (double)i / 2;
    }
}

static void make_scene(struct scene *scene)
{
    *scene = (struct scene){0};
    make_ticks(scene);
    scene->faults[0] = (struct live_fault){.name = "cut",
                                           .phase = 1,
                                           .at_ns = 3 * NS_PER_S,
                                           .for_ns = 4 * NS_PER_S,
                                           .applied_ns = 3 * NS_PER_S,
                                           .healed_ns = 7 * NS_PER_S};
    scene->faults[1] = (struct live_fault){.name = "late", .phase = 1, .at_ns = 15 * NS_PER_S};
    scene->faults[2] = (struct live_fault){.name = "elsewhere", .phase = 0};
    scene->gauges[0] = (struct live_gauge){
        .name = "in_use", .unit = METRIC_COUNT, .value = 20, .ticks = scene->in_use};
    scene->live = (struct live){
        .round = 3,
        .round_count = 12,
        .title = "partition/database",
        .variant = "breaker",
        .phase = "storm",
        .phase_index = 1,
        .loaded = true,
        .length_ns = 20 * NS_PER_S,
        .elapsed_ns = 10 * NS_PER_S,
        .ticks = scene->ticks,
        .tick_count = TICKS,
        .faults = scene->faults,
        .fault_count = 3,
        .gauges = scene->gauges,
        .gauge_count = 2,
        .second = {.span_ns = NS_PER_S, .ended = {4000}, .p99_ns = 1.3e6, .in_flight = 8},
    };
}

/* Out of line, or gcc 12 takes the text for a local of its own. */
__attribute__((noinline)) static char *write_view(const struct live *live, struct view_style style)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    view_write(live, &style, out);
    assert_ok(fclose(out));
    return text;
}

static void assert_view(const struct live *live, struct view_style style, const char *wanted)
{
    char *text = write_view(live, style);
    assert_string_equal(text, wanted);
    free(text);
}

static void a_phase_is_drawn_over_its_time(void **unused)
{
    (void)unused;
    struct scene scene;
    make_scene(&scene);
    assert_view(&scene.live, (struct view_style){.width = 80, .height = 24, .unicode = true},
                "[3/12] breaker, storm 10.0 s of 20.0 s  partition/database\n"
                "goodput     4.00 k/s ██████▆▁▁▁▁▁▁▁▁▆██████                        max 4.00 k/s\n"
                "p99          1.30 ms ▇████▇█········▇▇█▇█▇█                        max 1.30 ms\n"
                "errors           0/s ▁▁▁▁▁▁██████████▁▁▁▁▁▁                        max 400/s\n"
                "          timeout 1.60 k\n"
                "in flight          8 ▂▂▂▂▂▂██████████▂▂▂▂▂▂                        max 64\n"
                "in_use            20 ▁▂▂▂▃▃▃▄▄▄▄▅▅▅▆▆▆▇▇▇██                        max 19.5\n"
                "cut             over       ██████████                            \n"
                "late        in 5.0 s                                  ░░░░░░░░░░░\n");
}

static void without_blocks_it_is_ascii(void **unused)
{
    (void)unused;
    struct scene scene;
    make_scene(&scene);
    scene.live.second.p99_ns = 250e3; /* in microseconds, which have a sign of their own */
    assert_view(&scene.live, (struct view_style){.width = 60, .height = 24},
                "[3/12] breaker, storm 10.0 s of 20.0 s  partition/database\n"
                "goodput     4.00 k/s #####+_______+#####                   \n"
                "p99           250 us *#*#*#       *#####                   \n"
                "errors           0/s _____#########_____                   \n"
                "          timeout 1.60 k\n"
                "in flight          8 .....#########.....                   \n"
                "in_use            20 _...::---===++***##                   \n"
                "cut             over      #########                        \n"
                "late        in 5.0 s                             ----------\n");
}

static size_t lines_of(const char *text)
{
    size_t lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

/* Every line below width, every byte fit for a terminal. */
static void assert_fits(const char *text, const struct view_style *style)
{
    assert_true(lines_of(text) <= style->height);
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\n");
        assert_int_equal(line[length], '\n');
        assert_true(text_width(line, length) < style->width || style->width < 2);
        line += length + 1;
    }
    for (const char *at = text; *at; at++) {
        assert_true((unsigned char)*at >= ' ' || *at == '\n');
        assert_true(style->unicode || (unsigned char)*at < 127);
    }
    char *clean = strdup(text);
    assert_non_null(clean);
    assert_string_equal(text_clean(clean), text);
    free(clean);
}

static void assert_fits_anything(const struct live *live)
{
    for (size_t width = 1; width <= VIEW_COLUMNS_MAX + 30; width++) {
        for (int unicode = 0; unicode < 2; unicode++) {
            struct view_style style = {.width = width, .height = 24, .unicode = unicode};
            char *text = write_view(live, style);
            assert_fits(text, &style);
            free(text);
        }
    }
    for (size_t height = 0; height < 14; height++) {
        struct view_style style = {.width = 80, .height = height, .unicode = true};
        char *text = write_view(live, style);
        assert_fits(text, &style);
        free(text);
    }
}

static void it_fits_every_terminal(void **unused)
{
    (void)unused;
    struct scene scene;
    make_scene(&scene);
    assert_fits_anything(&scene.live);
    for (size_t height = 8; height < 10; height++) { /* gauges go before faults do */
        char *text = write_view(&scene.live, (struct view_style){.width = 80, .height = height});
        assert_non_null(strstr(text, "\nlate "));
        assert_null(strstr(text, height == 8 ? "\nin_use " : "\nno such"));
        free(text);
    }
}

/* Names come from files. */
static void hostile_and_long_names_are_made_harmless(void **unused)
{
    (void)unused;
    char longest[600];
    struct scene scene;
    make_scene(&scene);
    memset(longest, 'n', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    const char turned[] = {'\xe2', '\x80', '\xae', 'r', '\0'}; /* U+202E: from right to left */
    const char *const names[] = {longest,
                                 "",
                                 "\033[2J\033]0;title\a",
                                 "two\nlines\r\b",
                                 "名前名前名前名前名前",
                                 "\xff\xfe\xc3",
                                 "e\u0301e\u0301",
                                 turned,
                                 ("\xc2\x9b"
                                  "2J")};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        scene.live.title = scene.live.variant = scene.live.phase = names[i];
        scene.faults[0].name = scene.gauges[0].name = names[i];
        assert_fits_anything(&scene.live);
    }
}

/* Nothing yet, nothing any more, and figures that are none. */
static void what_is_not_there_is_not_drawn(void **unused)
{
    (void)unused;
    struct scene scene;
    make_scene(&scene);
    struct view_style style = {.width = 80, .height = 24, .unicode = true};
    scene.live.tick_count = 0;
    scene.live.elapsed_ns = 0;
    scene.live.second = (struct live_tick){.p99_ns = NAN};
    scene.gauges[0].value = INFINITY;
    scene.gauges[0].unit = METRIC_NS;
    scene.faults[0].applied_ns = scene.faults[0].healed_ns = 0;
    char *text = write_view(&scene.live, style);
    assert_non_null(strstr(text, "never"));
    assert_non_null(strstr(text, "in 3.0 s"));
    assert_null(strstr(text, "max"));
    assert_null(strstr(text, "█"));
    free(text);
    assert_fits_anything(&scene.live);
    scene.live.length_ns = 0;
    assert_fits_anything(&scene.live);
    scene.live.attempt = 2;
    scene.live.phase = "start";
    scene.live.phase_index = -1;
    assert_view(&scene.live, style, "[3/12] breaker (again, 2), start  partition/database\n");
    scene.live.variant = NULL;
    assert_view(&scene.live, style, "");
}

static void a_fault_says_what_it_does(void **unused)
{
    (void)unused;
    struct scene scene;
    make_scene(&scene);
    const struct {
        const char *word, *sign;
        bool acting, idle;
        uint64_t at_ns, applied_ns;
    } cases[] = {
        {"acting", "█", true, false, 5 * NS_PER_S, 5 * NS_PER_S},
        {"no effect", "▒", false, true, 5 * NS_PER_S, 5 * NS_PER_S},
        {"over", "█", false, false, 5 * NS_PER_S, 5 * NS_PER_S},
        {"due", "░", false, false, 5 * NS_PER_S, 0},
        {"in 2.5 s", "░", false, false, 12500 * NS_PER_MS, 0},
    };
    scene.live.fault_count = 1;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct live_fault *fault = &scene.faults[0];
        fault->acting = cases[i].acting;
        fault->idle = cases[i].idle;
        fault->at_ns = cases[i].at_ns;
        fault->applied_ns = cases[i].applied_ns;
        char *text = write_view(&scene.live,
                                (struct view_style){.width = 80, .height = 24, .unicode = true});
        char *line = strstr(text, "\ncut");
        assert_non_null(line);
        assert_non_null(strstr(line, cases[i].word));
        assert_non_null(strstr(line, cases[i].sign));
        free(text);
    }
}

static void colours_are_for_those_who_want_them(void **unused)
{
    (void)unused;
    struct scene scene;
    make_scene(&scene);
    struct view_style style = {.width = 80, .height = 24, .unicode = true, .color = true};
    scene.live.second.ended[LOAD_TIMEOUT] = 3;
    char *text = write_view(&scene.live, style), *plain;
    assert_non_null(strstr(text, "\033[31m"));
    style.color = false;
    plain = write_view(&scene.live, style);
    assert_null(strchr(plain, '\033'));
    assert_int_equal(view_rows(text, 80), view_rows(plain, 80)); /* they take no room */
    assert_int_equal(view_rows(text, 40), view_rows(plain, 40));
    free(text);
    free(plain);
}

static void rows_are_counted_as_the_terminal_breaks_them(void **unused)
{
    (void)unused;
    assert_int_equal(view_rows("", 80), 0);
    assert_int_equal(view_rows("\n\n", 80), 2);
    assert_int_equal(view_rows("12345\n1234567890\n", 5), 3);
    assert_int_equal(view_rows("123456\n", 5), 2);
    assert_int_equal(view_rows("\033[1m12345\033[0m\n", 5), 1);
    assert_int_equal(view_rows("▁▂▃▄▅\n", 5), 1);
    assert_int_equal(view_rows("123\n", 0), 1);
}

static void a_frame_is_written_over_the_one_before(void **unused)
{
    (void)unused;
    const struct {
        size_t rows;
        const char *lines, *frame, *wanted;
    } cases[] = {
        {0, "", "a\nb\n", "\ra\033[K\nb\033[K\n\033[J"},
        {2, "", "c\n", "\r\033[2Ac\033[K\n\033[J"},
        {1, "round\n", "d\n", "\r\033[1Around\033[K\nd\033[K\n\033[J"},
        {1, "", "", "\r\033[1A\033[J"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char *text = NULL;
        size_t length = 0;
        FILE *out = open_memstream(&text, &length);
        assert_non_null(out);
        screen_compose(out, cases[i].rows, cases[i].lines, cases[i].frame);
        assert_ok(fclose(out));
        assert_string_equal(text, cases[i].wanted);
        free(text);
    }
}

static void the_locale_says_which_signs_there_are(void **unused)
{
    (void)unused;
    assert_true(screen_is_utf8(NULL, NULL, "en_US.UTF-8"));
    assert_true(screen_is_utf8("C.utf8", "C", "C"));
    assert_true(screen_is_utf8("", "de_DE.utf-8", "C"));
    assert_false(screen_is_utf8("C", "en_US.UTF-8", "en_US.UTF-8"));
    assert_false(screen_is_utf8(NULL, "POSIX", "en_US.UTF-8"));
    assert_false(screen_is_utf8(NULL, NULL, NULL));
    assert_false(screen_is_utf8("", "", ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_phase_is_drawn_over_its_time),
        cmocka_unit_test(without_blocks_it_is_ascii),
        cmocka_unit_test(it_fits_every_terminal),
        cmocka_unit_test(hostile_and_long_names_are_made_harmless),
        cmocka_unit_test(what_is_not_there_is_not_drawn),
        cmocka_unit_test(a_fault_says_what_it_does),
        cmocka_unit_test(colours_are_for_those_who_want_them),
        cmocka_unit_test(rows_are_counted_as_the_terminal_breaks_them),
        cmocka_unit_test(a_frame_is_written_over_the_one_before),
        cmocka_unit_test(the_locale_says_which_signs_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
