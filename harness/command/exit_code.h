/* SPDX-License-Identifier: MIT */
/* exit_code.h - what the program's exit status says; the words stand in `poolstorm --help`. */
#ifndef POOLSTORM_COMMAND_EXIT_CODE_H
#define POOLSTORM_COMMAND_EXIT_CODE_H

enum exit_code {
    EXIT_WELL = 0,          /* everything asked for was done and every expectation held */
    EXIT_EXPECTATION = 1,   /* measured, and an expectation did not hold */
    EXIT_BAD_INPUT = 2,     /* a mistake in the command line or a file; nothing was changed */
    EXIT_REGRESSION = 3,    /* measured worse than the baseline */
    EXIT_INVALID = 4,       /* the measurement cannot be believed; the reason was printed */
    EXIT_RUNTIME = 5,       /* something outside failed: a subject died, a port was taken */
    EXIT_SKIPPED = 77,      /* this machine lacks what it takes; the remedy was printed */
    EXIT_INTERRUPTED = 130, /* stopped by ^C or SIGTERM; everything was undone */
};

/* Of what a function returned, 0 or -errno: a path that is not there or cannot be written is a
 * mistake in the command line, want of memory or space is none. Runs have errors of their own:
 * session.c. */
enum exit_code exit_code_of(int rc);

/* The graver of two, for several: what broke off before mistakes, these before a regression that is
 * shown, and that before what shows nothing, so that no invalid run hides it. */
enum exit_code exit_code_graver(enum exit_code one, enum exit_code other);

#endif
