/* SPDX-License-Identifier: ISC */
/*
 * record: what is noted of a descriptor, and when it is forgotten.
 */
#include "apply/record.h"

#include "test.h"

static const struct keepalive SOME = {
    .set = 1u << KEEPALIVE_IDLE, .value = {[KEEPALIVE_IDLE] = 300}};

START_TEST(other_is_taken_once)
{
	record_clear(5);
	ck_assert(!record_take_other(5, 7));
	record_set_other(5, 7);
	ck_assert(!record_take_other(6, 7));
	ck_assert(record_take_other(5, 7));
	ck_assert(!record_take_other(5, 7));
}
END_TEST

/* Noted in one policy, it says nothing in another one. */
START_TEST(other_is_of_one_generation)
{
	static const uint32_t GENERATIONS[] = {
	    0, 1, 65533, 65534, 65535, 65536, UINT32_MAX - 1};

	for (size_t i = 0; i < ARRAY_LEN(GENERATIONS); i++) {
		record_set_other(5, GENERATIONS[i]);
		ck_assert(record_take_other(5, GENERATIONS[i]));
		record_set_other(5, GENERATIONS[i]);
		ck_assert(!record_take_other(5, GENERATIONS[i] + 1));
		/* And it is gone. */
		ck_assert(!record_take_other(5, GENERATIONS[i]));
	}
}
END_TEST

START_TEST(other_ends_with_the_socket)
{
	record_set_other(5, 7);
	record_clear(5);
	ck_assert(!record_take_other(5, 7));
	record_set_other(5, 7);
	record_inherit(5, 6);
	ck_assert(!record_take_other(5, 7));
	/* A listener's number may be an old one. */
	record_set_other(6, 7);
	record_inherit(5, 6);
	ck_assert(!record_take_other(5, 7));
}
END_TEST

START_TEST(no_room)
{
	static const int NONE[] = {-1, RECORD_FDS, INT32_MAX, INT32_MIN};

	for (size_t i = 0; i < ARRAY_LEN(NONE); i++) {
		record_set_other(NONE[i], 7);
		ck_assert(!record_take_other(NONE[i], 7));
		record_decide(NONE[i], 7, 1, &SOME);
		ck_assert(!record_decided(NONE[i], 7));
		ck_assert_uint_eq(record_of_rule(NONE[i]).set, 0);
	}
	record_set_other(RECORD_FDS - 1, 7);
	ck_assert(record_take_other(RECORD_FDS - 1, 7));
}
END_TEST

/* Also of fields that have no function of their own. */
START_TEST(every_field)
{
	struct record full, got;

	memset(&full, 0x5a, sizeof(full));
	full.accepts = 7;
	record_put(5, &full);
	got = record_get(5);
	ck_assert_mem_eq(&got, &full, sizeof(full));
	/* A connection that 5 accepted has its rule and nothing else. */
	record_put(6, &full);
	record_inherit(6, 5);
	got = record_get(6);
	ck_assert_uint_eq(got.decided, full.decided);
	ck_assert_int_eq(got.rule, full.rule);
	ck_assert_mem_eq(&got.ours, &full.ours, sizeof(got.ours));
	ck_assert_uint_eq(got.program.set, 0);
	ck_assert_uint_eq(got.other, 0);
	ck_assert_uint_eq(got.accepts, 7 | RECORD_ACCEPTED);
	ck_assert_uint_eq(got.waiting, 0);
	ck_assert(record_has_inherited(6, 7));
	ck_assert(!record_has_inherited(5, 7));
	record_clear(5);
	ck_assert(record_is_clear(5));
	got = record_get(5);
	ck_assert_uint_eq(got.decided, 0);
	ck_assert_uint_eq(got.ours.set, 0);
	/* Two that change a listener may be at it while it is cleared. */
	ck_assert_uint_eq(got.changes, full.changes);
}
END_TEST

/* What is copied out and put back elsewhere is the same. */
START_TEST(whole_record)
{
	struct record record;

	record_clear(5);
	record_decide(5, 7, 3, &SOME);
	record_program(5, KEEPALIVE_COUNT, 9);
	record_set_other(5, 7);
	record_set_queue(5);
	record = record_get(5);
	record_clear(6);
	record_put(6, &record);
	ck_assert_int_eq(record_rule(6, 7), 3);
	ck_assert_int_eq(record_of_rule(6).value[KEEPALIVE_IDLE], 300);
	ck_assert_int_eq(record_of_program(6).value[KEEPALIVE_COUNT], 9);
	ck_assert(record_has_queued(6));
	ck_assert(record_take_other(6, 7));
}
END_TEST

