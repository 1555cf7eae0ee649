/* SPDX-License-Identifier: ISC */
/*
 * memo: what was last worked out of a policy for this program. A sequence
 * lock: its number is odd while the rest is written, and every word of the
 * rest is an atomic, so that a reader may look at it all the same.
 */
#include "apply/memo.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

enum word {
	WORD_GENERATION,
	WORD_CONNECT_MATCHERS,
	WORD_CONNECT_FIXED,
	WORD_ACCEPT_MATCHERS,
	WORD_ACCEPT_FIXED,
	WORD_UNIFORM,
	WORD_HOLDS,
	WORD_MIGRATES,
	WORD_COUNT,
	WORD_NUMBERS,
	WORDS = WORD_NUMBERS + MEMO_GROUPS,
};

static uint32_t sequence; /* 0: nothing was remembered yet */
static uint32_t words[WORDS];

uint32_t memo_without_uniform;

/* Acquire and release keep the words between the two looks at the number. */
#define GET(word)        __atomic_load_n(&(word), __ATOMIC_ACQUIRE)
#define PUT(word, value) __atomic_store_n(&(word), (value), __ATOMIC_RELEASE)

static uint32_t
get(unsigned int word)
{
	return GET(words[word]);
}

static void
put(unsigned int word, uint32_t value)
{
	PUT(words[word], value);
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
	view->migrates = get(WORD_MIGRATES) != 0;
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
	put(WORD_MIGRATES, view->migrates);
	put(WORD_COUNT, view->groups.count);
	for (uint32_t n = 0; n < view->groups.count && n < MEMO_GROUPS; n++)
		put(WORD_NUMBERS + n, view->groups.numbers[n]);
	/* Past 0, which says that there is nothing. */
	__atomic_store_n(
	    &sequence, before + 2 != 0 ? before + 2 : 2, __ATOMIC_RELEASE);
	__atomic_store_n(&memo_without_uniform,
	    view->uniform == MATCH_NONE ? view->generation + 1 : 0,
	    __ATOMIC_RELAXED);
}

/* Answers are sequence locks as well, each in a line of a cache. */
#define ANSWERS_BITS 3

struct answer {
	uint32_t sequence; /* 0: nothing yet */
	uint32_t generation;
	uint32_t family_port;
	uint32_t address[4];
	uint32_t rule;
	uint32_t set;
	uint32_t value[KEEPALIVE_OPTIONS];
} __attribute__((aligned(64)));

static_assert(sizeof(struct answer) == 64, "not a line of a cache");
static_assert(sizeof(((struct answer *)NULL)->address) ==
		  sizeof(((struct addr *)NULL)->bytes),
    "an address is not as long as its words");
static_assert(KEEPALIVE_OPTIONS <= 32, "a set of options has 32 bits");

static struct answer answers[1u << ANSWERS_BITS];

/* A destination as the words that an answer has. */
struct where {
	uint32_t family_port;
	uint32_t address[4];
};

static struct answer *
find_answer(const struct addr *destination, uint16_t port, struct where *where)
{
	uint32_t sum;

	where->family_port = (uint32_t)destination->family << 16 | port;
	memcpy(where->address, destination->bytes, sizeof(where->address));
	sum = where->family_port ^ where->address[0] ^ where->address[1] ^
	      where->address[2] ^ where->address[3];
	return &answers[sum * UINT32_C(0x9e3779b1) >> (32 - ANSWERS_BITS)];
}

bool
memo_find(uint32_t generation, const struct addr *destination, uint16_t port,
    struct memo_answer *answer)
{
	struct where where;
	const struct answer *from = find_answer(destination, port, &where);
	uint32_t before = GET(from->sequence);

	if (before == 0 || before % 2 != 0 ||
	    GET(from->generation) != generation ||
	    GET(from->family_port) != where.family_port ||
	    GET(from->address[0]) != where.address[0] ||
	    GET(from->address[1]) != where.address[1] ||
	    GET(from->address[2]) != where.address[2] ||
	    GET(from->address[3]) != where.address[3])
		return false;
	answer->rule = (int)GET(from->rule);
	answer->want.set = GET(from->set);
	for (int option = 0; option < KEEPALIVE_OPTIONS; option++)
		answer->want.value[option] = (int32_t)GET(from->value[option]);
	return __atomic_load_n(&from->sequence, __ATOMIC_RELAXED) == before;
}

void
memo_keep(uint32_t generation, const struct addr *destination, uint16_t port,
    const struct memo_answer *answer)
{
	struct where where;
	struct answer *to = find_answer(destination, port, &where);
	uint32_t before = __atomic_load_n(&to->sequence, __ATOMIC_RELAXED);

	if (before % 2 != 0 ||
	    !__atomic_compare_exchange_n(&to->sequence, &before, before + 1,
		false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	PUT(to->generation, generation);
	PUT(to->family_port, where.family_port);
	for (int i = 0; i < 4; i++)
		PUT(to->address[i], where.address[i]);
	PUT(to->rule, (uint32_t)answer->rule);
	PUT(to->set, answer->want.set);
	for (int option = 0; option < KEEPALIVE_OPTIONS; option++)
		PUT(to->value[option], (uint32_t)answer->want.value[option]);
	PUT(to->sequence, before + 2 != 0 ? before + 2 : 2);
}
