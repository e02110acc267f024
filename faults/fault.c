/* SPDX-License-Identifier: MIT */
/* fault.c - finds kinds of faults, and names what is common to all of them. */
#include "faults/fault.h"

#include <string.h>

const char *const fault_stream_names[] = {"upstream", "downstream", "both", NULL};

const struct param fault_aim_params[] = {
    {PARAM_SHARE("toxicity", fault_aim, toxicity, "1", "share of connections it acts on")},
    {PARAM_TEXT("source", fault_aim, source, NULL,
                "acts on clients of this address or network alone, such as 10.0.0.0/8")},
    {PARAM_COUNT("after", fault_aim, after, "0", "requests it lets pass first")},
    {PARAM_COUNT("first", fault_aim, first, "0", "requests it acts on then; 0: all")},
    {0},
};

const struct fault_type *fault_type_find(const char *name)
{
    for (size_t i = 0; fault_types[i]; i++)
        if (strcmp(fault_types[i]->name, name) == 0)
            return fault_types[i];
    return NULL;
}
