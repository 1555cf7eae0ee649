/* SPDX-License-Identifier: ISC */
/*
 * probe_silence: the silences that connections went through, how each ended,
 * and what that says of the path: after how much silence it forgets. Nothing
 * here knows of sockets or of the time.
 */
#ifndef KASHIM_PROBE_SILENCE_H
#define KASHIM_PROBE_SILENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum silence_end {
	SILENCE_SURVIVED,   /* a probe was answered, or the peer sent one */
	SILENCE_UNANSWERED, /* no answer to any probe */
	SILENCE_REFUSED,    /* the answer to a probe was a reset */
	SILENCE_RESET,      /* a reset came by itself */
	SILENCE_CLOSED,     /* a FIN came by itself */
};

/*
 * How long one connection was silent, in ms. It was at least least_ms. When it
 * was lost, the probe that found that was the first one, after first_ms at
 * most; or, if those can have been lost on the way, the last one, after last_ms
 * at most.
 */
struct silence {
	enum silence_end end;
	bool odd; /* lost, and then another one survived as long */
	int64_t least_ms;
	int64_t first_ms;
	int64_t last_ms;
};

#define SILENCES_MAX 1024

/* All zero at first. */
struct silences {
	struct silence list[SILENCES_MAX];
	size_t count;
	bool lossy; /* the path loses packets now and then */
};

/*
 * In the order in which they ended. A single loss is no finding once another
 * connection survives as long: it is odd then. Beyond SILENCES_MAX it does
 * nothing.
 */
void silences_add(struct silences *silences, struct silence silence);

/*
 * What all of them say. The path forgets after survived_ms to lost_ms. If one
 * survived for longer than another that was lost, that is the range in which
 * both happened.
 */
struct bracket {
	int64_t survived_ms; /* 0: none */
	int64_t lost_ms;     /* 0: none */
	unsigned int lost;   /* how many connections were */
	unsigned int odd;    /* see silences_add() */
	enum silence_end how;
	/* If not, longest_ms is clearly more than shortest_ms. */
	bool consistent;
	int64_t longest_ms;  /* that was survived */
	int64_t shortest_ms; /* that was lost */
};

/*
 * One that is odd is left out, a second one not. Timeouts that are only about
 * the same, as of firewalls that look through their tables now and then, are
 * consistent.
 */
struct bracket silences_bracket(const struct silences *silences);

/* Does what forgets after timeout_s fit in? Nothing does in an open one. */
bool bracket_fits(const struct bracket *bracket, uint32_t timeout_s);

/*
 * It was the service that ended connections by itself: what of that came
 * through the path was silent before, and survived.
 */
void silences_came_through(struct silences *silences);

/*
 * The firewall-timeout, in seconds, to advise after survived_ms: rounded down,
 * so that it is safe: to 10 s from 2 min on, a minute from 10 min, 5 min from
 * 2 h. 0 if it is less than a second.
 */
uint32_t silence_advice(int64_t survived_ms);

#endif
