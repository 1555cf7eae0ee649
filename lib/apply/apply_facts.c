/* SPDX-License-Identifier: ISC */
/*
 * apply_facts: what has to be known of a socket.
 *
 * A table by descriptor would be wrong after the first dup(2) or close(2). So
 * what has to be known of a socket is asked of the kernel, and only where a
 * rule needs it; what record remembers is a hint.
 */
#include "apply/apply_facts.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "apply/record.h"

#define QUEUE_MAX 4096u /* SOMAXCONN in the kernel */

bool
apply_facts_local(int fd, struct apply_end *end, socklen_t *len)
{
	struct sockaddr_storage sa;

	*len = sizeof(sa);
	return getsockname(fd, (struct sockaddr *)&sa, len) == 0 &&
	       addr_from_sockaddr(&sa, *len, &end->addr, &end->port) == 0;
}

static void
ask_local(int fd, struct apply_facts *facts)
{
	facts->asked_local = true;
	facts->is_ip = apply_facts_local(fd, &facts->local, &facts->local_len);
}

/*
 * The other end of fd. getpeername(2) refuses while the SYN is under way;
 * SO_PEERNAME tells it already then, but wants the address's exact length
 * (sk_getsockopt() in net/core/sock.c).
 */
static void
ask_peer(const struct apply *apply, int fd, struct apply_facts *facts)
{
	struct sockaddr_storage sa;
	socklen_t len = facts->local_len;

	facts->asked_peer = true;
	facts->has_peer =
	    apply->calls.get(fd, SOL_SOCKET, SO_PEERNAME, &sa, &len) == 0 &&
	    addr_from_sockaddr(
		&sa, len, &facts->peer.addr, &facts->peer.port) == 0;
}

/*
 * Has fd a peer already? Asked only if a rule was set on fd before, so that a
 * first connect costs nothing. Two bytes will do: sk_getsockopt() cuts the
 * address.
 */
static bool
has_peer(const struct apply *apply, int fd)
{
	sa_family_t family;
	socklen_t len = sizeof(family);

	return apply->calls.get(fd, SOL_SOCKET, SO_PEERNAME, &family, &len) ==
	       0;
}

bool
apply_facts_listens(const struct keepalive_calls *calls, int fd)
{
	int listening = 0;
	socklen_t len = sizeof(listening);

	return calls->get(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) ==
	           0 &&
	       listening != 0;
}

