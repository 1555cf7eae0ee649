/* SPDX-License-Identifier: ISC */
/*
 * probe_silence: what the silences that were survived and lost say of the path
 * (probe_silence.h).
 */
#include "probe/probe_silence.h"

/* "Clearly more": a tenth and 2 s. */
#define NEAR_MS(ms) ((ms) / 10 * 11 + 2000)

static bool
is_lost(const struct silence *silence)
{
	return silence->end != SILENCE_SURVIVED && !silence->odd;
}

static int64_t
lost_after(const struct silences *silences, const struct silence *silence)
{
	return silences->lossy ? silence->last_ms : silence->first_ms;
}

void
silences_add(struct silences *silences, struct silence silence)
{
	struct silence *lost = NULL;
	size_t count = 0;

	for (size_t i = 0; i < silences->count; i++)
		if (is_lost(&silences->list[i])) {
			lost = &silences->list[i];
			count++;
		}
	if (silence.end == SILENCE_SURVIVED && count == 1 &&
	    silence.least_ms >= lost_after(silences, lost))
		lost->odd = true;
	if (silences->count < SILENCES_MAX)
		silences->list[silences->count++] = silence;
}

/* The longest that was survived, of those below limit_ms. */
static int64_t
survived_below(const struct silences *silences, int64_t limit_ms)
{
	int64_t longest = 0;

	for (size_t i = 0; i < silences->count; i++) {
		const struct silence *silence = &silences->list[i];

		if (silence->end == SILENCE_SURVIVED &&
		    silence->least_ms < limit_ms && silence->least_ms > longest)
			longest = silence->least_ms;
	}
	return longest;
}

/*
 * The shortest that was lost and is above limit_ms; the longest if none is. Odd
 * ones count if odd says so.
 */
static int64_t
lost_above(const struct silences *silences, int64_t limit_ms, bool odd)
{
	int64_t shortest = INT64_MAX, longest = 0;

	for (size_t i = 0; i < silences->count; i++) {
		const struct silence *silence = &silences->list[i];
		int64_t ms = lost_after(silences, silence);

		if (!is_lost(silence) && !(odd && silence->odd))
			continue;
		if (ms > longest)
			longest = ms;
		if (ms > limit_ms && ms < shortest)
			shortest = ms;
	}
	return shortest < INT64_MAX ? shortest : longest;
}

struct bracket
silences_bracket(const struct silences *silences)
{
	struct bracket bracket = {0};
	bool odd;

	for (size_t i = 0; i < silences->count; i++) {
		const struct silence *silence = &silences->list[i];

		bracket.odd += silence->odd;
		if (is_lost(silence) && bracket.lost++ == 0)
			bracket.how = silence->end;
	}
	odd = bracket.odd > 1;
	if (odd)
		bracket.lost += bracket.odd;
	bracket.longest_ms = survived_below(silences, INT64_MAX);
	bracket.shortest_ms = lost_above(silences, 0, odd);
	bracket.survived_ms = bracket.longest_ms;
	if (bracket.lost > 0)
		bracket.survived_ms =
		    survived_below(silences, bracket.shortest_ms);
	bracket.lost_ms = lost_above(silences, bracket.longest_ms, odd);
	bracket.consistent =
	    !odd && (bracket.lost == 0 ||
			bracket.longest_ms <= NEAR_MS(bracket.shortest_ms));
	return bracket;
}

bool
bracket_fits(const struct bracket *bracket, uint32_t timeout_s)
{
	int64_t ms = (int64_t)timeout_s * 1000;

	return ms > bracket->survived_ms && ms <= bracket->lost_ms;
}

void
silences_came_through(struct silences *silences)
{
	for (size_t i = 0; i < silences->count; i++) {
		struct silence *silence = &silences->list[i];

		if (silence->end == SILENCE_RESET ||
		    silence->end == SILENCE_CLOSED)
			silence->end = SILENCE_SURVIVED;
	}
}

uint32_t
silence_advice(int64_t survived_ms)
{
	uint32_t seconds = (uint32_t)(survived_ms / 1000);
	uint32_t step = seconds >= 7200  ? 300
	                : seconds >= 600 ? 60
	                : seconds >= 120 ? 10
	                                 : 1;

	return seconds / step * step;
}
