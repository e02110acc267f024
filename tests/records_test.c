/* SPDX-License-Identifier: MIT */
/* records_test.c - results are found by file, folder and folder of folders; those of older versions
 * are read. */
#include "test.h"

#include "command/records.h"
#include "run/folder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
    char path[64];
};

static void make_place(struct place *place)
{
    (void)snprintf(place->path, sizeof(place->path), "/tmp/records_test.XXXXXX");
    assert_non_null(mkdtemp(place->path));
}

/* A run's folder in the place with a copy of a committed record; name NULL: no folder. */
static void put(const struct place *place, const char *name, const char *record)
{
    char to[256], from[512], data[4096];
    size_t length;
    if (name) {
        (void)snprintf(to, sizeof(to), "%s/%s", place->path, name);
        assert_int_equal(mkdir(to, 0700), 0);
    }
    (void)snprintf(to, sizeof(to), "%s%s%s/result.json", place->path, name ? "/" : "",
                   name ? name : "");
    (void)snprintf(from, sizeof(from), "%s/%s", RECORDS, record);
    FILE *in = fopen(from, "r"), *out = fopen(to, "w");
    assert_non_null(in);
    assert_non_null(out);
    while ((length = fread(data, 1, sizeof(data), in)) > 0)
        assert_int_equal(fwrite(data, 1, length, out), length);
    (void)fclose(in);
    assert_int_equal(fclose(out), 0);
}

static void add(struct records *records, const char *word)
{
    struct err err = {0};
    int rc = records_add(records, word, &err);
    if (rc)
        print_error("%s\n", err.text);
    assert_ok(rc);
}

static void refuse(const char *word, int code, const char *expected)
{
    struct records records = {0};
    struct err err = {0};
    assert_int_equal(records_add(&records, word, &err), code);
    if (!strstr(err.text, expected))
        print_error("expected '%s' in '%s'\n", expected, err.text);
    assert_non_null(strstr(err.text, expected));
    assert_int_equal(records.count, 0);
    records_fini(&records);
}

/* Of the first day there were runs, before there were faults, gauges and databases. */
static void the_first_records_are_read(void **unused)
{
    (void)unused;
    struct records records = {0};
    add(&records, RECORDS "/first.json");
    assert_int_equal(records.count, 1);
    const struct result *result = records.items[0].result;
    assert_string_equal(records.items[0].name, "first");
    assert_string_equal(result->plan->name, "allocation/capacity-bloat");
    assert_string_equal(result->environment.database, "");
    assert_int_equal(result->variant_count, 3);
    assert_int_equal(result->round_count, 3);
    assert_int_equal(result->rounds[0].variant, 2);
    assert_true(result->rounds[0].whole[METRIC_QPS] == 4230);
    assert_true(isnan(result->rounds[0].whole[METRIC_KNEE])); /* which it knew nothing of */
    assert_int_equal(result->rounds[0].steps[1].load.latency->count, 1333);
    assert_non_null(result->rounds[0].steps[1].load.series);
    assert_int_equal(records.items[0].judgement->outcome, OUTCOME_WELL);
    records_fini(&records);
}

/* Of the day faults were new. */
static void the_first_faults_are_read(void **unused)
{
    (void)unused;
    struct records records = {0};
    add(&records, RECORDS "/faults.json");
    const struct result *result = records.items[0].result;
    assert_int_equal(result->plan->fault_count, 1);
    const struct result_window *window = &result->rounds[0].windows[0];
    assert_true(window->acted);
    assert_int_equal(window->recovery.state, RECOVERY_WELL);
    assert_int_equal(window->recovery.span_ns, 0); /* which it knew nothing of */
    records_fini(&records);
}

static void words_name_records(void **unused)
{
    (void)unused;
    struct place place;
    struct records records = {0};
    char word[256];
    make_place(&place);
    put(&place, "b", "first.json");
    put(&place, "a", "first.json");
    put(&place, ".hidden", "first.json");
    (void)snprintf(word, sizeof(word), "%s/empty", place.path);
    assert_int_equal(mkdir(word, 0700), 0);
    add(&records, place.path); /* a folder of runs, by name */
    assert_int_equal(records.count, 2);
    (void)snprintf(word, sizeof(word), "%s/b/", place.path);
    add(&records, word); /* a run's folder */
    (void)snprintf(word, sizeof(word), "%s/b/result.json", place.path);
    add(&records, word); /* its record */
    static const char *const names[] = {"a", "b", "b-2", "b-3"};
    struct report_input input;
    assert_ok(records_input(&records, &input, NULL));
    assert_int_equal(input.item_count, 4);
    const struct report_item *items = input.items;
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(records.items[i].name, names[i]);
        assert_string_equal(items[i].name, names[i]);
        assert_ptr_equal(items[i].result, records.items[i].result);
    }
    put(&place, NULL, "first.json"); /* a run's folder with others in it is that run's */
    struct records alone = {0};
    add(&alone, place.path);
    assert_int_equal(alone.count, 1);
    records_fini(&alone);
    records_fini(&records);
    folder_remove(place.path);
}

