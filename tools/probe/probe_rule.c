/* SPDX-License-Identifier: ISC */
/*
 * probe_rule: a rule and what was measured (probe_rule.h).
 */
#include "probe/probe_rule.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>

#include "base/lateness.h"
#include "host/netns.h"
#include "image/match.h"

/* Those of a kernel whose sysctls nobody has changed (tcp(7)). */
#define KERNEL_IDLE_S     7200
#define KERNEL_INTERVAL_S 75

static bool
is_candidate(const struct live_socket *socket, int rule)
{
	return socket->direction == LIVE_OUT && socket->net == netns_own() &&
	       socket->socket.state == TCP_ESTABLISHED &&
	       socket->socket.remote.family != ADDR_NONE &&
	       (rule == MATCH_NONE || socket->rule == rule);
}

static bool
same_target(const struct live_socket *a, const struct live_socket *b)
{
	return a->socket.remote_port == b->socket.remote_port &&
	       memcmp(&a->socket.remote, &b->socket.remote,
		   sizeof(a->socket.remote)) == 0;
}

int
rule_target(const struct live_choice *choice, const struct image *image,
    int *rule, struct addr *address, uint16_t *port)
{
	const struct live_socket *best = NULL;
	struct live live;
	size_t most = 0;
	int error = live_read(choice, image, &live);

	if (error < 0)
		return error;
	for (size_t i = 0; i < live.count; i++) {
		size_t same = 0;

		if (!is_candidate(&live.sockets[i], *rule))
			continue;
		for (size_t j = i; j < live.count; j++)
			same += is_candidate(&live.sockets[j], *rule) &&
			        same_target(&live.sockets[i], &live.sockets[j]);
		if (same > most) {
			most = same;
			best = &live.sockets[i];
		}
	}
	if (best) {
		*rule = best->rule;
		*address = best->socket.remote;
		*port = best->socket.remote_port;
	}
	live_free(&live);
	return best ? 0 : -ENOENT;
}

int
rule_find(const struct image *image, const char *name)
{
	struct image_rule rule;

	for (uint32_t i = 0; image_rule(image, i, &rule); i++)
		if (strcmp(image_string(image, rule.name), name) == 0)
			return (int)i;
	return MATCH_NONE;
}

static int64_t
value_ms(const struct image_rule *rule, enum keepalive_option option,
    int32_t otherwise_s)
{
	return rule->options & 1u << option
	           ? (int64_t)rule->value[option] * 1000
	           : (int64_t)otherwise_s * 1000;
}

enum rule_fit
rule_fit(const struct image_rule *rule, const struct probe_result *result,
    unsigned int hz)
{
	int64_t survived_ms = result->bracket.survived_ms;
	int64_t first_ms, second_ms;

	if (result->verdict != PROBE_FORGETS &&
	    result->verdict != PROBE_INCONSISTENT &&
	    result->verdict != PROBE_SURVIVES)
		return RULE_UNKNOWN;
	first_ms = value_ms(rule, KEEPALIVE_IDLE, KERNEL_IDLE_S);
	first_ms += lateness_ms(hz, first_ms);
	second_ms = value_ms(rule, KEEPALIVE_INTERVAL, KERNEL_INTERVAL_S);
	second_ms += first_ms + lateness_ms(hz, second_ms);
	if (rule->action != ACTION_IGNORE && second_ms <= survived_ms)
		return RULE_FITS;
	/* What was survived is not all there is. */
	if (result->verdict == PROBE_SURVIVES)
		return RULE_UNKNOWN;
	return rule->action == ACTION_IGNORE ? RULE_IGNORES
	       : first_ms <= survived_ms     ? RULE_FITS_BARELY
	                                     : RULE_TOO_LATE;
}

const char *
rule_fit_name(enum rule_fit fit)
{
	static const char *const names[] = {
	    [RULE_UNKNOWN] = "unknown",
	    [RULE_FITS] = "fits",
	    [RULE_FITS_BARELY] = "fits-barely",
	    [RULE_TOO_LATE] = "too-late",
	    [RULE_IGNORES] = "ignores",
	};

	return names[fit];
}
