/* SPDX-License-Identifier: ISC */
/*
 * unit and what is below it: tables over the languages, names and paths, on
 * trees of files that are made here. Called with arguments it prints what it
 * reads, for test/command/test_systemd.sh to compare with systemd itself:
 *
 *	test_unit files ROOT UNIT              the files, in order
 *	test_unit variables ROOT UNIT NAME...  NAME=VALUE, each with a NUL
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dropin.h"
#include "inside.h"
#include "test.h"
#include "unit_name.h"
#include "unit_text.h"

#define SYSTEM "/usr/lib/systemd/system"
#define ADMIN  "/etc/systemd/system"

/* A root directory of its own for each case. */
static char root[64];

static void
make_root(void)
{
	strcpy(root, "/tmp/kashim-unit.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
}

static void
remove_root(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	ck_assert_int_eq(system(command), 0);
}

/* The name below root, with the directories above it made. */
static const char *
below(const char *path)
{
	static char full[4096];

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (char *at = full + strlen(root) + 1; (at = strchr(at, '/')); at++) {
		*at = '\0';
		ck_assert(mkdir(full, 0755) == 0 || errno == EEXIST);
		*at = '/';
	}
	return full;
}

static void
put(const char *path, const char *text)
{
	FILE *out = fopen(below(path), "w");

	ck_assert_ptr_nonnull(out);
	fputs(text, out);
	ck_assert_int_eq(fclose(out), 0);
}

static void
link_to(const char *path, const char *target)
{
	ck_assert_int_eq(symlink(target, below(path)), 0);
}

static void
expect_variable(const char *name, const char *unit_name, const char *value,
    const char *file)
{
	struct unit_variable variable;
	struct unit unit;

	ck_assert_int_eq(unit_read(root, unit_name, &unit), 0);
	ck_assert_int_eq(
	    unit_environment(&unit, name, &variable), value != NULL);
	if (value) {
		ck_assert_str_eq(variable.value, value);
		if (file)
			ck_assert_str_eq(variable.file, file);
	} else {
		ck_assert_ptr_null(variable.value);
	}
	unit_variable_free(&variable);
	unit_free(&unit);
}

/* The words of a value. */

static const struct {
	const char *text;
	int words; /* how many, or -EINVAL after those that are given */
	const char *word[3];
} WORDS[] = {
    {"", 0, {0}},
    {"  ", 0, {0}},
    {"a", 1, {"a"}},
    {" a  b\tc ", 3, {"a", "b", "c"}},
    {"'a b' \"c d\"", 2, {"a b", "c d"}},
    {"A=\"b c\"d", 1, {"A=b cd"}},
    {"''", 1, {""}},
    {"\"it's\" 'a \"b\"'", 2, {"it's", "a \"b\""}},
    {"a\\x2eb \\056 \\s", 3, {"a.b", ".", " "}},
    {"\\u00e9 \\U0001f600 \\u20ac", 3,
	{"\xc3\xa9", "\xf0\x9f\x98\x80", "\xe2\x82\xac"}},
    {"'\\'' \"\\\"\" \\\\", 3, {"'", "\"", "\\"}},
    {"a \"b", -EINVAL, {"a"}},
    {"a 'b", -EINVAL, {"a"}},
    {"a \\q", -EINVAL, {"a"}},
    {"a \\x0", -EINVAL, {"a"}},
    {"a \\x00", -EINVAL, {"a"}},
    {"a \\u12", -EINVAL, {"a"}},
    {"a \\U00110000", -EINVAL, {"a"}},
    {"a \\777", -EINVAL, {"a"}},
    {"a \\08", -EINVAL, {"a"}},
    {"a \\", -EINVAL, {"a"}},
    {"a$b;c#d", 1, {"a$b;c#d"}},
};

START_TEST(words)
{
	const char *text = WORDS[_i].text;
	char *word;
	int result, count = 0;

	while ((result = unit_word(&text, &word)) > 0) {
		ck_assert_int_lt(count, 3);
		ck_assert_str_eq(word, WORDS[_i].word[count]);
		free(word);
		count++;
	}
	ck_assert_ptr_null(word);
	if (WORDS[_i].words < 0) {
		ck_assert_int_eq(result, WORDS[_i].words);
		ck_assert_int_eq(count, 1);
	} else {
		ck_assert_int_eq(result, 0);
		ck_assert_int_eq(count, WORDS[_i].words);
	}
}
END_TEST

/* Unit files: what comes of them, as "line:section.key=value;". */

static const struct {
	const char *text;
	const char *settings;
} FILES[] = {
    {"", ""},
    {"[A]\nb=c\n", "2:A.b=c;"},
    {"[A]\nb=c", "2:A.b=c;"},
    {"\xef\xbb\xbf[A]\r\nb=c\r\n", "2:A.b=c;"},
    {"b=c\n[A]\n", ""},
    {" [A] \n\t b \t=  c d \n", "2:A.b=c d;"},
    {"[A]\n#b=c\n ;d=e\nf=g # h\n", "4:A.f=g # h;"},
    {"[A]\nb=c\\\n  d\ne=f\n", "2:A.b=c d;4:A.e=f;"},
    {"[A]\nb=c \\\n# comment\n; one more\n  d\\\n\ne=f\n",
	"2:A.b=c  d;7:A.e=f;"},
    {"[A]\nb=c\\\\\nd=e\n", "2:A.b=c\\\\;3:A.d=e;"},
    {"[A]\nb=c\\\\\\\nd=e\n", "2:A.b=c\\\\ d=e;"},
    {"[A]\nb=c\\", "2:A.b=c;"},
    {"[A]\n# comment \\\nb=c\n", "3:A.b=c;"},
    {"[A]\nb=\nno assignment\n=c\n", "2:A.b=;4:A.=c;"},
    {"[A]\nb==c=d\n", "2:A.b==c=d;"},
    {"[A]\n[B\nc=d\n[C]\ne=f\n", "5:C.e=f;"},
    {"[]\nb=c\n", ""},
    {"[\nb=c\n", ""},
    {"[A]\nb=[c]\n", "2:A.b=[c];"},
};

static int
collect_setting(const char *section, const char *key, const char *value,
    uint32_t line, void *data)
{
	fprintf(data, "%u:%s.%s=%s;", line, section, key, value);
	return 0;
}

START_TEST(files)
{
	char text[256] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");

	ck_assert_int_eq(
	    unit_text_settings(FILES[_i].text, collect_setting, out), 0);
	fclose(out);
	ck_assert_str_eq(text, FILES[_i].settings);
}
END_TEST

/* Environment files: what comes of them, as "NAME=value;". */

static const struct {
	const char *text;
	const char *variables;
} ENVIRONMENTS[] = {
    {"", ""},
    {"A=b\nC=d\n", "A=b;C=d;"},
    {"A=b", "A=b;"},
    {"#A=b\n;C=d\n  # E=f\nG=h\n", "G=h;"},
    {" A = b c \t\n", "A=b c;"},
    {"A\nB=c\n", "B=c;"},
    {"A=\nB=c\n", "A=;B=c;"},
    {"A='b c' \nB=\"c 'd'\"\n", "A=b c;B=c 'd';"},
    {"A=b 'c'\n", "A=b 'c';"},
    {"A='b\nc'\n", "A=b\nc;"},
    {"A=\"b\\\nc\"\n", "A=bc;"},
    {"A=\"b\\\"c\\$d\\e\"\n", "A=b\"c$d\\e;"},
    {"A='b\\'\nC=d\n", "A=b\\;C=d;"},
    {"A=b\\\nc\nD=e\n", "A=bc;D=e;"},
    {"A=b\\ \nC=d\\\\\n", "A=b ;C=d\\;"},
    {"A=b#c\n", "A=b#c;"},
    {"A='b'c\n", "A=bc;"},
    {"A='b' 'c'\n", "A=bc;"},
    {"A='b\n", "A=b\n;"},
    {"A=b=c\r\nD=e\r\n", "A=b=c;D=e;"},
    {"export A=b\n", "export A=b;"},
};

static int
collect_variable(const char *name, const char *value, void *data)
{
	fprintf(data, "%s=%s;", name, value);
	return 0;
}

START_TEST(environment_files)
{
	char text[256] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");

	ck_assert_int_eq(
	    unit_text_variables(ENVIRONMENTS[_i].text, collect_variable, out),
	    0);
	fclose(out);
	ck_assert_str_eq(text, ENVIRONMENTS[_i].variables);
}
END_TEST

/* Names. */

static const struct {
	const char *name;
	const char *full; /* NULL: it can be none */
	const char *template;
	const char *shorter; /* all of them */
} NAMES[] = {
    {"x", "x.service", NULL, ""},
    {"x.service", "x.service", NULL, ""},
    {"x.socket", "x.socket", NULL, ""},
    {"x.y", "x.y.service", NULL, ""},
    {"x@", "x@.service", NULL, ""},
    {"x@y", "x@y.service", "x@.service", ""},
    {"x@y@z.timer", "x@y@z.timer", "x@.timer", ""},
    {"a-b-c", "a-b-c.service", NULL, "a-b-.service a-.service "},
    {"a-b@c-d", "a-b@c-d.service", "a-b@.service", "a-@c-d.service "},
    {"a-b-@c", "a-b-@c.service", "a-b-@.service", "a-@c.service "},
    {"a-b-@", "a-b-@.service", NULL, "a-.service "},
    {"a-b-c@", "a-b-c@.service", NULL, "a-b-.service a-.service "},
    {"-a", "-a.service", NULL, ""},
    {"a\\x2db", "a\\x2db.service", NULL, ""},
    {"", NULL, NULL, NULL},
    {".service", NULL, NULL, NULL},
    {"@x", NULL, NULL, NULL},
    {"a b", NULL, NULL, NULL},
    {"a/b", NULL, NULL, NULL},
    {"../a", NULL, NULL, NULL},
    {"a\nb", NULL, NULL, NULL},
    {"\xc3\xa9", NULL, NULL, NULL},
};

START_TEST(names)
{
	char full[UNIT_NAME_SIZE], other[UNIT_NAME_SIZE], all[512] = "";
	int result = unit_full_name(NAMES[_i].name, full);

	if (!NAMES[_i].full) {
		ck_assert_int_eq(result, -EINVAL);
		return;
	}
	ck_assert_int_eq(result, 0);
	ck_assert_str_eq(full, NAMES[_i].full);
	ck_assert_int_eq(unit_is_instance(full), NAMES[_i].template != NULL);
	ck_assert_int_eq(
	    unit_name_template(full, other), NAMES[_i].template != NULL);
	if (NAMES[_i].template)
		ck_assert_str_eq(other, NAMES[_i].template);
	while (unit_name_shorter(full, other)) {
		strcat(strcat(all, other), " ");
		strcpy(full, other);
	}
	ck_assert_str_eq(all, NAMES[_i].shorter);
}
END_TEST

START_TEST(long_names)
{
	char name[UNIT_NAME_SIZE + 1], full[UNIT_NAME_SIZE];

	memset(name, 'a', sizeof(name));
	name[UNIT_NAME_SIZE - 1 - strlen(".service")] = '\0';
	ck_assert_int_eq(unit_full_name(name, full), 0);
	strcat(name, "a");
	ck_assert_int_eq(unit_full_name(name, full), -EINVAL);
}
END_TEST

static const struct {
	const char *name, *target;
	bool may;
} ALIASES[] = {
    {"a.service", "b.service", true},
    {"a.service", "b.socket", false},
    {"a.service", "b@.service", false},
    {"a.service", "b@c.service", false},
    {"a@.service", "b@.service", true},
    {"a@.service", "b.service", false},
    {"a@.service", "b@c.service", false},
    {"a@c.service", "b@c.service", true},
    {"a@c.service", "b@d.service", false},
    {"a@c.service", "b@.service", true},
    {"a@c.service", "b.service", false},
};

START_TEST(aliases)
{
	ck_assert_int_eq(
	    unit_name_may_alias(ALIASES[_i].name, ALIASES[_i].target),
	    ALIASES[_i].may);
}
END_TEST

START_TEST(specifiers)
{
	static const struct {
		const char *unit, *text, *expanded;
	} table[] = {
	    {"a-b.service", "%% %n %N %p %j %i. %q %",
		"% a-b.service a-b a-b "
		"b . %q %"},
	    {"a-b@c\\x2dd-e.service", "%p %i %I %J %n",
		"a-b c\\x2dd-e c-d/e b a-b@c\\x2dd-e.service"},
	    {"a@.service", "%p %i %I %n %N %%", "a %i %I %n %N %"},
	    {"a.service", "%t %S %C %L %E %T %V",
		"/run /var/lib /var/cache /var/log /etc /tmp /var/tmp"},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct unit unit = {.id = (char *)(uintptr_t)table[i].unit};
		char *expanded = unit_expand(&unit, table[i].text);

		ck_assert_str_eq(expanded, table[i].expanded);
		free(expanded);
	}
}
END_TEST

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

	strcpy(inside, root);
	put("/secret", "[Service]\nEnvironment=A=secret\n");
	put("/variables", "A=secret\n");
	put("/directory/a.conf", "[Service]\nEnvironment=A=secret\n");
	strcat(root, "/image");
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
	strcpy(root, inside);
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
	put(ADMIN "/a-b@c.service.d/.z.conf", "[Service]\nEnvironment=A=no\n");
	put(ADMIN "/a-b@c.service.d/z.conf~", "[Service]\nEnvironment=A=no\n");
	put(ADMIN "/a-b@d.service.d/z.conf", "[Service]\nEnvironment=A=no\n");
	put(ADMIN "/b@.service.d/z.conf", "[Service]\nEnvironment=A=no\n");
	expect_variable("A", "a-b@c", "b of all", NULL);
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

/* The drop-in: what is written comes back, through unit's own eyes. */

static const struct {
	const char *library, *others, *config;
} TEXTS[] = {
    {"/usr/lib/libkashim.so", NULL, NULL},
    {"/usr/lib/libkashim.so", "/a.so:/b.so", NULL},
    {"/a%b/libkashim.so", NULL, "/etc/100%/%i.conf"},
    {"/a\\b/libkashim.so", "/c\\d.so", "/etc/a b.conf"},
    {"/a'b\"c/libkashim.so", "/d'e.so", "/etc/\"a\" 'b'.conf"},
    {"/a/libkashim.so", "/b$c.so", "/etc/a;b#c=d.conf"},
    {"/a/libkashim.so", NULL, "/etc/back\\"},
};

START_TEST(dropin_texts)
{
	struct dropin dropin = {"a.service", TEXTS[_i].library,
	    TEXTS[_i].others, "/some/file:1", TEXTS[_i].config};
	char *text, *config, preload[128];

	ck_assert_int_eq(dropin_text(&dropin, &text), 0);
	put(SYSTEM "/a.service", "[Service]\nExecStart=/x\n");
	ck_assert_int_eq(dropin_write(root, "a.service", text), 0);
	snprintf(preload, sizeof(preload), "%s%s%s", TEXTS[_i].library,
	    TEXTS[_i].others ? ":" : "",
	    TEXTS[_i].others ? TEXTS[_i].others : "");
	expect_variable("LD_PRELOAD", "a", preload, NULL);
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
	struct dropin dropin = {"a.service", "/x", "/a\n[Service]", "/y", NULL};
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
	    dropin_others(LISTS[_i].list, "/x/our.so", &others, &ours),
	    LISTS[_i].others != NULL);
	ck_assert_int_eq(ours, LISTS[_i].ours);
	if (LISTS[_i].others)
		ck_assert_str_eq(others, LISTS[_i].others);
	free(others);
}
END_TEST

static Suite *
unit_suite(void)
{
	Suite *suite = suite_create("unit");
	TCase *tables = tcase_create("tables");
	TCase *trees = tcase_create("trees");

	tcase_add_loop_test(tables, words, 0, ARRAY_LEN(WORDS));
	tcase_add_loop_test(tables, files, 0, ARRAY_LEN(FILES));
	tcase_add_loop_test(
	    tables, environment_files, 0, ARRAY_LEN(ENVIRONMENTS));
	tcase_add_loop_test(tables, names, 0, ARRAY_LEN(NAMES));
	tcase_add_loop_test(tables, aliases, 0, ARRAY_LEN(ALIASES));
	tcase_add_loop_test(tables, lists, 0, ARRAY_LEN(LISTS));
	tcase_add_test(tables, long_names);
	tcase_add_test(tables, specifiers);
	tcase_add_test(tables, dropin_controls);
	suite_add_tcase(suite, tables);

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
	tcase_add_loop_test(trees, dropin_texts, 0, ARRAY_LEN(TEXTS));
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
