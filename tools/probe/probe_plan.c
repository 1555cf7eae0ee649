/* SPDX-License-Identifier: ISC */
/*
 * probe_plan: which connection is opened or asked when (probe_plan.h).
 */
#include "probe/probe_plan.h"

#include <math.h>

/* A firewall that ends connections itself may be late by that. */
#define LATE_MS 1000

/* The ratio of two times in a row. */
static double
ratio(unsigned int connections)
{
	return connections < 3 ? 1.5 : pow(connections - 1, 1.0 / connections);
}

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

struct plan
plan_begin(const struct plan_settings *settings, int64_t now_ms)
{
	return (struct plan){
	    .settings = *settings,
	    .begun_ms = now_ms,
	    .opened_ms = now_ms,
	    .target_ms = settings->from_ms,
	};
}

static int64_t
rate_at(const struct plan *plan)
{
	return plan->opened_ms + 1000 / plan->settings.rate;
}

/* When the next connection is to be opened. */
static int64_t
open_at(const struct plan *plan)
{
	const struct plan_settings *settings = &plan->settings;
	double from = (double)settings->from_ms;
	double after = from *
	               (pow(ratio(settings->connections), plan->opened) - 1) /
	               (settings->connections - 1);
	int64_t at = plan->begun_ms + (int64_t)after;

	return at > rate_at(plan) ? at : rate_at(plan);
}

static struct plan_step
open_one(struct plan *plan, int64_t now_ms)
{
	plan->opened++;
	plan->opened_ms = now_ms;
	return (struct plan_step){.what = PLAN_OPEN};
}

/* The connections at one moment. */
struct look {
	unsigned int opening, silent, asked;
	unsigned int oldest; /* of the silent */
	int64_t age_ms;      /* its */
};

static struct look
look_at(const struct plan_connection *connections, unsigned int count,
    int64_t now_ms)
{
	struct look look = {.age_ms = -1};

	for (unsigned int i = 0; i < count; i++) {
		const struct plan_connection *one = &connections[i];

		look.opening += one->state == PLAN_OPENING;
		look.asked += one->state == PLAN_ASKED;
		if (one->state != PLAN_SILENT)
			continue;
		look.silent++;
		if (now_ms - one->since_ms > look.age_ms) {
			look.age_ms = now_ms - one->since_ms;
			look.oldest = i;
		}
	}
	return look;
}

/* Asks the oldest when it is as old as goal_ms. */
static struct plan_step
ask_oldest(const struct look *look, int64_t goal_ms, int64_t now_ms)
{
	if (look->age_ms >= goal_ms)
		return (struct plan_step){
		    .what = PLAN_ASK, .which = look->oldest};
	return (struct plan_step){
	    .what = PLAN_WAIT, .until_ms = now_ms + goal_ms - look->age_ms};
}

static struct plan_step
wait_for_events(void)
{
	return (struct plan_step){.what = PLAN_WAIT, .until_ms = INT64_MAX};
}

/* Until the first is lost. */
static struct plan_step
search(struct plan *plan, const struct look *look,
    const struct bracket *bracket, int64_t now_ms)
{
	const struct plan_settings *settings = &plan->settings;
	unsigned int alive = look->opening + look->silent + look->asked;
	int64_t open_ms = INT64_MAX;
	struct plan_step step = wait_for_events();

	if (bracket->survived_ms >= settings->to_ms)
		return (struct plan_step){.what = PLAN_DONE};
	if (bracket->survived_ms >= plan->target_ms)
		plan->target_ms = least(settings->to_ms,
		    (int64_t)((double)bracket->survived_ms * ratio(alive)));
	if (plan->opened < settings->connections) {
		open_ms = open_at(plan);
		if (now_ms >= open_ms)
			return open_one(plan, now_ms);
	} else if (alive == 0) {
		return (struct plan_step){.what = PLAN_DONE};
	}
	if (look->silent > 0 && look->asked == 0)
		step = ask_oldest(look, plan->target_ms, now_ms);
	if (step.what == PLAN_WAIT)
		step.until_ms = least(step.until_ms, open_ms);
	return step;
}

/*
 * A silent one that was so for longer than any that survived. As long as one
 * loss has to be confirmed, the oldest is kept for that: soon it is as old.
 */
static int
in_between(const struct plan_connection *connections, unsigned int count,
    const struct look *look, const struct bracket *bracket, int64_t now_ms)
{
	for (unsigned int i = 0; i < count; i++)
		if (connections[i].state == PLAN_SILENT &&
		    (i != look->oldest || bracket->lost > 1) &&
		    now_ms - connections[i].since_ms > bracket->survived_ms)
			return (int)i;
	return -1;
}

static bool
is_narrow(const struct bracket *bracket)
{
	int64_t width = bracket->lost_ms - bracket->survived_ms;

	return width <= 1000 || width <= bracket->lost_ms / 100;
}

/* Since one was lost. */
static struct plan_step
narrow(struct plan *plan, const struct plan_connection *connections,
    unsigned int count, const struct look *look, const struct bracket *bracket,
    int64_t now_ms)
{
	/* Nobody asked: the others may end by themselves in a moment. */
	bool unasked =
	    bracket->how == SILENCE_RESET || bracket->how == SILENCE_CLOSED;
	int64_t goal_ms = bracket->lost_ms + (unasked ? LATE_MS : 0);
	unsigned int fresh =
	    plan->settings.precise ? plan->settings.connections : 1;

	if (!plan->refined && (bracket->lost > 1 || !unasked)) {
		int next =
		    in_between(connections, count, look, bracket, now_ms);

		if (next >= 0)
			return (struct plan_step){
			    .what = PLAN_ASK, .which = (unsigned int)next};
		plan->refined = true;
	}
	if (look->asked > 0)
		return wait_for_events();
	if (bracket->lost > 1 &&
	    (!plan->settings.precise || !bracket->consistent ||
		is_narrow(bracket)))
		return (struct plan_step){.what = PLAN_DONE};
	if (bracket->lost > 1)
		goal_ms = (bracket->survived_ms + bracket->lost_ms) / 2;
	if (look->silent > 0)
		return ask_oldest(look, goal_ms, now_ms);
	if (look->opening > 0)
		return wait_for_events();
	/* Nobody is left to confirm it, or to narrow it down. */
	if (plan->opened < plan->settings.connections + fresh)
		return now_ms < rate_at(plan)
		           ? (struct plan_step){PLAN_WAIT, 0, rate_at(plan)}
		           : open_one(plan, now_ms);
	return (struct plan_step){.what = PLAN_DONE};
}

struct plan_step
plan_next(struct plan *plan, const struct plan_connection *connections,
    unsigned int count, const struct bracket *bracket, int64_t now_ms)
{
	struct look look = look_at(connections, count, now_ms);

	if (bracket->lost > 0)
		return narrow(plan, connections, count, &look, bracket, now_ms);
	plan->refined = false;
	return search(plan, &look, bracket, now_ms);
}

int64_t
plan_longest_ms(const struct plan_settings *settings, int64_t ask_ms)
{
	double n = settings->connections, q = ratio(settings->connections);
	double to = (double)settings->to_ms;

	/*
	 * At the worst the last time is lost, and one of those that were silent
	 * for 1/Q of it has to confirm it. They are opened at a rate, too.
	 */
	return (int64_t)(to * n / (n - 1) +
			 to * (1 - 1 / q) * (settings->precise ? 2 : 1) +
			 1000.0 * n / settings->rate) +
	       3 * ask_ms;
}
