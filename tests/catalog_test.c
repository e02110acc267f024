/* SPDX-License-Identifier: MIT */
/* catalog_test.c - scenarios are found by family, name and path, near misses are named. */
#include "test.h"

#include "plan/catalog.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A source tree in a folder of its own: two families, sets, and things that are no scenarios. */
static const char *const folders[] = {
    "scenarios",         "scenarios/allocation",          "scenarios/partition",
    "scenarios/subject", "scenarios/allocation/odd.yaml", "build",
    "build/debug",       "build/debug/scenarios"};
static const char *const files[] = {"scenarios/allocation/encode.yaml",
                                    "scenarios/allocation/burst.yaml",
                                    "scenarios/allocation/.hidden.yaml",
                                    "scenarios/allocation/notes.txt",
                                    "scenarios/partition/flapping.yaml",
                                    "scenarios/subject/settings.c",
                                    "scenarios/loose.yaml",
                                    "scenarios/short.set",
                                    "scenarios/wrong.set",
                                    "scenarios/empty.set",
                                    "scenarios/.hidden.set"};

struct tree {
    char root[64];
};

static char *in_tree(const struct tree *tree, const char *name, char *path)
{
    (void)snprintf(path, PATH_MAX, "%s/%s", tree->root, name);
    return path;
}

static int make_tree(void **state)
{
    static struct tree tree;
    char path[PATH_MAX];
    (void)snprintf(tree.root, sizeof(tree.root), "/tmp/catalog_test.XXXXXX");
    assert_non_null(mkdtemp(tree.root));
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
        assert_ok(mkdir(in_tree(&tree, folders[i], path), 0755));
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        int fd = open(in_tree(&tree, files[i], path), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        assert_true(fd >= 0);
        (void)close(fd);
    }
    *state = &tree;
    return 0;
}

static int remove_tree(void **state)
{
    const struct tree *tree = *state;
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
        assert_ok(unlink(in_tree(tree, files[i], path)));
    for (size_t i = sizeof(folders) / sizeof(*folders); i > 0; i--)
        assert_ok(rmdir(in_tree(tree, folders[i - 1], path)));
    assert_ok(rmdir(tree->root));
    return 0;
}

static void open_tree(void **state, struct catalog *catalog)
{
    char path[PATH_MAX];
    assert_ok(catalog_open(catalog, in_tree(*state, "scenarios", path), NULL));
}

static void scenarios_are_listed_by_family(void **state)
{
    struct catalog catalog = {0};
    open_tree(state, &catalog);
    assert_int_equal(catalog.count, 3);
    assert_string_equal(catalog.entries[0].name, "allocation/burst");
    assert_string_equal(catalog.entries[1].name, "allocation/encode");
    assert_string_equal(catalog.entries[2].name, "partition/flapping");
    char path[PATH_MAX];
    assert_string_equal(catalog.entries[0].path,
                        in_tree(*state, "scenarios/allocation/burst.yaml", path));
    catalog_fini(&catalog);
    assert_int_equal(catalog.count, 0);
}

static void names_families_and_files_are_selected_once(void **state)
{
    struct catalog catalog = {0}, selection = {0};
    char path[PATH_MAX];
    open_tree(state, &catalog);
    assert_ok(catalog_select(&catalog, "partition/flapping", &selection, NULL));
    assert_ok(catalog_select(&catalog, "allocation", &selection, NULL));
    assert_ok(catalog_select(&catalog, "allocation/", &selection, NULL));
    assert_ok(catalog_select(&catalog, "allocation/encode", &selection, NULL));
    in_tree(*state, "scenarios/allocation/encode.yaml", path);
    assert_ok(catalog_select(&catalog, path, &selection, NULL));
    assert_int_equal(selection.count, 3);
    assert_string_equal(selection.entries[0].name, "partition/flapping");
    assert_string_equal(selection.entries[1].name, "allocation/burst");
    in_tree(*state, "scenarios/loose.yaml", path);
    assert_ok(catalog_select(NULL, path, &selection, NULL));
    assert_int_equal(selection.count, 4);
    assert_string_equal(selection.entries[3].path, path);
    catalog_fini(&selection);
    catalog_fini(&catalog);
}

