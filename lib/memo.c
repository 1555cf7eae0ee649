/* SPDX-License-Identifier: ISC */
/*
 * memo: what was last worked out of a policy for this program. A sequence
 * lock: its number is odd while the rest is written, and every word of the
 * rest is an atomic, so that a reader may look at it all the same.
 */
#include "memo.h"

#include <stddef.h>

enum word {
	WORD_GENERATION,
	WORD_CONNECT_MATCHERS,
	WORD_CONNECT_FIXED,
	WORD_ACCEPT_MATCHERS,
	WORD_ACCEPT_FIXED,
	WORD_UNIFORM,
	WORD_HOLDS,
	WORD_COUNT,
	WORD_NUMBERS,
	WORDS = WORD_NUMBERS + MEMO_GROUPS,
};

static uint32_t sequence; /* 0: nothing was remembered yet */
static uint32_t words[WORDS];

/* Acquire and release keep the words between the two looks at the number. */
static uint32_t
get(unsigned int word)
{
	return __atomic_load_n(&words[word], __ATOMIC_ACQUIRE);
}

static void
put(unsigned int word, uint32_t value)
{
	__atomic_store_n(&words[word], value, __ATOMIC_RELEASE);
}

bool
memo_load(uint32_t generation, struct view *view, uint32_t numbers[MEMO_GROUPS])
{
	uint32_t before = __atomic_load_n(&sequence, __ATOMIC_ACQUIRE);

	if (before == 0 || before % 2 != 0 ||
	    get(WORD_GENERATION) != generation)
		return false;
	view->generation = generation;
	view->connect.matchers = get(WORD_CONNECT_MATCHERS);
	view->connect.fixed = (int)get(WORD_CONNECT_FIXED);
	view->accept.matchers = get(WORD_ACCEPT_MATCHERS);
	view->accept.fixed = (int)get(WORD_ACCEPT_FIXED);
	view->uniform = (int)get(WORD_UNIFORM);
	view->holds = get(WORD_HOLDS) != 0;
	view->groups.numbers = numbers;
	view->groups.count = get(WORD_COUNT);
	for (uint32_t n = 0; n < view->groups.count && n < MEMO_GROUPS; n++)
		numbers[n] = get(WORD_NUMBERS + n);
	return __atomic_load_n(&sequence, __ATOMIC_RELAXED) == before;
}

void
memo_store(const struct view *view)
{
	uint32_t before = __atomic_load_n(&sequence, __ATOMIC_RELAXED);

	if (before % 2 != 0 ||
	    !__atomic_compare_exchange_n(&sequence, &before, before + 1, false,
		__ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	put(WORD_GENERATION, view->generation);
	put(WORD_CONNECT_MATCHERS, view->connect.matchers);
	put(WORD_CONNECT_FIXED, (uint32_t)view->connect.fixed);
	put(WORD_ACCEPT_MATCHERS, view->accept.matchers);
	put(WORD_ACCEPT_FIXED, (uint32_t)view->accept.fixed);
	put(WORD_UNIFORM, (uint32_t)view->uniform);
	put(WORD_HOLDS, view->holds);
	put(WORD_COUNT, view->groups.count);
	for (uint32_t n = 0; n < view->groups.count && n < MEMO_GROUPS; n++)
		put(WORD_NUMBERS + n, view->groups.numbers[n]);
	/* Past 0, which says that there is nothing. */
	__atomic_store_n(
	    &sequence, before + 2 != 0 ? before + 2 : 2, __ATOMIC_RELEASE);
}
