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

#include "base/keepalive.h"
#include "host/diag.h"
#include "host/process.h"
#include "image/image.h"
#include "image/match.h"

/* Which processes are meant: all, if nothing is named; else the union. */
struct live_choice {
	const pid_t *pids;
	uint64_t *starts; /* of each pid: 0 until it was seen first */
	size_t pid_count;
	const char *const *units; /* "x.service", or "x" for that */
	size_t unit_count;
	const char *const *programs; /* shell patterns, as in rules */
	size_t program_count;
	/*
	 * Not NULL: of their sockets only those of these control groups (struct
	 * diag_socket), which are in the order of diag_compare_cgroups().
	 */
	const uint64_t *cgroups;
	size_t cgroup_count;
};

/*
 * The kernel does not tell who sent the SYN. Taken as certain is, in this
 * order:
 * - SYN_SENT: we did; SYN_RECV: the peer did.
 * - A listener with the local port, and with the local address or none, in
 *   the same network namespace: the peer did. (connect(2) picks no port that
 *   somebody is bound to.)
 * - The same for the remote port and address: we did.
 * - One of the two ports is in the range that this namespace takes ports from
 *   (net.ipv4.ip_local_port_range) and the other is not: whose it is did.
 * All else is unsure.
 */

enum live_direction {
	LIVE_UNSURE, /* it cannot be told who sent the SYN */
	LIVE_OUT,    /* our side did: direction = connect */
	LIVE_IN,     /* the peer did: direction = accept */
	LIVE_LISTENER,
};

enum live_verdict {
	LIVE_OK, /* has what the rule says, or the rule says ignore */
	/*
	 * Keepalive is on, with other values than the rule's, or with a timer
	 * that is late for them.
	 */
	LIVE_DIFFERS,
	LIVE_OFF,     /* a rule asks for keepalive, and it is off */
	LIVE_NO_RULE, /* no rule matches */
	LIVE_UNKNOWN, /* not permitted to look, or no process has it */
	LIVE_VERDICTS,
};

struct live_socket {
	struct diag_socket socket;
	uint64_t net; /* network namespace */
	/*
	 * Of the chosen processes that have it, the one that began first.
	 * NULL: none is known. It may be one that may not be looked into, the
	 * kernel itself, or io_uring holds it without a descriptor.
	 */
	const struct process *process;
	unsigned int sharers; /* other chosen processes that have it, too */
	int fd;               /* in process, -1: not known */
	enum live_direction direction;
	struct keepalive have; /* its options, as they really are */
	/*
	 * Its number in the image, or MATCH_NONE. Of LIVE_UNSURE: the one of
	 * the two that fits what the socket has, or else the accepting one. Of
	 * a listener: what all that it accepts would get, as far as its port,
	 * and its address if it has one, decide; MATCH_NONE if that depends on
	 * the peer. Where the process's names are not known, and a
	 * rule for some program could come first: MATCH_NONE, and rule_known
	 * is false.
	 */
	int rule;
	bool rule_known;
	bool accepting;  /* the rule is for who accepts */
	bool have_known; /* have was read from the socket */
	/*
	 * Milliseconds since a segment was seen to come in, if that was: by who
	 * looks several times (status_seen.c).
	 */
	bool moved_known;
	uint32_t moved_ms;
	/*
	 * The longest silence that it is known to have survived: neither side
	 * sent anything for so long, and then something came in. 0: none is; it
	 * takes several looks, too.
	 */
	uint32_t survived_ms;
	enum live_verdict verdict;
};

/* A connection that nobody has accepted yet. */
struct live_waiting {
	uint64_t cookie;
	uint64_t listener; /* its cookie */
	/* As in struct diag_socket: all that is known of its options. */
	enum diag_timer timer;
	uint32_t expires_ms;
};

struct live {
	struct live_socket *sockets; /* by process, then descriptor; those
	                                without a process last */
	size_t count;
	struct process *processes; /* the chosen ones, oldest first */
	size_t process_count;
	/* Processes that were chosen but may not be looked into. */
	size_t closed_count;
	/* Network namespaces whose sockets could not be listed. */
	size_t hidden_nets;
	/*
	 * Sockets that were closed, or went to another descriptor, while all
	 * this was read. They are not in the list.
	 */
	size_t gone;
	/*
	 * Connections to the listeners in the list that nobody has accepted
	 * yet, and how many these are. They are not in the list.
	 */
	struct live_waiting *queue;
	size_t waiting;
	pid_t missing; /* after -ESRCH: the pid that there is not */
};

/*
 * Reads all of it. image may be NULL: no rules, every verdict is
 * LIVE_NO_RULE or LIVE_UNKNOWN. Listeners are among the sockets; the caller
 * passes over them. choice may be NULL: all. Sockets without a process are
 * listed only if all processes are meant; connections that nobody has accepted
 * yet, and those that were closed, are not.
 *
 * Network namespaces are those of the chosen processes, our own, and those
 * that the chosen processes have a socket of.
 *
 * Returns 0, and the caller gives *live back with live_free(); or -errno, and
 * only live->missing is set: -ESRCH if choice names a pid that there is not,
 * -ENOENT if the kernel has no tcp_diag, -ENOMEM, -EMFILE or -ENFILE if there
 * are too few descriptors to see it all.
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

/*
 * What a socket should have by its rule, as far as it can: what the kernel
 * refuses to tell of it (MPTCP has no user timeout), it can't be given. Copies
 * the rule out, too. Returns false if it has no rule, or may not be looked
 * into, or the rule says ignore: nothing is wanted then.
 */
bool live_wants(const struct image *image, const struct live_socket *socket,
    struct image_rule *rule, struct keepalive *want);

/* The listener of one that waits; NULL if it is gone. */
const struct live_socket *
live_find_listener(const struct live *live, const struct live_waiting *waiting);

/*
 * Has it, for certain, other options than its listener should have by its rule,
 * so that it is from before? Its timer tells whether keepalive is on, and an
 * idle time that is too long, and no more.
 */
bool live_is_old(const struct image *image, const struct live_socket *listener,
    const struct live_waiting *waiting);

/*
 * Is its keepalive timer to run out later than idle and the silence say, though
 * a rule asks for keepalive? The kernel sets the timer when SO_KEEPALIVE is
 * switched on and when TCP_KEEPIDLE is set, and not when the times change that
 * getsockopt(2) tells: those of a socket that never set its own change with
 * net.ipv4.tcp_keepalive_time, and TCP_KEEPINTVL sets no timer
 * (net/ipv4/tcp.c, net/ipv4/tcp_timer.c). Nor does what is switched on count
 * the silence before that. *due_ms is when it should run out.
 */
bool live_timer_is_late(const struct image *image,
    const struct live_socket *socket, int64_t *due_ms);

/*
 * The verdict on a socket, from its rule, have_known, have and timer. image may
 * be NULL. For after something was changed.
 */
enum live_verdict
live_verdict(const struct image *image, const struct live_socket *socket);

/* "ok", "differs", "off", "no rule", "unknown". */
const char *live_verdict_name(enum live_verdict verdict);

#endif
