/* SPDX-License-Identifier: ISC */
/*
 * unit: which files make it up and what comes of its settings, on trees of
 * files that are made here. Called with arguments it prints what it
 * reads, for test/command/test_systemd.sh to compare with systemd itself:
 *
 *	test_unit files ROOT UNIT              the files, in order
 *	test_unit variables ROOT UNIT NAME...  NAME=VALUE, each with a NUL
 */
#include "unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/inside.h"
#include "test.h"
#include "unit/unit_group.h"
#include "unit_tree.h"

/* Which file it is. */

static void
expect_file(const char *name, const char *id, const char *file, bool masked)
{
	struct unit unit;

	ck_assert_msg(unit_read(root, name, &unit) == 0, "%s", name);
	ck_assert_str_eq(unit.id, id);
	ck_assert_str_eq(unit.file, file);
	ck_assert_int_eq(unit.masked, masked);
	ck_assert(!masked || unit.count == 0);
	unit_free(&unit);
}

static void
expect_error(const char *name, int error)
{
	struct unit unit;

	ck_assert_int_eq(unit_read(root, name, &unit), error);
	unit_free(&unit);
}

START_TEST(search_path)
{
	static const char *const directories[] = {
	    "/run/systemd/generator.late",
	    "/usr/lib/systemd/system",
	    "/lib/systemd/system",
	    "/usr/local/lib/systemd/system",
	    "/run/systemd/generator",
	    "/run/systemd/system",
	    "/etc/systemd/system",
	    "/run/systemd/generator.early",
	    "/run/systemd/transient",
	    "/run/systemd/system.control",
	    "/etc/systemd/system.control",
	};

	expect_error("a", -ENOENT);
	for (size_t i = 0; i < ARRAY_LEN(directories); i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s/a.service", directories[i]);
		put(path, "[Service]\n");
		expect_file("a", "a.service", path, false);
	}
}
END_TEST

START_TEST(links)
{
	put(SYSTEM "/a.service", "[Service]\nEnvironment=A=1\n");
	put(SYSTEM "/t@.service", "[Service]\nEnvironment=A=%i\n");
	put("/opt/kept.service", "[Service]\nEnvironment=A=kept\n");
	link_to(ADMIN "/b.service", SYSTEM "/a.service");
	link_to(
	    ADMIN "/c.service", "../../../usr/lib/systemd/system/b.service");
	link_to(ADMIN "/u@.service", SYSTEM "/t@.service");
	link_to(ADMIN "/v@1.service", SYSTEM "/t@1.service");
	link_to(ADMIN "/kept.service", "/opt/kept.service");
	link_to(ADMIN "/gone.service", "/opt/nothing.service");
	link_to(ADMIN "/away.service", SYSTEM "/nothing.service");
	link_to(ADMIN "/wrong.service", SYSTEM "/t@.service");
	link_to(ADMIN "/masked.service", "/dev/null");
	link_to(ADMIN "/a.socket", "a.socket");
	link_to(ADMIN "/x.service", "y.service");
	link_to(ADMIN "/y.service", "x.service");
	put(ADMIN "/empty.service", "");
	ck_assert_int_eq(mknod(below("/dev/null"), S_IFCHR | 0666, 0x103), 0);

	expect_file("b", "a.service", SYSTEM "/a.service", false);
	expect_file("c", "a.service", SYSTEM "/a.service", false);
	expect_file("t@9", "t@9.service", SYSTEM "/t@.service", false);
	expect_file("u@9", "t@9.service", SYSTEM "/t@.service", false);
	expect_file("u@", "t@.service", SYSTEM "/t@.service", false);
	expect_file("v@1", "t@1.service", SYSTEM "/t@.service", false);
	expect_error("v@2", -ENOENT);
	expect_variable("A", "u@9", "9", SYSTEM "/t@.service");
	expect_file("kept", "kept.service", ADMIN "/kept.service", false);
	expect_variable("A", "kept", "kept", NULL);
	expect_error("gone", -ENOENT);
	expect_error("away", -ENOENT);
	expect_error("wrong", -ENOENT);
	expect_error("a.socket", -ENOENT);
	expect_error("x", -ELOOP);
	expect_file("masked", "masked.service", ADMIN "/masked.service", true);
	expect_file("empty", "empty.service", ADMIN "/empty.service", true);
	expect_error("a b", -EINVAL);
}
END_TEST

