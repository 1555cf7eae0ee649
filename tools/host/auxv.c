/* SPDX-License-Identifier: ISC */
/*
 * auxv: the auxiliary vector of another process.
 */
#include "host/auxv.h"

#include <string.h>

static uint64_t
word_at(const char *bytes, size_t word)
{
	uint32_t narrow;
	uint64_t wide;

	if (word == sizeof(narrow)) {
		memcpy(&narrow, bytes, sizeof(narrow));
		return narrow;
	}
	memcpy(&wide, bytes, sizeof(wide));
	return wide;
}

/*
 * It is that of a 32-bit process if its first type, taken for 64 bits, is none:
 * its upper half is a value then.
 */
uint64_t
auxv_find(const char *bytes, size_t size, uint64_t type)
{
	size_t word = sizeof(uint64_t);

	if (size >= word && word_at(bytes, word) > UINT32_MAX)
		word = sizeof(uint32_t);
	for (size_t at = 0; at + 2 * word <= size; at += 2 * word) {
		if (word_at(bytes + at, word) == type)
			return word_at(bytes + at + word, word);
	}
	return 0;
}
