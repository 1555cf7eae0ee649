/* SPDX-License-Identifier: ISC */
/*
 * probe_plan: whole runs against a path that is known, in a world of numbers:
 * whatever the path forgets after, the bracket holds it, and the run takes no
 * longer and opens no more than is promised.
 */
#include "probe/probe_plan.h"

#include <string.h>

#include "test.h"

#define ASK_MS 5500
#define RTT_MS 1
#define STEPS  100000
#define MINUTE 60000
#define DEFAULT                              \
	{                                    \
		30000, 8100000, 15, 5, false \
	}

enum way {
	DROPS,   /* the probe is not answered */
	REFUSES, /* it is answered by a reset */
	RESETS,  /* a reset comes when the time is over */
};

struct world {
	int64_t truth_ms;
	enum way way;
	int64_t now_ms;
	struct plan_connection connections[PLAN_OPENED_MAX];
	int64_t asked_ms[PLAN_OPENED_MAX];
	unsigned int count, ended;
	int64_t opened_ms[PLAN_OPENED_MAX];
	int accident; /* the ask with this number is lost anyway */
	struct silences silences;
};

static bool
is_lost(const struct world *world, unsigned int which, int64_t at_ms)
{
	return at_ms - world->connections[which].since_ms >= world->truth_ms;
}

/* When something happens to the connection by itself. */
static int64_t
event_ms(const struct world *world, unsigned int which)
{
	const struct plan_connection *one = &world->connections[which];
	int64_t asked_ms = world->asked_ms[which];

	if (one->state == PLAN_SILENT)
		return world->way == RESETS ? one->since_ms + world->truth_ms
		                            : INT64_MAX;
	if (one->state != PLAN_ASKED)
		return INT64_MAX;
	if ((is_lost(world, which, asked_ms) && world->way == DROPS) ||
	    world->accident == 0)
		return asked_ms + ASK_MS;
	return asked_ms + RTT_MS;
}

static void
happen(struct world *world, unsigned int which)
{
	struct plan_connection *one = &world->connections[which];
	int64_t asked_ms = world->asked_ms[which];
	struct silence silence = {.end = SILENCE_SURVIVED};

	if (one->state == PLAN_SILENT) {
		silence.end = SILENCE_RESET;
		asked_ms = world->now_ms;
	} else if (is_lost(world, which, asked_ms) || world->accident == 0) {
		silence.end = world->way == REFUSES ? SILENCE_REFUSED
		                                    : SILENCE_UNANSWERED;
		if (world->accident == 0)
			world->accident = -1;
	} else {
		world->accident -= world->accident > 0;
	}
	silence.least_ms = asked_ms - one->since_ms;
	silence.first_ms = silence.last_ms = silence.least_ms;
	silences_add(&world->silences, silence);
	one->state = silence.end == SILENCE_SURVIVED ? PLAN_SILENT : PLAN_ENDED;
	one->since_ms = world->now_ms;
}

/* Time goes on until until_ms, or an event. */
static void
wait_until(struct world *world, int64_t until_ms)
{
	unsigned int first = 0;
	int64_t at = INT64_MAX;

	for (unsigned int i = 0; i < world->count; i++)
		if (event_ms(world, i) < at) {
			at = event_ms(world, i);
			first = i;
		}
	ck_assert_msg(
	    at < INT64_MAX || until_ms < INT64_MAX, "waits for nothing");
	if (until_ms < at) {
		world->now_ms = until_ms;
		return;
	}
	if (at > world->now_ms)
		world->now_ms = at;
	happen(world, first);
}

static struct bracket
run(const struct plan_settings *settings, struct world *world)
{
	struct plan plan = plan_begin(settings, world->now_ms);

	for (int i = 0; i < STEPS; i++) {
		struct bracket bracket = silences_bracket(&world->silences);
		struct plan_step step = plan_next(&plan, world->connections,
		    world->count, &bracket, world->now_ms);
		struct plan_connection *one;

		switch (step.what) {
		case PLAN_DONE:
			return bracket;
		case PLAN_OPEN:
			ck_assert_uint_eq(plan.opened, world->count + 1);
			one = &world->connections[world->count];
			world->opened_ms[world->count++] = world->now_ms;
			*one = (struct plan_connection){
			    PLAN_SILENT, world->now_ms};
			break;
		case PLAN_ASK:
			one = &world->connections[step.which];
			ck_assert_int_eq(one->state, PLAN_SILENT);
			one->state = PLAN_ASKED;
			world->asked_ms[step.which] = world->now_ms;
			break;
		case PLAN_WAIT:
			ck_assert_int_gt(step.until_ms, world->now_ms);
			wait_until(world, step.until_ms);
		}
	}
	ck_abort_msg("it has no end");
}

/* No more are open than the settings allow, and none was opened too soon. */
static void
check_opening(const struct plan_settings *settings, const struct world *world)
{
	int64_t last = 0;

	ck_assert_uint_le(
	    world->count, settings->connections +
			      (settings->precise ? settings->connections : 1));
	for (unsigned int i = 0; i < world->count; i++) {
		ck_assert_int_ge(
		    world->opened_ms[i] - last, 1000 / settings->rate);
		last = world->opened_ms[i];
	}
}