/* Nothing outside of the root is read, whatever links say. */
START_TEST(outside)
{
	char inside[64], target[128];

	memcpy(inside, root, sizeof(inside));
	put("/secret", "[Service]\nEnvironment=A=secret\n");
	put("/variables", "A=secret\n");
	put("/directory/a.conf", "[Service]\nEnvironment=A=secret\n");
	snprintf(root, sizeof(root), "%s/image", inside);
	ck_assert_int_eq(mkdir(root, 0755), 0);
	snprintf(target, sizeof(target), "%s/secret", inside);
	put(SYSTEM "/a.service", "[Service]\nEnvironment=A=1\n"
				 "EnvironmentFile=-/etc/variables\n"
				 "EnvironmentFile=-/../variables\n");
	link_to(SYSTEM "/b.service", target);
	link_to(SYSTEM "/c.service", "../../../../../secret");
	link_to("/etc/variables", "../../variables");
	snprintf(target, sizeof(target), "%s/directory", inside);
	link_to(ADMIN "/a.service.d", target);
	link_to(ADMIN "/service.d", "../../../../directory");
	expect_variable("A", "a", "1", NULL);
	expect_error("b", -ENOENT);
	expect_error("c", -ENOENT);
	memcpy(root, inside, sizeof(inside));
}
END_TEST

/* A fifo would never end, a device may do anything when it is opened. */
START_TEST(no_files)
{
	put(SYSTEM "/a.service",
	    "[Service]\nEnvironment=A=1\nEnvironmentFile=/etc/fifo\n");
	ck_assert_int_eq(mkfifo(below("/etc/fifo"), 0600), 0);
	ck_assert_int_eq(mkfifo(below(ADMIN "/a.service.d/x.conf"), 0600), 0);
	ck_assert_int_eq(mkfifo(below(ADMIN "/f.service"), 0600), 0);
	ck_assert_int_eq(
	    mknod(below(ADMIN "/a.service.d/y.conf"), S_IFSOCK | 0600, 0), 0);
	put(ADMIN "/d.service/x", "");
	put(SYSTEM "/f.service", "[Service]\n");
	expect_variable("A", "a", "1", NULL);
	expect_file("f", "f.service", SYSTEM "/f.service", false);
	expect_error("d", -ENOENT);
}
END_TEST

START_TEST(big_file)
{
	FILE *out = fopen(below(SYSTEM "/a.service"), "w");
	char *text;
	size_t size;
	int fd = inside_root(root);

	ck_assert_ptr_nonnull(out);
	ck_assert_int_eq(ftruncate(fileno(out), INSIDE_FILE_MAX), 0);
	ck_assert_int_eq(inside_read(fd, SYSTEM "/a.service", &text, &size), 0);
	ck_assert_uint_eq(size, INSIDE_FILE_MAX);
	free(text);
	ck_assert_int_eq(ftruncate(fileno(out), INSIDE_FILE_MAX + 1), 0);
	ck_assert_int_eq(
	    inside_read(fd, SYSTEM "/a.service", &text, &size), -EFBIG);
	fclose(out);
	close(fd);
	expect_error("a", -EFBIG);
}
END_TEST

/* Drop-ins: a later name wins, of equal names the better directory. */
START_TEST(dropins)
{
	put(SYSTEM "/a-b@.service", "[Service]\nEnvironment=A=main\n");
	link_to(SYSTEM "/alias@.service", "a-b@.service");
#define SET(path, value)                                       \
	put(path, "[Service]\nEnvironment=\"A=" value "\"\n"); \
	expect_variable("A", "a-b@c", value, path)
	SET(SYSTEM "/service.d/10.conf", "10 of all");
	SET(SYSTEM "/service.d/20.conf", "20 of all");
	SET(SYSTEM "/a-@c.service.d/20.conf", "20 of a-@c");
	SET(SYSTEM "/a-.service.d/20.conf", "20 of a-");
	SET(ADMIN "/service.d/21.conf", "21 of all");
	SET(SYSTEM "/alias@.service.d/22.conf", "22 of an alias");
	SET(SYSTEM "/a-b@.service.d/22.conf", "22 of a-b@");
	SET(SYSTEM "/a-b@c.service.d/22.conf", "22 of a-b@c");
	SET("/run/systemd/system/a-b@.service.d/22.conf", "22 in run");
	SET(ADMIN "/a-b@.service.d/22.conf", "22 in etc");
	SET(ADMIN ".control/a-b@c.service.d/22.conf", "22 in control");
	SET("/run/systemd/generator.late/a-b@c.service.d/a.conf", "a");
	SET(SYSTEM "/service.d/b.conf", "b of all");
#undef SET
	put(ADMIN "/a-b@c.service.d/.z.conf", "[Service]\nEnvironment=B=no\n");
	put(ADMIN "/a-b@c.service.d/z.conf~", "[Service]\nEnvironment=A=no\n");
	put(ADMIN "/a-b@d.service.d/z.conf", "[Service]\nEnvironment=A=no\n");
	put(ADMIN "/b@.service.d/z.conf", "[Service]\nEnvironment=A=no\n");
	expect_variable("A", "a-b@c", "b of all", NULL);
	expect_variable("B", "a-b@c", NULL, NULL);
	/* One that is masked hides those of its name. */
	link_to(ADMIN "/service.d/b.conf", "/dev/null");
	link_to(ADMIN "/a-b@c.service.d/a.conf", "/nowhere");
	expect_variable("A", "a-b@c", "22 in control", NULL);
}
END_TEST

