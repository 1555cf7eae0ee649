/* SPDX-License-Identifier: ISC */
/*
 * probe_link: one TCP connection that is silent, and is asked by a keepalive
 * probe now and then. It sends and reads no data. Its system calls are made by
 * their numbers: a library that is preloaded, as ours, does not see them.
 */
#ifndef KASHIM_PROBE_LINK_H
#define KASHIM_PROBE_LINK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "probe/probe_silence.h"

/* So often a probe is sent without an answer. */
#define LINK_PROBES 5

enum link_state {
	LINK_CONNECTING,
	LINK_SILENT,
	LINK_ASKED,
	LINK_KEPT, /* keepalive is on all the time */
	LINK_ENDED,
};

enum link_event {
	LINK_NOTHING,
	LINK_CONNECTED,
	LINK_HEARD,  /* a segment came in */
	LINK_FINISH, /* a silence, and the connection, ended */
	LINK_FAILED, /* it did not come about, see error */
};

/* Times are in ms; that between two looks is when something happened. */
struct probe_link {
	int fd;
	enum link_state state;
	int error;
	int64_t opened_ms;
	int64_t looked_ms;
	int64_t since_ms;  /* the silence is surely on; not earlier than... */
	int64_t before_ms; /* ...this */
	int64_t asked_ms;
	int64_t unsent_ms;  /* no probe was sent by then */
	int64_t sent_ms[2]; /* the first and the last probe was sent before */
	uint32_t in, out;   /* segments so far */
	uint32_t asked_out;
	uint32_t rtt_us;    /* the shortest round trip so far */
	bool lossy;         /* something had to be sent again */
	unsigned int spoke; /* how often the peer did, since it was asked */
};

/*
 * Begins to connect. Returns 0, -EPERM if something in this process sets
 * keepalive on new sockets, or another -errno. It is then open, or LINK_ENDED.
 */
int link_open(struct probe_link *link, const struct sockaddr *address,
    socklen_t length, int64_t now_ms);

/*
 * What has happened since the last look. With LINK_HEARD and LINK_FINISH,
 * *silence is the one that ended; a link that was asked is silent again, or
 * ended and closed.
 */
enum link_event
link_look(struct probe_link *link, int64_t now_ms, struct silence *silence);

/* Asks: sends a probe, and others after it, interval_s apart, if need be. */
void link_ask(struct probe_link *link, int interval_s, int64_t now_ms);

/* Keepalive from now on, a probe each idle_s; an outage of a minute is none. */
void link_keep(struct probe_link *link, int idle_s);

/* Closes it, with a FIN. */
void link_close(struct probe_link *link);

/* How many seconds apart the probes are. */
int link_interval_s(const struct probe_link *link);

#endif
