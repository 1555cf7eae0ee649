/* SPDX-License-Identifier: ISC */
/* Which sockets a service manager has handed over. */
#include "base/listen_fds.h"

#include <stdio.h>
#include <unistd.h>

#include "test.h"

static const struct {
	const char *pid; /* "": this process; NULL: not set */
	const char *fds;
	int count;
} CASES[] = {
    {"", "1", 1},
    {"", "3", 3},
    {"", "1024", 1024},
    {"", "1025", 1025},
    {"", "65536", LISTEN_FDS_MAX},
    {"", "65537", LISTEN_FDS_MAX},
    {"", "2147483647", LISTEN_FDS_MAX},
    {"", "4294967297", LISTEN_FDS_MAX},
    {"", "99999999999999999999", LISTEN_FDS_MAX},
    {"", "0", 0},
    {"", "-1", 0},
    {"", "", 0},
    {"", "3x", 0},
    {"", NULL, 0},
    {NULL, "3", 0},
    {"1", "3", 0},
    {"x", "3", 0},
};

START_TEST(counts)
{
	char self[16];

	snprintf(self, sizeof(self), "%d", (int)getpid());
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		const char *pid = CASES[i].pid;

		unsetenv("LISTEN_PID");
		unsetenv("LISTEN_FDS");
		if (pid != NULL)
			setenv("LISTEN_PID", *pid == '\0' ? self : pid, 1);
		if (CASES[i].fds != NULL)
			setenv("LISTEN_FDS", CASES[i].fds, 1);
		ck_assert_msg(listen_fds_count() == CASES[i].count,
		    "case %zu: %d", i, listen_fds_count());
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("listen_fds");
	TCase *tc = tcase_create("count");

	tcase_add_test(tc, counts);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
