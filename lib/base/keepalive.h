/* SPDX-License-Identifier: ISC */
/*
 * keepalive: the only code that gets or sets keepalive options of a socket.
 *
 * The options are those of tcp(7) and socket(7). The kernel counts idle and
 * interval in whole seconds and takes 1 to 32767, count 1 to 127
 * (MAX_TCP_KEEPIDLE, MAX_TCP_KEEPINTVL, MAX_TCP_KEEPCNT in linux/tcp.h), and
 * TCP_USER_TIMEOUT in milliseconds from 0, which means none, to INT_MAX.
 *
 * Every function here is async-signal-safe, and may change errno.
 */
#ifndef KASHIM_KEEPALIVE_H
#define KASHIM_KEEPALIVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/options.h"

/* No pointers: the loader would have to relocate them in each program. */
struct keepalive_about {
	int level;         /* of setsockopt(2) */
	int name;          /* its option there */
	char constant[20]; /* "TCP_KEEPIDLE" */
	char key[16];      /* of the configuration; "" if it has none */
	enum keepalive_unit unit;
	int32_t least, greatest;
};

extern const struct keepalive_about keepalive_about[KEEPALIVE_OPTIONS];

#define KEEPALIVE_TEXT_MAX 24

/*
 * Writes a value as people read it: "300 s" (gap is " "), "300s" (gap is ""),
 * "1500 ms", "5", "on". Not for hooks: it uses stdio.
 */
void keepalive_format(enum keepalive_option option, int32_t value,
    const char *gap, char text[KEEPALIVE_TEXT_MAX]);

/*
 * How to reach the kernel. The shim passes the C library's own functions,
 * past its hooks; the command passes setsockopt and getsockopt.
 */
struct keepalive_calls {
	int (*set)(
	    int fd, int level, int name, const void *value, socklen_t len);
	int (*get)(int fd, int level, int name, void *value, socklen_t *len);
};

/*
 * Sets on the socket fd what want names, SO_KEEPALIVE last, or TCP_KEEPIDLE
 * behind it where interval or count go before. The first call made is one that
 * fails at once on anything that is not TCP, so that no other protocol is ever
 * changed.
 * Returns 0 if all was set; else the first failure as -errno: -ENOPROTOOPT
 * and the like if fd is not TCP, and nothing was changed then; otherwise
 * (-EOPNOTSUPP: an MPTCP socket whose kernel lacks an option) the other options
 * were set.
 */
int keepalive_set(
    const struct keepalive_calls *calls, int fd, const struct keepalive *want);

/*
 * The same, but where the socket has a shorter time, a smaller count or a
 * shorter user timeout already, that stays.
 */
int keepalive_tighten(
    const struct keepalive_calls *calls, int fd, const struct keepalive *want);

/*
 * For a socket of TCP that may have been silent when SO_KEEPALIVE was switched
 * on: has the kernel reckon from when something was received last, and not from
 * then, by setting TCP_KEEPIDLE to what it is (tcp_sock_set_keepidle_locked()
 * in net/ipv4/tcp.c). Two system calls. Returns 0 or -errno.
 */
int keepalive_reckon(const struct keepalive_calls *calls, int fd);

/* Does keepalive_set() of want do so already? */
bool keepalive_reckons(const struct keepalive *want);

/*
 * Reads all options of fd that the kernel tells into *have; have->set says
 * which. Returns 0, or -errno if fd is not TCP.
 */
int keepalive_get(
    const struct keepalive_calls *calls, int fd, struct keepalive *have);

/*
 * Has fd the first option that want names as want says? One system call, to
 * tell a socket that was set from one that was not.
 */
bool keepalive_begins(
    const struct keepalive_calls *calls, int fd, const struct keepalive *want);

/* What a new socket has of these options is the same everywhere: zero. */
#define KEEPALIVE_SAME (1u << KEEPALIVE_SWITCH | 1u << KEEPALIVE_USER_TIMEOUT)

/* And of these it may be changed, by sysctl(8). */
#define KEEPALIVE_TIMERS                                   \
	(1u << KEEPALIVE_IDLE | 1u << KEEPALIVE_INTERVAL | \
	    1u << KEEPALIVE_COUNT)

/*
 * What a new socket has, asked of fd, which is one as far as the others are
 * concerned; if fd is negative or not TCP, what is the same everywhere.
 * defaults->set says what is told.
 */
void keepalive_defaults_of(
    const struct keepalive_calls *calls, int fd, struct keepalive *defaults);

/* The same of a socket of this network namespace that it opens for a moment. */
void keepalive_defaults(
    const struct keepalive_calls *calls, struct keepalive *defaults);

/*
 * Takes back from fd what was, options that a rule set, as far as the socket
 * still has these values: it gets those that instead names.
 */
void keepalive_take_back(const struct keepalive_calls *calls, int fd,
    const struct keepalive *was, const struct keepalive *instead);

/*
 * Does have say all that want names, with the same value, or, if tighter is
 * true, also with a tighter one? Options that want does not name are not
 * looked at.
 */
bool keepalive_covers(
    const struct keepalive *have, const struct keepalive *want, bool tighter);

/*
 * Which option setsockopt(fd, level, name, ...) would set: an enum
 * keepalive_option, or -1 if none of ours.
 */
int keepalive_option(int level, int name);

#endif