/* What the lines of a unit make of the variable A. */

static const struct {
	const char *lines;
	const char *value;
} VARIABLES[] = {
    {"Environment=A=1", "1"},
    {"Environment=A=1\nEnvironment=A=2", "2"},
    {"Environment=A=1 B=2 A=3", "3"},
    {"Environment=\"A=1 2\" B=3", "1 2"},
    {"Environment=A=", ""},
    {"Environment=AA=1", NULL},
    {"Environment=A", NULL},
    {"Environment=A=1\nEnvironment=", NULL},
    {"Environment=A=1\nEnvironment=\nEnvironment=B=2", NULL},
    {"Environment=A=1\nEnvironment=A=2 \"A=3", "2"},
    {"Environment=A=1\\x07", "1\a"},
    {"Environment=A=1\\t2\\n", "1\t2\n"},
    {"Environment=A=%p%%", "a%"},
    {"Environment=A=$B", "$B"},
    {"[Unit]\nEnvironment=A=1", NULL},
    {"Environment=A=1\nUnsetEnvironment=A", NULL},
    {"UnsetEnvironment=B A\nEnvironment=A=1", NULL},
    {"UnsetEnvironment=A=1\nEnvironment=A=1", NULL},
    {"UnsetEnvironment=A=2\nEnvironment=A=1", "1"},
    {"UnsetEnvironment=A\nUnsetEnvironment=\nEnvironment=A=1", "1"},
    {"EnvironmentFile=/etc/one\nEnvironment=A=2", "1"},
    {"EnvironmentFile=-/etc/one", "1"},
    {"EnvironmentFile=/etc/one\nEnvironmentFile=/etc/two", "2"},
    {"EnvironmentFile=/etc/two\nEnvironmentFile=/etc/one", "1"},
    {"EnvironmentFile=/etc/two\nEnvironmentFile=\nEnvironment=A=3", "3"},
    {"EnvironmentFile=/etc/%p.env", "3"},
    {"EnvironmentFile=/etc/env/*.env", "5"},
    {"EnvironmentFile=/etc/*/*.env\nEnvironment=A=1", "1"},
    {"EnvironmentFile=/etc/missing\nEnvironment=A=1", "1"},
    {"EnvironmentFile=/etc/one\nUnsetEnvironment=A", NULL},
};

START_TEST(variables)
{
	char text[512];

	snprintf(text, sizeof(text), "[Service]\n%s\n", VARIABLES[_i].lines);
	put(SYSTEM "/a.service", text);
	put("/etc/one", "A=1\n");
	put("/etc/two", "B=1\nA=2\n");
	put("/etc/a.env", "A=3\n");
	put("/etc/env/1.env", "A=4\n");
	put("/etc/env/2.env", "A=5\n");
	put("/etc/env/3.none", "A=6\n");
	expect_variable("A", "a", VARIABLES[_i].value, NULL);
}
END_TEST

/* Where it comes from, what took it away, and what could not be looked at. */
START_TEST(origins)
{
	struct unit_variable variable;
	struct unit unit;

	put(SYSTEM "/a.service", "[Service]\nEnvironment=B=1 \\\nA=%%%i\n"
				 "UnsetEnvironment=C\nEnvironment=C=1\n"
				 "EnvironmentFile=-/etc\n"
				 "EnvironmentFile=-/etc/e\n");
	put("/etc/e", "D=%%\n");
	ck_assert_int_eq(unit_read(root, "a", &unit), 0);
	ck_assert_int_eq(unit_environment(&unit, "A", &variable), 1);
	ck_assert_str_eq(variable.value, "%");
	ck_assert_str_eq(variable.written, "%%%i");
	ck_assert_str_eq(variable.file, SYSTEM "/a.service");
	ck_assert_uint_eq(variable.line, 2);
	ck_assert(!variable.from_file);
	ck_assert_str_eq(variable.unread, "/etc");
	unit_variable_free(&variable);
	ck_assert_int_eq(unit_environment(&unit, "C", &variable), 0);
	ck_assert_uint_eq(variable.unset->line, 4);
	unit_variable_free(&variable);
	ck_assert_int_eq(unit_environment(&unit, "D", &variable), 1);
	ck_assert_str_eq(variable.value, "%%");
	ck_assert_str_eq(variable.file, "/etc/e");
	ck_assert(variable.from_file);
	unit_variable_free(&variable);
	unit_free(&unit);
}
END_TEST

