/* SPDX-License-Identifier: ISC */
/* text: names from elsewhere, for a terminal, for awk, and as UTF-8. */
#include "term/text.h"

#include <locale.h>
#include <string.h>

#include "test.h"

static const struct {
	const char *text;
	size_t columns;
	size_t size;
	const char *fit;
	size_t used;
} FITS[] = {
    {"", 5, 32, "", 0},
    {"sm_agent", 8, 32, "sm_agent", 8},
    {"sm_agent", 7, 32, "sm_age\u2026", 7},
    {"sm_agent", 1, 32, "\u2026", 1},
    {"sm_agent", 0, 32, "", 0},
    {"gr\u00f6\u00dfe", 5, 32, "gr\u00f6\u00dfe", 5},
    {"gr\u00f6\u00dfe", 4, 32, "gr\u00f6\u2026", 4},
    /* Two columns each. */
    {"\u6f22\u5b57", 4, 32, "\u6f22\u5b57", 4},
    {"\u6f22\u5b57", 3, 32, "\u6f22\u2026", 3},
    {"\u6f22\u5b57", 2, 32, "\u2026", 1},
    {"a\033[31mb", 20, 32, "a?[31mb", 7},
    {"a\nb\tc\x7f", 20, 32, "a?b?c?", 6},
    {"a\xff\xfe", 20, 32, "a??", 3},
    {"a\xc3", 20, 32, "a?", 2},
    /* A right-to-left override, and a C1 control. */
    {"a\u202eb", 20, 32, "a?b", 3},
    {"a\xc2\x9b"
     "31mb",
	20, 32, "a?31mb", 6},
    /* Too long for the memory, not for the columns. */
    {"abcdefgh", 20, 8, "abcd\u2026", 5},
    {"abc", 20, 3, "", 0},
};

START_TEST(fit)
{
	char out[64];

	memset(out, 'x', sizeof(out));
	ck_assert_uint_eq(
	    text_fit(FITS[_i].text, FITS[_i].columns, out, FITS[_i].size),
	    FITS[_i].used);
	ck_assert_str_eq(out, FITS[_i].fit);
	for (size_t i = FITS[_i].size; i < sizeof(out); i++)
		ck_assert_int_eq(out[i], 'x');
}
END_TEST

static const struct {
	const char *text;
	size_t size;
	const char *word;
} WORDS[] = {
    {"", 32, "-"},
    {"sm_agent", 32, "sm_agent"},
    {"e vil", 32, "e\\040vil"},
    {"a\\b\n\033", 32, "a\\134b\\012\\033"},
    {"\xc3\xb6", 32, "\\303\\266"},
    {"abc", 3, "ab"},
    {"a b", 5, "a"},
};

START_TEST(word)
{
	char out[32];

	text_word(WORDS[_i].text, out, WORDS[_i].size);
	ck_assert_str_eq(out, WORDS[_i].word);
}
END_TEST

#define BAD "\xef\xbf\xbd"

static const struct {
	const char *text;
	size_t size;
	const char *utf8;
} UTF8S[] = {
    {"", 32, ""},
    {"sm agent\\\"", 32, "sm agent\\\""},
    {"gr\u00f6\u00dfe \u6f22 \U0001f600", 32,
	"gr\u00f6\u00dfe \u6f22 \U0001f600"},
    {"a\nb\x7f", 32, "a" BAD "b" BAD},
    {"\xff\xfe", 32, BAD BAD},
    {"\xc3", 32, BAD},
    {"\xc3z", 32, BAD "z"},
    {"\xe2\x80", 32, BAD BAD},
    /* Overlong, a surrogate, beyond the last, a C1 control. */
    {"\xc0\xaf", 32, BAD BAD},
    {"\xe0\x80\xaf", 32, BAD BAD BAD},
    {"\xed\xa0\x80", 32, BAD BAD BAD},
    {"\xf4\x90\x80\x80", 32, BAD BAD BAD BAD},
    {"\xc2\x9b", 32, BAD},
    {"a\u202eb\u2066\u200f\u061c\u2028", 64, "a" BAD "b" BAD BAD BAD BAD},
    {"\u2027\u202f\u2065\u206a\u200d", 32, "\u2027\u202f\u2065\u206a\u200d"},
    {"\xf0\x9f\x98\x80", 4, ""},
    {"a\xf0\x9f\x98\x80", 6, "a\xf0\x9f\x98\x80"},
};

START_TEST(utf8)
{
	char out[64];

	text_utf8(UTF8S[_i].text, out, UTF8S[_i].size);
	ck_assert_str_eq(out, UTF8S[_i].utf8);
}
END_TEST

START_TEST(ascii_locale)
{
	char out[32];

	ck_assert_ptr_nonnull(setlocale(LC_CTYPE, "C"));
	ck_assert_uint_eq(text_fit("gr\u00f6\u00dfe", 20, out, 32), 7);
	ck_assert_str_eq(out, "gr????e");
	ck_assert_uint_eq(text_fit("sm_agent", 4, out, 32), 4);
	ck_assert_str_eq(out, "sm_~");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("text");
	TCase *tcase = tcase_create("text");

	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		return EXIT_FAILURE;
	tcase_add_loop_test(tcase, fit, 0, (int)ARRAY_LEN(FITS));
	tcase_add_loop_test(tcase, word, 0, (int)ARRAY_LEN(WORDS));
	tcase_add_loop_test(tcase, utf8, 0, (int)ARRAY_LEN(UTF8S));
	tcase_add_test(tcase, ascii_locale);
	suite_add_tcase(suite, tcase);
	return test_main(suite);
}
