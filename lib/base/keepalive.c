/* SPDX-License-Identifier: ISC */
/*
 * keepalive: the only code that gets or sets keepalive options of a socket.
 * It must never touch a socket that is not TCP.
 */
#include "base/keepalive.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

_Static_assert(KEEPALIVE_IDLE == 0 && KEEPALIVE_INTERVAL == 1 &&
		   KEEPALIVE_SWITCH == KEEPALIVE_OPTIONS - 1,
    "the first is not behind the last");

#define OTHERS_FIRST (1u << KEEPALIVE_INTERVAL | 1u << KEEPALIVE_COUNT)

#define ABOUT(id, level, constant, key, unit, least, greatest) \
	[KEEPALIVE_##id] = {                                   \
	    level, constant, #constant, key, unit, least, greatest},
const struct keepalive_about keepalive_about[KEEPALIVE_OPTIONS] = {
    KEEPALIVE_LIST(ABOUT)};

static int
option_set(const struct keepalive_calls *calls, int fd, int option, int value)
{
	if (calls->set(fd, keepalive_about[option].level,
		keepalive_about[option].name, &value, sizeof(value)) < 0)
		return -errno;
	return 0;
}

static int
option_get(
    const struct keepalive_calls *calls, int fd, int option, int32_t *value)
{
	int got;
	socklen_t len = sizeof(got);

	if (calls->get(fd, keepalive_about[option].level,
		keepalive_about[option].name, &got, &len) < 0)
		return -errno;
	*value = got;
	return 0;
}

/* For a socket of which nothing but SO_KEEPALIVE is wanted or possible. */
static int
require_tcp(const struct keepalive_calls *calls, int fd)
{
	int protocol, type;
	socklen_t len = sizeof(protocol);

	if (calls->get(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) < 0)
		return -errno;
	if (protocol != IPPROTO_TCP && protocol != IPPROTO_MPTCP)
		return -ENOPROTOOPT;
	/* A raw socket may be for the protocol TCP, and is not TCP. */
	len = sizeof(type);
	if (calls->get(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return -errno;
	if (type != SOCK_STREAM)
		return -ENOPROTOOPT;
	return 0;
}

/*
 * The first option to be set; the others follow in turn. On a socket that is
 * connected, SO_KEEPALIVE starts the timer, and TCP_KEEPIDLE sets it right if
 * it comes behind. But an option of TCP has to be the first.
 */
static int
first_to_set(const struct keepalive *want)
{
	return (want->set & OTHERS_FIRST) == 0 ? KEEPALIVE_IDLE
	                                       : KEEPALIVE_INTERVAL;
}

int
keepalive_set(
    const struct keepalive_calls *calls, int fd, const struct keepalive *want)
{
	int next = first_to_set(want), failure = 0;
	bool is_tcp = false;

	for (int i = 0; i < KEEPALIVE_OPTIONS; i++) {
		const int option = next;
		int error;

		next = option + 1 < KEEPALIVE_OPTIONS ? option + 1 : 0;
		if ((want->set & 1u << option) == 0)
			continue;
		if (keepalive_about[option].level == SOL_SOCKET && !is_tcp) {
			error = require_tcp(calls, fd);
			if (error < 0)
				return error;
		}
		error = option_set(calls, fd, option, want->value[option]);
		if (error == 0) {
			is_tcp = true;
			continue;
		}
		/*
		 * MPTCP says EOPNOTSUPP to the options that it lacks, and to
		 * TCP_USER_TIMEOUT also ENOPROTOOPT, as what is not TCP does to
		 * all; it may take the others (net/mptcp/sockopt.c). Whatever
		 * else a first call is answered means that this is not TCP.
		 */
		if (error == -ENOPROTOOPT && option == KEEPALIVE_USER_TIMEOUT)
			error = -EOPNOTSUPP;
		if (!is_tcp && error != -EOPNOTSUPP)
			return error;
		if (failure == 0)
			failure = error;
	}
	return failure;
}

bool
keepalive_reckons(const struct keepalive *want)
{
	return (want->set & OTHERS_FIRST) != 0 &&
	       (want->set & 1u << KEEPALIVE_IDLE) != 0;
}

int
keepalive_reckon(const struct keepalive_calls *calls, int fd)
{
	int32_t idle_s = 0;
	int error = option_get(calls, fd, KEEPALIVE_IDLE, &idle_s);

	return error < 0 ? error
	                 : option_set(calls, fd, KEEPALIVE_IDLE, idle_s);
}

int
keepalive_get(
    const struct keepalive_calls *calls, int fd, struct keepalive *have)
{
	int error = require_tcp(calls, fd);

	if (error < 0)
		return error;
	have->set = 0;
	for (int option = 0; option < KEEPALIVE_OPTIONS; option++) {
		if (option_get(calls, fd, option, &have->value[option]) == 0)
			have->set |= 1u << option;
	}
	return 0;
}

/*
 * Is what the socket has tighter than what is wanted? MPTCP takes any number
 * before it is connected, and tells it from then on, but its subflows do not
 * take those that TCP refuses (net/mptcp/sockopt.c).
 */
static bool
option_tighter(int option, int32_t have, int32_t want)
{
	switch (option) {
	case KEEPALIVE_SWITCH:
		return have > want;
	case KEEPALIVE_USER_TIMEOUT:
		return have != 0 && (want == 0 || have < want);
	default:
		return have < want && have >= keepalive_about[option].least;
	}
}

bool
keepalive_covers(
    const struct keepalive *have, const struct keepalive *want, bool tighter)
{
	for (int option = 0; option < KEEPALIVE_OPTIONS; option++) {
		uint32_t bit = 1u << option;

		if ((want->set & bit) == 0)
			continue;
		if ((have->set & bit) == 0)
			return false;
		if (have->value[option] == want->value[option])
			continue;
		if (!tighter || !option_tighter(option, have->value[option],
				    want->value[option]))
			return false;
	}
	return true;
}

int
keepalive_tighten(
    const struct keepalive_calls *calls, int fd, const struct keepalive *want)
{
	struct keepalive have, rest = {0};
	int error = keepalive_get(calls, fd, &have);

	if (error < 0)
		return error;
	for (int option = 0; option < KEEPALIVE_OPTIONS; option++) {
		uint32_t bit = 1u << option;

		if ((want->set & bit) == 0)
			continue;
		if ((have.set & bit) != 0 &&
		    option_tighter(
			option, have.value[option], want->value[option]))
			continue;
		rest.set |= bit;
		rest.value[option] = want->value[option];
	}
	return keepalive_set(calls, fd, &rest);
}

void
keepalive_defaults_of(
    const struct keepalive_calls *calls, int fd, struct keepalive *defaults)
{
	*defaults = (struct keepalive){.set = KEEPALIVE_SAME};
	for (int option = 0; option < KEEPALIVE_OPTIONS && fd >= 0; option++) {
		const uint32_t bit = 1u << option;

		if ((KEEPALIVE_TIMERS & bit) != 0 &&
		    option_get(calls, fd, option, &defaults->value[option]) ==
			0)
			defaults->set |= bit;
	}
}

/*
 * syscall(2), because this must not come by any hook, and close(2) is a
 * cancellation point.
 */
void
keepalive_defaults(
    const struct keepalive_calls *calls, struct keepalive *defaults)
{
	long fd = syscall(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	keepalive_defaults_of(calls, (int)fd, defaults);
	if (fd >= 0)
		(void)syscall(SYS_close, fd);
}

bool
keepalive_begins(
    const struct keepalive_calls *calls, int fd, const struct keepalive *want)
{
	for (int option = 0; option < KEEPALIVE_OPTIONS; option++) {
		int32_t value = 0;

		if ((want->set & 1u << option) != 0)
			return option_get(calls, fd, option, &value) == 0 &&
			       value == want->value[option];
	}
	return true;
}

void
keepalive_take_back(const struct keepalive_calls *calls, int fd,
    const struct keepalive *was, const struct keepalive *instead)
{
	struct keepalive rest = {0};

	for (int option = 0; option < KEEPALIVE_OPTIONS; option++) {
		const uint32_t bit = 1u << option;
		int32_t value = 0;

		if ((was->set & instead->set & bit) == 0 ||
		    option_get(calls, fd, option, &value) < 0 ||
		    value != was->value[option])
			continue;
		rest.set |= bit;
		rest.value[option] = instead->value[option];
	}
	if (rest.set != 0)
		keepalive_set(calls, fd, &rest);
}

int
keepalive_option(int level, int name)
{
	for (int option = 0; option < KEEPALIVE_OPTIONS; option++) {
		if (keepalive_about[option].level == level &&
		    keepalive_about[option].name == name)
			return option;
	}
	return -1;
}
