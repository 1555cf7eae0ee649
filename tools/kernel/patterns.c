/* SPDX-License-Identifier: ISC */
/*
 * patterns: the programs that rules name, for the kernel (patterns.h).
 */
#include "kernel/patterns.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/loader_name.h"
#include "base/pattern.h"

struct maker {
	struct bpf_patterns *list;
	uint32_t count;
	uint32_t bits; /* that the last one has used */
};

/* Goes behind an element, or to the pattern's end. */
static void
skip(const char **pattern)
{
	const char *before = *pattern;

	(void)pattern_element_matches(pattern, '\0');
	if (*pattern == before)
		++*pattern;
}

/* How many bits it takes. */
static uint32_t
bits_of(const char *pattern)
{
	uint32_t bits = 1;

	while (*pattern != '\0') {
		if (*pattern == '*') {
			pattern++;
		} else {
			skip(&pattern);
			bits++;
		}
	}
	return bits;
}

bool
patterns_take(const char *pattern)
{
	return bits_of(pattern) <= BPF_PATTERN_BITS;
}

/* Room for so many bits of the group. */
static struct bpf_patterns *
room_for(struct maker *maker, uint32_t group, uint32_t bits)
{
	struct bpf_patterns *larger;

	if (maker->count > 0 && maker->list[maker->count - 1].group == group &&
	    maker->bits + bits <= BPF_PATTERN_BITS)
		return &maker->list[maker->count - 1];
	larger =
	    reallocarray(maker->list, maker->count + 1, sizeof(*maker->list));
	if (!larger)
		return NULL;
	maker->list = larger;
	maker->list[maker->count] = (struct bpf_patterns){.group = group};
	maker->bits = 0;
	return &maker->list[maker->count++];
}

static int
add(struct maker *maker, uint32_t group, const char *pattern)
{
	struct bpf_patterns *to = room_for(maker, group, bits_of(pattern));
	uint64_t bit;

	if (!to)
		return -ENOMEM;
	bit = UINT64_C(1) << maker->bits;
	maker->bits += bits_of(pattern);
	to->first |= bit;
	while (*pattern != '\0') {
		if (*pattern == '*') {
			to->stays |= bit;
			pattern++;
			continue;
		}
		for (int byte = 1; byte < 256; byte++) {
			const char *at = pattern;

			if (pattern_element_matches(&at, (unsigned char)byte))
				to->next[byte] |= bit;
		}
		skip(&pattern);
		bit <<= 1;
	}
	to->last |= bit;
	return 0;
}

int
patterns_make(
    const struct image *image, struct bpf_patterns **list, uint32_t *count)
{
#define BEGINNING_WITH(begin) begin "*",
	static const char *const loaders[] = {LOADER_NAMES(BEGINNING_WITH)};
#undef BEGINNING_WITH
	struct maker maker = {0};
	struct image_group group;
	int error = 0;

	for (uint32_t number = 1; image_group(image, number, &group); number++)
		for (uint32_t n = 0; error == 0 && n < group.program_count; n++)
			error = add(&maker, number,
			    image_group_program(image, &group, n));
	for (size_t n = 0; error == 0 && maker.count > 0 &&
			   n < sizeof(loaders) / sizeof(loaders[0]);
	     n++)
		error = add(&maker, BPF_GROUP_LOADER, loaders[n]);
	if (error < 0) {
		free(maker.list);
		maker = (struct maker){0};
	}
	*list = maker.list;
	*count = maker.count;
	return error;
}
