/* SPDX-License-Identifier: ISC */
/*
 * probe_report_json: a result for programs, as kashim-probe(1) describes it.
 */
#include <errno.h>
#include <jansson.h>

#include "config/config_profile.h"
#include "probe/probe_report.h"

static json_t *
seconds_or_null(int64_t ms)
{
	return ms ? json_real((double)ms / 1000) : json_null();
}

static json_t *
profiles(const struct bracket *bracket)
{
	json_t *names = json_array();

	for (unsigned int i = 0; i < CONFIG_PROFILES; i++)
		if (bracket_fits(bracket, config_profiles[i].timeout_s))
			json_array_append_new(
			    names, json_string(config_profiles[i].name));
	return names;
}

int
report_json(FILE *out, const struct report *report)
{
	static const char *const ends[] = {
	    [SILENCE_SURVIVED] = "none",
	    [SILENCE_UNANSWERED] = "no-answer",
	    [SILENCE_REFUSED] = "reset-when-asked",
	    [SILENCE_RESET] = "reset",
	    [SILENCE_CLOSED] = "fin",
	};
	const struct probe_result *result = report->result;
	const struct bracket *bracket = &result->bracket;
	uint32_t advice_s = report_advice_s(result);
	bool interrupted = result->verdict == PROBE_INTERRUPTED;
	char address[ADDR_TEXT_MAX];
	json_t *object;
	int error = -ENOMEM;

	addr_format(&result->address, address);
	object = json_pack(
	    "{s:s, s:s, s:i, s:f, s:s, s:o, s:o, s:i, s:s, s:o, "
	    "s:o, s:b, s:b, s:i, s:i, s:s, s:o, s:f, s:s*, s:s*, "
	    "s:s*}",
	    "host", report->host, "address", address, "port", (int)result->port,
	    "round_trip_seconds", (double)result->rtt_us / 1000000, "verdict",
	    probe_verdict_name(result->verdict), "survived_seconds",
	    seconds_or_null(bracket->survived_ms), "lost_seconds",
	    seconds_or_null(bracket->lost_ms), "lost_connections",
	    (int)bracket->lost, "lost_by",
	    ends[bracket->lost ? bracket->how : SILENCE_SURVIVED],
	    "firewall_timeout_seconds",
	    advice_s ? json_integer(advice_s) : json_null(), "profiles",
	    result->verdict == PROBE_FORGETS ? profiles(bracket) : json_array(),
	    "consistent", bracket->consistent, "packets_lost", result->lossy,
	    "connections", (int)result->opened, "refused", (int)result->refused,
	    "control_ended_by", ends[result->control], "control_ended_seconds",
	    seconds_or_null(result->control_ms), "took_seconds",
	    (double)result->took_ms / 1000, "again",
	    interrupted ? report->again : NULL, "rule", report->rule_name,
	    "rule_fit", report->rule_name ? rule_fit_name(report->fit) : NULL);
	if (object && json_dumpf(object, out,
			  JSON_INDENT(2) | JSON_REAL_PRECISION(9)) == 0)
		error = 0;
	json_decref(object);
	fputc('\n', out);
	return error;
}
