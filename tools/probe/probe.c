/* SPDX-License-Identifier: ISC */
/*
 * probe: the run (probe.h). What to do when is probe_plan's, what it means
 * probe_verdict's.
 */
#include "probe/probe.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "probe/probe_link.h"
#include "probe/probe_signals.h"

/* Between two looks: while an answer is awaited, and else. */
#define LOOK_MS 10
#define TICK_MS 250
/* What ends earlier is a limit of the service. */
#define YOUNG_MS 2000
/* A peer that speaks so often without being asked is never silent. */
#define SPEAKS 3
/* Once the one with keepalive has ended, what else does? */
#define GRACE_MS 1500
#define SHOW_MS  1000
/* It has to outlive the shortest timeouts, too. */
#define KEPT_IDLE_S(from_ms) \
	((from_ms) >= 25000 ? 5 : (from_ms) >= 5000 ? 2 : 1)

struct probe {
	struct plan plan;
	struct probe_link control;
	struct probe_link links[PLAN_OPENED_MAX];
	unsigned int count;
	struct silences silences;
	struct probe_facts facts;
	struct probe_result *result;
	int64_t begun_ms, now_ms;
	int64_t ended_ms; /* the control has; 0: not */
	int64_t shown_ms;
	bool asked_last; /* the control, whether it answers at the end */
	sigset_t waiting;
};

/* Time goes on while a laptop sleeps, as it does for firewalls. */
static int64_t
boot_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits for what happens to the connections, timeout_ms at most. */
static void
wait_for(struct probe *probe, int64_t timeout_ms)
{
	struct pollfd polled[PLAN_OPENED_MAX + 1];
	const struct timespec timeout = {
	    timeout_ms / 1000, timeout_ms % 1000 * 1000000};
	nfds_t count = 0;

	for (unsigned int i = 0; i <= probe->count; i++) {
		const struct probe_link *link =
		    i < probe->count ? &probe->links[i] : &probe->control;

		if (link->state != LINK_ENDED)
			polled[count++] = (struct pollfd){
			    .fd = link->fd,
			    .events = link->state == LINK_CONNECTING
			                  ? POLLOUT
			                  : POLLRDHUP,
			};
	}
	(void)ppoll(polled, count, &timeout, &probe->waiting);
	probe->now_ms = boot_ms();
	probe->facts.interrupted = signals_came();
}

/* Connects the control to one of the addresses. Returns 0 or -errno. */
static int
connect_control(struct probe *probe, const struct addrinfo *addresses,
    const struct addrinfo **chosen)
{
	int error = -ECONNREFUSED;

	for (; addresses && !probe->facts.interrupted;
	     addresses = addresses->ai_next) {
		struct silence silence;
		enum link_event event;

		error = link_open(&probe->control, addresses->ai_addr,
		    addresses->ai_addrlen, probe->now_ms);
		if (error == -EPERM)
			return error;
		if (error < 0)
			continue;
		do {
			wait_for(probe, TICK_MS);
			event =
			    link_look(&probe->control, probe->now_ms, &silence);
		} while (event == LINK_NOTHING && !probe->facts.interrupted);
		*chosen = addresses;
		if (event == LINK_CONNECTED)
			return 0;
		error = event == LINK_FAILED ? -probe->control.error : -EINTR;
	}
	return error;
}

static void
open_link(struct probe *probe, const struct addrinfo *address)
{
	struct probe_link *link = &probe->links[probe->count++];

	if (link_open(
		link, address->ai_addr, address->ai_addrlen, probe->now_ms) < 0)
		probe->result->refused++;
}

