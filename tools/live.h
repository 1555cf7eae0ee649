/* SPDX-License-Identifier: ISC */
/*
 * live: the TCP connections and listeners of this host, each with its
 * process, what its socket really has, the rule that should apply, and what
 * comes of comparing these. It changes nothing.
 */
#ifndef KASHIM_LIVE_H
#define KASHIM_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "diag.h"
#include "image.h"
#include "keepalive.h"
#include "match.h"
#include "process.h"

/* Which processes are meant: all, if nothing is named; else the union. */
struct live_choice {
	const pid_t *pids;
	size_t pid_count;
	const char *const *units; /* "x.service", or "x" for that */
	size_t unit_count;
	const char *const *programs; /* shell patterns, as in rules */
	size_t program_count;
};

enum live_direction {
	LIVE_UNSURE, /* it cannot be told who sent the SYN */
	LIVE_OUT,    /* our side did: direction = connect */
	LIVE_IN,     /* the peer did: direction = accept */
	LIVE_LISTENER,
};

enum live_verdict {
	LIVE_OK,      /* has what the rule says, or the rule says ignore */
	LIVE_DIFFERS, /* keepalive is on, with other values than the rule's */
	LIVE_OFF,     /* a rule asks for keepalive, and it is off */
	LIVE_NO_RULE, /* no rule matches */
	LIVE_UNKNOWN, /* not permitted to look, or no process known */
	LIVE_VERDICTS,
};

struct live_socket {
	struct diag_socket socket;
	uint64_t net;                  /* network namespace */
	const struct process *process; /* NULL: not known */
	unsigned int sharers;          /* other processes that have it, too */
	int fd;                        /* in process, -1: not known */
	enum live_direction direction;
	bool have_known;       /* have was read from the socket */
	struct keepalive have; /* its options, as they really are */
	int rule;              /* its number in the image, or MATCH_NONE */
	enum live_verdict verdict;
};

struct live {
	struct live_socket *sockets; /* by process, then descriptor; those
	                                without a process last */
	size_t count;
	struct process *processes;
	size_t process_count;
	/* Processes that were chosen but may not be looked into. */
	size_t closed_count;
	/* Network namespaces whose sockets could not be listed. */
	size_t hidden_nets;
};

/*
 * Reads all of it. image may be NULL: no rules, every verdict is
 * LIVE_NO_RULE or LIVE_UNKNOWN. Listeners are among the sockets; the caller
 * passes over them. choice may be NULL: all.
 * Returns 0, and the caller gives *live back with live_free(); or -errno:
 * -ESRCH if choice names a pid that there is not, -ENOMEM.
 */
int live_read(const struct live_choice *choice, const struct image *image,
    struct live *live);

void live_free(struct live *live);

/*
 * The two queries of match.h that can decide for a socket, by its direction:
 * one, or for LIVE_UNSURE two, the accepting one first. Returns how many.
 */
unsigned int
live_queries(const struct live_socket *socket, struct match_query query[2]);

/* "ok", "differs", "off", "no rule", "unknown". */
const char *live_verdict_name(enum live_verdict verdict);

#endif
