/* SPDX-License-Identifier: ISC */
/*
 * config_rule: fills in what follows from a rule's keys and from the defaults.
 * It must not leave anything of a rule's meaning to chance: every option's
 * origin is known afterwards.
 */
#include "config/config_rule.h"

#include <stdlib.h>

#define DERIVED_COUNT    5
#define DERIVED_OUTAGE_S 3600
/*
 * At the fourth probe without an answer Linux's connection tracking leaves a
 * connection 300 s (nf_conntrack_tcp_timeout_max_retrans, tcp_max_retrans in
 * net/netfilter/nf_conntrack_proto_tcp.c). An interval of 240 s ends before
 * that however late it is (lateness.h).
 */
#define DERIVED_INTERVAL_S 240

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
 * would be days; an hour out of reach is enough there.
 *
 * Timers run out late by up to an eighth: then, too, two probes in a row may
 * be lost, and the third is in time.
 */
void
config_rule_derive(
    uint32_t timeout_s, int32_t *idle_s, int32_t *interval_s, int32_t *count)
{
	uint32_t idle = timeout_s / 2;
	uint32_t interval, outage;

	if (idle > KEEPALIVE_SECONDS_MAX)
		idle = KEEPALIVE_SECONDS_MAX;
	interval = (timeout_s - idle) / DERIVED_COUNT;
	if (interval < 1)
		interval = 1;
	*count = DERIVED_COUNT;
	if (interval > DERIVED_INTERVAL_S) {
		interval = DERIVED_INTERVAL_S;
		outage = timeout_s - idle;
		if (outage > DERIVED_OUTAGE_S)
			outage = DERIVED_OUTAGE_S;
		*count = (int32_t)(outage / interval);
	}
	*idle_s = (int32_t)idle;
	*interval_s = (int32_t)interval;
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

void
config_rule_finish(const struct config_level *top,
    const struct config_level *own, struct rule *rule)
{
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
