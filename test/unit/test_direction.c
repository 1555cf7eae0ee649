/* SPDX-License-Identifier: ISC */
/*
 * direction: who sent the SYN, by what else there is in the network namespace.
 */
#include "live/direction.h"

#include <netinet/tcp.h>
#include <string.h>

#include "test.h"

#define FIRST 32768
#define LAST  60999

/* What each case is asked among; namespace 1 but for the last two. */
static const struct {
	uint64_t net;
	const char *addr;
	uint16_t port;
	bool v6_only;
} LISTENERS[] = {
    {1, "0.0.0.0", 80, false},
    {1, "10.0.0.1", 3300, false},
    {1, "::", 443, false},
    {1, "::", 444, true},
    {1, "::1", 631, false},
    {1, "0.0.0.0", 40000, false},
    {1, "10.0.0.9", 9000, false},
    {1, "10.0.0.1", 9000, false},
    {2, "0.0.0.0", 22, false},
    {3, "0.0.0.0", 25, false},
};

/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): to be read */
static const struct {
	uint64_t net;
	uint8_t state;
	const char *local;
	uint16_t local_port;
	const char *remote;
	uint16_t remote_port;
	enum live_direction expected;
} CASES[] = {
    {1, TCP_LISTEN, "0.0.0.0", 80, NULL, 0, LIVE_LISTENER},
    /* The state tells. */
    {1, TCP_SYN_SENT, "10.0.0.1", 80, "10.0.0.2", 50000, LIVE_OUT},
    {1, TCP_SYN_RECV, "10.0.0.1", 50000, "10.0.0.2", 81, LIVE_IN},
    /* A listener of ours, with any address, this one, or another. */
    {1, TCP_ESTABLISHED, "10.0.0.1", 80, "10.0.0.2", 50000, LIVE_IN},
    {1, TCP_ESTABLISHED, "10.0.0.1", 3300, "10.0.0.2", 3301, LIVE_IN},
    {1, TCP_ESTABLISHED, "10.0.0.5", 3300, "10.0.0.2", 3301, LIVE_UNSURE},
    {1, TCP_ESTABLISHED, "10.0.0.1", 9000, "10.0.0.2", 81, LIVE_IN},
    {1, TCP_ESTABLISHED, "10.0.0.2", 9000, "10.0.0.3", 81, LIVE_UNSURE},
    {1, TCP_CLOSE_WAIT, "10.0.0.1", 40000, "10.0.0.2", 81, LIVE_IN},
    /* A listener on :: takes IPv4, one on 0.0.0.0 no IPv6. */
    {1, TCP_ESTABLISHED, "10.0.0.1", 443, "10.0.0.2", 81, LIVE_IN},
    {1, TCP_ESTABLISHED, "2001:db8::1", 443, "2001:db8::2", 81, LIVE_IN},
    {1, TCP_ESTABLISHED, "10.0.0.1", 444, "10.0.0.2", 81, LIVE_UNSURE},
    {1, TCP_ESTABLISHED, "2001:db8::1", 444, "2001:db8::2", 81, LIVE_IN},
    {1, TCP_ESTABLISHED, "2001:db8::1", 80, "2001:db8::2", 81, LIVE_UNSURE},
    /* One at the other end. */
    {1, TCP_ESTABLISHED, "10.0.0.1", 81, "10.0.0.1", 3300, LIVE_OUT},
    {1, TCP_ESTABLISHED, "::1", 50000, "::1", 631, LIVE_OUT},
    {1, TCP_ESTABLISHED, "127.0.0.1", 82, "127.0.0.1", 80, LIVE_OUT},
    {1, TCP_ESTABLISHED, "127.0.0.1", 50000, "127.0.0.1", 40000, LIVE_OUT},
    /* Both ends have one: ours counts. */
    {1, TCP_ESTABLISHED, "127.0.0.1", 80, "127.0.0.1", 443, LIVE_IN},
    /* Listeners of other namespaces do not count. */
    {1, TCP_ESTABLISHED, "10.0.0.1", 22, "10.0.0.2", 81, LIVE_UNSURE},
    {2, TCP_ESTABLISHED, "10.0.0.1", 22, "10.0.0.2", 81, LIVE_IN},
    {2, TCP_ESTABLISHED, "10.0.0.1", 80, "10.0.0.2", 81, LIVE_UNSURE},
    /* The range that ports are taken from, with its edges. */
    {1, TCP_ESTABLISHED, "10.0.0.1", 50000, "10.0.0.2", 3300, LIVE_OUT},
    {1, TCP_ESTABLISHED, "10.0.0.1", 3302, "10.0.0.2", 50000, LIVE_IN},
    {1, TCP_ESTABLISHED, "10.0.0.1", FIRST, "10.0.0.2", 81, LIVE_OUT},
    {1, TCP_ESTABLISHED, "10.0.0.1", FIRST - 1, "10.0.0.2", 81, LIVE_UNSURE},
    {1, TCP_ESTABLISHED, "10.0.0.1", LAST, "10.0.0.2", 81, LIVE_OUT},
    {1, TCP_ESTABLISHED, "10.0.0.1", 81, "10.0.0.2", LAST, LIVE_IN},
    {1, TCP_ESTABLISHED, "10.0.0.1", LAST + 1, "10.0.0.2", 81, LIVE_UNSURE},
    {1, TCP_ESTABLISHED, "10.0.0.1", 50000, "10.0.0.2", 50001, LIVE_UNSURE},
    {1, TCP_ESTABLISHED, "10.0.0.1", 81, "10.0.0.2", 82, LIVE_UNSURE},
    /* Each namespace has its own range, or none that is known. */
    {2, TCP_ESTABLISHED, "10.0.0.1", 1500, "10.0.0.2", 50000, LIVE_OUT},
    {3, TCP_ESTABLISHED, "10.0.0.1", 50000, "10.0.0.2", 81, LIVE_UNSURE},
};