/* Not inlined: its stack is not to be added to that of the trace. */
__attribute__((noinline)) uint32_t
apply_facts_waiting(const struct keepalive_calls *calls, int fd)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	if (calls->get(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return QUEUE_MAX;
	return info.tcpi_unacked;
}

/*
 * Has fd the uniform rule since socket(2)? After a reload, what is on record
 * may be of a socket of the same number in a child of vfork(2).
 */
static bool
was_set_at_once(const struct apply *apply, int fd)
{
	const struct view *view = apply->view;
	struct keepalive ours;

	if (view->uniform == MATCH_NONE || !view->changed)
		return view->uniform != MATCH_NONE;
	ours = record_of_rule(fd);
	return record_decided(fd, view->generation) &&
	       keepalive_begins(&apply->calls, fd, &ours);
}

static void
before_connect(const struct apply *apply, const struct apply_event *event,
    struct apply_facts *facts)
{
	const struct view *view = apply->view;

	facts->set_at_once = was_set_at_once(apply, event->fd);
	facts->has_ours = record_of_rule(event->fd).set != 0;
	if (!apply_connect_matters(view, facts))
		return;
	facts->has_peer = facts->has_ours && has_peer(apply, event->fd);
	if (!facts->has_peer && addr_is_unspecified(&event->to.addr))
		ask_local(event->fd, facts);
}

/*
 * As a listener. A supervisor sees what is accepted late, and does not know by
 * whom it was.
 */
static void
ask_record(const struct apply *apply, int fd, struct apply_facts *facts)
{
	facts->is_made = record_is_made(fd);
	facts->is_seen = record_has_room(fd) && apply->host == NULL;
	facts->gives = record_gives(fd, apply->view->generation);
}

static void
of_listener(const struct apply *apply, int fd, struct apply_facts *facts)
{
	ask_record(apply, fd, facts);
	/* Not one by which it connected before. */
	facts->rule = facts->gives;
	if (record_accepts(fd, apply->view->generation) != 0)
		facts->rule = record_rule(fd, apply->view->generation);
	/* Not if it was made elsewhere. */
	facts->set_at_once = was_set_at_once(apply, fd) &&
	                     (!record_has_room(fd) ||
				 record_decided(fd, apply->view->generation));
	if (!facts->set_at_once && !match_scope_is_empty(&apply->view->accept))
		ask_local(fd, facts);
}

static void
after_accept(const struct apply *apply, const struct apply_event *event,
    struct apply_facts *facts)
{
	const struct view *view = apply->view;
	const int listener = event->listener;

	facts->late = record_has_room(listener) &&
	              !record_decided(listener, view->generation);
	facts->queued = record_has_queued(listener);
	facts->changed =
	    view->changed && (!record_has_room(listener) ||
				 event->before != record_decided_in(listener));
	if (!apply_accept_matters(view, event, facts))
		return;
	/* What waited in the queue may have what the listener had before. */
	if (!facts->queued)
		facts->gives = record_gives(listener, view->generation);
	if (event->at_len == 0) {
		ask_local(event->fd, facts);
	} else {
		facts->is_ip = event->at.addr.family != ADDR_NONE;
		facts->local = event->at;
		facts->local_len = event->at_len;
	}
	if (event->from.addr.family != ADDR_NONE) {
		facts->has_peer = true;
		facts->peer = event->from;
	}
}

static void
both_ends(const struct apply *apply, int fd, struct apply_facts *facts)
{
	ask_local(fd, facts);
	if (facts->is_ip)
		ask_peer(apply, fd, facts);
}

static void
of_inherited(const struct apply *apply, int fd, struct apply_facts *facts)
{
	ask_record(apply, fd, facts);
	if (apply->view->uniform != MATCH_NONE) {
		ask_local(fd, facts);
		return;
	}
	both_ends(apply, fd, facts);
	if (facts->is_ip && !facts->has_peer)
		facts->is_listener = apply_facts_listens(&apply->calls, fd);
}

static void
before_setsockopt(const struct apply *apply, int fd, struct apply_facts *facts)
{
	const struct view *view = apply->view;

	if (!view->holds || view->uniform != MATCH_NONE)
		return;
	facts->rule = record_rule(fd, view->generation);
	ask_record(apply, fd, facts);
	both_ends(apply, fd, facts);
	if (facts->is_ip && !facts->has_peer)
		facts->is_listener = apply_facts_listens(&apply->calls, fd);
}

void
apply_facts(const struct apply *apply, const struct apply_event *event,
    struct apply_facts *facts)
{
	*facts =
	    (struct apply_facts){.rule = MATCH_NONE, .gives = MATCH_DEPENDS};
	switch (event->call) {
	case APPLY_SOCKET:
		break;
	case APPLY_CONNECT:
		before_connect(apply, event, facts);
		break;
	case APPLY_CONNECTED:
	case APPLY_CALLED:
		ask_local(event->fd, facts);
		break;
	case APPLY_LISTEN:
	case APPLY_LISTENING:
		of_listener(apply, event->fd, facts);
		break;
	case APPLY_ACCEPT:
		after_accept(apply, event, facts);
		break;
	case APPLY_MADE:
		both_ends(apply, event->fd, facts);
		break;
	case APPLY_INHERITED:
		of_inherited(apply, event->fd, facts);
		break;
	case APPLY_SETSOCKOPT:
		before_setsockopt(apply, event->fd, facts);
		break;
	}
}

bool
apply_facts_more(const struct apply *apply, int fd, enum apply_what what,
    struct apply_facts *facts)
{
	switch (what) {
	case APPLY_ASK_LOCAL:
		ask_local(fd, facts);
		return true;
	case APPLY_ASK_PEER:
		ask_peer(apply, fd, facts);
		return true;
	case APPLY_ASK_OPTIONS:
		facts->has_options = true;
		if (keepalive_get(&apply->calls, fd, &facts->options) < 0)
			facts->options.set = 0;
		return true;
	default:
		return false;
	}
}
