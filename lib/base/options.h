/* SPDX-License-Identifier: ISC */
/*
 * options: all that is known of the keepalive options of a socket, and a choice
 * of them. Also for programs that run in the kernel: it includes nothing of the
 * C library's.
 */
#ifndef KASHIM_OPTIONS_H
#define KASHIM_OPTIONS_H

#include <stdint.h>

enum keepalive_unit {
	KEEPALIVE_SECONDS,
	KEEPALIVE_MILLISECONDS,
	KEEPALIVE_NUMBER,
	KEEPALIVE_ON_OFF,
};

#define KEEPALIVE_SECONDS_MAX 32767
#define KEEPALIVE_COUNT_MAX   127

/*
 * All that is known of each option:
 * X(name here, the kernel's level and constant, key of the configuration, unit,
 * least and greatest value that a rule may set). SO_KEEPALIVE has no key.
 */
/* clang-format off */
#define KEEPALIVE_KEYED(X)                                                     \
	X(IDLE, IPPROTO_TCP, TCP_KEEPIDLE, "idle",                             \
	    KEEPALIVE_SECONDS, 1, KEEPALIVE_SECONDS_MAX)                       \
	X(INTERVAL, IPPROTO_TCP, TCP_KEEPINTVL, "interval",                    \
	    KEEPALIVE_SECONDS, 1, KEEPALIVE_SECONDS_MAX)                       \
	X(COUNT, IPPROTO_TCP, TCP_KEEPCNT, "count",                            \
	    KEEPALIVE_NUMBER, 1, KEEPALIVE_COUNT_MAX)                          \
	X(USER_TIMEOUT, IPPROTO_TCP, TCP_USER_TIMEOUT, "user-timeout",         \
	    KEEPALIVE_MILLISECONDS, 0, INT32_MAX)
#define KEEPALIVE_LIST(X)                                                      \
	KEEPALIVE_KEYED(X)                                                     \
	X(SWITCH, SOL_SOCKET, SO_KEEPALIVE, "", KEEPALIVE_ON_OFF, 1, 1)

#define KEEPALIVE_NAME(name, ...) KEEPALIVE_##name,
enum keepalive_option {
	KEEPALIVE_LIST(KEEPALIVE_NAME)
	KEEPALIVE_OPTIONS, /* how many there are */
};
/* clang-format on */

/* A choice of options: value[o] holds where the bit 1 << o of set is on. */
struct keepalive {
	uint32_t set;
	int32_t value[KEEPALIVE_OPTIONS];
};

#endif
