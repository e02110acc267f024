/* SPDX-License-Identifier: MIT */
/* plots.c - was this program built with what draws the plots of HTML reports? */
#include "command/doctor/doctor.h"
#include "report/html/html.h"

static void plots_look(struct finding *finding)
{
    if (html_plots_by[0])
        finding_set(finding, FINDING_OK, NULL, "HTML reports have plots, drawn by %s",
                    html_plots_by);
    else
        finding_set(finding, FINDING_WARN,
                    "with npm installed and its registry in reach: meson setup --reconfigure "
                    "-Dplots=enabled",
                    "HTML reports have tables and no plots: built without uPlot");
}

const struct doctor_check check_plots = {.name = "plots", .look = plots_look};
