/* SPDX-License-Identifier: ISC */
/* addr against tables, and against the C library's own reader and writer. */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "test.h"

static const struct {
	const char *text;
	int result;
	const char *canonical; /* what it is, or what would be right */
} PREFIXES[] = {
    {"10.20.0.0/16", 0, "10.20.0.0/16"},
    {"10.20.0.1/16", -EDOM, "10.20.0.0/16"},
    {"10.20.0.1", 0, "10.20.0.1/32"},
    {"0.0.0.0/0", 0, "0.0.0.0/0"},
    {"128.0.0.0/1", 0, "128.0.0.0/1"},
    {"128.0.0.1/1", -EDOM, "128.0.0.0/1"},
    {"255.255.255.255/32", 0, "255.255.255.255/32"},
    {"255.255.255.255/31", -EDOM, "255.255.255.254/31"},
    {"10.0.0.0/33", -ERANGE, NULL},
    {"10.0.0.0/99999999999999999999", -ERANGE, NULL},
    {"10.0.0.0/9999x", -EINVAL, NULL},
    {"10.0.0.0/", -EINVAL, NULL},
    {"10.0.0.0/8 ", -EINVAL, NULL},
    {"10.0.0.0/+8", -EINVAL, NULL},
    {"10.0.0.0/08", -EINVAL, NULL},
    {"10.0.0.0/8/8", -EINVAL, NULL},
    {"10.0.0/8", -EINVAL, NULL},
    {"10", -EINVAL, NULL},
    {"010.0.0.1", -EINVAL, NULL},
    {"", -EINVAL, NULL},
    {"/8", -EINVAL, NULL},
    {"localhost", -EINVAL, NULL},
    {"1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18.19/8", -EINVAL, NULL},
    {"::1", 0, "::1/128"},
    {"::/0", 0, "::/0"},
    {"2001:db8:20::/48", 0, "2001:db8:20::/48"},
    {"2001:DB8:0020::/48", 0, "2001:db8:20::/48"},
    {"2001:db8:20::1/48", -EDOM, "2001:db8:20::/48"},
    {"2001:db8::/129", -ERANGE, NULL},
    {"fe80::1%eth0", -EINVAL, NULL},
    {"::ffff:10.1.2.3", 0, "10.1.2.3/32"},
    {"::ffff:10.0.0.0/104", 0, "10.0.0.0/8"},
    {"::ffff:10.1.0.0/104", -EDOM, "10.0.0.0/8"},
    {"::ffff:0.0.0.0/96", 0, "0.0.0.0/0"},
    {"::ffff:0:0/95", -ERANGE, NULL},
    {"::ffff:0a00:0001", 0, "10.0.0.1/32"},
};

START_TEST(prefix_table)
{
	char text[PREFIX_TEXT_MAX];
	struct prefix prefix;
	int result = prefix_parse(PREFIXES[_i].text, &prefix);

	ck_assert_msg(result == PREFIXES[_i].result, "%s gave %d",
	    PREFIXES[_i].text, result);
	if (PREFIXES[_i].canonical == NULL)
		return;
	ck_assert_uint_eq(prefix_format(&prefix, text), strlen(text));
	ck_assert_str_eq(text, PREFIXES[_i].canonical);
}
END_TEST

/* Random addresses with runs of zeroes, written as inet_ntop(3) does. */
START_TEST(format_oracle)
{
	uint64_t state = 1;

	for (int round = 0; round < 200000; round++) {
		int family = round % 4 == 0 ? AF_INET : AF_INET6;
		char text[ADDR_TEXT_MAX], expected[INET6_ADDRSTRLEN];
		struct addr addr = {
		    .family = family == AF_INET ? ADDR_V4 : ADDR_V6};
		struct addr again;

		for (int i = 0; i < (family == AF_INET ? 4 : 16); i += 2) {
			uint64_t r = test_random(&state);

			/* Zero groups often: the "::" is the hard part. */
			if (r % 3 == 0)
				continue;
			addr.bytes[i] = r % 3 == 1 ? 0 : (uint8_t)(r >> 8);
			addr.bytes[i + 1] = (uint8_t)(r >> 16);
		}
		/* inet_ntop() writes dots into these; we never see mapped. */
		if (family == AF_INET6 &&
		    memcmp(addr.bytes, "\0\0\0\0\0\0\0\0\0", 10) == 0)
			continue;
		ck_assert_ptr_nonnull(
		    inet_ntop(family, addr.bytes, expected, sizeof(expected)));
		ck_assert_uint_eq(addr_format(&addr, text), strlen(text));
		ck_assert_str_eq(text, expected);
		ck_assert_int_eq(addr_parse(text, &again), 0);
		ck_assert_mem_eq(&addr, &again, sizeof(addr));
	}
}
END_TEST

START_TEST(format_edges)
{
	static const char *const TEXTS[] = {"::", "::1", "1::", "0.0.0.0",
	    "1:0:0:2::3", "1:2:3:4:5:6:7:8", "1:0:3:4:5:6:7:8",
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "255.255.255.255"};
	char text[ADDR_TEXT_MAX];
	struct addr addr = {0};

	for (size_t i = 0; i < ARRAY_LEN(TEXTS); i++) {
		ck_assert_int_eq(addr_parse(TEXTS[i], &addr), 0);
		addr_format(&addr, text);
		ck_assert_str_eq(text, TEXTS[i]);
	}
	addr.family = ADDR_NONE;
	ck_assert_uint_eq(addr_format(&addr, text), 1);
	ck_assert_str_eq(text, "?");
}
END_TEST

