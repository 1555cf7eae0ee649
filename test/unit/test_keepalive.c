/* SPDX-License-Identifier: ISC */
/*
 * keepalive against a kernel that is made up here, which notes each call and
 * can refuse; and against the real one.
 */
#include "base/keepalive.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static struct {
	int protocol;
	int type;
	int value[KEEPALIVE_OPTIONS];
	int refuse[KEEPALIVE_OPTIONS]; /* errno */
	int order[16];
	int sets;
	int gets;
} kernel;

static int
fake_set(int fd, int level, int name, const void *value, socklen_t len)
{
	int option = keepalive_option(level, name);

	ck_assert_int_eq(fd, 5);
	ck_assert_uint_eq(len, sizeof(int));
	ck_assert_int_ge(option, 0);
	kernel.order[kernel.sets++] = option;
	errno = kernel.refuse[option];
	if (errno != 0)
		return -1;
	memcpy(&kernel.value[option], value, sizeof(int));
	return 0;
}

static int
fake_get(int fd, int level, int name, void *value, socklen_t *len)
{
	int option = keepalive_option(level, name);
	int answer;

	ck_assert_int_eq(fd, 5);
	ck_assert_uint_eq(*len, sizeof(int));
	kernel.gets++;
	if (level == SOL_SOCKET && name == SO_PROTOCOL) {
		answer = kernel.protocol;
	} else if (level == SOL_SOCKET && name == SO_TYPE) {
		answer = kernel.type;
	} else {
		errno = kernel.refuse[option];
		if (errno != 0)
			return -1;
		answer = kernel.value[option];
	}
	memcpy(value, &answer, sizeof(answer));
	return 0;
}

static const struct keepalive_calls FAKE = {fake_set, fake_get};

static void
fresh(void)
{
	memset(&kernel, 0, sizeof(kernel));
	kernel.protocol = IPPROTO_TCP;
	kernel.type = SOCK_STREAM;
	kernel.value[KEEPALIVE_IDLE] = 7200;
	kernel.value[KEEPALIVE_INTERVAL] = 75;
	kernel.value[KEEPALIVE_COUNT] = 9;
}

static struct keepalive
wish(int idle, int interval, int count, int user_timeout, int on)
{
	struct keepalive want = {
	    .value = {idle, interval, count, user_timeout, on}};

	for (int option = 0; option < KEEPALIVE_OPTIONS; option++)
		want.set |= want.value[option] >= 0 ? 1u << option : 0u;
	return want;
}

START_TEST(set_all)
{
	struct keepalive want = wish(300, 30, 5, 60000, 1);
	static const int ORDER[] = {KEEPALIVE_INTERVAL, KEEPALIVE_COUNT,
	    KEEPALIVE_USER_TIMEOUT, KEEPALIVE_SWITCH, KEEPALIVE_IDLE};
	static const int ALONE[] = {KEEPALIVE_IDLE, KEEPALIVE_SWITCH};

	fresh();
	ck_assert_int_eq(keepalive_set(&FAKE, 5, &want), 0);
	ck_assert_mem_eq(kernel.value, want.value, sizeof(kernel.value));
	/* Not a call more than options, TCP_KEEPIDLE last. */
	ck_assert_int_eq(kernel.sets, 5);
	ck_assert_int_eq(kernel.gets, 0);
	ck_assert_mem_eq(kernel.order, ORDER, sizeof(ORDER));

	/* SO_KEEPALIVE is never the first. */
	want = wish(300, -1, -1, -1, 1);
	fresh();
	ck_assert_int_eq(keepalive_set(&FAKE, 5, &want), 0);
	ck_assert_int_eq(kernel.sets, 2);
	ck_assert_mem_eq(kernel.order, ALONE, sizeof(ALONE));

	/* And to reckon anew, TCP_KEEPIDLE as it is. */
	kernel.sets = 0;
	ck_assert_int_eq(keepalive_reckon(&FAKE, 5), 0);
	ck_assert_int_eq(kernel.sets, 1);
	ck_assert_int_eq(kernel.order[0], KEEPALIVE_IDLE);
	ck_assert_int_eq(kernel.value[KEEPALIVE_IDLE], 300);
}
END_TEST

START_TEST(set_some)
{
	struct keepalive want = wish(-1, -1, 5, -1, 1);

	fresh();
	ck_assert_int_eq(keepalive_set(&FAKE, 5, &want), 0);
	ck_assert_int_eq(kernel.sets, 2);
	ck_assert_int_eq(kernel.value[KEEPALIVE_IDLE], 7200);
	ck_assert_int_eq(kernel.value[KEEPALIVE_COUNT], 5);
	ck_assert_int_eq(kernel.value[KEEPALIVE_SWITCH], 1);
}
END_TEST

