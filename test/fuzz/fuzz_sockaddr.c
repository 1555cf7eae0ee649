/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as the sockaddr that a program hands to connect(2), at any
 * alignment and of any length: no byte behind them is read, and what is taken
 * for an address is what inet_ntop(3) takes for one.
 */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

/* The address by way of the C library's text, and the port. */
static int
oracle(const uint8_t *data, size_t size, struct addr *addr, uint16_t *port)
{
	char text[INET6_ADDRSTRLEN];
	sa_family_t family;
	const char *v4;

	if (size < sizeof(family))
		return -EINVAL;
	memcpy(&family, data, sizeof(family));
	if (family != AF_INET && family != AF_INET6)
		return -EAFNOSUPPORT;
	/* Without the scope, IPv6's is 24 bytes (connect(2) takes that). */
	if (size < (family == AF_INET ? 16 : 24))
		return -EINVAL;
	*port = (uint16_t)(data[2] << 8 | data[3]);
	MUST(inet_ntop(family, data + (family == AF_INET ? 4 : 8), text,
		 sizeof(text)) != NULL);
	v4 = strncmp(text, "::ffff:", 7) == 0 && strchr(text, '.') != NULL
	         ? text + 7
	         : text;
	memset(addr, 0, sizeof(*addr));
	addr->family = strchr(v4, ':') == NULL ? ADDR_V4 : ADDR_V6;
	MUST(inet_pton(addr->family == ADDR_V4 ? AF_INET : AF_INET6, v4,
		 addr->bytes) == 1);
	return 0;
}

static bool
all_zero(const struct addr *addr)
{
	for (size_t i = 0; i < sizeof(addr->bytes); i++)
		if (addr->bytes[i] != 0)
			return false;
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct addr want = {0}, untouched = {.family = 99};
	uint16_t want_port = 0;
	int want_result = oracle(data, size, &want, &want_port);

	for (size_t shift = 0; shift < 4; shift++) {
		/* The last of the bytes is the last of the block. */
		uint8_t *bytes = malloc(size + shift + (size + shift == 0));
		struct addr addr = untouched;
		uint16_t port = 99;
		int result;

		MUST(bytes != NULL);
		memcpy(bytes + shift, data, size);
		result = addr_from_sockaddr(bytes + shift, size, &addr, &port);
		free(bytes);

		MUST(result == want_result);
		if (result != 0) {
			MUST(memcmp(&addr, &untouched, sizeof(addr)) == 0);
			MUST(port == 99);
			continue;
		}
		MUST(memcmp(&addr, &want, sizeof(addr)) == 0);
		MUST(port == want_port);
		MUST(addr_is_unspecified(&addr) == all_zero(&addr));
	}
	MUST(addr_from_sockaddr(NULL, size, &want, &want_port) == -EINVAL);
	return 0;
}
