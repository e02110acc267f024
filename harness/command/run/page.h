/* SPDX-License-Identifier: MIT */
/* page.h - what a run ends with: the page of its results, and for several what each came to. */
#ifndef POOLSTORM_COMMAND_RUN_PAGE_H
#define POOLSTORM_COMMAND_RUN_PAGE_H

#include "core/err.h"

#include <stdbool.h>

/* Reads what folder holds, a run or several, writes report.html into it, and prints a table of
 * several and the page's path. told is false for the page alone. 0 when there is nothing to tell.
 */
int page_write(const char *folder, bool told, struct err *err);

#endif
