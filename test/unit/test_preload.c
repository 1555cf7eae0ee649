/* SPDX-License-Identifier: ISC */
/*
 * The value of LD_PRELOAD, and the place of libkashim.so in it.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "host/preload.h"
#include "test.h"

static const struct {
	const char *list, *others;
	bool ours;
} LISTS[] = {
    {"", NULL, false},
    {" : ", NULL, false},
    {"/a.so", "/a.so", false},
    {"/a.so:/b.so /c.so", "/a.so:/b.so:/c.so", false},
    {"/x/our.so", NULL, true},
    {"/a.so:/x/our.so:/b.so", "/a.so:/b.so", true},
    {"/old/libkashim.so /b.so", "/b.so", true},
    {"libkashim.so", NULL, true},
    {"/usr/$LIB/libkashim.so", NULL, true},
    {"notlibkashim.so", "notlibkashim.so", false},
    {"/libkashim.so.1", "/libkashim.so.1", false},
};

START_TEST(lists)
{
	char *others;
	bool ours;

	ck_assert_int_eq(
	    preload_others(LISTS[_i].list, "/x/our.so", &others, &ours),
	    LISTS[_i].others != NULL);
	ck_assert_int_eq(ours, LISTS[_i].ours);
	if (LISTS[_i].others)
		ck_assert_str_eq(others, LISTS[_i].others);
	free(others);
}
END_TEST

static const struct {
	const char *list, *entry;
} FOUND[] = {
    {NULL, NULL},
    {"", NULL},
    {"/a.so:/libkashim.so.1 notlibkashim.so", NULL},
    {" /a.so : /usr/$LIB/libkashim.so:libkashim.so", "/usr/$LIB/libkashim.so"},
    {"libkashim.so", "libkashim.so"},
};

START_TEST(found)
{
	char entry[PATH_MAX];
	const bool is_there = preload_find(FOUND[_i].list, entry);

	ck_assert_int_eq(is_there, FOUND[_i].entry != NULL);
	if (is_there)
		ck_assert_str_eq(entry, FOUND[_i].entry);
}
END_TEST

static const struct {
	const char *others, *list;
} JOINED[] = {
    {NULL, "/our.so"},
    {"/a.so", "/our.so:/a.so"},
    {"/a.so:/b.so", "/our.so:/a.so:/b.so"},
    {"/libproxychains.so.4", "/libproxychains.so.4:/our.so"},
    {"libproxychains4.so", "libproxychains4.so:/our.so"},
    {"/libproxychains.so.4:/b.so", "/libproxychains.so.4:/our.so:/b.so"},
    {"/a.so:/libproxychains.so.4:/b.so",
	"/a.so:/libproxychains.so.4:/our.so:/b.so"},
    {"libasan.so.8:/libtorsocks.so", "libasan.so.8:/our.so:/libtorsocks.so"},
    {"/libtorsocks.so:/libproxychains.so.4",
	"/libtorsocks.so:/libproxychains.so.4:/our.so"},
    /* Of the directory, nothing counts. */
    {"/libproxychains.so.4/a.so", "/our.so:/libproxychains.so.4/a.so"},
    {"libproxychain", "/our.so:libproxychain"},
};

START_TEST(joined)
{
	char *list = preload_join("/our.so", JOINED[_i].others);

	ck_assert_str_eq(list, JOINED[_i].list);
	free(list);
}
END_TEST

static Suite *
preload_suite(void)
{
	Suite *suite = suite_create("preload");
	TCase *tables = tcase_create("tables");

	suite_add_tcase(suite, tables);
	tcase_add_loop_test(tables, lists, 0, ARRAY_LEN(LISTS));
	tcase_add_loop_test(tables, found, 0, ARRAY_LEN(FOUND));
	tcase_add_loop_test(tables, joined, 0, ARRAY_LEN(JOINED));
	return suite;
}

int
main(void)
{
	return test_main(preload_suite());
}
