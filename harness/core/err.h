/* SPDX-License-Identifier: MIT */
/* err.h - the text that goes with a negative errno: what was tried, on what, and why it failed. */
#ifndef POOLSTORM_CORE_ERR_H
#define POOLSTORM_CORE_ERR_H

/* Filled by the callee, owned by the caller, cheap to put on a stack. A NULL err is allowed
 * everywhere and means that nobody will read the text. */
struct err {
    int code;       /* the negative errno that was returned with it, 0 while unset */
    char text[480]; /* for people; one sentence without a full stop, cut when too long */
};

/* Sets code and text. Returns code, so that a caller can `return err_set(err, -EINVAL, …)`. */
int err_set(struct err *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, with ": " and the system's words for code behind the text. */
int err_sys(struct err *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "<text>: " before what is there: the outer call adds what it was about. Returns code. */
int err_wrap(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Lets the static analyzer see in every caller that the code given is the code returned. */
#ifdef __clang_analyzer__
#define err_set(err, code, ...)                                                                    \
    __extension__({                                                                                \
        int err_code_ = (code);                                                                    \
        (void)(err_set)((err), err_code_, __VA_ARGS__);                                            \
        err_code_;                                                                                 \
    })
#define err_sys(err, code, ...)                                                                    \
    __extension__({                                                                                \
        int err_code_ = (code);                                                                    \
        (void)(err_sys)((err), err_code_, __VA_ARGS__);                                            \
        err_code_;                                                                                 \
    })
#endif

#endif
