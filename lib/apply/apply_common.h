/* SPDX-License-Identifier: ISC */
/*
 * apply_common: what the sides of apply have in common: the two ends of a
 * socket, the rule for them, and that rule's options on the socket. For the
 * apply modules alone. All is async-signal-safe, and may change errno.
 */
#ifndef KASHIM_APPLY_COMMON_H
#define KASHIM_APPLY_COMMON_H

#include "apply/apply.h"
#include "base/addr.h"

struct end {
	struct addr addr;
	uint16_t port;
};

/*
 * Our end of fd. Returns 0, or -errno if it is not an IP socket. *len is how
 * long its address is, for apply_peer_end().
 */
int apply_local_end(int fd, struct end *end, socklen_t *len);

/*
 * The other end of fd, also while the SYN is under way. Returns 0, or -errno
 * if it has none.
 */
int apply_peer_end(
    const struct apply *apply, int fd, struct end *end, socklen_t local_len);

/* The rule has to be looked up again, in the policy that came meanwhile. */
#define RULE_OVERTAKEN (-2)

/* A rule, as it was when it was found. */
struct found {
	int rule; /* or MATCH_NONE, RULE_OVERTAKEN */
	uint32_t action;
	uint32_t app_settings;
	struct keepalive want;
};

/* Is it one that sets something? */
static inline bool
found_sets(const struct found *found)
{
	return found->rule >= 0 && found->action == ACTION_KEEPALIVE;
}

/* The rule of that number, or MATCH_NONE. */
struct found apply_get(const struct apply *apply, int rule);

/* The rule for a connection. */
struct found
apply_find(const struct apply *apply, const struct match_query *query);

/*
 * Takes back what an earlier rule left on fd and want, of which rule is the
 * number, does not name.
 */
void apply_take_back(
    const struct apply *apply, int fd, int rule, const struct keepalive *want);

/*
 * Sets on fd what a rule says, which is not RULE_OVERTAKEN, and keeps a record
 * of it. call is the host's, and query, if not NULL, the connection, for the
 * trace.
 */
void apply_set(const struct apply *apply, const char *call, int fd,
    const struct match_query *query, const struct found *found);

/*
 * The same for a socket that has nothing of an earlier rule, and a rule that
 * neither tightens nor is traced. Returns what keepalive_set() does.
 */
int apply_set_new(const struct keepalive_calls *calls, uint32_t generation,
    int fd, int rule, const struct keepalive *want);

/*
 * Finds it and sets it, as often as the policy is overtaken: for a query that
 * has all that can be known of a connection.
 */
void apply_find_and_set(const struct apply *apply, const char *call, int fd,
    const struct match_query *query);

/*
 * Has fd the uniform rule since socket(2)? After a reload, what is on record
 * may be of a socket of the same number in a child of vfork(2).
 */
bool apply_was_set_at_once(const struct apply *apply, int fd);

/*
 * Do all connections to a listener get the same rule, by its port and, if it
 * is bound to one, its address?
 */
bool apply_listener_decides(const struct apply *apply, const struct end *local);

/* The rule that they get then; *query is what was asked. */
struct found apply_listener_rule(const struct apply *apply,
    const struct end *local, struct match_query *query);

#endif
