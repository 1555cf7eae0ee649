/* SPDX-License-Identifier: ISC */
/* pattern against a table, and against fnmatch(3) in the C locale. */
#include "base/pattern.h"

#include <fnmatch.h>
#include <string.h>

#include "test.h"

static const struct {
	const char *pattern, *name;
	bool matches;
} CASES[] = {
    {"agent", "agent", true},
    {"agent", "agents", false},
    {"agent*", "agent", true},
    {"*agent", "the-agent", true},
    {"sm_*", "sm_bmr", true},
    {"a?c", "abc", true},
    {"a?c", "ac", false},
    {"*a*b*", "xaxbx", true},
    {"*a*b*", "xbxa", false},
    {"[a-c]x", "bx", true},
    {"[!a-c]x", "bx", false},
    {"[^a-c]x", "dx", true},
    {"[]]", "]", true},
    {"[!]]", "]", false},
    {"[a-]", "-", true},
    {"[[:digit:]]*", "7zip", true},
    {"[[:digit:]x]", "x", true},
    {"[[:nothing:]]", "n", false},
    {"\\*", "*", true},
    {"\\*", "a", false},
    {"[\\]]", "]", true},
    {"a*", ".a", false},
    {"*", "", true},
    {"?", "", false},
    {"", "", true},
    {"", "a", false},
    {"[", "[", true},
    {"[a", "[a", true},
};

START_TEST(table)
{
	ck_assert_msg(pattern_matches(CASES[_i].pattern, CASES[_i].name) ==
			  CASES[_i].matches,
	    "%s, %s", CASES[_i].pattern, CASES[_i].name);
}
END_TEST

/*
 * A backslash that is the last byte, and an odd list, are nobody's promise. To
 * fnmatch() of glibc 2.31 two brackets that none closes match nothing.
 */
static bool
comparable(const char *pattern)
{
	size_t len = strlen(pattern);

	for (const char *at = pattern; (at = strchr(at, '[')) != NULL; at++) {
		if (strchr(at + 1, '[') != NULL && strchr(at + 2, ']') == NULL)
			return false;
	}
	return (len == 0 || pattern[len - 1] != '\\') &&
	       strstr(pattern, "[.") == NULL && strstr(pattern, "[=") == NULL &&
	       strchr(pattern, '-') == NULL;
}

static void
random_text(uint64_t *state, const char *letters, char *text, uint32_t room)
{
	uint32_t len = test_below(state, room);

	for (uint32_t i = 0; i < len; i++)
		text[i] = letters[test_below(state, (uint32_t)strlen(letters))];
	text[len] = '\0';
}

START_TEST(as_fnmatch)
{
	uint64_t state = 20261121;
	char pattern[10], name[8];
	unsigned int matched = 0, compared = 0;

	for (int i = 0; i < 300000; i++) {
		random_text(&state, "ab*?[]!\\a*", pattern, sizeof(pattern));
		random_text(&state, "abab[]*!", name, sizeof(name));
		if (!comparable(pattern))
			continue;
		compared++;
		ck_assert_msg(pattern_matches(pattern, name) ==
				  (fnmatch(pattern, name, 0) == 0),
		    "'%s', '%s'", pattern, name);
		matched += pattern_matches(pattern, name);
	}
	ck_assert_uint_gt(compared, 100000);
	ck_assert_uint_gt(matched, 1000);
}
END_TEST

/* What would take a backtracking matcher longer than the universe lasts. */
START_TEST(many_stars)
{
	char pattern[101], name[201];

	for (int i = 0; i < 100; i++)
		pattern[i] = i % 2 == 0 ? '*' : 'a';
	pattern[100] = '\0';
	memset(name, 'a', sizeof(name) - 2);
	name[sizeof(name) - 2] = 'b';
	name[sizeof(name) - 1] = '\0';
	ck_assert(!pattern_matches(pattern, name));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("pattern");
	TCase *tc = tcase_create("pattern");

	tcase_add_loop_test(tc, table, 0, ARRAY_LEN(CASES));
	tcase_add_test(tc, as_fnmatch);
	tcase_add_test(tc, many_stars);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
