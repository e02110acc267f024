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

#endif
