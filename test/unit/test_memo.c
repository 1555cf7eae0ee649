/* SPDX-License-Identifier: ISC */
/*
 * memo: what is remembered of a policy, and of which it is not.
 */
#include "apply/memo.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>

#include "test.h"

static struct addr
address(uint32_t number, uint8_t family)
{
	struct addr addr = {.family = family};

	memcpy(addr.bytes, &number, sizeof(number));
	return addr;
}

/* An answer that shows of which number it is. */
static struct memo_answer
numbered(int number)
{
	struct memo_answer answer = {.rule = number, .want.set = 31};

	for (int option = 0; option < KEEPALIVE_OPTIONS; option++)
		answer.want.value[option] = number + option;
	return answer;
}

static bool
is_numbered(const struct memo_answer *answer, int number)
{
	struct memo_answer want = numbered(number);

	return memcmp(answer, &want, sizeof(want)) == 0;
}

START_TEST(found_again)
{
	struct addr addr = address(1, ADDR_V4);
	struct memo_answer answer = numbered(5), got;

	ck_assert(!memo_find(0, &addr, 80, &got));
	memo_keep(0, &addr, 80, &answer);
	ck_assert(memo_find(0, &addr, 80, &got));
	ck_assert(is_numbered(&got, 5));
	answer = (struct memo_answer){.rule = MATCH_NONE};
	memo_keep(0, &addr, 80, &answer);
	ck_assert(memo_find(0, &addr, 80, &got));
	ck_assert_int_eq(got.rule, MATCH_NONE);
	ck_assert_uint_eq(got.want.set, 0);
}
END_TEST

/* Whatever differs in what is asked, it is another question. */
START_TEST(nothing_else_is_found)
{
	struct addr addr = {.family = ADDR_V6}, other;
	struct memo_answer answer = numbered(5), got;

	for (unsigned int i = 0; i < sizeof(addr.bytes); i++)
		addr.bytes[i] = (uint8_t)(i + 1);
	memo_keep(7, &addr, 80, &answer);
	ck_assert(memo_find(7, &addr, 80, &got));
	ck_assert(!memo_find(8, &addr, 80, &got));
	ck_assert(!memo_find(6, &addr, 80, &got));
	for (uint32_t port = 0; port < 65536; port++)
		ck_assert(
		    port == 80 || !memo_find(7, &addr, (uint16_t)port, &got));
	other = addr;
	other.family = ADDR_V4;
	ck_assert(!memo_find(7, &other, 80, &got));
	for (unsigned int bit = 0; bit < 8 * sizeof(addr.bytes); bit++) {
		other = addr;
		other.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert(!memo_find(7, &other, 80, &got));
	}
	/* Bits that change places in what it is looked for by. */
	other = addr;
	memcpy(other.bytes, addr.bytes + 4, 4);
	memcpy(other.bytes + 4, addr.bytes, 4);
	ck_assert(!memo_find(7, &other, 80, &got));
}
END_TEST

/* There is room for a few, and any of them may go; none becomes another's. */
START_TEST(many)
{
	unsigned int found = 0;

	for (int i = 0; i < 1000; i++) {
		struct addr addr = address((uint32_t)i, ADDR_V4);
		struct memo_answer answer = numbered(i), got;

		memo_keep(1, &addr, 80, &answer);
		ck_assert(memo_find(1, &addr, 80, &got));
		ck_assert(is_numbered(&got, i));
	}
	for (int i = 0; i < 1000; i++) {
		struct addr addr = address((uint32_t)i, ADDR_V4);
		struct memo_answer got;

		if (memo_find(1, &addr, 80, &got)) {
			ck_assert(is_numbered(&got, i));
			found++;
		}
	}
	ck_assert_uint_gt(found, 3);
}
END_TEST

/* What is accepted: both ends tell, the peer's port does not. */
START_TEST(accepted)
{
	const struct addr local = address(1, ADDR_V4),
			  peer = address(2, ADDR_V4);
	const struct addr other = address(3, ADDR_V4), any = {0};
	int rule = 77;

	ck_assert(!memo_find_accepted(5, &local, 80, &peer, &rule));
	memo_keep_accepted(5, &local, 80, &peer, 9);
	ck_assert(memo_find_accepted(5, &local, 80, &peer, &rule));
	ck_assert_int_eq(rule, 9);
	ck_assert(!memo_find_accepted(6, &local, 80, &peer, &rule));
	ck_assert(!memo_find_accepted(5, &local, 81, &peer, &rule));
	ck_assert(!memo_find_accepted(5, &local, 80, &other, &rule));
	ck_assert(!memo_find_accepted(5, &local, 80, &any, &rule));
	ck_assert(!memo_find_accepted(5, &other, 80, &peer, &rule));
	ck_assert(!memo_find_accepted(5, &peer, 80, &local, &rule));
	memo_keep_accepted(5, &local, 80, &any, MATCH_NONE);
	ck_assert(memo_find_accepted(5, &local, 80, &any, &rule));
	ck_assert_int_eq(rule, MATCH_NONE);
}
END_TEST

