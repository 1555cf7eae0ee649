/* SPDX-License-Identifier: ISC */
/*
 * config_rule: fills in what follows from a rule's keys and from the defaults.
 * It must not leave anything of a rule's meaning to chance: every option's
 * origin is known afterwards.
 */
#include "config_rule.h"

#include <stdlib.h>

/* Below these an administrator is warned. */
#define PROBES_WANTED  3
#define REACH_WANTED_S 20
/* A firewall that forgets sooner leaves no choice. */
#define REACH_EXCUSED_S 60

#define DERIVED_COUNT          5
#define DERIVED_INTERVAL_MAX_S 600

/* net.ipv4.tcp_keepalive_intvl, where nobody changed it (tcp(7)). */
#define KERNEL_INTERVAL_S 75

enum warning {
	WARNING_FEW_PROBES,
	WARNING_REACH,
	WARNING_USER_TIMEOUT,
	WARNING_INTERVAL,
};

static bool
has_option(const struct keepalive *keepalive, enum keepalive_option option)
{
	return keepalive->set & 1u << option;
}

/*
 * The first probe goes out at half of the timeout, which leaves room for a
 * firewall that counts roughly, and the other half is shared by the probes
 * after it. So five of them (three for the shortest timeouts) can reach the
 * firewall in time, and one lost packet does no harm.
 *
 * Why not more, faster probes: a peer that answers none for interval * count
 * is given up, and a peer may well be out of reach for minutes and come back.
 * Spread like this, a connection is given up only at about the timeout, when
 * the firewall would have forgotten it anyway. For the longest timeouts that
 * would be days; nearly an hour out of reach is enough there.
 */
void
config_rule_derive(
    uint32_t timeout_s, int32_t *idle_s, int32_t *interval_s, int32_t *count)
{
	uint32_t idle = timeout_s / 2;
	uint32_t interval;

	if (idle > KEEPALIVE_SECONDS_MAX)
		idle = KEEPALIVE_SECONDS_MAX;
	interval = (timeout_s - idle) / DERIVED_COUNT;
	if (interval < 1)
		interval = 1;
	if (interval > DERIVED_INTERVAL_MAX_S)
		interval = DERIVED_INTERVAL_MAX_S;
	*idle_s = (int32_t)idle;
	*interval_s = (int32_t)interval;
	*count = DERIVED_COUNT;
}

static void
set_option(struct rule *rule, enum keepalive_option option, int32_t value,
    enum origin_kind kind, const struct config_place *at)
{
	if (has_option(&rule->keepalive, option))
		return;
	rule->keepalive.set |= 1u << option;
	rule->keepalive.value[option] = value;
	rule->origin[option] = (struct origin){kind, at->file, at->line};
}

/* What a level writes, then what follows from its timeout. */
static void
set_options(struct rule *rule, const struct config_level *level,
    enum origin_kind written)
{
	const struct config_place *at;
	enum origin_kind kind;
	int32_t idle, interval, count;

	for (enum config_key key = 0; key < KEYS; key++) {
		enum keepalive_option option = config_level_option(key);

		if (option < KEEPALIVE_OPTIONS && config_level_has(level, key))
			set_option(rule, option, level->keepalive.value[option],
			    written, &level->at[key]);
	}
	if (!level->timeout_s)
		return;
	kind = level->profile ? ORIGIN_PROFILE : ORIGIN_TIMEOUT;
	at = &level->at[level->profile ? KEY_PROFILE : KEY_FIREWALL_TIMEOUT];
	config_rule_derive(level->timeout_s, &idle, &interval, &count);
	set_option(rule, KEEPALIVE_IDLE, idle, kind, at);
	set_option(rule, KEEPALIVE_INTERVAL, interval, kind, at);
	set_option(rule, KEEPALIVE_COUNT, count, kind, at);
}

/*
 * Where to warn about an option: false if the same default was warned about
 * for an earlier rule.
 */
