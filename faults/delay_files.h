/* SPDX-License-Identifier: MIT */
/* delay_files.h - which files of percentiles may be read: those that the user names himself, not
 * whatever a client of the control API does. */
#ifndef POOLSTORM_FAULTS_DELAY_FILES_H
#define POOLSTORM_FAULTS_DELAY_FILES_H

#include "core/err.h"

/* From now on, for the whole process, only these: a path a line, of a file or of a folder with all
 * that is in it, links that lead out of it left alone. "": none. NULL: all again, as in the
 * beginning: who names them is then the user (a scenario). The text is kept, not copied. */
void delay_confine(const char *paths);

/* Opens path for reading: as it is named there, or beneath one of the folders, or by its name
 * within one of them. The descriptor; -EINVAL when it may not be read; or -errno. */
int delay_open(const char *path, struct err *err);

#endif
