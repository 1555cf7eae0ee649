/* SPDX-License-Identifier: ISC */
/*
 * Any text as a prefix, held against inet_pton(3) and a mask made bit by bit.
 * The oracle knows one kind of address only, 128 bits long: an IPv4 address
 * is ::ffff:0:0/96 for it.
 */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define V4_BITS 96

static const uint8_t MAPPED[12] = {[10] = 0xff, [11] = 0xff};

struct wide {
	uint8_t bytes[16];
	int len;
};

static bool
bit(const uint8_t *bytes, int n)
{
	return (bytes[n / 8] >> (7 - n % 8) & 1) != 0;
}

/* What prefix_parse() has to return, and the prefix without a mask. */
static int
oracle(char *text, struct wide *wide)
{
	char *slash = strchr(text, '/');
	int start = 0, result = 0;

	if (slash != NULL)
		*slash = '\0';
	memcpy(wide->bytes, MAPPED, sizeof(MAPPED));
	if (inet_pton(AF_INET, text, wide->bytes + sizeof(MAPPED)) == 1)
		start = V4_BITS;
	else if (inet_pton(AF_INET6, text, wide->bytes) != 1)
		return -EINVAL;

	wide->len = 128;
	if (slash != NULL) {
		const char *number = slash + 1;

		if (*number == '\0' ||
		    strspn(number, "0123456789") != strlen(number) ||
		    (number[0] == '0' && number[1] != '\0'))
			return -EINVAL;
		/* Four digits are too many, whatever they are. */
		wide->len = start + (strlen(number) < 4 ? atoi(number) : 999);
	}
	if (wide->len > 128)
		return -ERANGE;
	if (memcmp(wide->bytes, MAPPED, sizeof(MAPPED)) == 0 &&
	    wide->len < V4_BITS)
		return -ERANGE;
	for (int n = wide->len; n < 128; n++)
		if (bit(wide->bytes, n))
			result = -EDOM;
	return result;
}

static struct wide
widen(const struct prefix *prefix)
{
	struct wide wide = {.len = prefix->len};

	if (prefix->addr.family == ADDR_V4) {
		memcpy(wide.bytes, MAPPED, sizeof(MAPPED));
		memcpy(wide.bytes + sizeof(MAPPED), prefix->addr.bytes, 4);
		wide.len += V4_BITS;
	} else {
		MUST(prefix->addr.family == ADDR_V6);
		memcpy(wide.bytes, prefix->addr.bytes, 16);
	}
	return wide;
}

/* Changes each bit of an address in turn: only the first len may matter. */
static void
try_contains(const struct prefix *prefix)
{
	int bits = prefix->addr.family == ADDR_V4 ? 32 : 128;

	MUST(prefix_contains(prefix, &prefix->addr));
	for (int n = 0; n < bits; n++) {
		struct addr other = prefix->addr;

		other.bytes[n / 8] ^= (uint8_t)(0x80 >> n % 8);
		MUST(prefix_contains(prefix, &other) == (n >= prefix->len));
	}
}

static void
try_format(const struct prefix *prefix)
{
	/* As large as the header says, for AddressSanitizer. */
	char *text = malloc(PREFIX_TEXT_MAX);
	char *addr_text = malloc(ADDR_TEXT_MAX);
	struct prefix again;
	struct addr addr;

	MUST(text != NULL && addr_text != NULL);
	MUST(prefix_format(prefix, text) == strlen(text));
	MUST(prefix_parse(text, &again) == 0);
	MUST(memcmp(&again, prefix, sizeof(again)) == 0);
	MUST(addr_format(&prefix->addr, addr_text) == strlen(addr_text));
	MUST(addr_parse(addr_text, &addr) == 0);
	MUST(memcmp(&addr, &prefix->addr, sizeof(addr)) == 0);
	free(text);
	free(addr_text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct wide want, have;
	struct prefix prefix;
	int result;

	MUST(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	memset(&prefix, 0, sizeof(prefix));
	result = prefix_parse(text, &prefix);
	MUST(result == oracle(text, &want));
	free(text);
	if (result != 0 && result != -EDOM)
		return 0;

	for (int n = want.len; n < 128; n++)
		want.bytes[n / 8] &= (uint8_t) ~(0x80 >> n % 8);
	have = widen(&prefix);
	MUST(have.len == want.len);
	MUST(memcmp(have.bytes, want.bytes, sizeof(want.bytes)) == 0);
	try_contains(&prefix);
	try_format(&prefix);
	return 0;
}
