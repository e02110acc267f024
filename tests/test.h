/* SPDX-License-Identifier: MIT */
/* test.h - cmocka with the headers it wants, and the assertion most tests need. */
#ifndef POOLSTORM_TESTS_TEST_H
#define POOLSTORM_TESTS_TEST_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The call answered 0. */
#define assert_ok(call) assert_int_equal((call), 0)

#endif
