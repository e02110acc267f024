/* SPDX-License-Identifier: MIT */
/* scenarios_test.c - every scenario that ships is a sound plan for the service that ships. */
#include "test.h"

#include "command/run/cells.h"
#include "command/scenario_tables.h"
#include "plan/catalog.h"
#include "plan/plan.h"

static void every_scenario_is_a_sound_plan(void **unused)
{
    (void)unused;
    struct catalog catalog = {0};
    assert_ok(catalog_open_default(&catalog, NULL));
    assert_true(catalog.count >= 6);
    for (size_t i = 0; i < catalog.count; i++) {
        struct plan *plan = NULL;
        struct err err = {0};
        int rc = plan_load(catalog.entries[i].path, &scenario_tables, &plan, &err);
        if (rc)
            print_error("%s\n", err.text);
        assert_ok(rc);
        assert_string_equal(plan->name, catalog.entries[i].name);
        assert_non_null(plan->source);
        assert_true(plan->variant_count >= 2);
        assert_true(plan->claim_count > 0 || plan->kind == PLAN_KIND_MICRO);
        assert_true(plan->rounds >= 6);
        if (cells_check(plan, NULL, &err))
            print_error("%s\n", err.text);
        assert_int_equal(err.code, 0);
        plan_destroy(plan);
    }
    catalog_fini(&catalog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_scenario_is_a_sound_plan),
    };
    return cmocka_run_group_tests_name("scenarios", tests, NULL, NULL);
}
