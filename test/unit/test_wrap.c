/* SPDX-License-Identifier: ISC */
/* wrap: lines that fit, and nothing in them that a terminal would obey. */
#include "term/wrap.h"

#include <stdlib.h>

#include "test.h"

static const struct {
	const char *text;
	unsigned int at, indent, columns;
	const char *printed;
} CASES[] = {
    {"", 0, 2, 10, "\n"},
    {"one two", 0, 2, 10, "one two\n"},
    {"one two three", 0, 2, 7, "one two\n  three\n"},
    {"one two", 0, 2, 6, "one\n  two\n"},
    {"one two", 4, 4, 10, "one\n    two\n"},
    {"  one   two ", 0, 2, 10, "one two\n"},
    {"a toolongforit b", 0, 1, 5, "a\n toolongforit\n b\n"},
    {"one\ntwo", 0, 2, 10, "one\n  two\n"},
    /* A character of several bytes takes one column. */
    {"gr\u00f6\u00dfe zwei", 0, 0, 10, "gr\u00f6\u00dfe zwei\n"},
    {"a\033[31mb\tc\x7f", 0, 0, 20, "a?[31mb?c?\n"},
    {"a\xc2\x9b"
     "31mb",
	0, 0, 20, "a?31mb\n"},
    {"a\u202eb\u2066c\u200fd\u2028", 0, 0, 20, "a?b?c?d?\n"},
    {"a\xff\xc3", 0, 0, 20, "a??\n"},
    /* What is replaced takes a column, too. */
    {"a\u202eb c", 0, 0, 5, "a?b c\n"},
    {"a\u202eb c", 0, 0, 4, "a?b\nc\n"},
};

START_TEST(wrapped)
{
	char *printed = NULL;
	size_t size;
	FILE *out = open_memstream(&printed, &size);

	wrap_print(out, CASES[_i].text, CASES[_i].at, CASES[_i].indent,
	    CASES[_i].columns);
	fclose(out);
	ck_assert_str_eq(printed, CASES[_i].printed);
	free(printed);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("wrap");
	TCase *tcase = tcase_create("wrap");

	tcase_add_loop_test(tcase, wrapped, 0, (int)ARRAY_LEN(CASES));
	suite_add_tcase(suite, tcase);
	return test_main(suite);
}
