/* SPDX-License-Identifier: ISC */
/*
 * probe_report: a result for people (probe_report.h).
 */
#include "probe/probe_report.h"

#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/config_profile.h"
#include "term/span.h"
#include "term/wrap.h"

/* That of firewall-timeout, as config_level.c has it. */
#define ADVICE_LEAST_S 5
/* Tenths of a second say something up to here. */
#define TENTHS_MS 100000
/* The kernel's own keepalive, 2 h, comes in time. */
#define KERNEL_MS (int64_t)7500000

const char *
report_value(uint32_t seconds, char text[REPORT_VALUE_MAX])
{
	if (seconds && seconds % 3600 == 0)
		snprintf(text, REPORT_VALUE_MAX, "%uh", seconds / 3600);
	else if (seconds >= 600 && seconds % 60 == 0)
		snprintf(text, REPORT_VALUE_MAX, "%umin", seconds / 60);
	else
		snprintf(text, REPORT_VALUE_MAX, "%us", seconds);
	return text;
}

uint32_t
report_advice_s(const struct probe_result *result)
{
	uint32_t seconds = silence_advice(result->bracket.survived_ms);

	if (result->verdict != PROBE_FORGETS &&
	    result->verdict != PROBE_INCONSISTENT &&
	    result->verdict != PROBE_SURVIVES)
		return 0;
	return seconds < ADVICE_LEAST_S ? 0 : seconds;
}

/* A time, rounded up or down, since it is a bound. */
static const char *
bound(int64_t ms, bool up, char text[SPAN_TEXT_MAX])
{
	int64_t tenths = (ms + (up ? 99 : 0)) / 100;

	if (ms >= TENTHS_MS)
		return span_format(
		    (uint64_t)(ms + (up ? 999 : 0)) / 1000, text);
	snprintf(text, SPAN_TEXT_MAX, "%lld.%lld s", (long long)tenths / 10,
	    (long long)tenths % 10);
	return text;
}

#define AT_LEAST(ms) bound(ms, false, (char[SPAN_TEXT_MAX]){0})
#define AT_MOST(ms)  bound(ms, true, (char[SPAN_TEXT_MAX]){0})

static void
print_how_lost(FILE *out, const struct bracket *bracket)
{
	static const char *const how[] = {
	    [SILENCE_UNANSWERED] = "no answer",
	    [SILENCE_REFUSED] = "a reset in place of the answer",
	    [SILENCE_RESET] = "a reset by itself",
	    [SILENCE_CLOSED] = "a FIN by itself",
	};

	fprintf(out, "%s, %u connection%s", how[bracket->how], bracket->lost,
	    bracket->lost == 1 ? "" : "s");
}

static void
print_bounds(FILE *out, const struct bracket *bracket)
{
	if (bracket->survived_ms > 0)
		fprintf(out, "%s of silence were survived, ",
		    AT_LEAST(bracket->survived_ms));
	else
		fputs("No silence was survived, ", out);
	fprintf(out, "%s were not (", AT_MOST(bracket->lost_ms));
	print_how_lost(out, bracket);
	fputs("); a connection with keepalive lived on.\n", out);
}

/* The profiles whose time lies between the bounds. */
static void
print_profiles(FILE *out, const struct bracket *bracket)
{
	unsigned int fits = 0;

	for (unsigned int i = 0; i < CONFIG_PROFILES; i++) {
		const struct config_profile *profile = &config_profiles[i];

		if (!bracket_fits(bracket, profile->timeout_s))
			continue;
		fprintf(out, "%s\"%s\"",
		    fits++ ? ", " : " profile = ", profile->name);
	}
	if (fits)
		fputs(fits > 1 ? " fit." : " fits.", out);
}

static void
print_forgets(FILE *out, const struct report *report)
{
	static const char *const then[] = {
	    [SILENCE_UNANSWERED] = "says nothing",
	    [SILENCE_REFUSED] = "resets what is used after that",
	    [SILENCE_RESET] = "sends a reset then",
	    [SILENCE_CLOSED] = "sends a FIN then",
	};
	const struct bracket *bracket = &report->result->bracket;

	print_bounds(out, bracket);
	if (bracket->survived_ms == 0) {
		fprintf(out,
		    "The path forgets after %s at most, and %s. For a lower "
		    "bound begin earlier, with --from.",
		    AT_MOST(bracket->lost_ms), then[bracket->how]);
		return;
	}
	fprintf(out, "The path forgets after %s to %s, and %s.",
	    AT_LEAST(bracket->survived_ms), AT_MOST(bracket->lost_ms),
	    then[bracket->how]);
	print_profiles(out, bracket);
}

static void
print_survives(FILE *out, const struct report *report)
{
	const struct bracket *bracket = &report->result->bracket;

	fprintf(out,
	    "%s of silence were survived: the path does not forget sooner. "
	    "That holds for what is sent from this side. What the service "
	    "sends first after a long silence may still be lost, where a "
	    "firewall takes up what it has forgotten from one side only; and "
	    "if there is a proxy, this was the way to it.\n",
	    AT_LEAST(bracket->survived_ms));
	if (bracket->survived_ms >= KERNEL_MS)
		fputs("The kernel's own 2 h are soon enough, where a program "
		      "switches keepalive on.",
		    out);
	else
		fputs("For longer silences try --to.", out);
}

