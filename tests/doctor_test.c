/* SPDX-License-Identifier: MIT */
/* doctor_test.c - every check finds something it can say, and a remedy where something is wrong. */
#include "test.h"

#include "command/doctor/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void every_check_finds_something(void **state)
{
    (void)state;
    for (size_t i = 0; doctor_checks[i]; i++) {
        struct finding finding = {0};
        doctor_checks[i]->look(&finding);
        if (!finding.found[0] || strchr(finding.found, '\n'))
            fail_msg("%s found '%s'", doctor_checks[i]->name, finding.found);
        if (finding.level != FINDING_OK && !finding.remedy)
            fail_msg("%s has no remedy for '%s'", doctor_checks[i]->name, finding.found);
    }
}

static void words_are_joined_and_cut(void **state)
{
    (void)state;
    struct finding finding = {0};
    finding_add(&finding, "%d", 1);
    finding_add(&finding, "two");
    assert_string_equal(finding.found, "1, two");
    for (size_t i = 0; i < sizeof(finding.found); i++)
        finding_add(&finding, "%s", "more");
    assert_int_equal(strlen(finding.found), sizeof(finding.found) - 1);
}

static void files_are_read_by_their_first_line(void **state)
{
    (void)state;
    char path[] = "/tmp/doctor_test.XXXXXX", text[16];
    int64_t number = 7;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "42 apples\nsecond\n", 17), 17);
    assert_ok(close(fd));
    assert_true(look_text(path, text, sizeof(text)));
    assert_string_equal(text, "42 apples");
    assert_true(look_number(path, &number));
    assert_int_equal(number, 42);
    assert_ok(truncate(path, 0));
    assert_false(look_number(path, &number));
    assert_int_equal(number, 42);
    assert_ok(unlink(path));
    assert_false(look_text(path, text, sizeof(text)));
    assert_string_equal(text, "");
}

static void programs_are_found_in_the_path(void **state)
{
    (void)state;
    char path[256], before[1024];
    (void)snprintf(before, sizeof(before), "%s", getenv("PATH"));
    assert_ok(setenv("PATH", "::/nonexistent:/bin", 1));
    assert_true(look_program("sh", path, sizeof(path)));
    assert_string_equal(path, "/bin/sh");
    assert_false(look_program("no-such-program-anywhere", path, sizeof(path)));
    assert_string_equal(path, "");
    assert_ok(setenv("PATH", before, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_check_finds_something),
        cmocka_unit_test(words_are_joined_and_cut),
        cmocka_unit_test(files_are_read_by_their_first_line),
        cmocka_unit_test(programs_are_found_in_the_path),
    };
    return cmocka_run_group_tests_name("doctor", tests, NULL, NULL);
}
