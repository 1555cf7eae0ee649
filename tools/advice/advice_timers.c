/* SPDX-License-Identifier: ISC */
/*
 * advice_timers: works out what the kernel does with a rule's timers.
 *
 * After each probe, answered or not, the kernel looks again only when the
 * interval is over, and sends one if idle is over, too. It gives up when it
 * would send one more than count; or, with TCP_USER_TIMEOUT, at the first of
 * these moments behind that time (tcp_keepalive_timer() in net/ipv4/
 * tcp_timer.c, tcp(7)).
 */
#include "advice/advice_timers.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/keepalive.h"
#include "base/lateness.h"

/* Where nobody changed them (tcp(7)). */
#define KERNEL_INTERVAL_S 75
#define KERNEL_COUNT      9

enum topic {
	TOPIC_FIREWALL,
	TOPIC_INTERVAL,
	TOPIC_CONNTRACK,
	TOPIC_OUTAGE,
	TOPIC_USER_TIMEOUT,
	TOPIC_PAUSE,
};

/* What a connection has, seconds; what is not written is the kernel's. */
struct timers {
	int32_t idle; /* 0: the kernel's */
	int32_t interval;
	int32_t count;
	int32_t gap; /* between two probes of a connection that is well */
	int32_t user_ms;
};

static bool
has_option(const struct rule *rule, enum keepalive_option option)
{
	return rule->keepalive.set & 1u << option;
}

static int32_t
option_or(
    const struct rule *rule, enum keepalive_option option, int32_t fallback)
{
	return has_option(rule, option) ? rule->keepalive.value[option]
	                                : fallback;
}

static struct timers
timers_of(const struct rule *rule)
{
	struct timers timers = {
	    .idle = option_or(rule, KEEPALIVE_IDLE, 0),
	    .interval = option_or(rule, KEEPALIVE_INTERVAL, KERNEL_INTERVAL_S),
	    .count = option_or(rule, KEEPALIVE_COUNT, KERNEL_COUNT),
	    .user_ms = option_or(rule, KEEPALIVE_USER_TIMEOUT, 0),
	};

	timers.gap =
	    timers.idle > timers.interval ? timers.idle : timers.interval;
	return timers;
}

/*
 * Where one of the options from first to last was written: in the rule, or
 * else as a default. NULL if nowhere.
 */
static const struct origin *
written(const struct rule *rule, enum keepalive_option first,
    enum keepalive_option last)
{
	static const enum origin_kind kinds[] = {ORIGIN_RULE, ORIGIN_DEFAULT};

	for (int k = 0; k < 2; k++)
		for (enum keepalive_option o = first; o <= last; o++)
			if (rule->origin[o].kind == kinds[k])
				return &rule->origin[o];
	return NULL;
}

__attribute__((format(printf, 4, 5))) static void
tell(struct advice_timers *advice, enum topic topic,
    const struct origin *origin, const char *format, ...)
{
	const struct config_place at = {origin->file, origin->line};
	char message[CONFIG_MESSAGE_MAX];
	va_list args;

	if (origin->kind == ORIGIN_DEFAULT && advice->told & 1u << topic)
		return;
	if (origin->kind == ORIGIN_DEFAULT)
		advice->told |= 1u << topic;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	advice->tell(advice->data, &at, message);
}

/*
 * When a timer of the kernel's may run out at the latest, whatever kernel it
 * is: a file is checked here and used elsewhere.
 */
static int64_t
latest_ms(int32_t seconds)
{
	const int64_t time_ms = seconds * INT64_C(1000);

	return time_ms + lateness_ms(0, time_ms);
}

/* Of which key is the first probe, or the one after an answered one, too late?
 */
static bool
look_at_lateness(struct advice_timers *advice, const struct origin *origin,
    enum keepalive_option option, int32_t seconds, uint32_t timeout)
{
	const int64_t latest_s = (latest_ms(seconds) + 999) / 1000;
	const uint32_t part = option == KEEPALIVE_IDLE ? 2 : 10;
	const char *key = keepalive_about[option].key;

