/* SPDX-License-Identifier: ISC */
/*
 * apply_decide: which rule is to be set on a socket, and how: a pure function
 * of the policy and of what is known of the socket. It makes no system call,
 * and looks at no record.
 */
#ifndef KASHIM_APPLY_DECIDE_H
#define KASHIM_APPLY_DECIDE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/addr.h"
#include "base/keepalive.h"
#include "image/match.h"
#include "image/view.h"

struct apply_end {
	struct addr addr;
	uint16_t port;
};

enum apply_call {
	APPLY_SOCKET,    /* socket(2) gave fd */
	APPLY_CONNECT,   /* fd is about to connect */
	APPLY_CONNECTED, /* has begun to; if APPLY_CONNECT said APPLY_AFTER */
	APPLY_LISTEN,    /* is about to listen */
	APPLY_LISTENING, /* does so by now, and nothing was decided for it */
	APPLY_ACCEPT,    /* accept(2) gave fd */
	/* A call that hides it, such as rcmd(3), gave fd, which ... */
	APPLY_MADE,       /* it connected */
	APPLY_CALLED,     /* it accepted, on a listener of its own */
	APPLY_INHERITED,  /* fd came from elsewhere, connected or listening */
	APPLY_SETSOCKOPT, /* the program is about to set an option of ours */
};

struct apply_event {
	enum apply_call call;
	int fd;
	int domain, type, protocol; /* of socket(2) */
	struct apply_end to;        /* of connect(2) */
	/* Of accept(2). */
	int listener;
	struct apply_end from; /* the peer; of no family: not known yet */
	struct apply_end at;   /* our end; of no family: no IP socket */
	socklen_t at_len;      /* as getsockname(2) says; 0: not asked yet */
	uint32_t before;       /* apply_accepting() */
	/* Generation + 1 in which APPLY_LISTENING was last seen to; or 0 */
	uint32_t updated;
};

/*
 * What is known of the socket, as far as it can make a difference to the event
 * under this policy; the rest is zero.
 */
struct apply_facts {
	bool is_ip;    /* local is known */
	bool is_ip_v6; /* of the family AF_INET6 */
	bool has_peer; /* in APPLY_CONNECT, peer is not filled in */
	bool asked_local, asked_peer;
	bool is_listener; /* if it has no peer */
	bool is_made;     /* this program made it */
	bool is_seen;     /* each accept(2) on it is */
	bool set_at_once; /* it has the uniform rule since socket(2) */
	bool has_ours;    /* a rule of whatever policy was set on it */
	int rule;         /* the last one of this policy, or MATCH_NONE */
	int gives;        /* record_gives() of the listener */
	bool late;    /* nothing was decided for the listener in this policy */
	bool queued;  /* some that wait there may have what it had before */
	bool changed; /* it gives something else now than before */
	bool has_options; /* they were asked for */
	struct apply_end local, peer;
	socklen_t local_len;      /* as getsockname(2) says */
	struct keepalive options; /* those that it has */
};

/* A rule, as it was when it was found. */
struct apply_found {
	int rule; /* or MATCH_NONE */
	uint32_t action;
	uint32_t app_settings;
	struct keepalive want;
};

enum apply_what {
	APPLY_NOTHING,
	APPLY_SET,            /* found, also if that is none */
	APPLY_INHERIT,        /* fd has it from the listener; only its number */
	APPLY_SET_LISTENER,   /* the same; what fd accepts inherits it */
	APPLY_LEAVE_LISTENER, /* each connection gets its own */
	APPLY_NOTE_NOTHING,   /* nor will anything be for what fd accepts */
	APPLY_AFTER,          /* it can't be known before the call is made */
	APPLY_LISTENER_FIRST, /* APPLY_LISTENING of it, then again */
	/* Again, with more of fd in the facts. */
	APPLY_ASK_LOCAL,
	APPLY_ASK_PEER,
	APPLY_ASK_OPTIONS,
};

struct apply_decision {
	enum apply_what what;
	bool accepts; /* found holds for all that fd accepts, too */
	bool anew;    /* fd first gets what the listener has now */
	bool queued;  /* one of the listener's queue is gone */
	/*
	 * It holds for all new sockets that connect there, or for all that the
	 * listener accepts with these addresses (query).
	 */
	bool lasting;
	bool to_one; /* query is a connection's, or a listener's */
	struct match_query query;
	struct apply_found found;
};

/* Is it one that sets something? */
static inline bool
apply_sets(const struct apply_found *found)
{
	return found->rule != MATCH_NONE && found->action == ACTION_KEEPALIVE;
}

/* Can it make a difference to connect(2) what is known of fd but its record? */
bool
apply_connect_matters(const struct view *view, const struct apply_facts *facts);

/* Can more than what comes of records make a difference to accept(2)? */
bool apply_accept_matters(const struct view *view,
    const struct apply_event *event, const struct apply_facts *facts);

void apply_decide(const struct view *view, const struct apply_event *event,
    const struct apply_facts *facts, struct apply_decision *decision);

#endif