static const struct plan_settings SETTINGS[] = {
    DEFAULT,
    {30000, 8100000, 15, 5, true},
    {30000, 8100000, 27, 5, false},
    {30000, 8100000, 6, 1, false},
    {4000, 60000, 8, 5, false},
    {1000, 8100000, 64, 5, false},
};

START_TEST(bracket_holds_the_truth)
{
	const struct plan_settings *settings =
	    &SETTINGS[_i % ARRAY_LEN(SETTINGS)];
	static struct world world;

	for (int64_t truth = 1100; truth < settings->to_ms / 5 * 6;
	     truth += truth / 200) {
		struct bracket bracket;

		memset(&world, 0, sizeof(world));
		world.truth_ms = truth;
		world.way = (enum way)(_i / (int)ARRAY_LEN(SETTINGS));
		world.accident = -1;
		bracket = run(settings, &world);
		check_opening(settings, &world);
		ck_assert_int_le(
		    world.now_ms, plan_longest_ms(settings, ASK_MS));
		ck_assert_int_lt(bracket.survived_ms, world.truth_ms);
		ck_assert_int_le(
		    (int64_t)silence_advice(bracket.survived_ms) * 1000,
		    world.truth_ms);
		ck_assert(bracket.consistent);
		if (world.truth_ms > settings->to_ms + 1000) {
			ck_assert_uint_eq(bracket.lost, 0);
			ck_assert_int_ge(bracket.survived_ms, settings->to_ms);
		} else if (world.truth_ms <= settings->to_ms) {
			ck_assert_uint_ge(bracket.lost, 2);
			ck_assert_int_ge(bracket.lost_ms, world.truth_ms);
		}
	}
}
END_TEST

/* 350 s by default: in 1.3 times that, by 16 connections with the other one. */
START_TEST(time_and_width)
{
	static const struct plan_settings settings = DEFAULT;
	static struct world world;
	double times[10000], sum = 0, widths = 0;
	size_t count = 0;

	for (int64_t truth = 150000; truth < 8000000; truth += truth / 1000) {
		struct bracket bracket;

		memset(&world, 0, sizeof(world));
		world.truth_ms = truth;
		world.accident = -1;
		bracket = run(&settings, &world);
		ck_assert_uint_le(world.count, 15);
		times[count] = (double)world.now_ms / (double)truth;
		ck_assert(times[count] < 1.36);
		sum += times[count++];
		ck_assert(bracket.lost_ms - bracket.survived_ms < truth / 10);
		widths += (double)(bracket.lost_ms - bracket.survived_ms) /
		          (double)truth;
	}
	ck_assert(sum / (double)count < 1.2);
	ck_assert(widths / (double)count < 0.035);

	memset(&world, 0, sizeof(world));
	world.truth_ms = 350000;
	world.accident = -1;
	run(&settings, &world);
	ck_assert_int_le(world.now_ms, 350000 * 13 / 10);
}
END_TEST

/* Precise is to a per cent as long as there are connections for it. */
START_TEST(precise)
{
	static const struct plan_settings settings = {
	    30000, 8100000, 15, 5, true};
	static struct world world;

	for (int64_t truth = 150000; truth < 8000000; truth += truth / 100) {
		struct bracket bracket;

		memset(&world, 0, sizeof(world));
		world.truth_ms = truth;
		world.accident = -1;
		bracket = run(&settings, &world);
		ck_assert_int_le(bracket.lost_ms - bracket.survived_ms,
		    bracket.lost_ms / 100 + 1);
	}
}
END_TEST

/* One that is lost by chance changes nothing but the time. */
START_TEST(accident)
{
	static const struct plan_settings settings = DEFAULT;
	static struct world world;
	struct bracket bracket;

	memset(&world, 0, sizeof(world));
	world.truth_ms = 20 * MINUTE;
	world.accident = _i;
	bracket = run(&settings, &world);
	ck_assert_int_lt(bracket.survived_ms, world.truth_ms);
	ck_assert(!bracket.consistent || bracket.lost_ms >= world.truth_ms);
	if (_i < 10)
		ck_assert_int_ge(bracket.lost_ms, world.truth_ms);
}
END_TEST

/* Whatever ends, there is an end. */
START_TEST(all_gone)
{
	static const struct plan_settings settings = DEFAULT;
	struct plan plan = plan_begin(&settings, 0);
	struct plan_connection connections[15];
	struct bracket none = {.consistent = true};

	plan.opened = 15;
	for (size_t i = 0; i < ARRAY_LEN(connections); i++)
		connections[i] = (struct plan_connection){PLAN_ENDED, 0};
	ck_assert_int_eq(
	    plan_next(&plan, connections, 15, &none, 1000).what, PLAN_DONE);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("probe_plan");
	TCase *tcase = tcase_create("all");

	tcase_add_loop_test(
	    tcase, bracket_holds_the_truth, 0, 3 * (int)ARRAY_LEN(SETTINGS));
	tcase_add_test(tcase, time_and_width);
	tcase_add_test(tcase, precise);
	tcase_add_loop_test(tcase, accident, 0, 40);
	tcase_add_test(tcase, all_gone);
	suite_add_tcase(suite, tcase);
	return test_main(suite);
}