START_TEST(not_tcp_is_left_alone)
{
	static const int ERRORS[] = {ENOPROTOOPT, EBADF, ENOTSOCK, EINVAL};
	struct keepalive want = wish(300, 30, 5, 60000, 1);

	for (size_t i = 0; i < ARRAY_LEN(ERRORS); i++) {
		fresh();
		kernel.refuse[KEEPALIVE_INTERVAL] = ERRORS[i];
		ck_assert_int_eq(keepalive_set(&FAKE, 5, &want), -ERRORS[i]);
		ck_assert_int_eq(kernel.sets, 1);
		ck_assert_int_eq(kernel.value[KEEPALIVE_SWITCH], 0);
	}
}
END_TEST

START_TEST(switch_alone_asks_first)
{
	struct keepalive want = wish(-1, -1, -1, -1, 1);

	fresh();
	kernel.protocol = IPPROTO_UDP;
	ck_assert_int_eq(keepalive_set(&FAKE, 5, &want), -ENOPROTOOPT);
	ck_assert_int_eq(kernel.sets, 0);
	kernel.protocol = IPPROTO_TCP;
	kernel.type = SOCK_RAW;
	ck_assert_int_eq(keepalive_set(&FAKE, 5, &want), -ENOPROTOOPT);
	ck_assert_int_eq(kernel.sets, 0);
	kernel.type = SOCK_STREAM;
	kernel.protocol = IPPROTO_MPTCP;
	ck_assert_int_eq(keepalive_set(&FAKE, 5, &want), 0);
	ck_assert_int_eq(kernel.value[KEEPALIVE_SWITCH], 1);
}
END_TEST

START_TEST(mptcp_refuses_some)
{
	struct keepalive want = wish(300, 30, 5, 60000, 1);

	fresh();
	kernel.protocol = IPPROTO_MPTCP;
	kernel.refuse[KEEPALIVE_USER_TIMEOUT] = EOPNOTSUPP;
	ck_assert_int_eq(keepalive_set(&FAKE, 5, &want), -EOPNOTSUPP);
	ck_assert_int_eq(kernel.value[KEEPALIVE_IDLE], 300);
	ck_assert_int_eq(kernel.value[KEEPALIVE_SWITCH], 1);

	/* Linux 6.18 says this, and so do others to what is not theirs. */
	kernel.refuse[KEEPALIVE_USER_TIMEOUT] = ENOPROTOOPT;
	ck_assert_int_eq(keepalive_set(&FAKE, 5, &want), -EOPNOTSUPP);

	/* An older kernel, which refuses all but SO_KEEPALIVE. */
	fresh();
	kernel.protocol = IPPROTO_MPTCP;
	for (int option = 0; option < KEEPALIVE_SWITCH; option++)
		kernel.refuse[option] = EOPNOTSUPP;
	ck_assert_int_eq(keepalive_set(&FAKE, 5, &want), -EOPNOTSUPP);
	ck_assert_int_eq(kernel.value[KEEPALIVE_SWITCH], 1);
}
END_TEST

START_TEST(mptcp_has_no_user_timeout)
{
	static const int ERRORS[] = {EOPNOTSUPP, ENOPROTOOPT};
	struct keepalive want = wish(-1, -1, -1, 60000, 1);

	for (size_t i = 0; i < ARRAY_LEN(ERRORS); i++) {
		fresh();
		kernel.refuse[KEEPALIVE_USER_TIMEOUT] = ERRORS[i];
		kernel.protocol = IPPROTO_SCTP;
		ck_assert_int_eq(keepalive_set(&FAKE, 5, &want), -ENOPROTOOPT);
		ck_assert_int_eq(kernel.value[KEEPALIVE_SWITCH], 0);
		kernel.protocol = IPPROTO_MPTCP;
		ck_assert_int_eq(keepalive_set(&FAKE, 5, &want), -EOPNOTSUPP);
		ck_assert_int_eq(kernel.value[KEEPALIVE_SWITCH], 1);
	}
}
END_TEST

static const struct {
	int have[KEEPALIVE_OPTIONS];
	int want[KEEPALIVE_OPTIONS]; /* -1: not named by the rule */
	int result[KEEPALIVE_OPTIONS];
} TIGHTEN[] = {
    {{7200, 75, 9, 0, 0}, {300, 30, 5, 60000, 1}, {300, 30, 5, 60000, 1}},
    {{60, 75, 3, 1000, 1}, {300, 30, 5, 60000, 1}, {60, 30, 3, 1000, 1}},
    {{60, 75, 3, 90000, 1}, {300, -1, 5, 60000, 1}, {60, 75, 3, 60000, 1}},
    {{60, 10, 9, 500, 0}, {300, 30, -1, -1, 1}, {60, 10, 9, 500, 1}},
    /* What MPTCP tells, and no subflow has. */
    {{-1, 0, -7, 0, 1}, {300, 30, 5, -1, 1}, {300, 30, 5, 0, 1}},
};

