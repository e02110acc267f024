/* SPDX-License-Identifier: MIT */
/* err.c - builds the sentence a failed call answers with. */
#include "core/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#undef err_set /* the analyzer's view of them, see err.h */
#undef err_sys

int err_set(struct err *err, int code, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        err->code = code;
        (void)vsnprintf(err->text, sizeof(err->text), format, args);
        va_end(args);
    }
    return code;
}

int err_sys(struct err *err, int code, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        err->code = code;
        int length = vsnprintf(err->text, sizeof(err->text), format, args);
        va_end(args);
        if (length >= 0 && (size_t)length < sizeof(err->text)) {
            size_t used = (size_t)length;
            (void)snprintf(err->text + used, sizeof(err->text) - used, ": %s", strerror(-code));
        }
    }
    return code;
}

int err_wrap(struct err *err, const char *format, ...)
{
    if (!err)
        return 0;
    char inner[sizeof(err->text)];
    memcpy(inner, err->text, sizeof(inner));
    va_list args;
    va_start(args, format);
    int length = vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    if (length >= 0 && (size_t)length < sizeof(err->text)) {
        size_t used = (size_t)length;
        (void)snprintf(err->text + used, sizeof(err->text) - used, ": %s", inner);
    }
    return err->code;
}