static struct live_socket
make(uint64_t net, uint8_t state, const char *local, uint16_t local_port,
    const char *remote, uint16_t remote_port)
{
	struct live_socket made = {.net = net, .socket.state = state};

	ck_assert_int_eq(addr_parse(local, &made.socket.local), 0);
	made.socket.local_port = local_port;
	if (remote != NULL)
		ck_assert_int_eq(addr_parse(remote, &made.socket.remote), 0);
	made.socket.remote_port = remote_port;
	return made;
}

START_TEST(directions)
{
	static const struct direction_range RANGES[] = {
	    {.net = 1, .first = FIRST, .last = LAST},
	    {.net = 2, .first = 1024, .last = 2047},
	};
	struct live_socket sockets[ARRAY_LEN(LISTENERS)], asked;
	struct directions found;

	for (size_t i = 0; i < ARRAY_LEN(LISTENERS); i++) {
		sockets[i] = make(LISTENERS[i].net, TCP_LISTEN,
		    LISTENERS[i].addr, LISTENERS[i].port, NULL, 0);
		sockets[i].socket.v6_only = LISTENERS[i].v6_only;
	}
	ck_assert_int_eq(directions_open(&found, sockets, ARRAY_LEN(sockets),
			     RANGES, ARRAY_LEN(RANGES)),
	    0);
	asked = make(CASES[_i].net, CASES[_i].state, CASES[_i].local,
	    CASES[_i].local_port, CASES[_i].remote, CASES[_i].remote_port);
	ck_assert_int_eq(directions_find(&found, &asked), CASES[_i].expected);
	directions_close(&found);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("direction");
	TCase *tcase = tcase_create("all");

	tcase_add_loop_test(tcase, directions, 0, ARRAY_LEN(CASES));
	suite_add_tcase(suite, tcase);
	return test_main(suite);
}