START_TEST(settings)
{
	const struct unit_setting *setting;
	struct unit unit;

	put(SYSTEM "/a.service",
	    "[Service]\nExecStart=/a\nUser=x\nExecStart=\nExecStart=/b\n"
	    "ExecStart=/c\nType=x\nType=\n[Unit]\nUser=z\n");
	ck_assert_int_eq(unit_read(root, "a", &unit), 0);
	setting = unit_next(&unit, "Service", "ExecStart", NULL);
	ck_assert_str_eq(setting->value, "/b");
	setting = unit_next(&unit, "Service", "ExecStart", setting);
	ck_assert_str_eq(setting->value, "/c");
	setting = unit_next(&unit, "Service", "ExecStart", setting);
	ck_assert_ptr_null(setting);
	ck_assert_str_eq(unit_last(&unit, "Service", "User")->value, "x");
	ck_assert_ptr_null(unit_last(&unit, "Service", "Type"));
	ck_assert_ptr_null(unit_last(&unit, "Service", "Group"));
	unit_free(&unit);
	ck_assert(unit_yes("Yes") && unit_yes("1") && unit_yes("on"));
	ck_assert(!unit_yes("no") && !unit_yes("") && !unit_yes("0"));
}
END_TEST

START_TEST(replace)
{
	struct unit_variable variable;
	struct unit unit;

	put(SYSTEM "/a.service", "[Service]\nEnvironment=A=main\n");
	put(SYSTEM "/a.service.d/m.conf", "[Service]\nEnvironment=A=m\n");
	put(SYSTEM "/service.d/z.conf", "[Service]\nEnvironment=B=z\n");
	ck_assert_int_eq(unit_read(root, "a", &unit), 0);
#define EXPECT(name, text)                                             \
	ck_assert_int_eq(unit_environment(&unit, name, &variable), 1); \
	ck_assert_str_eq(variable.value, text);                        \
	unit_variable_free(&variable)
#define REPLACE(file, text) ck_assert_int_eq(unit_replace(&unit, file, text), 0)
	REPLACE(ADMIN "/a.service.d/l.conf", "[Service]\nEnvironment=A=l\n");
	EXPECT("A", "m");
	REPLACE(ADMIN "/a.service.d/n.conf",
	    "[Service]\nEnvironment=A=n\nEnvironment=B=n\n");
	EXPECT("A", "n");
	EXPECT("B", "z");
	REPLACE(ADMIN "/a.service.d/n.conf", NULL);
	EXPECT("A", "m");
	/* It hides the one of its name in another directory. */
	REPLACE(ADMIN "/a.service.d/m.conf", "[Service]\n");
	EXPECT("A", "l");
	REPLACE(ADMIN "/a.service.d/a.service", NULL);
	EXPECT("A", "l");
#undef EXPECT
#undef REPLACE
	unit_free(&unit);
}
END_TEST

/* As systemctl show -p Slice has them. */
START_TEST(slices)
{
	static const struct {
		const char *unit, *slice;
	} CASES[] = {
	    {"ssh.service", "system.slice"},
	    {"a-b.service", "system.slice"},
	    {"getty@tty1.service", "system-getty.slice"},
	    {"a-b@c-d.service", "system-a\\x2db.slice"},
	    {"a\\x40b@.service", "system-a\\x5cx40b.slice"},
	};
	char slice[PATH_MAX];

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		unit_default_slice(CASES[i].unit, slice);
		ck_assert_str_eq(slice, CASES[i].slice);
	}
}
END_TEST

/* Their control groups. */