static void several_runs_and_cells_lie_deeper(void **unused)
{
    (void)unused;
    struct place place;
    struct records records = {0};
    char word[256];
    make_place(&place);
    static const char *const folders[] = {"night", "night/a/cells", "night/a/cells/x/cells"};
    for (size_t i = 0; i < 3; i++) {
        if (i > 0)
            put(&place, i == 1 ? "night/a" : "night/a/cells/x", "first.json");
        (void)snprintf(word, sizeof(word), "%s/%s", place.path, folders[i]);
        assert_int_equal(mkdir(word, 0700), 0);
    }
    put(&place, "night/b", "first.json");
    add(&records, place.path);
    static const char *const names[] = {"a", "x", "b"};
    assert_int_equal(records.count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(records.items[i].name, names[i]);
    records_fini(&records);
    folder_remove(place.path);
}

static char *written_of(struct records *records, const char *format)
{
    char *written = NULL;
    size_t size;
    struct report_input input;
    assert_ok(records_input(records, &input, NULL));
    FILE *out = open_memstream(&written, &size);
    assert_ok(report_find(format, NULL)->write(&input, out, NULL));
    assert_ok(fclose(out));
    return written;
}

/* Of many only one is held in memory, and nothing is missing from what is written. */
static void many_records_are_light_and_say_the_same(void **unused)
{
    (void)unused;
    static const char *const files[] = {"/first.json", "/faults.json", "/first.json"};
    struct records light = {.may_be_light = true}, whole = {0};
    for (size_t i = 0; i < 3; i++) {
        char word[512];
        (void)snprintf(word, sizeof(word), "%s%s", RECORDS, files[i]);
        add(&light, word);
        add(&whole, word);
        assert_true(light.items[0].light == (i >= RECORDS_WHOLE_MAX));
    }
    const struct load_result *load = &light.items[0].result->rounds[0].steps[1].load;
    assert_null(load->series);
    assert_int_equal(load->latency->count, 1333); /* which figures ask for */
    for (size_t i = 0; report_formats[i]; i++) {
        if (!report_formats[i]->by_item || report_formats[i]->part)
            continue;
        char *one = written_of(&light, report_formats[i]->name);
        char *other = written_of(&whole, report_formats[i]->name);
        assert_string_equal(one, other);
        free(one);
        free(other);
    }
    records_fini(&light);
    records_fini(&whole);
}

/* A record that goes while it is light is said to have gone. */
static void a_light_record_that_is_gone_is_told(void **unused)
{
    (void)unused;
    struct place place;
    struct records records = {.may_be_light = true};
    struct report_input input;
    struct report_opened opened;
    struct err err = {0};
    make_place(&place);
    put(&place, "a", "first.json");
    put(&place, "b", "first.json");
    put(&place, "c", "first.json");
    add(&records, place.path);
    assert_ok(records_input(&records, &input, NULL));
    assert_ok(report_open(&input, 1, &opened, NULL));
    assert_non_null(opened.item.result->rounds[0].steps[1].load.series);
    assert_string_equal(opened.item.name, "b");
    report_close(&input, &opened);
    folder_remove(place.path);
    assert_int_equal(report_open(&input, 1, &opened, &err), -ENOENT);
    report_close(&input, &opened);
    assert_non_null(strstr(err.text, "b/result.json"));
    records_fini(&records);
}

static void what_names_no_record_is_refused(void **unused)
{
    (void)unused;
    struct place place;
    struct records records = {0};
    char word[256], *const words[] = {word, NULL};
    make_place(&place);
    refuse("/nowhere/x", -ENOENT, "look at /nowhere/x: ");
    refuse(place.path, -EINVAL, "expected a result.json, a run's folder or a folder of runs");
    refuse("/proc/self/comm", -EINVAL, "/proc/self/comm:");
    put(&place, "a", "first.json");
    (void)snprintf(word, sizeof(word), "%s/b", place.path);
    assert_int_equal(mkdir(word, 0700), 0);
    (void)snprintf(word, sizeof(word), "%s/b/result.json", place.path);
    FILE *out = fopen(word, "w");
    assert_non_null(out);
    (void)fputs("{\"schema\": 7}\n", out);
    (void)fclose(out);
    refuse(word, -EINVAL, "schema: expected 1, not 7");
    (void)snprintf(word, sizeof(word), "%s", place.path); /* one bad among them is not hidden */
    assert_int_equal(records_add_all(&records, words, NULL), -EINVAL);
    assert_int_equal(records.count, 1);
    records_fini(&records);
    folder_remove(place.path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_records_are_read),
        cmocka_unit_test(the_first_faults_are_read),
        cmocka_unit_test(words_name_records),
        cmocka_unit_test(several_runs_and_cells_lie_deeper),
        cmocka_unit_test(many_records_are_light_and_say_the_same),
        cmocka_unit_test(a_light_record_that_is_gone_is_told),
        cmocka_unit_test(what_names_no_record_is_refused),
    };
    return cmocka_run_group_tests_name("records", tests, NULL, NULL);
}