START_TEST(inherited)
{
	record_clear(5);
	record_clear(6);
	record_decide(6, 7, 3, &SOME);
	record_program(6, KEEPALIVE_COUNT, 9);
	record_set_queue(6);
	record_inherit(5, 6);
	ck_assert_int_eq(record_rule(5, 7), 3);
	ck_assert_int_eq(record_of_rule(5).value[KEEPALIVE_IDLE], 300);
	/* What the program set on the listener, and its queue, stay there. */
	ck_assert_uint_eq(record_of_program(5).set, 0);
	ck_assert(!record_has_queued(5));
	record_inherit(RECORD_FDS, 6);
	record_decide(5, 8, 4, &SOME);
	record_inherit(5, RECORD_FDS);
	ck_assert(!record_decided(5, 8));
}
END_TEST

/* Two changes at a time: nobody knows what came of it. */
START_TEST(changes)
{
	uint8_t first, second;

	record_clear(5);
	record_decide(5, 7, 3, &SOME);
	first = record_begin_change(5);
	record_end_change(5, first);
	ck_assert(record_decided(5, 7));
	first = record_begin_change(5);
	second = record_begin_change(5);
	record_end_change(5, first);
	ck_assert(!record_decided(5, 7));
	record_decide(5, 7, 3, &SOME);
	record_end_change(5, second);
	ck_assert(!record_decided(5, 7));
	record_decide(5, 7, 3, &SOME);
	/* Also when the number begins anew. */
	for (uint32_t i = 0; i < 70000; i++)
		record_end_change(5, record_begin_change(5));
	ck_assert(record_decided(5, 7));
}
END_TEST

/* One was accepted; left: so many are left, as the kernel says. */
static bool
take(uint32_t left)
{
	const struct record_queue queue = record_queue(5);

	record_take_queued(5, &queue, left);
	return record_has_queued(5);
}

START_TEST(queue)
{
	record_clear(5);
	ck_assert(!record_has_queued(5));
	ck_assert(!take(9));
	/* As many as are left at first, though others come behind them. */
	record_set_queue(5);
	ck_assert(take(3));
	ck_assert(take(70));
	ck_assert(take(70));
	ck_assert(!take(70));
	/* Nobody waits any more. */
	record_set_queue(5);
	ck_assert(take(1000));
	ck_assert(!take(0));
	/* Too many to be counted, for a while. */
	record_set_queue(5);
	for (uint32_t i = 0; i < 70000; i++)
		ck_assert(take(70000));
	ck_assert(take(1));
	ck_assert(!take(70000));
}
END_TEST

START_TEST(queue_endless)
{
	record_clear(5);
	ck_assert(!record_is_endless(5));
	record_set_queue(5);
	ck_assert(!record_is_endless(5));
	record_set_endless(5);
	for (uint32_t i = 0; i < 70000; i++)
		ck_assert(take(0));
	ck_assert(record_is_endless(5));
	record_set_queue(5);
	ck_assert(!take(0));
}
END_TEST

/* What the kernel said before a change holds no more. */
START_TEST(queue_changes)
{
	struct record_queue before;
	uint8_t number;

	record_clear(5);
	record_set_queue(5);
	before = record_queue(5);
	number = record_begin_change(5);
	record_take_queued(5, &before, 0);
	ck_assert(record_has_queued(5));
	before = record_queue(5);
	record_end_change(5, number);
	record_take_queued(5, &before, 0);
	ck_assert(record_has_queued(5));
	ck_assert(!take(0));
	/* Each of the two is the beginning of a queue. */
	number = record_begin_change(5);
	ck_assert(!take(0));
	record_end_change(5, number);
	ck_assert(record_has_queued(5));
}
END_TEST

/* That is forgotten only where another socket is known to have the number. */
START_TEST(made)
{
	record_set_made(5, false);
	ck_assert(!record_is_made(5));
	record_set_made(5, true);
	record_clear(5);
	ck_assert(record_is_made(5));
	ck_assert(record_is_clear(5));
	ck_assert(!record_is_made(6));
	record_set_made(5, false);
	ck_assert(!record_is_made(5));
	record_set_made(RECORD_FDS, true);
	ck_assert(!record_is_made(RECORD_FDS));
}
END_TEST

#define NOTES 6

/* Makes records of one and the same, with another thing noted in each. */
static void
note_each(struct record some[NOTES], const struct record *same)
{
	for (size_t i = 0; i < NOTES; i++)
		some[i] = *same;
	some[0].decided = same->decided + 1;
	some[1].ours = SOME;
	some[2].program = SOME;
	some[3].other = 1;
	some[4].accepts = 1;
	some[5].waiting = 1;
}

/* Each thing that is noted shows, by itself. */
START_TEST(each)
{
	const struct record clear = {0};
	struct record some[NOTES];

	note_each(some, &clear);
	record_put(5, &clear);
	ck_assert(record_is_clear(5));
	for (size_t i = 0; i < NOTES; i++) {
		record_put(5, &some[i]);
		ck_assert_msg(!record_is_clear(5), "%zu", i);
		record_clear(5);
		ck_assert_msg(record_is_clear(5), "%zu", i);
	}
}
END_TEST

