/* SPDX-License-Identifier: MIT */
/* allocator_test.c - allocators are found by name, or said to be missing. */
#include "test.h"

#include "run/allocator.h"

#include <string.h>
#include <unistd.h>

static void glibc_needs_nothing(void **state)
{
    (void)state;
    char path[8] = "before";
    assert_ok(allocator_find("glibc", path, sizeof(path), NULL));
    assert_string_equal(path, "");
}

static void what_is_found_can_be_loaded(void **state)
{
    (void)state;
    for (size_t i = 1; allocator_names[i]; i++) {
        char path[4096];
        struct err err = {0};
        int rc = allocator_find(allocator_names[i], path, sizeof(path), &err);
        if (rc == 0) {
            assert_non_null(strstr(path, allocator_names[i]));
            assert_ok(access(path, R_OK));
        } else {
            assert_int_equal(rc, -ENOENT);
            assert_non_null(strstr(err.text, "Debian: lib"));
            assert_string_equal(path, "");
        }
    }
}

static void other_names_and_small_buffers_are_refused(void **state)
{
    (void)state;
    char path[8];
    struct err err = {0};
    assert_int_equal(allocator_find("xmalloc", path, sizeof(path), &err), -EINVAL);
    assert_non_null(strstr(err.text, "xmalloc"));
    assert_int_equal(allocator_find("jemalloc", path, sizeof(path), NULL), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(glibc_needs_nothing),
        cmocka_unit_test(what_is_found_can_be_loaded),
        cmocka_unit_test(other_names_and_small_buffers_are_refused),
    };
    return cmocka_run_group_tests_name("allocator", tests, NULL, NULL);
}