START_TEST(tighten)
{
	const int *w = TIGHTEN[_i].want;
	struct keepalive want = wish(w[0], w[1], w[2], w[3], w[4]);

	fresh();
	memcpy(kernel.value, TIGHTEN[_i].have, sizeof(kernel.value));
	ck_assert_int_eq(keepalive_tighten(&FAKE, 5, &want), 0);
	for (int option = 0; option < KEEPALIVE_OPTIONS; option++)
		ck_assert_int_eq(
		    kernel.value[option], TIGHTEN[_i].result[option]);
}
END_TEST

START_TEST(covers)
{
	struct keepalive want = wish(300, -1, 5, -1, 1);
	struct keepalive have = wish(300, 75, 5, 0, 1);

	ck_assert(keepalive_covers(&have, &want, false));
	have.value[KEEPALIVE_IDLE] = 200;
	ck_assert(!keepalive_covers(&have, &want, false));
	ck_assert(keepalive_covers(&have, &want, true));
	have.value[KEEPALIVE_IDLE] = 400;
	ck_assert(!keepalive_covers(&have, &want, true));
	have.value[KEEPALIVE_IDLE] = -1;
	ck_assert(!keepalive_covers(&have, &want, true));
	have.value[KEEPALIVE_IDLE] = 300;
	have.value[KEEPALIVE_SWITCH] = 0;
	ck_assert(!keepalive_covers(&have, &want, true));
	have.value[KEEPALIVE_SWITCH] = 1;
	have.set &= ~(1u << KEEPALIVE_COUNT);
	ck_assert(!keepalive_covers(&have, &want, false));
}
END_TEST

START_TEST(option_names)
{
	ck_assert_int_eq(
	    keepalive_option(SOL_SOCKET, SO_KEEPALIVE), KEEPALIVE_SWITCH);
	ck_assert_int_eq(
	    keepalive_option(IPPROTO_TCP, TCP_KEEPIDLE), KEEPALIVE_IDLE);
	ck_assert_int_eq(keepalive_option(IPPROTO_TCP, TCP_USER_TIMEOUT),
	    KEEPALIVE_USER_TIMEOUT);
	/* Same number, other level. */
	ck_assert_int_eq(keepalive_option(SOL_SOCKET, TCP_KEEPIDLE), -1);
	ck_assert_int_eq(keepalive_option(IPPROTO_IP, TCP_KEEPIDLE), -1);
	ck_assert_int_eq(keepalive_option(IPPROTO_TCP, TCP_NODELAY), -1);
}
END_TEST

/* The real kernel takes each edge of the ranges that the header names. */
START_TEST(real_kernel)
{
	static const struct keepalive_calls REAL = {setsockopt, getsockopt};
	static const int FAMILIES[] = {AF_INET, AF_INET6};

	for (size_t i = 0; i < ARRAY_LEN(FAMILIES); i++) {
		int fd = socket(FAMILIES[i], SOCK_STREAM, 0);
		int udp = socket(FAMILIES[i], SOCK_DGRAM, 0);
		struct keepalive have, low = wish(1, 1, 1, 0, 1);
		struct keepalive high = wish(KEEPALIVE_SECONDS_MAX,
		    KEEPALIVE_SECONDS_MAX, KEEPALIVE_COUNT_MAX, 2147483647, 1);

		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(keepalive_set(&REAL, fd, &low), 0);
		ck_assert_int_eq(keepalive_get(&REAL, fd, &have), 0);
		ck_assert(keepalive_covers(&have, &low, false));
		ck_assert_int_eq(keepalive_set(&REAL, fd, &high), 0);
		ck_assert_int_eq(keepalive_get(&REAL, fd, &have), 0);
		ck_assert(keepalive_covers(&have, &high, false));
		high.value[KEEPALIVE_IDLE]++;
		ck_assert_int_eq(keepalive_set(&REAL, fd, &high), -EINVAL);
		ck_assert_int_eq(keepalive_set(&REAL, udp, &low), -ENOPROTOOPT);
		ck_assert_int_eq(
		    keepalive_get(&REAL, udp, &have), -ENOPROTOOPT);
		close(fd);
		close(udp);
		ck_assert_int_eq(keepalive_set(&REAL, fd, &low), -EBADF);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("keepalive");
	TCase *tc = tcase_create("keepalive");

	tcase_add_test(tc, set_all);
	tcase_add_test(tc, set_some);
	tcase_add_test(tc, not_tcp_is_left_alone);
	tcase_add_test(tc, switch_alone_asks_first);
	tcase_add_test(tc, mptcp_refuses_some);
	tcase_add_test(tc, mptcp_has_no_user_timeout);
	tcase_add_loop_test(tc, tighten, 0, ARRAY_LEN(TIGHTEN));
	tcase_add_test(tc, covers);
	tcase_add_test(tc, option_names);
	tcase_add_test(tc, real_kernel);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