static void
look_at_control(struct probe *probe)
{
	struct probe_link *control = &probe->control;
	bool asked = control->state == LINK_ASKED;
	struct silence silence;

	switch (link_look(control, probe->now_ms, &silence)) {
	case LINK_HEARD:
		probe->facts.answered = true;
		probe->facts.answers |= asked;
		if (asked)
			link_keep(
			    control, KEPT_IDLE_S(probe->plan.settings.from_ms));
		break;
	case LINK_FINISH:
		probe->facts.control = silence.end == SILENCE_REFUSED
		                           ? SILENCE_RESET
		                           : silence.end;
		probe->result->control_ms = probe->now_ms - control->opened_ms;
		probe->ended_ms = probe->now_ms;
		break;
	default:
		break;
	}
}

static void
look_at_link(struct probe *probe, struct probe_link *link)
{
	bool asked = link->state == LINK_ASKED;
	bool young = probe->now_ms - link->opened_ms < YOUNG_MS;
	struct silence silence;

	switch (link_look(link, probe->now_ms, &silence)) {
	case LINK_FAILED:
		probe->result->refused++;
		return;
	case LINK_FINISH:
		if (young && !asked) {
			probe->result->refused++;
			return;
		}
		/* What the control said before counts no more. */
		probe->facts.answers = false;
		probe->asked_last = false;
		break;
	case LINK_HEARD:
		/* A greeting, and the like. */
		if (!asked && silence.least_ms < 1000)
			return;
		link->spoke = asked ? 0 : link->spoke + 1;
		probe->facts.never_silent |= link->spoke >= SPEAKS;
		break;
	default:
		return;
	}
	silences_add(&probe->silences, silence);
}

static void
look_at_all(struct probe *probe)
{
	look_at_control(probe);
	probe->facts.alive = 0;
	for (unsigned int i = 0; i < probe->count; i++) {
		struct probe_link *link = &probe->links[i];

		look_at_link(probe, link);
		probe->silences.lossy |= link->lossy;
		probe->facts.alive += link->state != LINK_ENDED;
	}
}

/* All connections ended with the control, though not all were as old. */
static bool
ended_at_once(const struct probe *probe)
{
	return probe->facts.alive == 0 && probe->count > 0 &&
	       probe->links[probe->count - 1].opened_ms -
	               probe->control.opened_ms >
	           YOUNG_MS;
}

/*
 * Does what is to be done now. Returns when there is more, or 0 if there is
 * nothing left.
 */
static int64_t
act(struct probe *probe, const struct addrinfo *address,
    const struct bracket *bracket)
{
	static const enum plan_state states[] = {
	    [LINK_CONNECTING] = PLAN_OPENING,
	    [LINK_SILENT] = PLAN_SILENT,
	    [LINK_ASKED] = PLAN_ASKED,
	    [LINK_ENDED] = PLAN_ENDED,
	};

	for (;;) {
		struct plan_connection connections[PLAN_OPENED_MAX];
		struct plan_step step;

		for (unsigned int i = 0; i < probe->count; i++)
			connections[i] = (struct plan_connection){
			    states[probe->links[i].state],
			    probe->links[i].since_ms,
			};
		step = plan_next(&probe->plan, connections, probe->count,
		    bracket, probe->now_ms);
		switch (step.what) {
		case PLAN_OPEN:
			open_link(probe, address);
			break;
		case PLAN_ASK:
			link_ask(&probe->links[step.which],
			    link_interval_s(&probe->control), probe->now_ms);
			break;
		case PLAN_WAIT:
			return step.until_ms;
		case PLAN_DONE:
			return 0;
		}
	}
}

/*
 * Is there no more to learn? When one was lost, the control is asked once more,
 * whether it still answers.
 */
static bool
is_known(struct probe *probe, const struct bracket *bracket)
{
	if (bracket->lost == 0 || probe->facts.answers)
		return true;
	if (probe->asked_last && probe->control.state != LINK_ASKED)
		return true;
	if (!probe->asked_last)
		link_ask(&probe->control, link_interval_s(&probe->control),
		    probe->now_ms);
	probe->asked_last = true;
	return false;
}

