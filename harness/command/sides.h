/* SPDX-License-Identifier: MIT */
/* sides.h - the sides of a comparison: reads what a word on a command line names, matches runs by
 * scenario, and says what a comparison means for the exit status. */
#ifndef POOLSTORM_COMMAND_SIDES_H
#define POOLSTORM_COMMAND_SIDES_H

#include "command/exit_code.h"
#include "report/compare.h"

#define BASELINE_FOLDER "results/baselines"

/* Adds what a word names: a baseline (its file, or its name in results/baselines), or what
 * records_add takes. Of several runs of a scenario the latest that is whole is taken: neither quick
 * nor A/A, not ended early, with all its variants; only where none is, the latest. One with two
 * programs is two sheets. -EINVAL when it is none of these, else the errno of reading. */
int sides_open(const char *word, struct sheets *sheets, struct err *err);

/* Adds the sheets of a result: of the program's own service, and of each other that ran. */
int sides_of_result(const struct result *result, const struct judgement *judgement,
                    const char *origin, struct sheets *sheets, struct err *err);

/* The sheet of a scenario, of the program's own service or of another; or NULL. */
const struct sheet *sides_find(const struct sheets *sheets, const char *scenario, bool other);

/* The path of the baseline that a name or path stands for. */
void sides_baseline_path(const char *name, char *path, size_t size_bytes);

/* "terminal" or "markdown"; -EINVAL for others. */
int sides_check_format(const char *format, struct err *err);

/* Writes a comparison to stdout in one of these. */
int sides_show(const struct comparison *comparison, const char *format, struct err *err);

/* strict: what could not be decided is not believed. */
enum exit_code sides_exit(enum gate_word gate, bool strict);

#endif
