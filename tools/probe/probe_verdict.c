/* SPDX-License-Identifier: ISC */
/*
 * probe_verdict: what all that was seen comes to (probe_verdict.h).
 */
#include "probe/probe_verdict.h"

enum probe_verdict
probe_verdict(const struct bracket *bracket, const struct probe_facts *facts,
    int64_t to_ms)
{
	/* Another one can confirm a single loss, if there is one. */
	bool lost =
	    bracket->lost > 1 || (bracket->lost == 1 && facts->alive == 0);

	if (!facts->answered)
		return facts->control == SILENCE_UNANSWERED ? PROBE_UNANSWERED
		       : facts->interrupted                 ? PROBE_INTERRUPTED
		                            : PROBE_SERVICE_CLOSES;
	if (bracket->lost > 1 && facts->answers &&
	    (facts->control == SILENCE_SURVIVED ||
		bracket->how == SILENCE_UNANSWERED ||
		bracket->how == SILENCE_REFUSED))
		return bracket->consistent ? PROBE_FORGETS : PROBE_INCONSISTENT;
	if (facts->control == SILENCE_UNANSWERED || facts->all_at_once)
		return PROBE_OUTAGE;
	if (facts->control != SILENCE_SURVIVED)
		return PROBE_SERVICE_CLOSES;
	if (facts->never_silent)
		return PROBE_NEVER_SILENT;
	if (!bracket->consistent)
		return PROBE_INCONSISTENT;
	if (lost)
		return facts->answers ? PROBE_FORGETS : PROBE_OUTAGE;
	if (bracket->survived_ms >= to_ms)
		return PROBE_SURVIVES;
	return facts->interrupted ? PROBE_INTERRUPTED : PROBE_SERVICE_CLOSES;
}

const char *
probe_verdict_name(enum probe_verdict verdict)
{
	static const char *const names[] = {
	    [PROBE_FORGETS] = "path-forgets",
	    [PROBE_SURVIVES] = "survives",
	    [PROBE_SERVICE_CLOSES] = "service-closes",
	    [PROBE_NEVER_SILENT] = "never-silent",
	    [PROBE_INCONSISTENT] = "inconsistent",
	    [PROBE_OUTAGE] = "outage",
	    [PROBE_UNANSWERED] = "unanswered",
	    [PROBE_INTERRUPTED] = "interrupted",
	};

	return names[verdict];
}