static void
show(struct probe *probe, const struct bracket *bracket,
    void (*show_it)(const struct probe_progress *progress))
{
	const struct probe_progress progress = {
	    .passed_ms = probe->now_ms - probe->begun_ms,
	    .longest_ms = probe_longest_ms(&probe->plan.settings),
	    .survived_ms = bracket->survived_ms,
	    .alive = probe->facts.alive,
	    .lost = bracket->lost,
	};

	if (!show_it || probe->now_ms < probe->shown_ms + SHOW_MS)
		return;
	probe->shown_ms = probe->now_ms;
	show_it(&progress);
}

/* How long to wait, if there is something to do at until_ms. */
static int64_t
pause_ms(const struct probe *probe, int64_t until_ms)
{
	int64_t pause = until_ms - probe->now_ms;

	if (probe->control.state == LINK_ASKED)
		return LOOK_MS;
	for (unsigned int i = 0; i < probe->count; i++)
		if (probe->links[i].state == LINK_ASKED)
			return LOOK_MS;
	return pause < 0 ? 0 : pause < TICK_MS ? pause : TICK_MS;
}

/* Returns when all is known. */
static void
measure(struct probe *probe, const struct addrinfo *address,
    void (*show_it)(const struct probe_progress *progress))
{
	for (;;) {
		struct bracket bracket;
		int64_t until_ms = INT64_MAX;

		look_at_all(probe);
		if (probe->facts.interrupted || probe->facts.never_silent)
			return;
		bracket = silences_bracket(&probe->silences);
		show(probe, &bracket, show_it);
		if (!probe->ended_ms) {
			/* Nothing is asked before the first answer. */
			if (probe->facts.answered)
				until_ms = act(probe, address, &bracket);
			if (until_ms == 0 && is_known(probe, &bracket))
				return;
		} else if (probe->now_ms - probe->ended_ms > GRACE_MS) {
			probe->facts.all_at_once = ended_at_once(probe);
			return;
		}
		wait_for(probe, pause_ms(probe, until_ms));
	}
}

static void
conclude(struct probe *probe)
{
	struct probe_result *result = probe->result;
	int64_t to_ms = probe->plan.settings.to_ms;

	result->bracket = silences_bracket(&probe->silences);
	result->verdict = probe_verdict(&result->bracket, &probe->facts, to_ms);
	if (result->verdict == PROBE_SERVICE_CLOSES ||
	    probe->facts.all_at_once) {
		silences_came_through(&probe->silences);
		result->bracket = silences_bracket(&probe->silences);
	}
	result->control = probe->facts.control;
	result->rtt_us = probe->control.rtt_us;
	result->lossy = probe->silences.lossy;
	result->opened = probe->count;
	result->took_ms = probe->now_ms - probe->begun_ms;
}

int
probe_run(const struct plan_settings *settings,
    const struct addrinfo *addresses,
    void (*show_it)(const struct probe_progress *progress),
    struct probe_result *result)
{
	const struct addrinfo *address = NULL;
	struct probe *probe = calloc(1, sizeof(*probe));
	int error;

	if (!probe)
		return -ENOMEM;
	*result = (struct probe_result){0};
	probe->result = result;
	probe->now_ms = probe->begun_ms = boot_ms();
	probe->control.state = LINK_ENDED;
	signals_block(&probe->waiting);
	error = connect_control(probe, addresses, &address);
	if (address)
		(void)addr_from_sockaddr(address->ai_addr, address->ai_addrlen,
		    &result->address, &result->port);
	if (error < 0)
		goto out;
	link_ask(
	    &probe->control, link_interval_s(&probe->control), probe->now_ms);
	probe->plan = plan_begin(settings, probe->now_ms);
	measure(probe, address, show_it);
	conclude(probe);
out:
	for (unsigned int i = 0; i < probe->count; i++)
		link_close(&probe->links[i]);
	link_close(&probe->control);
	free(probe);
	return error;
}

int64_t
probe_longest_ms(const struct plan_settings *settings)
{
	return plan_longest_ms(settings, (LINK_PROBES + 1) * 1000);
}
