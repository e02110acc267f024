/* SPDX-License-Identifier: MIT */
/* screen.c - what a terminal can do, and how to write over what it shows. */
#include "command/run/screen.h"

#include "core/io.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { COLUMNS_DEFAULT = 80, LINES_DEFAULT = 24 };

const char *const screen_when_names[] = {"auto", "always", "never", NULL};

static bool is_set(const char *text)
{
    return text && text[0];
}

/* Without a name of its own a terminal is taken for one that can nothing. */
static bool moves_its_cursor(const char *term)
{
    return is_set(term) && strcmp(term, "dumb") != 0;
}

bool screen_is_utf8(const char *lc_all, const char *lc_ctype, const char *lang)
{
    const char *locale = is_set(lc_all) ? lc_all : is_set(lc_ctype) ? lc_ctype : lang;
    return is_set(locale) && (strcasestr(locale, "utf-8") || strcasestr(locale, "utf8"));
}

void screen_init(struct screen *screen, enum screen_when when, int fd)
{
    bool able = isatty(fd) == 1 && moves_its_cursor(getenv("TERM"));
    *screen =
        (struct screen){.fd = fd, .live = when == SCREEN_ALWAYS || (when == SCREEN_AUTO && able)};
}

void screen_fini(struct screen *screen)
{
    free(screen->drawn);
    screen->drawn = NULL;
}

static size_t number_of(const char *text, size_t otherwise)
{
    long number = text ? strtol(text, NULL, 10) : 0;
    return number > 0 ? (size_t)number : otherwise;
}

struct view_style screen_style(const struct screen *screen)
{
    struct winsize size = {0};
    bool terminal = isatty(screen->fd) == 1 && ioctl(screen->fd, TIOCGWINSZ, &size) == 0;
    size_t width = number_of(getenv("COLUMNS"), COLUMNS_DEFAULT);
    size_t height = number_of(getenv("LINES"), LINES_DEFAULT);
    width = size.ws_col > 0 ? size.ws_col : width;
    height = size.ws_row > 0 ? size.ws_row : height;
    return (struct view_style){
        .width = width,
        .height = height > 1 ? height - 1 : height, /* the cursor's own line is below */
        .unicode = screen_is_utf8(getenv("LC_ALL"), getenv("LC_CTYPE"), getenv("LANG")),
        .color = terminal && !is_set(getenv("NO_COLOR")) && moves_its_cursor(getenv("TERM")),
    };
}

/* What was in a line before is wiped behind what is there now: wiping all at first would flicker.
 */
static void write_lines(FILE *out, const char *text)
{
    while (*text) {
        size_t length = strcspn(text, "\n");
        (void)fwrite(text, 1, length, out);
        (void)fputs("\033[K\n", out);
        text += length + (text[length] == '\n');
    }
}

void screen_compose(FILE *out, size_t rows, const char *lines, const char *frame)
{
    (void)fputc('\r', out);
    if (rows > 0)
        (void)fprintf(out, "\033[%zuA", rows);
    write_lines(out, lines);
    write_lines(out, frame);
    (void)fputs("\033[J", out);
}

/* To be freed; NULL without memory. */
static char *compose(const struct screen *screen, const char *lines, const char *frame,
                     size_t *length)
{
    char *text = NULL;
    struct view_style style = screen_style(screen);
    FILE *out = open_memstream(&text, length);
    if (!out)
        return NULL;
    screen_compose(out, screen->drawn ? view_rows(screen->drawn, style.width) : 0, lines, frame);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

void screen_draw(struct screen *screen, const char *lines, const char *frame)
{
    size_t length = 0;
    if (!screen->live || (!screen->drawn && !lines[0] && !frame[0]))
        return;
    char *text = compose(screen, lines, frame, &length);
    free(screen->drawn);
    screen->drawn = frame[0] ? strdup(frame) : NULL;
    if (!text || io_write_all(NULL, screen->fd, text, length))
        screen->live = false;
    free(text);
}