/* Those that were seen last. */
START_TEST(defaults)
{
	struct keepalive fresh = {.set = 7, .value = {7200, 75, 9}}, got = {0};

	ck_assert(!memo_find_defaults(&got));
	for (int idle = 7200; idle > 7000; idle -= 100) {
		fresh.value[0] = idle;
		memo_keep_defaults(&fresh);
		ck_assert(memo_find_defaults(&got));
		ck_assert_uint_eq(got.set, fresh.set);
		for (int option = 0; option < KEEPALIVE_OPTIONS; option++)
			ck_assert_int_eq(
			    got.value[option], fresh.value[option]);
	}
}
END_TEST

static int over;

static void *
keeps(void *data)
{
	int base = *(const int *)data;

	for (int i = 0; __atomic_load_n(&over, __ATOMIC_RELAXED) == 0; i++) {
		struct addr addr = address((uint32_t)(i % 5), ADDR_V4);
		struct memo_answer answer = numbered(base + 100 * (i % 5));

		memo_keep((uint32_t)(base % 3), &addr, 80, &answer);
	}
	return NULL;
}

/* No answer is half of one and half of another. */
START_TEST(threads)
{
	static const int BASES[] = {0, 1, 2};
	pthread_t writers[ARRAY_LEN(BASES)];
	unsigned int found = 0;

	for (size_t i = 0; i < ARRAY_LEN(BASES); i++)
		ck_assert_int_eq(
		    pthread_create(&writers[i], NULL, keeps, (void *)&BASES[i]),
		    0);
	for (uint32_t i = 0; i < 3000000 && found < 100000; i++) {
		struct addr addr = address(i % 5, ADDR_V4);
		struct memo_answer got;

		if (memo_find(i % 3, &addr, 80, &got)) {
			ck_assert(
			    is_numbered(&got, (int)(i % 3 + 100 * (i % 5))));
			found++;
		}
	}
	__atomic_store_n(&over, 1, __ATOMIC_RELAXED);
	for (size_t i = 0; i < ARRAY_LEN(BASES); i++)
		pthread_join(writers[i], NULL);
	ck_assert_uint_gt(found, 100);
}
END_TEST

#define INTERRUPTIONS 5000

static volatile unsigned int interrupted, torn, found_in_all;

static void
keep_one(int number)
{
	struct addr addr = address(1, ADDR_V4);
	struct memo_answer answer = numbered(number);
	uint32_t numbers[MEMO_GROUPS] = {(uint32_t)number, (uint32_t)number};
	struct view view = {.generation = 1,
	    .uniform = MATCH_NONE,
	    .connect.fixed = number,
	    .accept.fixed = number,
	    .groups.numbers = numbers,
	    .groups.count = 2};

	memo_keep(1, &addr, 80, &answer);
	memo_store(&view);
}

static void
find_one(void)
{
	struct addr addr = address(1, ADDR_V4);
	uint32_t numbers[MEMO_GROUPS] = {0};
	struct memo_answer answer;
	struct view view = {0};

	if (memo_find(1, &addr, 80, &answer)) {
		found_in_all++;
		if (!is_numbered(&answer, answer.rule))
			torn++;
	}
	if (memo_load(1, &view, numbers)) {
		found_in_all++;
		if (view.connect.fixed != view.accept.fixed ||
		    view.groups.count != 2 ||
		    numbers[1] != (uint32_t)view.connect.fixed)
			torn++;
	}
}

static void
interrupt(int number)
{
	(void)number;
	if (interrupted++ % 2 == 0)
		find_one();
	else
		keep_one(100 + (int)(interrupted % 1000));
}

/* Nor if a signal's handler comes in the middle, of either. */
START_TEST(handlers)
{
	const struct itimerval often = {{0, 100}, {0, 100}}, never = {{0}, {0}};
	struct sigaction action = {.sa_handler = interrupt};

	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	keep_one(1);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
	for (int i = 0; interrupted < INTERRUPTIONS; i++) {
		if (i % 2 == 0)
			find_one();
		else
			keep_one(i % 50);
	}
	ck_assert_int_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
	ck_assert_uint_eq(torn, 0);
	ck_assert_uint_gt(found_in_all, INTERRUPTIONS);
}
END_TEST

START_TEST(view_without_uniform)
{
	uint32_t numbers[MEMO_GROUPS] = {0};
	struct view view = {.generation = 4,
	    .uniform = MATCH_NONE,
	    .groups.numbers = numbers,
	    .groups.count = 1};
	struct view got;

	ck_assert(!memo_has_no_uniform(0));
	ck_assert(!memo_has_no_uniform(4));
	memo_store(&view);
	ck_assert(memo_has_no_uniform(4));
	ck_assert(!memo_has_no_uniform(3));
	ck_assert(!memo_has_no_uniform(5));
	ck_assert(memo_load(4, &got, numbers));
	ck_assert(!memo_load(5, &got, numbers));
	view.generation = 5;
	view.uniform = 2;
	memo_store(&view);
	ck_assert(!memo_has_no_uniform(4));
	ck_assert(!memo_has_no_uniform(5));
	ck_assert(memo_load(5, &got, numbers));
	ck_assert_int_eq(got.uniform, 2);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("memo");
	TCase *tc = tcase_create("memo");

	tcase_add_test(tc, found_again);
	tcase_add_test(tc, nothing_else_is_found);
	tcase_add_test(tc, accepted);
	tcase_add_test(tc, defaults);
	tcase_add_test(tc, many);
	tcase_add_test(tc, threads);
	tcase_add_test(tc, handlers);
	tcase_add_test(tc, view_without_uniform);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
