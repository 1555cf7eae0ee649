/* SPDX-License-Identifier: ISC */
/*
 * advice_timers: which timers of a rule are too late for its firewall, or so
 * soon that a short outage ends the connection.
 */
#ifndef KASHIM_ADVICE_TIMERS_H
#define KASHIM_ADVICE_TIMERS_H

#include <stdint.h>

#include "compile/build.h"
#include "config/config_report.h"

/*
 * How long an outage should do no harm. A network without anything quicker
 * than spanning tree needs 50 s to find a new path: 20 s max age and twice
 * 15 s forward delay, the defaults of IEEE 802.1D.
 */
#define ADVICE_OUTAGE_S 60

/* RFC 9293, 3.8.3: so long, or longer, TCP should try to deliver data. */
#define ADVICE_USER_TIMEOUT_S 100

/*
 * So long Linux's connection tracking keeps a connection after its fourth probe
 * without an answer: nf_conntrack_tcp_timeout_max_retrans, of which the default
 * is in net/netfilter/nf_conntrack_proto_tcp.c.
 */
#define ADVICE_RETRANS_S 300
#define ADVICE_RETRANS   4

/*
 * So long a receiver should be able to pause with its window closed: a tape is
 * changed, a disk is full.
 */
#define ADVICE_PAUSE_S 1800

/* So many probes should fit before the firewall forgets. */
#define ADVICE_PROBES 3

/* Start with zeroes, but for tell and data. */
struct advice_timers {
	/* Called with "what, why, what would be right". */
	void (*tell)(
	    void *data, const struct config_place *at, const char *message);
	void *data;
	uint32_t told; /* about defaults, which are told once */
};

/* Tells about the timers of a rule; one with ACTION_IGNORE has none. */
void advice_timers(struct advice_timers *advice, const struct rule *rule);

#endif