static bool
warn_at(struct config_defaults *defaults, enum warning warning,
    const struct origin *origin, struct config_place *at)
{
	*at = (struct config_place){origin->file, origin->line};
	if (origin->kind != ORIGIN_DEFAULT)
		return true;
	if (defaults->warned & 1u << warning)
		return false;
	defaults->warned |= 1u << warning;
	return true;
}

static bool
is_written(const struct origin *origin)
{
	return origin->kind == ORIGIN_RULE || origin->kind == ORIGIN_DEFAULT;
}

/* Which of the rule's timers to warn about: the first that was written. */
static const struct origin *
written_origin(const struct rule *rule, enum keepalive_option first)
{
	for (enum keepalive_option o = first; o <= KEEPALIVE_COUNT; o++)
		if (is_written(&rule->origin[o]))
			return &rule->origin[o];
	return NULL;
}

/* Can the probes keep the flow alive in a firewall that forgets it? */
static void
warn_probes(struct config_report *report, struct config_defaults *defaults,
    const struct rule *rule)
{
	const struct origin *origin = written_origin(rule, KEEPALIVE_IDLE);
	uint32_t idle = (uint32_t)rule->keepalive.value[KEEPALIVE_IDLE];
	uint32_t interval = (uint32_t)rule->keepalive.value[KEEPALIVE_INTERVAL];
	uint32_t count = (uint32_t)rule->keepalive.value[KEEPALIVE_COUNT];
	/* From an answered probe to the next one: see warn_interval(). */
	uint32_t first = idle > interval ? idle : interval;
	uint32_t probes;
	struct config_place at;

	if (!rule->timeout_s || !origin)
		return;
	if (idle >= rule->timeout_s) {
		if (warn_at(defaults, WARNING_FEW_PROBES, origin, &at))
			config_report_warning(report, &at,
			    "idle %us is not below the firewall's %us, so it "
			    "forgets the connection before the first probe; "
			    "write a shorter idle, such as %us",
			    (unsigned)idle, (unsigned)rule->timeout_s,
			    (unsigned)rule->timeout_s / 2);
		return;
	}
	probes = first < rule->timeout_s
	             ? 1 + (rule->timeout_s - 1 - first) / interval
	             : 0;
	if (probes > count)
		probes = count;
	if (probes < PROBES_WANTED &&
	    warn_at(defaults, WARNING_FEW_PROBES, origin, &at))
		config_report_warning(report, &at,
		    "%u %s between an answered one and the firewall's %us, so "
		    "%s; %u or more would be safe",
		    (unsigned)probes, probes == 1 ? "probe fits" : "probes fit",
		    (unsigned)rule->timeout_s,
		    probes == 0 ? "it forgets the connection"
				: "few lost packets end the connection",
		    PROBES_WANTED);
}

/* How long may a peer be out of reach? Too eager probes break backups. */
static void
warn_reach(struct config_report *report, struct config_defaults *defaults,
    const struct rule *rule)
{
	const struct origin *origin = written_origin(rule, KEEPALIVE_INTERVAL);
	const struct keepalive *keepalive = &rule->keepalive;
	int32_t interval = keepalive->value[KEEPALIVE_INTERVAL];
	int32_t count = keepalive->value[KEEPALIVE_COUNT];
	struct config_place at;

	if (!origin || !has_option(keepalive, KEEPALIVE_INTERVAL) ||
	    !has_option(keepalive, KEEPALIVE_COUNT) ||
	    has_option(keepalive, KEEPALIVE_USER_TIMEOUT) ||
	    interval * count >= REACH_WANTED_S ||
	    (rule->timeout_s && rule->timeout_s < REACH_EXCUSED_S))
		return;
	if (warn_at(defaults, WARNING_REACH, origin, &at))
		config_report_warning(report, &at,
		    "a peer that is out of reach for %ds loses its connection "
		    "(interval %ds x count %d); %ds or more would be safe",
		    (int)(interval * count), (int)interval, (int)count,
		    REACH_WANTED_S);
}