START_TEST(sockaddr)
{
	struct sockaddr_in in = {
	    .sin_family = AF_INET, .sin_port = htons(3300)};
	struct sockaddr_in6 in6 = {
	    .sin6_family = AF_INET6, .sin6_port = htons(3301)};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	char unaligned[sizeof(in6) + 1];
	char text[ADDR_TEXT_MAX];
	struct addr addr;
	uint16_t port = 7;

	inet_pton(AF_INET, "10.1.2.3", &in.sin_addr);
	inet_pton(AF_INET6, "2001:db8::5", &in6.sin6_addr);
	ck_assert_int_eq(addr_from_sockaddr(&in, sizeof(in), &addr, &port), 0);
	addr_format(&addr, text);
	ck_assert_str_eq(text, "10.1.2.3");
	ck_assert_int_eq(port, 3300);
	ck_assert_int_eq(
	    addr_from_sockaddr(&in, sizeof(in) - 1, &addr, &port), -EINVAL);

	memcpy(unaligned + 1, &in6, sizeof(in6));
	ck_assert_int_eq(
	    addr_from_sockaddr(unaligned + 1, sizeof(in6), &addr, &port), 0);
	addr_format(&addr, text);
	ck_assert_str_eq(text, "2001:db8::5");
	ck_assert_int_eq(port, 3301);
	/* Without the scope, as before RFC 2553. */
	ck_assert_int_eq(addr_from_sockaddr(&in6, 24, &addr, &port), 0);
	ck_assert_int_eq(addr_from_sockaddr(&in6, 23, &addr, &port), -EINVAL);

	inet_pton(AF_INET6, "::ffff:10.1.2.3", &in6.sin6_addr);
	ck_assert_int_eq(
	    addr_from_sockaddr(&in6, sizeof(in6), &addr, &port), 0);
	ck_assert_int_eq(addr.family, ADDR_V4);
	addr_format(&addr, text);
	ck_assert_str_eq(text, "10.1.2.3");

	port = 7;
	ck_assert_int_eq(
	    addr_from_sockaddr(&un, sizeof(un), &addr, &port), -EAFNOSUPPORT);
	ck_assert_int_eq(addr_from_sockaddr(NULL, 16, &addr, &port), -EINVAL);
	ck_assert_int_eq(addr_from_sockaddr(&in, 1, &addr, &port), -EINVAL);
	ck_assert_int_eq(addr_from_sockaddr(&in, 0, &addr, &port), -EINVAL);
	ck_assert_int_eq(port, 7);
}
END_TEST

START_TEST(unspecified)
{
	struct addr addr = {0};

	ck_assert(!addr_is_unspecified(&addr));
	addr_parse("0.0.0.0", &addr);
	ck_assert(addr_is_unspecified(&addr));
	addr_parse("::", &addr);
	ck_assert(addr_is_unspecified(&addr));
	addr_parse("::ffff:0.0.0.0", &addr);
	ck_assert(addr_is_unspecified(&addr));
	addr_parse("::1", &addr);
	ck_assert(!addr_is_unspecified(&addr));
	addr_parse("0.0.0.1", &addr);
	ck_assert(!addr_is_unspecified(&addr));
}
END_TEST

/* Every length of a prefix, held against a comparison bit by bit. */
START_TEST(contains_oracle)
{
	uint64_t state = 2;

	for (int round = 0; round < 100000; round++) {
		unsigned int bits = round % 2 == 0 ? 32 : 128, same = 0;
		struct prefix prefix = {
		    .addr.family = bits == 32 ? ADDR_V4 : ADDR_V6};
		struct addr addr = {.family = prefix.addr.family};

		prefix.len = (uint8_t)test_below(&state, bits + 1);
		for (unsigned int i = 0; i < prefix.len; i++) {
			if (test_below(&state, 2) != 0)
				prefix.addr.bytes[i / 8] |=
				    (uint8_t)(0x80 >> i % 8);
		}
		addr = prefix.addr;
		for (unsigned int n = test_below(&state, 3); n > 0; n--) {
			unsigned int i = test_below(&state, bits);

			addr.bytes[i / 8] ^= (uint8_t)(0x80 >> i % 8);
		}
		while (same < bits &&
		       ((addr.bytes[same / 8] ^ prefix.addr.bytes[same / 8]) &
			   0x80 >> same % 8) == 0)
			same++;
		ck_assert_int_eq(
		    prefix_contains(&prefix, &addr), same >= prefix.len);
		addr.family = addr.family == ADDR_V4 ? ADDR_V6 : ADDR_V4;
		ck_assert(!prefix_contains(&prefix, &addr));
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("addr");
	TCase *tc = tcase_create("addr");

	tcase_add_loop_test(tc, prefix_table, 0, ARRAY_LEN(PREFIXES));
	tcase_add_test(tc, format_oracle);
	tcase_add_test(tc, format_edges);
	tcase_add_test(tc, sockaddr);
	tcase_add_test(tc, unspecified);
	tcase_add_test(tc, contains_oracle);
	tcase_set_timeout(tc, 60);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