static void
print_closes(FILE *out, const struct report *report)
{
	const struct probe_result *result = report->result;

	if (result->control == SILENCE_SURVIVED) {
		fprintf(out,
		    "The service ended all %u connections but one at once: it "
		    "has a limit. Name another port",
		    result->opened);
	} else {
		fprintf(out,
		    "The service, or a proxy before it, ends connections after "
		    "%s by itself, with a %s, also one with keepalive: that "
		    "keepalive can't cure.",
		    AT_LEAST(result->control_ms),
		    result->control == SILENCE_CLOSED ? "FIN" : "reset");
		if (result->bracket.survived_ms > 0)
			fprintf(out, " %s of silence were survived until then.",
			    AT_LEAST(result->bracket.survived_ms));
		fputs(" To learn more, name another port", out);
	}
	fputs(", or run on the other side: kashim probe --listen PORT", out);
}

static void
print_verdict(FILE *out, const struct report *report)
{
	const struct probe_result *result = report->result;
	const struct bracket *bracket = &result->bracket;

	switch (result->verdict) {
	case PROBE_FORGETS:
		print_forgets(out, report);
		break;
	case PROBE_SURVIVES:
		print_survives(out, report);
		break;
	case PROBE_SERVICE_CLOSES:
		print_closes(out, report);
		break;
	case PROBE_NEVER_SILENT:
		fprintf(out,
		    "The service is never silent: it sends something by itself "
		    "after %s at the latest, such as keepalive of its own. "
		    "Longer silences do not occur, as long as that "
		    "reaches this side.",
		    AT_MOST(bracket->longest_ms));
		break;
	case PROBE_INCONSISTENT:
		fprintf(out, "Not consistent: %s of silence were lost (",
		    AT_LEAST(bracket->shortest_ms));
		print_how_lost(out, bracket);
		fprintf(out,
		    "), and %s survived. There may be several firewalls side "
		    "by side, or outages meanwhile. Try again.",
		    AT_LEAST(bracket->longest_ms));
		break;
	case PROBE_OUTAGE:
		fputs("Nothing answers any more, also the connection with "
		      "keepalive not: an outage, or the service was "
		      "restarted. So there is no advice.",
		    out);
		break;
	case PROBE_UNANSWERED:
		fputs("It connects, but answers no keepalive probes. So there "
		      "is no answer, and keepalive is no use on this path.",
		    out);
		break;
	case PROBE_INTERRUPTED:
		fprintf(
		    out, "Interrupted after %s.", AT_LEAST(result->took_ms));
		break;
	}
	fputc('\n', out);
}

/* What was survived, where the verdict does not say it. */
static void
print_so_far(FILE *out, const struct report *report)
{
	const struct bracket *bracket = &report->result->bracket;

	if (report->result->verdict != PROBE_OUTAGE &&
	    report->result->verdict != PROBE_INTERRUPTED)
		return;
	if (bracket->survived_ms > 0)
		fprintf(out, "%s of silence were survived so far.\n",
		    AT_LEAST(bracket->survived_ms));
	if (report->result->verdict == PROBE_INTERRUPTED && bracket->lost > 0) {
		fprintf(out, "%s were not (", AT_MOST(bracket->lost_ms));
		print_how_lost(out, bracket);
		fputs("), which nothing has confirmed yet.\n", out);
	}
}

static void
print_notes(FILE *out, const struct probe_result *result)
{
	if (result->refused && result->verdict != PROBE_SERVICE_CLOSES)
		fprintf(out,
		    "The service, or what is before it, refused %u of %u "
		    "connections, so there were fewer.\n",
		    result->refused, result->opened);
	if (result->bracket.odd == 1)
		fputs("One connection was lost after less, by chance it "
		      "seems.\n",
		    out);
	if (result->lossy)
		fputs("Packets are lost on this path: the bounds are wider for "
		      "that.\n",
		    out);
}

static void
print_rule(FILE *out, const struct report *report)
{
	static const char *const texts[] = {
	    [RULE_UNKNOWN] = "",
	    [RULE_FITS] = " fits: at least two probes come in time.",
	    [RULE_FITS_BARELY] = " fits barely: only one probe is in time.",
	    [RULE_TOO_LATE] = " does not fit: its first probe comes too late.",
	    [RULE_IGNORES] = " ignores the connection, so it is forgotten.",
	};
	int64_t timeout_ms = (int64_t)report->timeout_s * 1000;

	if (!report->rule_name || report->fit == RULE_UNKNOWN)
		return;
	fprintf(out, "Rule %s%s", report->rule_name, texts[report->fit]);
	if (timeout_ms > report->result->bracket.survived_ms &&
	    report->result->verdict == PROBE_FORGETS)
		fprintf(out, " Its firewall-timeout is longer than is safe.");
	fputc('\n', out);
}

static void
print_all(FILE *out, const struct report *report)
{
	print_verdict(out, report);
	print_so_far(out, report);
	print_notes(out, report->result);
	print_rule(out, report);
}

void
report_text(FILE *out, const struct report *report, unsigned int columns)
{
	const struct probe_result *result = report->result;
	uint32_t advice_s = report_advice_s(result);
	char address[ADDR_TEXT_MAX], value[REPORT_VALUE_MAX];
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	addr_format(&result->address, address);
	fprintf(out, "%s port %u", address, result->port);
	if (result->verdict != PROBE_UNANSWERED)
		fprintf(out, ": probes are answered, round trip %.1f ms",
		    result->rtt_us / 1000.0);
	fputc('\n', out);
	if (!stream)
		return;
	print_all(stream, report);
	fclose(stream);
	if (text && size > 0)
		text[size - 1] = '\0';
	wrap_print(out, text ? text : "", 0, 0, columns);
	free(text);
	if (result->verdict == PROBE_INTERRUPTED)
		fprintf(out, "To go on:\n\t%s\n", report->again);
	if (advice_s && result->verdict != PROBE_SURVIVES)
		fprintf(out,
		    "In " CONFIG_FILE ":\n\tfirewall-timeout = \"%s\"\n",
		    report_value(advice_s, value));
}