	if (latest_s < timeout)
		return false;
	tell(advice, TOPIC_FIREWALL, origin,
	    "%s %ds can become %llds, since the kernel's timers get "
	    "coarser the longer they are, and the firewall forgets the "
	    "connection after %us; write a shorter %s, such as %us",
	    key, seconds, (long long)latest_s, timeout, key,
	    timeout / part ? timeout / part : 1);
	return true;
}

/* Can the probes keep the flow alive in a firewall that forgets it? */
static void
look_at_firewall(struct advice_timers *advice, const struct rule *rule,
    const struct timers *timers)
{
	const struct origin *origin =
	    written(rule, KEEPALIVE_IDLE, KEEPALIVE_COUNT);
	const uint32_t timeout = rule->timeout_s;
	int64_t probes;

	if (!timeout || !origin)
		return;
	if ((uint32_t)timers->idle >= timeout) {
		tell(advice, TOPIC_FIREWALL, origin,
		    "idle %ds is not below the firewall's %us, so it forgets "
		    "the connection before the first probe; write a shorter "
		    "idle, such as %us",
		    timers->idle, timeout, timeout / 2);
		return;
	}
	if ((uint32_t)timers->gap >= timeout) {
		tell(advice, TOPIC_FIREWALL, origin,
		    "interval %ds is not below the firewall's %us, and no two "
		    "probes are less than that apart, so it forgets the "
		    "connection between them; write a shorter interval, such "
		    "as %us",
		    timers->interval, timeout, timeout / 10 ? timeout / 10 : 1);
		return;
	}
	if (look_at_lateness(
		advice, origin, KEEPALIVE_IDLE, timers->idle, timeout) ||
	    look_at_lateness(
		advice, origin, KEEPALIVE_INTERVAL, timers->interval, timeout))
		return;
	probes = 1 + (timeout * INT64_C(1000) - 1 - latest_ms(timers->gap)) /
	                 latest_ms(timers->interval);
	if (probes > timers->count)
		probes = timers->count;
	if (probes < ADVICE_PROBES)
		tell(advice, TOPIC_FIREWALL, origin,
		    "%d %s between an answered one and the firewall's %us, so "
		    "%s the connection; %d or more would be safe, with a "
		    "shorter idle or interval or a higher count",
		    (int)probes, probes == 1 ? "probe fits" : "probes fit",
		    timeout,
		    probes == 1 ? "one lost packet can end"
				: "two lost packets can end",
		    ADVICE_PROBES);
}

/* Does Linux's own connection tracking lose it in a short outage? */
static void
look_at_conntrack(struct advice_timers *advice, const struct rule *rule,
    const struct timers *timers)
{
	const struct origin *origin =
	    written(rule, KEEPALIVE_INTERVAL, KEEPALIVE_INTERVAL);

	if (!origin || timers->count <= ADVICE_RETRANS ||
	    latest_ms(timers->interval) < ADVICE_RETRANS_S * 1000 ||
	    latest_ms(timers->gap) >= rule->timeout_s * INT64_C(1000))
		return;
	tell(advice, TOPIC_CONNTRACK, origin,
	    "interval %ds, and a firewall that is Linux forgets a connection "
	    "%ds after its fourth probe without an answer, so the others find "
	    "none; write interval = 240s or less",
	    timers->interval, ADVICE_RETRANS_S);
}

/* Is a connection that is well probed as often as idle says? */
static void
look_at_interval(struct advice_timers *advice, const struct rule *rule,
    const struct timers *timers)
{
	const struct origin *origin =
	    written(rule, KEEPALIVE_IDLE, KEEPALIVE_INTERVAL);

	/* For a known firewall, what matters was counted. */
	if (rule->timeout_s || !origin || timers->idle == 0 ||
	    timers->interval <= timers->idle)
		return;
	tell(advice, TOPIC_INTERVAL, origin,
	    "%s %ds is longer than idle %ds, and the kernel never sends two "
	    "probes faster than that; write interval = %ds or less",
	    has_option(rule, KEEPALIVE_INTERVAL)
		? "interval"
		: "without an interval the kernel's",
	    timers->interval, timers->idle, timers->idle);
}

