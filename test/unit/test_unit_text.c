/* SPDX-License-Identifier: ISC */
/*
 * unit_text and unit_name: tables over the languages of unit files and
 * environment files, and over what follows from a unit's name.
 */
#include "unit/unit_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"
#include "unit/unit.h"
#include "unit/unit_name.h"

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
	size_t used = 0;
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
		used += (size_t)snprintf(
		    all + used, sizeof(all) - used, "%s ", other);
		memcpy(full, other, sizeof(full));
	}
	ck_assert_str_eq(all, NAMES[_i].shorter);
}
END_TEST

START_TEST(long_names)
{
	char name[UNIT_NAME_SIZE + 1], full[UNIT_NAME_SIZE];

	const size_t longest = UNIT_NAME_SIZE - 1 - strlen(".service");

	memset(name, 'a', sizeof(name));
	name[longest] = '\0';
	ck_assert_int_eq(unit_full_name(name, full), 0);
	name[longest] = 'a';
	name[longest + 1] = '\0';
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
	static struct {
		char unit[32];
		const char *text, *expanded;
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
		struct unit unit = {.id = table[i].unit};
		char *expanded = unit_expand(&unit, table[i].text);

		ck_assert_str_eq(expanded, table[i].expanded);
		free(expanded);
	}
}
END_TEST

static Suite *
unit_text_suite(void)
{
	Suite *suite = suite_create("unit_text");
	TCase *tables = tcase_create("tables");

	tcase_add_loop_test(tables, words, 0, ARRAY_LEN(WORDS));
	tcase_add_loop_test(tables, files, 0, ARRAY_LEN(FILES));
	tcase_add_loop_test(
	    tables, environment_files, 0, ARRAY_LEN(ENVIRONMENTS));
	tcase_add_loop_test(tables, names, 0, ARRAY_LEN(NAMES));
	tcase_add_loop_test(tables, aliases, 0, ARRAY_LEN(ALIASES));
	tcase_add_test(tables, long_names);
	tcase_add_test(tables, specifiers);
	suite_add_tcase(suite, tables);
	return suite;
}

int
main(void)
{
	return test_main(unit_text_suite());
}
