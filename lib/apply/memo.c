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
static uint32_t view_words[WORDS];

uint32_t memo_without_uniform;

/* Acquire and release keep the words between the two looks at the number. */
#define GET(word)        __atomic_load_n(&(word), __ATOMIC_ACQUIRE)
#define PUT(word, value) __atomic_store_n(&(word), (value), __ATOMIC_RELEASE)

static uint32_t
get(unsigned int word)
{
	return GET(view_words[word]);
}

static void
put(unsigned int word, uint32_t value)
{
	PUT(view_words[word], value);
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

/*
 * Questions and their answers: each is a sequence lock as well, in a line of a
 * cache. A few of each kind are kept, each at the place that its key says.
 */
#define LINES_BITS 3

struct line {
	uint32_t sequence; /* 0: nothing yet */
	uint32_t generation;
	uint32_t words[14]; /* the key, and behind it the answer */
} __attribute__((aligned(64)));

static_assert(sizeof(struct line) == 64, "not a line of a cache");

/* The end of a connection, and both, as the words of a key. */
#define END_WORDS  5u
#define BOTH_WORDS 10u

static_assert(
    sizeof(((struct addr *)NULL)->bytes) == (END_WORDS - 1) * sizeof(uint32_t),
    "an address is not as long as its words");
static_assert(KEEPALIVE_OPTIONS <= 32, "a set of options has 32 bits");

static struct line connecting[1u << LINES_BITS], accepted[1u << LINES_BITS];

static inline void
end_words(const struct addr *addr, uint16_t port, uint32_t words[END_WORDS])
{
	words[0] = (uint32_t)addr->family << 16 | port;
	memcpy(words + 1, addr->bytes, sizeof(addr->bytes));
}

/* Inlined, as those below are, and unrolled: the counts are known then. */
#ifdef __clang__ /* which does it unasked, and may not know the pragma */
#define UNROLLED
#else
#define UNROLLED _Pragma("GCC unroll 16")
#endif

static inline __attribute__((always_inline)) struct line *
find_line(struct line *lines, const uint32_t *key, unsigned int keys)
{
	uint32_t sum = 0;

	UNROLLED
	for (unsigned int i = 0; i < keys; i++)
		sum ^= key[i];
	return &lines[sum * UINT32_C(0x9e3779b1) >> (32 - LINES_BITS)];
}

static inline __attribute__((always_inline)) bool
line_get(struct line *lines, uint32_t generation, const uint32_t *key,
    unsigned int keys, uint32_t *answer, unsigned int count)
{
	const struct line *from = find_line(lines, key, keys);
	uint32_t before = GET(from->sequence);

	if (before == 0 || before % 2 != 0 ||
	    GET(from->generation) != generation)
		return false;
	UNROLLED
	for (unsigned int i = 0; i < keys; i++) {
		if (GET(from->words[i]) != key[i])
			return false;
	}
	UNROLLED
	for (unsigned int i = 0; i < count; i++)
		answer[i] = GET(from->words[keys + i]);
	return __atomic_load_n(&from->sequence, __ATOMIC_RELAXED) == before;
}

static inline void
line_put(struct line *lines, uint32_t generation, const uint32_t *key,
    unsigned int keys, const uint32_t *answer, unsigned int count)
{
	struct line *to = find_line(lines, key, keys);
	uint32_t before = __atomic_load_n(&to->sequence, __ATOMIC_RELAXED);

	if (before % 2 != 0 ||
	    !__atomic_compare_exchange_n(&to->sequence, &before, before + 1,
		false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	PUT(to->generation, generation);
	for (unsigned int i = 0; i < keys; i++)
		PUT(to->words[i], key[i]);
	for (unsigned int i = 0; i < count; i++)
		PUT(to->words[keys + i], answer[i]);
	PUT(to->sequence, before + 2 != 0 ? before + 2 : 2);
}

/* A rule, and the options that it sets. */
#define ANSWER_WORDS (2u + KEEPALIVE_OPTIONS)

static_assert(END_WORDS + ANSWER_WORDS <=
		      sizeof(((struct line *)NULL)->words) / sizeof(uint32_t) &&
		  BOTH_WORDS + 1 <=
		      sizeof(((struct line *)NULL)->words) / sizeof(uint32_t),
    "a line has no room for it");

bool
memo_find(uint32_t generation, const struct addr *destination, uint16_t port,
    struct memo_answer *answer)
{
	uint32_t key[END_WORDS], words[ANSWER_WORDS];

	end_words(destination, port, key);
	if (!line_get(
		connecting, generation, key, END_WORDS, words, ANSWER_WORDS))
		return false;
	answer->rule = (int)words[0];
	answer->want.set = words[1];
	for (int option = 0; option < KEEPALIVE_OPTIONS; option++)
		answer->want.value[option] = (int32_t)words[2 + option];
	return true;
}

void
memo_keep(uint32_t generation, const struct addr *destination, uint16_t port,
    const struct memo_answer *answer)
{
	uint32_t key[END_WORDS], words[ANSWER_WORDS];

	end_words(destination, port, key);
	words[0] = (uint32_t)answer->rule;
	words[1] = answer->want.set;
	for (int option = 0; option < KEEPALIVE_OPTIONS; option++)
		words[2 + option] = (uint32_t)answer->want.value[option];
	line_put(connecting, generation, key, END_WORDS, words, ANSWER_WORDS);
}

static void
both_words(const struct addr *local, uint16_t port, const struct addr *peer,
    uint32_t words[BOTH_WORDS])
{
	end_words(local, port, words);
	end_words(peer, 0, words + END_WORDS);
}

bool
memo_find_accepted(uint32_t generation, const struct addr *local, uint16_t port,
    const struct addr *peer, int *rule)
{
	uint32_t key[BOTH_WORDS], word;

	both_words(local, port, peer, key);
	if (!line_get(accepted, generation, key, BOTH_WORDS, &word, 1))
		return false;
	*rule = (int)word;
	return true;
}

void
memo_keep_accepted(uint32_t generation, const struct addr *local, uint16_t port,
    const struct addr *peer, int rule)
{
	const uint32_t word = (uint32_t)rule;
	uint32_t key[BOTH_WORDS];

	both_words(local, port, peer, key);
	line_put(accepted, generation, key, BOTH_WORDS, &word, 1);
}

/* Without a key, and whatever the policy: it is always in the first line. */
static struct line defaults_line[1];

bool
memo_find_defaults(struct keepalive *defaults)
{
	uint32_t words[1 + KEEPALIVE_OPTIONS];

	if (!line_get(defaults_line, 0, NULL, 0, words, 1 + KEEPALIVE_OPTIONS))
		return false;
	defaults->set = words[0];
	for (int option = 0; option < KEEPALIVE_OPTIONS; option++)
		defaults->value[option] = (int32_t)words[1 + option];
	return true;
}

void
memo_keep_defaults(const struct keepalive *defaults)
{
	uint32_t words[1 + KEEPALIVE_OPTIONS] = {defaults->set};

	for (int option = 0; option < KEEPALIVE_OPTIONS; option++)
		words[1 + option] = (uint32_t)defaults->value[option];
	line_put(defaults_line, 0, NULL, 0, words, 1 + KEEPALIVE_OPTIONS);
}
