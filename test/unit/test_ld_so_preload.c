/* SPDX-License-Identifier: ISC */
/*
 * The text of /etc/ld.so.preload: what is in it, our line added and taken away.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "host/ld_so_preload.h"
#include "test.h"

#define OURS "/usr/$LIB/libkashim.so"

static const struct {
	const char *text, *list, *with, *without;
} TEXTS[] = {
    {"", "", OURS "\n", ""},
    {"\n", " ", "\n" OURS "\n", "\n"},
    {"/a.so", "/a.so", "/a.so\n" OURS "\n", "/a.so\n"},
    {"/a.so\n/b.so:/c.so\td.so\n", "/a.so /b.so:/c.so d.so ",
	"/a.so\n/b.so:/c.so\td.so\n" OURS "\n", "/a.so\n/b.so:/c.so\td.so\n"},
    {"# libkashim.so\n/a.so # b.so", "               /a.so       ",
	"# libkashim.so\n/a.so # b.so\n" OURS "\n",
	"# libkashim.so\n/a.so # b.so\n"},
    {OURS "\n", OURS " ", NULL, ""},
    {"/a.so\n" OURS "\n/b.so\n", "/a.so " OURS " /b.so ", NULL,
	"/a.so\n/b.so\n"},
    {"/a.so:/old/libkashim.so  /b.so\n", "/a.so:/old/libkashim.so  /b.so ",
	NULL, "/a.so /b.so\n"},
    {OURS " # why\n", OURS "       ", NULL, "# why\n"},
    {"/a.so " OURS "# why", "/a.so " OURS "     ", NULL, "/a.so # why\n"},
};

START_TEST(texts)
{
	char *list = ld_so_preload_list(TEXTS[_i].text);
	char *without = ld_so_preload_without(TEXTS[_i].text);
	char *with = ld_so_preload_with(TEXTS[_i].text, OURS);

	ck_assert_str_eq(list, TEXTS[_i].list);
	ck_assert_str_eq(without, TEXTS[_i].without);
	if (TEXTS[_i].with)
		ck_assert_str_eq(with, TEXTS[_i].with);
	/* What was added can be taken away, and all else is as before. */
	free(list);
	list = ld_so_preload_without(with);
	ck_assert_str_eq(list, without);
	free(list);
	free(with);
	free(without);
}
END_TEST

static Suite *
ld_so_preload_suite(void)
{
	Suite *suite = suite_create("ld.so.preload");
	TCase *tables = tcase_create("tables");

	suite_add_tcase(suite, tables);
	tcase_add_loop_test(tables, texts, 0, ARRAY_LEN(TEXTS));
	return suite;
}

int
main(void)
{
	return test_main(ld_so_preload_suite());
}
