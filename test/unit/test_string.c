/* SPDX-License-Identifier: ISC */
/* The library's own string functions, against the C library's. */
#include <stdlib.h>
#include <string.h>

#include "test.h"

/* Under names of their own, or they would be held against themselves. */
#define memmove own_memmove
#define memcmp  own_memcmp
#define strnlen own_strnlen
#define strlen  own_strlen
#define strncmp own_strncmp
#define strcmp  own_strcmp
#define strchr  own_strchr
#define strrchr own_strrchr
#define strspn  own_strspn
#define strcspn own_strcspn
#define strstr  own_strstr
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
/* NOLINTNEXTLINE(bugprone-suspicious-include) */
#include "shim/string.c"
#undef memmove
#undef memcmp
#undef strnlen
#undef strlen
#undef strncmp
#undef strcmp
#undef strchr
#undef strrchr
#undef strspn
#undef strcspn
#undef strstr

#define ROOM 12

static int
sign(int value)
{
	return (value > 0) - (value < 0);
}

/* Few letters, some of them above 127, so that much is the same. */
static void
random_text(uint64_t *state, char text[ROOM])
{
	size_t len = test_below(state, ROOM);

	memset(text, 0, ROOM);
	for (size_t n = 0; n < len; n++)
		text[n] = "ab:\xff"[test_below(state, 4)];
}

START_TEST(as_the_c_library)
{
	uint64_t state = 11;

	for (int round = 0; round < 30000; round++) {
		char a[ROOM], b[ROOM], moved[2 * ROOM], expected[2 * ROOM];
		size_t from = test_below(&state, ROOM);
		size_t to = test_below(&state, ROOM);
		size_t len = test_below(&state, ROOM);
		char wanted = "ab:\xff\0x"[test_below(&state, 6)];

		random_text(&state, a);
		random_text(&state, b);
		ck_assert_uint_eq(own_strlen(a), strlen(a));
		ck_assert_uint_eq(own_strnlen(a, len), strnlen(a, len));
		ck_assert_int_eq(sign(own_strcmp(a, b)), sign(strcmp(a, b)));
		ck_assert_int_eq(
		    sign(own_strncmp(a, b, len)), sign(strncmp(a, b, len)));
		ck_assert_int_eq(
		    sign(own_memcmp(a, b, len)), sign(memcmp(a, b, len)));
		ck_assert_ptr_eq(own_strchr(a, wanted), strchr(a, wanted));
		ck_assert_ptr_eq(own_strrchr(a, wanted), strrchr(a, wanted));
		ck_assert_uint_eq(own_strspn(a, b), strspn(a, b));
		ck_assert_uint_eq(own_strcspn(a, b), strcspn(a, b));
		b[len % 3] = '\0';
		ck_assert_ptr_eq(own_strstr(a, b), strstr(a, b));
		for (size_t n = 0; n < sizeof(moved); n++)
			moved[n] = expected[n] = (char)n;
		ck_assert_ptr_eq(
		    own_memmove(moved + to, moved + from, len), moved + to);
		memmove(expected + to, expected + from, len);
		ck_assert_mem_eq(moved, expected, sizeof(moved));
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("string");
	TCase *tc = tcase_create("string");

	tcase_add_test(tc, as_the_c_library);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
