/* SPDX-License-Identifier: ISC */
/*
 * probe_plan: which connection is opened or asked when. It only decides; it
 * knows of no socket, and is told the time.
 *
 * N connections are silent. Each time, the one that has been silent for longest
 * is asked by a probe, when its silence is as long as the next of a row of
 * times, each Q times the one before; answered, it is silent anew, and its turn
 * comes again N times later. With Q = (N - 1)^(1/N), silence T is asked at
 * N/(N-1) * T, and what is forgotten after T is noticed at Q * N/(N-1) * T at
 * the latest, which is the least possible: 1.28 * T with 15 connections. The
 * first N are opened as if their turn had come before. When one is lost, those
 * that have been silent for less, but longer than any that survived, are asked
 * at once: some five of 15, which narrow it to a few per cent.
 */
#ifndef KASHIM_PROBE_PLAN_H
#define KASHIM_PROBE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "probe/probe_silence.h"

#define PLAN_CONNECTIONS_MIN 6
#define PLAN_CONNECTIONS_MAX 64
/* As many may be opened in all: others, when those have been lost. */
#define PLAN_OPENED_MAX (2 * PLAN_CONNECTIONS_MAX)

struct plan_settings {
	int64_t from_ms;
	int64_t to_ms;
	unsigned int connections; /* the silent ones */
	unsigned int rate;        /* so many are opened in a second at most */
	bool precise; /* narrow it down to a per cent, or a second */
};

enum plan_state {
	PLAN_OPENING,
	PLAN_SILENT,
	PLAN_ASKED,
	PLAN_ENDED,
};

/* A silent connection, as the plan has to know it. */
struct plan_connection {
	enum plan_state state;
	int64_t since_ms; /* when the silence began */
};

/* begun_ms and opened_ms are when the first connection, any, was opened. */
struct plan {
	struct plan_settings settings;
	int64_t begun_ms;
	int64_t opened_ms; /* the last one */
	unsigned int opened;
	int64_t target_ms; /* the silence that is asked for next */
	bool refined;      /* those in between were asked */
};

struct plan_step {
	enum {
		PLAN_WAIT, /* nothing before until_ms, unless something ends */
		PLAN_OPEN, /* open one, number plan->opened - 1 */
		PLAN_ASK,  /* ask connection which */
		PLAN_DONE, /* there is no more to learn */
	} what;
	unsigned int which;
	int64_t until_ms;
};

/* now_ms: the connection that is no silent one has been opened. */
struct plan plan_begin(const struct plan_settings *settings, int64_t now_ms);

/*
 * The next step. count connections have been opened; bracket is what is known
 * of them.
 */
struct plan_step
plan_next(struct plan *plan, const struct plan_connection *connections,
    unsigned int count, const struct bracket *bracket, int64_t now_ms);

/*
 * How long all of it may take, if a probe that is not answered is given up
 * after ask_ms.
 */
int64_t plan_longest_ms(const struct plan_settings *settings, int64_t ask_ms);

#endif
