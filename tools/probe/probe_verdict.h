/* SPDX-License-Identifier: ISC */
/*
 * probe_verdict: what all that was seen comes to.
 */
#ifndef KASHIM_PROBE_VERDICT_H
#define KASHIM_PROBE_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "probe/probe_silence.h"

enum probe_verdict {
	PROBE_FORGETS,        /* the path forgets */
	PROBE_SURVIVES,       /* nothing was lost, up to the longest silence */
	PROBE_SERVICE_CLOSES, /* also the connection that has keepalive */
	PROBE_NEVER_SILENT,   /* the service sends by itself */
	PROBE_INCONSISTENT,   /* a longer silence survives than is lost */
	PROBE_OUTAGE,         /* nothing answers any more */
	PROBE_UNANSWERED,     /* no probe was ever answered */
	PROBE_INTERRUPTED,    /* before there was an answer */
};

/* What is known besides the silences. */
struct probe_facts {
	/* How the connection with keepalive ended: SILENCE_SURVIVED: not. */
	enum silence_end control;
	bool answered;     /* it has ever been */
	bool answers;      /* it was, since the last one was lost */
	bool all_at_once;  /* all connections ended with it */
	bool never_silent; /* the peer speaks again and again */
	bool interrupted;
	unsigned int alive; /* silent connections that are left */
};

/* to_ms: the longest silence that was asked for. */
enum probe_verdict probe_verdict(const struct bracket *bracket,
    const struct probe_facts *facts, int64_t to_ms);

/* For programs: "path-forgets" and so on. */
const char *probe_verdict_name(enum probe_verdict verdict);

#endif
