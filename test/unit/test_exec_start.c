/* SPDX-License-Identifier: ISC */
/* exec_start: command lines, before and under supervision. */
#include "unit/exec_start.h"

#include <errno.h>
#include <stdlib.h>

#include "test.h"
#include "unit_tree.h"

#define RUN "/k run --supervise -- "

static const struct {
	const char *unit, *lines;
} TEXTS[] = {
    {"ExecStart=/x", "ExecStart=" RUN "/x\n"},
    {"ExecStart=/bin/su - a -c \"exec /x 'a  b'\"",
	"ExecStart=" RUN "/bin/su - a -c \"exec /x 'a  b'\"\n"},
    {"ExecStart=-!!:/x  -f\t%i $A ${B} \\x20 \\\n  more",
	"ExecStart=-!!:" RUN "/x -f %i $A ${B} \\x20 more\n"},
    {"ExecStart=\"/x y\" z", "ExecStart=" RUN "\"/x y\" z\n"},
    {"ExecStart=/x a ; -/y b ; /z",
	"ExecStart=" RUN "/x a ; -" RUN "/y b ; " RUN "/z\n"},
    {"ExecStart=/x ';' /y", "ExecStart=" RUN "/x ';' /y\n"},
    {"ExecStart=/x ;y", "ExecStart=" RUN "/x ;y\n"},
    {"ExecStart=/x \\; /y ; /z \\;",
	"ExecStart=" RUN "/x \\; /y ; " RUN "/z \\;\n"},
    {"ExecStart=/x\nExecStart=/y",
	"ExecStart=" RUN "/x\nExecStart=" RUN "/y\n"},
    {"ExecStart=/x\nExecStart=\nExecStart=/y", "ExecStart=" RUN "/y\n"},
    {"ExecStart=/x\nSystemCallFilter=@system-service",
	"ExecStart=" RUN "/x\nSystemCallFilter=seccomp pidfd_getfd\n"},
    {"ExecStart=/x\nSystemCallFilter=~@mount\nSystemCallFilter=",
	"ExecStart=" RUN "/x\n"},
    {"Type=forking\nPIDFile=/run/x\nExecStart=/x", "ExecStart=" RUN "/x\n"},
};

/* What can't be: the reason, and the line of the setting, or 0. */
static const struct {
	const char *unit, *why;
	uint32_t line;
} REFUSALS[] = {
    {"Type=oneshot", "it has no ExecStart=", 0},
    {"Type=forking\nExecStart=/x", "Type=forking needs PIDFile=", 0},
    {"RootDirectory=/r\nExecStart=/x", "RootDirectory= and", 0},
    {"RootImage=/r\nExecStart=/x", "RootDirectory= and", 0},
    {"ExecStart=@/x y", "what @ or |", 2},
    {"ExecStart=-@/x y", "what @ or |", 2},
    {"ExecStart=/x ; |/y", "what @ or |", 2},
    {"ExecStart=\"-/x\" y", "its program can't be told", 2},
    {"ExecStart=/x\nExecStart=$X", "its program can't be told", 3},
    {"ExecStart=; /x", "its program can't be told", 2},
    {"ExecStart=/x a\\;", "it has an unknown escape", 2},
    {"ExecStart=/x 'a", "it has an unknown escape", 2},
    {"ExecStart=/x \\q", "it has an unknown escape", 2},
};

static void
read_service(const char *text, struct unit *unit)
{
	char file[1024];

	snprintf(file, sizeof(file), "[Service]\n%s\n", text);
	put(SYSTEM "/a.service", file);
	ck_assert_int_eq(unit_read(root, "a", unit), 0);
}

START_TEST(supervised)
{
	struct unit unit;
	const struct unit_setting *where;
	const char *why;
	/* Without the lines that say where each is from. */
	char *lines, kept[1024] = "", *state = NULL;
	size_t size = 0;

	read_service(TEXTS[_i].unit, &unit);
	ck_assert_int_eq(
	    exec_start_supervised(&unit, "/k", &lines, &where, &why), 0);
	for (char *line = strtok_r(lines, "\n", &state); line;
	     line = strtok_r(NULL, "\n", &state))
		if (*line != '#')
			size += (size_t)snprintf(
			    kept + size, sizeof(kept) - size, "%s\n", line);
	ck_assert_str_eq(strchr(kept, '\n') + 1, TEXTS[_i].lines);
	ck_assert_int_eq(strncmp(kept, "ExecStart=\n", 11), 0);
	free(lines);
	unit_free(&unit);
}
END_TEST

START_TEST(refused)
{
	struct unit unit;
	const struct unit_setting *where;
	const char *why;
	char *lines;

	read_service(REFUSALS[_i].unit, &unit);
	ck_assert_int_eq(
	    exec_start_supervised(&unit, "/k", &lines, &where, &why), -ENOTSUP);
	ck_assert_int_eq(
	    strncmp(why, REFUSALS[_i].why, strlen(REFUSALS[_i].why)), 0);
	ck_assert_uint_eq(where ? where->line : 0, REFUSALS[_i].line);
	ck_assert_ptr_null(lines);
	unit_free(&unit);
}
END_TEST

START_TEST(controls)
{
	static const char *const commands[] = {
	    "/k\nExecStart=/evil", "/a b", "/100%", "/a;b", "/a$b"};
	struct unit unit;
	const struct unit_setting *where;
	const char *why;
	char *lines;

	read_service("ExecStart=/x 'a\tb'", &unit);
	ck_assert_int_eq(
	    exec_start_supervised(&unit, "/k", &lines, &where, &why), -EINVAL);
	unit_free(&unit);
	read_service("ExecStart=/x", &unit);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		ck_assert_int_eq(exec_start_supervised(
				     &unit, commands[i], &lines, &where, &why),
		    -EINVAL);
	unit_free(&unit);
}
END_TEST

static Suite *
exec_start_suite(void)
{
	Suite *suite = suite_create("exec_start");
	TCase *trees = tcase_create("trees");

	tcase_add_checked_fixture(trees, make_root, remove_root);
	tcase_add_loop_test(trees, supervised, 0, ARRAY_LEN(TEXTS));
	tcase_add_loop_test(trees, refused, 0, ARRAY_LEN(REFUSALS));
	tcase_add_test(trees, controls);
	suite_add_tcase(suite, trees);
	return suite;
}

int
main(void)
{
	return test_main(exec_start_suite());
}
