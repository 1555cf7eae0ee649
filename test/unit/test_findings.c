/* SPDX-License-Identifier: ISC */
/* Findings that go from one process to another. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "doctor/findings.h"
#include "test.h"

static void
make(struct findings *findings)
{
	*findings = (struct findings){0};
	findings_add(
	    findings, FINDING_GO, FINDING_NOTE, "with a remedy, 100%%");
	findings_remedy(findings, "Do it.");
	findings_add(findings, FINDING_LIBC, FINDING_FATAL, " 7 without one");
	findings_add(findings, FINDING_SOCKETS, FINDING_FINE, "last");
}

START_TEST(come_back)
{
	struct findings findings, others = {0};
	char text[256];

	make(&findings);
	findings_add(&others, FINDING_LOADED, FINDING_WARN, "first");
	findings_pack(&findings, text, sizeof(text));
	findings_unpack(&others, text);
	ck_assert_int_eq(others.error, 0);
	ck_assert_uint_eq(others.count, 4);
	ck_assert_int_eq(others.worst, FINDING_FATAL);
	for (size_t i = 0; i < findings.count; i++) {
		const struct finding *has = &others.list[i + 1];
		const struct finding *was = &findings.list[i];

		ck_assert_int_eq(has->topic, was->topic);
		ck_assert_int_eq(has->severity, was->severity);
		ck_assert_str_eq(has->what, was->what);
		ck_assert_pstr_eq(has->remedy, was->remedy);
	}
	findings_free(&findings);
	findings_free(&others);
}
END_TEST

/* However little room there is, nothing is taken for all of it. */
START_TEST(no_room)
{
	struct findings findings;
	char text[256];
	size_t needed;

	make(&findings);
	findings_pack(&findings, text, sizeof(text));
	needed = strlen(text) + 1;
	for (size_t size = 1; size <= needed; size++) {
		struct findings others = {0};

		findings_pack(&findings, text, size);
		findings_unpack(&others, text);
		ck_assert_int_eq(others.error, size < needed ? -ENOMEM : 0);
		findings_free(&others);
	}
	findings_free(&findings);
}
END_TEST

/* One that is missing is missing there, too. */
START_TEST(error)
{
	struct findings findings, others = {0};
	char text[256];

	make(&findings);
	findings.error = -ENOMEM;
	findings_pack(&findings, text, sizeof(text));
	findings_unpack(&others, text);
	ck_assert_int_eq(others.error, -ENOMEM);
	findings_free(&findings);
	findings_free(&others);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("findings");
	TCase *tc = tcase_create("packed");

	tcase_add_test(tc, come_back);
	tcase_add_test(tc, no_room);
	tcase_add_test(tc, error);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