/*
 * With TCP_USER_TIMEOUT the kernel no longer counts probes: it gives up at
 * the first unanswered one after that time (tcp(7), tcp_keepalive_timer()).
 */
static void
warn_user_timeout(struct config_report *report,
    struct config_defaults *defaults, const struct rule *rule)
{
	const struct keepalive *keepalive = &rule->keepalive;
	int64_t idle_ms = keepalive->value[KEEPALIVE_IDLE] * INT64_C(1000);
	int32_t user_ms = keepalive->value[KEEPALIVE_USER_TIMEOUT];
	struct config_place at;

	if (!has_option(keepalive, KEEPALIVE_IDLE) ||
	    !has_option(keepalive, KEEPALIVE_USER_TIMEOUT) ||
	    user_ms >= idle_ms)
		return;
	if (warn_at(defaults, WARNING_USER_TIMEOUT,
		&rule->origin[KEEPALIVE_USER_TIMEOUT], &at))
		config_report_warning(report, &at,
		    "user-timeout %gs is shorter than idle %ds, so the first "
		    "lost probe ends the connection; idle + interval x count "
		    "would be safe",
		    user_ms / 1000.0, (int)keepalive->value[KEEPALIVE_IDLE]);
}

/*
 * After each probe, answered or not, the kernel looks again only when the
 * interval is over (tcp_keepalive_timer() in net/ipv4/tcp_timer.c). So an
 * interval longer than idle is the time between probes on a healthy flow.
 */
static void
warn_interval(struct config_report *report, struct config_defaults *defaults,
    const struct rule *rule)
{
	const struct origin *origin = written_origin(rule, KEEPALIVE_IDLE);
	const struct keepalive *keepalive = &rule->keepalive;
	bool set = has_option(keepalive, KEEPALIVE_INTERVAL);
	int32_t idle = keepalive->value[KEEPALIVE_IDLE];
	int32_t interval =
	    set ? keepalive->value[KEEPALIVE_INTERVAL] : KERNEL_INTERVAL_S;
	struct config_place at;

	/* For a known timeout, warn_probes() has counted what matters. */
	if (rule->timeout_s || !origin ||
	    !has_option(keepalive, KEEPALIVE_IDLE) || interval <= idle)
		return;
	if (warn_at(defaults, WARNING_INTERVAL, origin, &at))
		config_report_warning(report, &at,
		    "%s %ds is longer than idle %ds, and the kernel never "
		    "sends "
		    "two probes faster than that; interval = \"%ds\" or less "
		    "would be right",
		    set ? "interval" : "without an interval the kernel's",
		    (int)interval, (int)idle, (int)idle);
}

void
config_rule_finish(struct config_report *report,
    struct config_defaults *defaults, const struct config_level *own,
    struct rule *rule)
{
	const struct config_level *top = &defaults->level;
	const struct config_level *level = own->timeout_s ? own : top;
	const struct config_place at = {rule->file, rule->line};

	rule->app_settings = config_level_has(own, KEY_APP_SETTINGS)
	                         ? own->app_settings
	                         : top->app_settings;
	if (rule->action == ACTION_IGNORE)
		return;
	rule->timeout_s = level->timeout_s;
	rule->profile = level->profile ? level->profile->name : NULL;
	set_option(rule, KEEPALIVE_SWITCH, 1, ORIGIN_RULE, &at);
	set_options(rule, own, ORIGIN_RULE);
	set_options(rule, top, ORIGIN_DEFAULT);
	warn_probes(report, defaults, rule);
	warn_interval(report, defaults, rule);
	warn_reach(report, defaults, rule);
	warn_user_timeout(report, defaults, rule);
}

void
config_rule_free(struct rule *rule)
{
	for (size_t i = 0; i < rule->program_count; i++)
		free((char *)rule->programs[i]);
	free(rule->programs);
	free(rule->ports);
	free(rule->destinations);
	free(rule->sources);
	free((char *)rule->name);
}