/* How many lost probes end the connection. */
static int32_t
probes_lost(const struct timers *timers)
{
	int64_t left_ms = timers->user_ms - timers->gap * INT64_C(1000);
	int64_t interval_ms = timers->interval * INT64_C(1000);
	int64_t probes = (left_ms + interval_ms - 1) / interval_ms;

	if (timers->user_ms == 0)
		return timers->count;
	if (left_ms <= 0)
		return 1;
	return probes > timers->count ? timers->count : (int32_t)probes;
}

/*
 * The outage that ends the connection takes in all count probes, from the
 * first to the last.
 */
static void
look_at_outage(struct advice_timers *advice, const struct rule *rule,
    const struct timers *timers)
{
	const struct origin *origin =
	    written(rule, KEEPALIVE_INTERVAL, KEEPALIVE_COUNT);
	int32_t outage = (timers->count - 1) * timers->interval;
	int32_t enough =
	    (ADVICE_OUTAGE_S + timers->interval - 1) / timers->interval + 1;

	/* Where user-timeout decides, that is told instead. */
	if (!origin || outage >= ADVICE_OUTAGE_S ||
	    (timers->user_ms && timers->idle == 0) ||
	    probes_lost(timers) < timers->count)
		return;
	if (timers->count == 1)
		tell(advice, TOPIC_OUTAGE, origin,
		    "with count 1, one lost probe ends the connection; with "
		    "count = %d it outlives an outage of %ds, which networks "
		    "need to find a new path",
		    enough, ADVICE_OUTAGE_S);
	else
		tell(advice, TOPIC_OUTAGE, origin,
		    "an outage of %ds can end the connection, that is %d lost "
		    "probes, %ds apart; with count = %d it outlives %ds, which "
		    "networks need to find a new path",
		    outage, timers->count, timers->interval, enough,
		    ADVICE_OUTAGE_S);
}

static void
look_at_user_timeout(struct advice_timers *advice, const struct rule *rule,
    const struct timers *timers)
{
	const struct origin *origin = &rule->origin[KEEPALIVE_USER_TIMEOUT];
	int64_t window =
	    timers->gap + timers->count * (int64_t)timers->interval;
	int32_t probes = timers->idle ? probes_lost(timers) : timers->count;

	if (timers->user_ms == 0)
		return;
	if (window < ADVICE_USER_TIMEOUT_S)
		window = ADVICE_USER_TIMEOUT_S;
	if (probes < timers->count)
		tell(advice, TOPIC_USER_TIMEOUT, origin,
		    "user-timeout %.15gs decides in place of count, so %d lost "
		    "%s "
		    "the connection, and not %d; write idle + interval x "
		    "count, %llds, or more",
		    timers->user_ms / 1000.0, probes,
		    probes == 1 ? "probe ends" : "probes end", timers->count,
		    (long long)window);
	else if (timers->user_ms < ADVICE_USER_TIMEOUT_S * 1000)
		tell(advice, TOPIC_USER_TIMEOUT, origin,
		    "an outage of %.15gs ends the connection if data is under "
		    "way, by user-timeout; TCP should try for %ds or more "
		    "(RFC 9293)",
		    timers->user_ms / 1000.0, ADVICE_USER_TIMEOUT_S);
	if (timers->user_ms < ADVICE_PAUSE_S * 1000)
		tell(advice, TOPIC_PAUSE, origin,
		    "user-timeout %.15gs also ends the connection to a peer "
		    "that is well and answers, but reads nothing for so long: "
		    "a tape is changed, a disk is full; write %ds or more, or "
		    "leave it out: what nobody acknowledges the kernel gives "
		    "up after some 15 minutes by itself",
		    timers->user_ms / 1000.0, ADVICE_PAUSE_S);
}

void
advice_timers(struct advice_timers *advice, const struct rule *rule)
{
	const struct timers timers = timers_of(rule);

	look_at_firewall(advice, rule, &timers);
	look_at_conntrack(advice, rule, &timers);
	look_at_interval(advice, rule, &timers);
	look_at_outage(advice, rule, &timers);
	look_at_user_timeout(advice, rule, &timers);
}
