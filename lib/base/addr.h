/* SPDX-License-Identifier: ISC */
/*
 * addr: an address and a prefix (CIDR), to and from text and sockaddr.
 *
 * An IPv4-mapped IPv6 address (::ffff:a.b.c.d, RFC 4291 section 2.5.5.2) is
 * the IPv4 address; nothing behind this header ever sees it as IPv6.
 * No function here allocates, locks, looks names up, or changes errno.
 */
#ifndef KASHIM_ADDR_H
#define KASHIM_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum addr_family {
	ADDR_NONE = 0, /* not known */
	ADDR_V4 = 4,
	ADDR_V6 = 6,
};

/* bytes are in wire order; IPv4 uses the first four, the rest are zero. */
struct addr {
	uint8_t family; /* enum addr_family */
	uint8_t bytes[16];
};

/* All bits of addr behind the first len are zero. */
struct prefix {
	struct addr addr;
	uint8_t len; /* 0 to 32, or 0 to 128 */
};

#define ADDR_TEXT_MAX   40 /* longest address as text, with its NUL */
#define PREFIX_TEXT_MAX 44 /* the same followed by "/128" */

/*
 * May pointer be read from at all? False for the first page, which nothing
 * can be mapped to (vm.mmap_min_addr), and for the kernel's half of the
 * addresses of a 64-bit program: the kernel answers a host that passes
 * NULL, -1 or a small number with EFAULT, and so must we not crash on it. A
 * wild pointer elsewhere is beyond us; to ask the kernel about it would cost
 * each connect a system call. Async-signal-safe.
 */
static inline bool
addr_readable(const void *pointer)
{
	uintptr_t address = (uintptr_t)pointer;

	/* In 64-bit programs the upper half is the kernel's. */
	return address >= 4096 &&
	       (sizeof(address) < 8 || address <= UINTPTR_MAX / 2);
}

/*
 * Is it the sockaddr of an IP address? If not, addr_from_sockaddr() fails. It
 * may fail all the same. Async-signal-safe.
 */
static inline bool
addr_is_ip(const void *sa, socklen_t len)
{
	sa_family_t family;

	if (!addr_readable(sa) || len < sizeof(family))
		return false;
	memcpy(&family, sa, sizeof(family));
	return family == AF_INET || family == AF_INET6;
}

/*
 * Takes the address and the port (host byte order) out of the sockaddr of
 * len bytes at sa, which need not be aligned.
 * Returns 0; -EAFNOSUPPORT if it is neither AF_INET nor AF_INET6; -EINVAL if
 * sa is not addr_readable() or len is too short for the family. *addr and *port
 * are written only on success. Async-signal-safe.
 */
int addr_from_sockaddr(
    const void *sa, size_t len, struct addr *addr, uint16_t *port);

/*
 * Is this the unspecified address, 0.0.0.0 or ::? Async-signal-safe.
 */
bool addr_is_unspecified(const struct addr *addr);

/*
 * Reads an address as inet_pton(3) does: no names, no zone, no port.
 * Returns 0, or -EINVAL if text is no address.
 */
int addr_parse(const char *text, struct addr *addr);

/*
 * Reads "ADDRESS" or "ADDRESS/LENGTH".
 * Returns 0; -EINVAL if text is neither; -ERANGE if LENGTH is longer than the
 * address; -EDOM if bits behind LENGTH are set, and then *prefix is the one
 * with these bits cleared, so that the caller can say what would be right.
 */
int prefix_parse(const char *text, struct prefix *prefix);

/* Does prefix hold addr? Never across families. Async-signal-safe. */
bool prefix_contains(const struct prefix *prefix, const struct addr *addr);

/*
 * Writes addr as text, IPv6 in the form of RFC 5952; "?" for ADDR_NONE.
 * Returns the length without the NUL. Async-signal-safe.
 */
size_t addr_format(const struct addr *addr, char text[ADDR_TEXT_MAX]);

/* The same for a prefix: "ADDRESS/LENGTH". Async-signal-safe. */
size_t prefix_format(const struct prefix *prefix, char text[PREFIX_TEXT_MAX]);

#endif
