/* SPDX-License-Identifier: MIT */
/* sql_test.c - statements are told apart as psql does, and their places in the file are found. */
#include "test.h"

#include "plan/sql.h"

#include <stdio.h>
#include <string.h>

/* The statements of a text, each in brackets; "…5" when what begins there is not closed. */
static void assert_statements(const char *text, const char *expected)
{
    char found[1000] = "";
    struct sql_statement statement;
    struct err err = {0};
    size_t at = 0;
    int rc;
    while ((rc = sql_next(text, &at, &statement, &err)) > 0)
        (void)snprintf(found + strlen(found), sizeof(found) - strlen(found), "[%.*s]",
                       (int)statement.length_bytes, text + statement.offset_bytes);
    if (rc < 0)
        (void)snprintf(found + strlen(found), sizeof(found) - strlen(found), "…%zu %s",
                       statement.offset_bytes, err.text);
    assert_string_equal(found, expected);
}

static void nothing_is_no_statement(void **unused)
{
    (void)unused;
    assert_statements("", "");
    assert_statements(" ;; -- nothing; here\n/* nor /* here; */ */ ;", "");
}

static void statements_end_at_semicolons(void **unused)
{
    (void)unused;
    assert_statements("SELECT 1; SELECT 2", "[SELECT 1][SELECT 2]");
    assert_statements("-- one\nSELECT 1 /* a; b */ ; -- two\n", "[SELECT 1]");
    assert_statements("BEGIN; COMMIT; SELECT CASE WHEN a THEN b END; X",
                      "[BEGIN][COMMIT][SELECT CASE WHEN a THEN b END][X]");
}

static void quotes_keep_them(void **unused)
{
    (void)unused;
    assert_statements("SELECT ';', ''';', \";\"; B", "[SELECT ';', ''';', \";\"][B]");
    assert_statements("SELECT E'\\';'; SELECT name'\\'; B", "[SELECT E'\\';'][SELECT name'\\'][B]");
    assert_statements("DO $$ BEGIN; END; $$; DO $a$ ; $$ ; $a$; S",
                      "[DO $$ BEGIN; END; $$][DO $a$ ; $$ ; $a$][S]");
    assert_statements("SELECT $1; SELECT a$b$c; X", "[SELECT $1][SELECT a$b$c][X]");
}

static void blocks_keep_them(void **unused)
{
    (void)unused;
    assert_statements("CREATE FUNCTION f() BEGIN ATOMIC SELECT CASE 1 END; SELECT 2; END; X",
                      "[CREATE FUNCTION f() BEGIN ATOMIC SELECT CASE 1 END; SELECT 2; END][X]");
    assert_statements("CREATE RULE r AS ON INSERT TO t DO (A; B); X",
                      "[CREATE RULE r AS ON INSERT TO t DO (A; B)][X]");
}

static void what_is_open_is_pointed_at(void **unused)
{
    (void)unused;
    assert_statements("a; b 'c", "[a]…5 expected this quote to be closed");
    assert_statements("a; /* b /* c */", "[a]…3 expected this comment to be closed");
    assert_statements("x $y$ z $y", "…2 expected this dollar quote to be closed");
    assert_statements("\"", "…0 expected this quote to be closed");
}

static void places_are_those_of_the_file(void **unused)
{
    (void)unused;
    struct plan_sql block = {(char[]){"a;\n  bc"}, {7, 5}, true};
    struct plan_where where = sql_where(&block, 5);
    assert_int_equal(where.line, 8);
    assert_int_equal(where.column, 7);
    struct plan_sql folded = {(char[]){"a;\nbc"}, {7, 5}, false};
    where = sql_where(&folded, 1);
    assert_int_equal(where.column, 6);
    where = sql_where(&folded, 3); /* which line that was is not known */
    assert_int_equal(where.line, 7);
    assert_int_equal(where.column, 5);
    assert_int_equal(sql_offset("äb", 2), 2);
    assert_int_equal(sql_offset("äb", 9), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_no_statement),
        cmocka_unit_test(statements_end_at_semicolons),
        cmocka_unit_test(quotes_keep_them),
        cmocka_unit_test(blocks_keep_them),
        cmocka_unit_test(what_is_open_is_pointed_at),
        cmocka_unit_test(places_are_those_of_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
