/* SPDX-License-Identifier: ISC */
/* dropin: its text, as it is written and as unit reads it again. */
#include "host/preload.h"
#include "unit/dropin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "test.h"
#include "unit_tree.h"

/* The drop-in: what is written comes back, through unit's own eyes. */

static const struct {
	const char *library, *others, *config;
} TEXTS[] = {
    {"/usr/lib/libkashim.so", NULL, NULL},
    {"/usr/lib/libkashim.so", "/a.so:/b.so", NULL},
    {"/a%b/libkashim.so", "/libproxychains.so.4:/b.so", NULL},
    {"/a%b/libkashim.so", "/libproxychains.so.4", NULL},
    {"/a%b/libkashim.so", NULL, "/etc/100%/%i.conf"},
    {"/a\\b/libkashim.so", "/c\\d.so", "/etc/a b.conf"},
    {"/a'b\"c/libkashim.so", "/d'e.so", "/etc/\"a\" 'b'.conf"},
    {"/a/libkashim.so", "/b$c.so", "/etc/a;b#c=d.conf"},
    {"/a/libkashim.so", NULL, "/etc/back\\"},
};

START_TEST(dropin_texts)
{
	struct dropin dropin = {"a.service", TEXTS[_i].library,
	    TEXTS[_i].others, "/some/file:1", TEXTS[_i].config, NULL, NULL};
	char *preload = preload_join(TEXTS[_i].library, TEXTS[_i].others);
	char *text, *config;

	ck_assert_int_eq(dropin_text(&dropin, &text), 0);
	put(SYSTEM "/a.service", "[Service]\nExecStart=/x\n");
	ck_assert_int_eq(dropin_write(root, "a.service", text), 0);
	expect_variable("LD_PRELOAD", "a", preload, NULL);
	free(preload);
	expect_variable("KASHIM_CONFIG", "a", TEXTS[_i].config, NULL);
	ck_assert_int_eq(
	    dropin_config(text, &config), TEXTS[_i].config != NULL);
	if (config)
		ck_assert_str_eq(config, TEXTS[_i].config);
	free(config);
	free(text);
	ck_assert_int_eq(dropin_read(root, "a.service", &text), 0);
	free(text);
	ck_assert_int_eq(dropin_remove(root, "a.service"), 0);
	ck_assert_int_eq(dropin_remove(root, "a.service"), -ENOENT);
	ck_assert_int_eq(access(below(ADMIN "/a.service.d"), F_OK), -1);
}
END_TEST

START_TEST(dropin_controls)
{
	struct dropin dropin = {
	    "a.service", "/x", "/a\n[Service]", "/y", NULL, NULL, NULL};
	char *text;

	ck_assert_int_eq(dropin_text(&dropin, &text), -EINVAL);
	dropin.others = "/a";
	dropin.others_file = "/y\nExecStart=/evil";
	ck_assert_int_eq(dropin_text(&dropin, &text), -EINVAL);
	dropin.others_file = "/y";
	dropin.config = "/a\tb";
	ck_assert_int_eq(dropin_text(&dropin, &text), -EINVAL);
	dropin.config = NULL;
	dropin.library = "/a\rb";
	ck_assert_int_eq(dropin_text(&dropin, &text), -EINVAL);
	ck_assert_ptr_null(text);
}
END_TEST

static Suite *
dropin_suite(void)
{
	Suite *suite = suite_create("dropin");
	TCase *tables = tcase_create("tables");
	TCase *trees = tcase_create("trees");

	tcase_add_test(tables, dropin_controls);
	suite_add_tcase(suite, tables);
	tcase_add_checked_fixture(trees, make_root, remove_root);
	tcase_add_loop_test(trees, dropin_texts, 0, ARRAY_LEN(TEXTS));
	suite_add_tcase(suite, trees);
	return suite;
}

int
main(void)
{
	return test_main(dropin_suite());
}