/* Whatever is noted of a connection from then on, it is not as it was. */
START_TEST(inherited_no_more)
{
	uint16_t number, other;

	record_decide(6, 3, 2, &SOME);
	ck_assert_uint_eq(record_accepts(6, 3), 0);
	record_set_accepts(6);
	number = record_accepts(6, 3);
	ck_assert_uint_gt(number, 0);
	ck_assert_uint_eq(record_accepts(6, 4), 0);
	record_decide(7, 3, 2, &SOME);
	record_set_accepts(7);
	other = record_accepts(7, 3);
	ck_assert_uint_ne(number, other);
	for (int i = 0; i < 7; i++) {
		record_inherit(5, 6);
		ck_assert_msg(record_has_inherited(5, number), "%d", i);
		ck_assert_msg(!record_has_inherited(5, other), "%d", i);
		/* It is no listener. */
		ck_assert_uint_eq(record_accepts(5, 3), 0);
		switch (i) {
		case 0:
			record_decide(5, 3, 2, &SOME);
			break;
		case 1:
			record_program(5, KEEPALIVE_COUNT, 9);
			break;
		case 2:
			record_add_of_rule(5, KEEPALIVE_COUNT, 9);
			break;
		case 3:
			record_set_other(5, 3);
			break;
		case 4:
			record_clear(5);
			break;
		case 5:
			record_new(5, false, 3);
			break;
		default:
			record_inherit(5, 7);
			ck_assert(record_has_inherited(5, other));
		}
		ck_assert_msg(!record_has_inherited(5, number), "%d", i);
	}
	ck_assert(!record_has_inherited(-1, number));
	ck_assert(!record_has_inherited(RECORD_FDS, number));
	ck_assert_uint_eq(record_accepts(RECORD_FDS, UINT32_MAX), 0);
	/* What a listener gives is another thing from then on. */
	record_add_of_rule(6, KEEPALIVE_COUNT, 9);
	ck_assert_uint_ne(record_accepts(6, 3), number);
	ck_assert_uint_ne(record_accepts(6, 3), 0);
}
END_TEST

/* What is decided for a listener holds until something else is. */
START_TEST(accepts)
{
	record_decide(5, 3, 2, &SOME);
	ck_assert_uint_eq(record_accepts(5, 3), 0);
	ck_assert_int_eq(record_gives(5, 3), MATCH_DEPENDS);
	record_set_accepts(5);
	ck_assert_uint_ne(record_accepts(5, 3), 0);
	ck_assert_int_eq(record_gives(5, 3), MATCH_DEPENDS);
	record_decide(5, 3, 2, &SOME);
	ck_assert_uint_eq(record_accepts(5, 3), 0);
	record_set_gives(5);
	ck_assert_uint_eq(record_accepts(5, 3), 0);
	ck_assert_int_eq(record_gives(5, 3), 2);
	ck_assert_int_eq(record_gives(5, 4), MATCH_DEPENDS);
	/* What that accepts is not as what any other accepts. */
	record_inherit(6, 5);
	ck_assert_uint_eq(record_get(6).accepts, 0);
	record_add_of_rule(5, KEEPALIVE_COUNT, 9);
	ck_assert_int_eq(record_gives(5, 3), 2);
	record_decide(5, 3, 2, &SOME);
	ck_assert_int_eq(record_gives(5, 3), MATCH_DEPENDS);
	record_set_accepts(-1);
	record_set_accepts(RECORD_FDS);
	record_set_gives(RECORD_FDS);
}
END_TEST

/* There are numbers enough, none of them is 0 or says anything else. */
START_TEST(numbers)
{
	for (int i = 0; i < 40000; i++) {
		uint16_t before = record_accepts(5, 3);

		record_decide(5, 3, 2, &SOME);
		record_set_accepts(5);
		ck_assert_uint_ne(record_accepts(5, 3), 0);
		ck_assert_uint_ne(record_accepts(5, 3), before);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("record");
	TCase *tc = tcase_create("record");

	tcase_add_test(tc, other_is_taken_once);
	tcase_add_test(tc, other_is_of_one_generation);
	tcase_add_test(tc, other_ends_with_the_socket);
	tcase_add_test(tc, no_room);
	tcase_add_test(tc, whole_record);
	tcase_add_test(tc, every_field);
	tcase_add_test(tc, inherited);
	tcase_add_test(tc, changes);
	tcase_add_test(tc, queue);
	tcase_add_test(tc, queue_endless);
	tcase_add_test(tc, queue_changes);
	tcase_add_test(tc, made);
	tcase_add_test(tc, each);
	tcase_add_test(tc, inherited_no_more);
	tcase_add_test(tc, accepts);
	tcase_add_test(tc, numbers);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