static const struct {
	const char *slice;
	const char *group; /* NULL: it is no name of a slice */
} SLICES[] = {
    {"-.slice", ""},
    {"a.slice", "/a.slice"},
    {"a-b.slice", "/a.slice/a-b.slice"},
    {"a-b-c.slice", "/a.slice/a-b.slice/a-b-c.slice"},
    {"a\\x2db.slice", "/a\\x2db.slice"},
    {"a", NULL},
    {"a.service", NULL},
    {".slice", NULL},
    {"-a.slice", NULL},
    {"a-.slice", NULL},
    {"a--b.slice", NULL},
    {"a/b.slice", NULL},
    {"%i.slice", NULL},
    {"", NULL},
};

START_TEST(slice_groups)
{
	const char *group = SLICES[_i].group;
	char path[PATH_MAX];

	ck_assert_msg(unit_slice_group(SLICES[_i].slice, path) == !!group, "%s",
	    SLICES[_i].slice);
	if (group)
		ck_assert_str_eq(path, group);
}
END_TEST

START_TEST(long_slice)
{
	char slice[PATH_MAX], path[PATH_MAX];

	/* Its group has each of its beginnings. */
	memset(slice, 'a', 2000);
	for (size_t i = 1; i < 2000; i += 2)
		slice[i] = '-';
	snprintf(slice + 1999, sizeof(slice) - 1999, ".slice");
	ck_assert(!unit_slice_group(slice, path));
}
END_TEST

static void
expect_group(const char *name, const char *group)
{
	char path[PATH_MAX];

	ck_assert_int_eq(
	    unit_find_group(root, name, path), group ? 0 : -ENOENT);
	if (group)
		ck_assert_str_eq(path, below(group));
}

START_TEST(groups)
{
	put("/a.slice/a-b.slice/x.service/cgroup.procs", "");
	put("/a.slice/y.service/cgroup.procs", "");
	put("/y.service/delegated.service/cgroup.procs", "");
	put("/system.slice/_cpu.service/cgroup.procs", "");
	put("/system.slice/file.service", "");
	put("/user.slice/user@1.service/app.slice/z.service/cgroup.procs", "");
	put("/init.scope/cgroup.procs", "");
	expect_group("x.service", "/a.slice/a-b.slice/x.service");
	expect_group("cpu.service", "/system.slice/_cpu.service");
	expect_group("init.scope", "/init.scope");
	expect_group("a-b.slice", "/a.slice/a-b.slice");
	expect_group("user@1.service", "/user.slice/user@1.service");
	/* Not those that services have made, nor files. */
	expect_group("z.service", NULL);
	expect_group("delegated.service", NULL);
	expect_group("file.service", NULL);
	expect_group("none.service", NULL);
}
END_TEST

static Suite *
unit_suite(void)
{
	Suite *suite = suite_create("unit");
	TCase *trees = tcase_create("trees");

	tcase_add_checked_fixture(trees, make_root, remove_root);
	tcase_add_test(trees, search_path);
	tcase_add_test(trees, links);
	tcase_add_test(trees, outside);
	tcase_add_test(trees, no_files);
	tcase_add_test(trees, big_file);
	tcase_add_test(trees, dropins);
	tcase_add_loop_test(trees, variables, 0, ARRAY_LEN(VARIABLES));
	tcase_add_test(trees, origins);
	tcase_add_test(trees, settings);
	tcase_add_test(trees, replace);
	tcase_add_test(trees, slices);
	tcase_add_loop_test(trees, slice_groups, 0, ARRAY_LEN(SLICES));
	tcase_add_test(trees, long_slice);
	tcase_add_test(trees, groups);
	suite_add_tcase(suite, trees);
	return suite;
}

static void
print_files(const struct unit *unit)
{
	puts(unit->file);
	for (size_t i = 0; i < unit->count; i++)
		if (strcmp(unit->settings[i].file,
			i == 0 ? unit->file : unit->settings[i - 1].file) != 0)
			puts(unit->settings[i].file);
}

static void
print_variable(const struct unit *unit, const char *name)
{
	struct unit_variable variable;

	if (unit_environment(unit, name, &variable) > 0)
		printf("%s=%s%c", name, variable.value, '\0');
	unit_variable_free(&variable);
}

int
main(int argc, char *argv[])
{
	struct unit unit;
	int result;

	if (argc < 4)
		return test_main(unit_suite());
	result = unit_read(argv[2], argv[3], &unit);
	if (result != 0) {
		fprintf(stderr, "%s\n", strerror(-result));
		return EXIT_FAILURE;
	}
	if (strcmp(argv[1], "files") == 0)
		print_files(&unit);
	for (int i = 4; i < argc; i++)
		print_variable(&unit, argv[i]);
	unit_free(&unit);
	return EXIT_SUCCESS;
}
