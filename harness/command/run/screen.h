/* SPDX-License-Identifier: MIT */
/* screen.h - lines at the bottom of a terminal that are written again and again in place, with
 * others that stay above them. One thread, with a ring.
 *
 * Nothing about the terminal is changed that would have to be put back: no mode, no scrolling
 * region, the cursor is not hidden and rests below the lines. So whatever ends the process, `kill
 * -9` included, leaves a prompt on a line of its own. */
#ifndef POOLSTORM_COMMAND_RUN_SCREEN_H
#define POOLSTORM_COMMAND_RUN_SCREEN_H

#include "command/run/view.h"
#include "core/ctx.h"

/* Whether to show a run as it happens. */
enum screen_when {
    SCREEN_AUTO,   /* on a terminal that can move its cursor */
    SCREEN_ALWAYS, /* wherever it goes */
    SCREEN_NEVER,
};

extern const char *const screen_when_names[]; /* ends with NULL */

struct screen {
    int fd;      /* the caller's */
    bool live;   /* lines are written in place; else none are */
    char *drawn; /* what is there now, owned; NULL: nothing */
};

void screen_init(struct screen *screen, enum screen_when when, int fd);
void screen_fini(struct screen *screen);

/* What there is room for at present, signs and colours included: NO_COLOR, TERM, the locale's
 * character set and the terminal's size as it is now, else COLUMNS and LINES or 80 by 24. */
struct view_style screen_style(const struct screen *screen);

/* Puts lines (each with a newline; "" for none) where the frame is, to stay, and a new frame below
 * them. Parks the calling fiber while the terminal takes it, whatever is cancelled meanwhile: half
 * a frame could not be wiped away. A terminal that has gone is not written to any more. */
void screen_draw(struct screen *screen, const char *lines, const char *frame);

/* What screen_draw sends: rows of the terminal are wiped, then both are there. */
void screen_compose(FILE *out, size_t rows, const char *lines, const char *frame);

/* Whether the environment's texts are UTF-8. */
bool screen_is_utf8(const char *lc_all, const char *lc_ctype, const char *lang);

#endif
