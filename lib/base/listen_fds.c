/* SPDX-License-Identifier: ISC */
/*
 * listen_fds: the sockets that a service manager hands to a program.
 */
#include "base/listen_fds.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * The number that a variable holds, INT_MAX if it is larger, 0 without one.
 * Not strtol(3), for which a compiler may put in a function that only the
 * newest C libraries have.
 */
static int
number(const char *name)
{
	const char *text = getenv(name);
	int value = 0;

	for (; text != NULL && *text != '\0'; text++) {
		int digit = *text - '0';

		if (digit < 0 || digit > 9)
			return 0;
		value = value > (INT_MAX - digit) / 10 ? INT_MAX
		                                       : value * 10 + digit;
	}
	return value;
}

int
listen_fds_count(void)
{
	int count;

	if (number("LISTEN_PID") != getpid())
		return 0;
	count = number("LISTEN_FDS");
	return count < LISTEN_FDS_MAX ? count : LISTEN_FDS_MAX;
}
