/* SPDX-License-Identifier: ISC */
/*
 * addr: an address and a prefix (CIDR), to and from text and sockaddr.
 * It must never allocate, and never call what is not async-signal-safe from
 * the functions that hooks use.
 */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

static const uint8_t ADDR_MAPPED[12] = {[10] = 0xff, [11] = 0xff};

static void
addr_set_v4(struct addr *addr, const uint8_t bytes[4])
{
	*addr = (struct addr){.family = ADDR_V4};
	memcpy(addr->bytes, bytes, 4);
}

static void
addr_set_v6(struct addr *addr, const uint8_t bytes[16])
{
	if (memcmp(bytes, ADDR_MAPPED, sizeof(ADDR_MAPPED)) == 0) {
		addr_set_v4(addr, bytes + sizeof(ADDR_MAPPED));
		return;
	}
	addr->family = ADDR_V6;
	memcpy(addr->bytes, bytes, 16);
}

int
addr_from_sockaddr(
    const void *sa, size_t len, struct addr *addr, uint16_t *port)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	sa_family_t family;

	if (!addr_readable(sa) || len < sizeof(family))
		return -EINVAL;
	memcpy(&family, sa, sizeof(family));

	switch (family) {
	case AF_INET:
		if (len < sizeof(in))
			return -EINVAL;
		memcpy(&in, sa, sizeof(in));
		addr_set_v4(addr, (const uint8_t *)&in.sin_addr);
		*port = ntohs(in.sin_port);
		return 0;
	case AF_INET6:
		/* The kernel takes it without the scope (RFC 2133), too. */
		if (len < offsetof(struct sockaddr_in6, sin6_scope_id))
			return -EINVAL;
		memcpy(&in6, sa, offsetof(struct sockaddr_in6, sin6_scope_id));
		addr_set_v6(addr, in6.sin6_addr.s6_addr);
		*port = ntohs(in6.sin6_port);
		return 0;
	default:
		return -EAFNOSUPPORT;
	}
}

bool
addr_is_unspecified(const struct addr *addr)
{
	static const uint8_t zero[16];

	return addr->family != ADDR_NONE &&
	       memcmp(addr->bytes, zero, sizeof(zero)) == 0;
}

int
addr_parse(const char *text, struct addr *addr)
{
	uint8_t bytes[16];

	if (inet_pton(AF_INET, text, bytes) == 1) {
		addr_set_v4(addr, bytes);
		return 0;
	}
	if (inet_pton(AF_INET6, text, bytes) == 1) {
		addr_set_v6(addr, bytes);
		return 0;
	}
	return -EINVAL;
}

/* Clears the bits behind len. Returns whether one of them was set. */
static bool
addr_mask(struct addr *addr, unsigned int len)
{
	bool was_set = false;

	for (unsigned int i = 0; i < sizeof(addr->bytes); i++) {
		unsigned int keep = len > 8 * i ? len - 8 * i : 0;
		uint8_t mask = keep >= 8 ? 0xff : (uint8_t)(0xff00 >> keep);

		was_set |= (addr->bytes[i] & ~mask) != 0;
		addr->bytes[i] &= mask;
	}
	return was_set;
}

int
prefix_parse(const char *text, struct prefix *prefix)
{
	char head[INET6_ADDRSTRLEN];
	const char *slash = strchrnul(text, '/');
	size_t head_len = (size_t)(slash - text);
	unsigned int len = 0, bits;
	struct addr addr = {0};
	bool mapped;

	if (head_len >= sizeof(head))
		return -EINVAL;
	memcpy(head, text, head_len);
	head[head_len] = '\0';
	if (addr_parse(head, &addr) < 0)
		return -EINVAL;

	/* "::ffff:10.0.0.0/104" counts its length from IPv6's first bit. */
	mapped = addr.family == ADDR_V4 && strchr(head, ':') != NULL;
	bits = addr.family == ADDR_V4 && !mapped ? 32 : 128;
	if (*slash == '\0') {
		len = bits;
	} else {
		const char *digit = slash + 1;

		if (*digit == '\0' || (digit[0] == '0' && digit[1] != '\0'))
			return -EINVAL;
		for (; *digit != '\0'; digit++) {
			if (*digit < '0' || *digit > '9')
				return -EINVAL;
			/* Too long stays too long, to the end of the text. */
			if (len <= 128)
				len = len * 10 + (unsigned int)(*digit - '0');
		}
		if (len > bits)
			return -ERANGE;
	}
	if (mapped && len < 96) {
		/* Wider than all of IPv4: not ours to reinterpret. */
		return -ERANGE;
	}

	prefix->addr = addr;
	prefix->len = (uint8_t)(mapped ? len - 96 : len);
	return addr_mask(&prefix->addr, prefix->len) ? -EDOM : 0;
}

bool
prefix_contains(const struct prefix *prefix, const struct addr *addr)
{
	struct addr masked = *addr;

	if (addr->family != prefix->addr.family)
		return false;
	addr_mask(&masked, prefix->len);
	return memcmp(masked.bytes, prefix->addr.bytes, sizeof(masked.bytes)) ==
	       0;
}

static size_t
format_decimal(unsigned int value, char *text)
{
	char digits[10];
	size_t n = 0, len;

	do {
		digits[n++] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	len = n;
	while (n > 0)
		*text++ = digits[--n];
	return len;
}

static size_t
format_group(unsigned int group, char *text)
{
	size_t n = 0;

	for (int shift = 12; shift >= 0; shift -= 4) {
		unsigned int digit = group >> shift & 0xf;

		if (n > 0 || digit != 0 || shift == 0)
			text[n++] = "0123456789abcdef"[digit];
	}
	return n;
}

static size_t
format_v4(const uint8_t bytes[4], char *text)
{
	size_t n = 0;

	for (int i = 0; i < 4; i++) {
		if (i > 0)
			text[n++] = '.';
		n += format_decimal(bytes[i], text + n);
	}
	return n;
}

static size_t
format_v6(const uint8_t bytes[16], char *text)
{
	unsigned int group[8];
	int gap = -1, gap_len = 1;
	size_t n = 0;

	for (int i = 0; i < 8; i++)
		group[i] = (unsigned int)bytes[2 * i] << 8 | bytes[2 * i + 1];

	/* RFC 5952: "::" for the longest run of two or more, the first. */
	for (int i = 0; i < 8; i++) {
		int run = 0;

		while (i + run < 8 && group[i + run] == 0)
			run++;
		if (run > gap_len) {
			gap = i;
			gap_len = run;
		}
	}
	for (int i = 0; i < 8; i++) {
		if (i == gap) {
			text[n++] = ':';
			text[n++] = ':';
			i += gap_len - 1;
			continue;
		}
		if (i > 0 && text[n - 1] != ':')
			text[n++] = ':';
		n += format_group(group[i], text + n);
	}
	return n;
}

size_t
addr_format(const struct addr *addr, char text[ADDR_TEXT_MAX])
{
	size_t n = 0;

	switch (addr->family) {
	case ADDR_V4:
		n = format_v4(addr->bytes, text);
		break;
	case ADDR_V6:
		n = format_v6(addr->bytes, text);
		break;
	default:
		text[n++] = '?';
	}
	text[n] = '\0';
	return n;
}

size_t
prefix_format(const struct prefix *prefix, char text[PREFIX_TEXT_MAX])
{
	size_t n = addr_format(&prefix->addr, text);

	text[n++] = '/';
	n += format_decimal(prefix->len, text + n);
	text[n] = '\0';
	return n;
}