static void what_is_not_there_is_refused_with_the_nearest(void **state)
{
    static const struct {
        const char *argument, *near;
    } misses[] = {
        {"allocation/encod", "'allocation/encode'"},
        {"alocation", "'allocation'"},
        {"flapping", "'partition/flapping'"},
        {"partiton/", "'partition'"},
    };
    struct catalog catalog = {0}, selection = {0};
    open_tree(state, &catalog);
    assert_ok(catalog_select(&catalog, "allocation/encode", &selection, NULL));
    for (size_t i = 0; i < sizeof(misses) / sizeof(*misses); i++) {
        struct err err = {0};
        assert_int_equal(catalog_select(&catalog, misses[i].argument, &selection, &err), -ENOENT);
        assert_non_null(strstr(err.text, misses[i].near));
    }
    struct err err = {0};
    assert_int_equal(catalog_select(&catalog, "xylophone", &selection, &err), -ENOENT);
    assert_null(strstr(err.text, "did you mean"));
    assert_int_equal(catalog_select(&catalog, "", &selection, NULL), -ENOENT);
    assert_int_equal(catalog_select(&catalog, "/", &selection, NULL), -ENOENT);
    assert_int_equal(catalog_select(NULL, "/no/such.yaml", &selection, NULL), -ENOENT);
    assert_int_equal(selection.count, 1);
    catalog_fini(&selection);
    catalog_fini(&catalog);
}

static void fill(const struct tree *tree, const char *name, const char *text)
{
    char path[PATH_MAX];
    FILE *file = fopen(in_tree(tree, name, path), "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_ok(fclose(file));
}

static void a_set_is_the_names_in_a_file(void **state)
{
    struct catalog catalog = {0}, selection = {0};
    struct err err = {0};
    char comment[4096];
    (void)snprintf(comment, sizeof(comment), "# %03000d\n\n  partition \t# all of them\n%s", 7,
                   "allocation/encode\t pooled,arena \r\npartition/flapping");
    fill(*state, "scenarios/short.set", comment);
    fill(*state, "scenarios/wrong.set", "allocation/burst\nallocation/encod\n");
    fill(*state, "scenarios/empty.set", "# nothing\n");
    open_tree(state, &catalog);
    assert_int_equal(catalog.count, 3);
    assert_int_equal(catalog.set_count, 3);
    assert_string_equal(catalog.sets[1].name, "short");
    assert_ok(catalog_select(&catalog, "short", &selection, NULL));
    assert_int_equal(selection.count, 2);
    assert_string_equal(selection.entries[0].name, "partition/flapping");
    assert_string_equal(selection.entries[1].name, "allocation/encode");
    assert_string_equal(selection.entries[1].variants, "pooled,arena");
    assert_null(selection.entries[0].variants);
    assert_int_equal(catalog_select(&catalog, "wrong", &selection, &err), -ENOENT);
    assert_non_null(strstr(err.text, "wrong.set:2"));
    assert_non_null(strstr(err.text, "'allocation/encode'"));
    assert_int_equal(catalog_select(&catalog, "empty", &selection, &err), -EINVAL);
    assert_int_equal(catalog_select(&catalog, "shrt", &selection, &err), -ENOENT);
    assert_non_null(strstr(err.text, "'short'"));
    assert_int_equal(selection.count, 2);
    assert_ok(catalog_select(&catalog, CATALOG_ALL, &selection, NULL));
    assert_int_equal(selection.count, 3);
    assert_string_equal(selection.entries[2].name, "allocation/burst");
    catalog_fini(&selection);
    catalog_fini(&catalog);
}

static void the_folder_is_found_from_the_program(void **state)
{
    struct catalog catalog = {0};
    char path[PATH_MAX];
    assert_ok(catalog_open_beside(&catalog, in_tree(*state, "build/debug", path), NULL));
    assert_int_equal(catalog.count, 3);
    catalog_fini(&catalog);
    struct err err = {0};
    assert_int_equal(catalog_open_beside(&catalog, "/proc/self/fd", &err), -ENOENT);
    assert_non_null(strstr(err.text, "POOLSTORM_SCENARIOS"));
}

static void the_environment_comes_first(void **state)
{
    struct catalog catalog = {0};
    char path[PATH_MAX];
    assert_ok(setenv("POOLSTORM_SCENARIOS", in_tree(*state, "scenarios", path), 1));
    assert_ok(catalog_open_default(&catalog, NULL));
    assert_int_equal(catalog.count, 3);
    catalog_fini(&catalog);
    struct err err = {0};
    assert_ok(setenv("POOLSTORM_SCENARIOS", in_tree(*state, "none", path), 1));
    assert_int_equal(catalog_open_default(&catalog, &err), -ENOENT);
    assert_non_null(strstr(err.text, "POOLSTORM_SCENARIOS"));
    assert_ok(unsetenv("POOLSTORM_SCENARIOS"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scenarios_are_listed_by_family),
        cmocka_unit_test(names_families_and_files_are_selected_once),
        cmocka_unit_test(what_is_not_there_is_refused_with_the_nearest),
        cmocka_unit_test(a_set_is_the_names_in_a_file),
        cmocka_unit_test(the_folder_is_found_from_the_program),
        cmocka_unit_test(the_environment_comes_first),
    };
    return cmocka_run_group_tests_name("catalog", tests, make_tree, remove_tree);
}
