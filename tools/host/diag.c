/* SPDX-License-Identifier: ISC */
/*
 * diag: the kernel's list of TCP and MPTCP sockets of one network namespace.
 *
 * A dump is a request and then many messages. The kernel tells if its tables
 * changed so much that the parts do not fit together, or if it lost some of
 * them; then all of it is asked again.
 */
#include "host/diag.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
/*
 * Protocols above 255 are named in an attribute (kernel 5.9). An older kernel
 * does not know it and looks at the field, for which 0 is none.
 */
#define NO_PROTOCOL IPPROTO_IP

#define STATES                                                                 \
	(1u << TCP_ESTABLISHED | 1u << TCP_SYN_SENT | 1u << TCP_SYN_RECV |     \
	    1u << TCP_FIN_WAIT1 | 1u << TCP_FIN_WAIT2 | 1u << TCP_CLOSE_WAIT | \
	    1u << TCP_LAST_ACK | 1u << TCP_LISTEN | 1u << TCP_CLOSING)

/* The kernel fills what there is room for, up to 32 KiB (af_netlink.c). */
#define RECEIVE_SIZE (32u << 10)
#define SOCKET_SIZE  (1 << 20)
#define TRIES        5

struct list {
	struct diag_socket *sockets;
	size_t count, room;
	size_t mptcp_count; /* these come first */
	bool mptcp;         /* is this dump of MPTCP? */
};

static struct addr
read_addr(uint8_t family, const __be32 *bytes)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct addr addr = {0};
	uint16_t port;

	if (family == AF_INET) {
		memcpy(&v4.sin_addr, bytes, sizeof(v4.sin_addr));
		(void)addr_from_sockaddr(&v4, sizeof(v4), &addr, &port);
	} else {
		memcpy(&v6.sin6_addr, bytes, sizeof(v6.sin6_addr));
		(void)addr_from_sockaddr(&v6, sizeof(v6), &addr, &port);
	}
	return addr;
}

static uint32_t
least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/*
 * Where tcpi_segs_out and tcpi_segs_in are in struct tcp_info of linux/tcp.h;
 * that of the C library ends before them.
 */
#define SEGS_OUT_AT 136
#define SEGS_IN_AT  140

/* MPTCP has another structure under the same name, so it is not read. */
static void
read_info(const struct nlattr *attr, struct diag_socket *socket)
{
	struct tcp_info info = {0};
	size_t len = mnl_attr_get_payload_len(attr);

	if (socket->mptcp || socket->state == TCP_LISTEN ||
	    socket->state == TCP_SYN_SENT || socket->state == TCP_SYN_RECV)
		return;
	/* An older kernel has a shorter one. */
	if (len < offsetof(struct tcp_info, tcpi_last_ack_recv) +
		      sizeof(info.tcpi_last_ack_recv))
		return;
	memcpy(&info, mnl_attr_get_payload(attr),
	    len < sizeof(info) ? len : sizeof(info));
	socket->idle_ms =
	    least(info.tcpi_last_data_sent, info.tcpi_last_data_recv);
	socket->heard_ms =
	    least(info.tcpi_last_ack_recv, info.tcpi_last_data_recv);
	if (len >= SEGS_IN_AT + sizeof(socket->segments)) {
		const uint8_t *bytes = mnl_attr_get_payload(attr);

		memcpy(&socket->segments, bytes + SEGS_IN_AT,
		    sizeof(socket->segments));
		memcpy(&socket->segments_sent, bytes + SEGS_OUT_AT,
		    sizeof(socket->segments_sent));
	}
}

static void
read_timer(const struct inet_diag_msg *message, struct diag_socket *socket)
{
	/* inet_sk_diag_fill() in net/ipv4/inet_diag.c has these numbers. */
	static const enum diag_timer TIMERS[] = {
	    [1] = DIAG_TIMER_RETRANSMIT,
	    [2] = DIAG_TIMER_KEEPALIVE,
	    [4] = DIAG_TIMER_WINDOW,
	};

	/* 3 is that of TIME_WAIT; and what MPTCP waits for is another matter.
	 */
	if (socket->mptcp ||
	    message->idiag_timer >= sizeof(TIMERS) / sizeof(TIMERS[0]) ||
	    TIMERS[message->idiag_timer] == DIAG_TIMER_NONE)
		return;
	socket->timer = TIMERS[message->idiag_timer];
	socket->expires_ms = message->idiag_expires;
	socket->unanswered = message->idiag_retrans;
}

static int
compare_inode(const void *a, const void *b)
{
	uint32_t left = ((const struct diag_socket *)a)->inode;
	uint32_t right = ((const struct diag_socket *)b)->inode;

	return (left > right) - (left < right);
}

/*
 * The MPTCP connection that a TCP socket is a subflow of, if any: they share
 * the inode (mptcp_sock_graft() in net/mptcp/protocol.h).
 */
static struct diag_socket *
find_mptcp(struct list *list, const struct diag_socket *socket)
{
	if (list->mptcp || list->mptcp_count == 0 || socket->inode == 0)
		return NULL;
	return bsearch(socket, list->sockets, list->mptcp_count,
	    sizeof(*socket), compare_inode);
}

/* Of which will it take longer from what was heard last to the next packet? */
static bool
is_worse(const struct diag_socket *a, const struct diag_socket *b)
{
	if ((a->timer == DIAG_TIMER_NONE) != (b->timer == DIAG_TIMER_NONE))
		return a->timer == DIAG_TIMER_NONE;
	return (uint64_t)a->expires_ms + a->heard_ms >
	       (uint64_t)b->expires_ms + b->heard_ms;
}

/*
 * A firewall sees a connection in each subflow. The worst of them is what the
 * whole is: another one may carry all the data.
 */
static void
take_subflow(struct diag_socket *whole, const struct diag_socket *subflow)
{
	const bool first = whole->heard_ms == DIAG_NOT_TOLD;

	/* Not one that joins, or leaves. */
	if (!first && (subflow->state != TCP_ESTABLISHED))
		return;
	/* A count means nothing if it is of this one and then of that one. */
	whole->segments = first ? subflow->segments : 0;
	whole->segments_sent = first ? subflow->segments_sent : 0;
	if (!first && !is_worse(subflow, whole))
		return;
	whole->timer = subflow->timer;
	whole->expires_ms = subflow->expires_ms;
	whole->unanswered = subflow->unanswered;
	whole->idle_ms = subflow->idle_ms;
	whole->heard_ms = subflow->heard_ms;
}

static int
append(struct list *list, const struct diag_socket *socket)
{
	if (list->count == list->room) {
		size_t room = list->room != 0 ? list->room * 2 : 256;
		struct diag_socket *more =
		    reallocarray(list->sockets, room, sizeof(*more));

		if (more == NULL)
			return -ENOMEM;
		list->sockets = more;
		list->room = room;
	}
	list->sockets[list->count++] = *socket;
	return 0;
}

static int
read_socket(const struct nlmsghdr *header, struct list *list)
{
	const struct inet_diag_msg *message = mnl_nlmsg_get_payload(header);
	const struct inet_diag_sockid *id = &message->id;
	struct diag_socket *whole,
	    socket = {
		.state = message->idiag_state,
		.mptcp = list->mptcp,
		.local_port = ntohs(id->idiag_sport),
		.remote_port = ntohs(id->idiag_dport),
		.idle_ms = DIAG_NOT_TOLD,
		.heard_ms = DIAG_NOT_TOLD,
		.inode = message->idiag_inode,
		.cookie =
		    (uint64_t)id->idiag_cookie[1] << 32 | id->idiag_cookie[0],
		.uid = message->idiag_uid,
	    };
	const struct nlattr *attr;

	if (mnl_nlmsg_get_payload_len(header) < sizeof(*message))
		return -EBADMSG;
	if ((STATES & 1u << message->idiag_state) == 0)
		return 0;
	socket.local = read_addr(message->idiag_family, id->idiag_src);
	if (socket.state != TCP_LISTEN)
		socket.remote = read_addr(message->idiag_family, id->idiag_dst);
	read_timer(message, &socket);
	mnl_attr_for_each(attr, header, sizeof(*message))
	{
		if (mnl_attr_get_type(attr) == INET_DIAG_INFO)
			read_info(attr, &socket);
		else if (mnl_attr_get_type(attr) == INET_DIAG_SKV6ONLY)
			socket.v6_only = mnl_attr_get_u8(attr) != 0;
		else if (mnl_attr_get_type(attr) == INET_DIAG_CGROUP_ID)
			socket.cgroup = mnl_attr_get_u64(attr);
	}
	whole = find_mptcp(list, &socket);
	if (whole != NULL) {
		take_subflow(whole, &socket);
		return 0;
	}
	return append(list, &socket);
}

static int
send_request(struct mnl_socket *netlink, uint8_t family, bool mptcp,
    unsigned int sequence)
{
	_Alignas(struct nlmsghdr) char buffer[256] = {0};
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct inet_diag_req_v2 *request;

	header->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	header->nlmsg_seq = sequence;
	request = mnl_nlmsg_put_extra_header(header, sizeof(*request));
	request->sdiag_family = family;
	request->sdiag_protocol = mptcp ? NO_PROTOCOL : IPPROTO_TCP;
	request->idiag_ext = 1u << (INET_DIAG_INFO - 1);
	request->idiag_states = STATES;
	if (mptcp)
		mnl_attr_put_u32(header, INET_DIAG_REQ_PROTOCOL, IPPROTO_MPTCP);
	if (mnl_socket_sendto(netlink, header, header->nlmsg_len) < 0)
		return -errno;
	return 0;
}

/*
 * Reads the messages of one answer. Returns 1 when the dump is at its end, 0
 * if more follow, -EINTR if it does not fit together, -errno.
 */
static int
read_messages(const struct nlmsghdr *header, int len, unsigned int sequence,
    struct list *list, bool *torn)
{
	for (; mnl_nlmsg_ok(header, len);
	     header = mnl_nlmsg_next(header, &len)) {
		int error = 0;

		if (header->nlmsg_seq != sequence)
			continue;
		if ((header->nlmsg_flags & NLM_F_DUMP_INTR) != 0)
			*torn = true;
		switch (header->nlmsg_type) {
		case NLMSG_DONE:
			/* It may carry an error. */
			if (mnl_nlmsg_get_payload_len(header) >= sizeof(int))
				memcpy(&error, mnl_nlmsg_get_payload(header),
				    sizeof(error));
			return error < 0 ? error : 1;
		case NLMSG_ERROR:
			if (mnl_nlmsg_get_payload_len(header) < sizeof(int))
				return -EBADMSG;
			memcpy(&error, mnl_nlmsg_get_payload(header),
			    sizeof(error));
			return error < 0 ? error : -EBADMSG;
		case SOCK_DIAG_BY_FAMILY:
			error = read_socket(header, list);
			if (error < 0)
				return error;
			break;
		}
	}
	return 0;
}

/* One dump. Returns 0, -EINTR if it has to be asked again, or -errno. */
static int
dump(struct mnl_socket *netlink, uint8_t family, unsigned int sequence,
    struct list *list)
{
	_Alignas(struct nlmsghdr) char buffer[RECEIVE_SIZE];
	bool torn = false;
	int result = send_request(netlink, family, list->mptcp, sequence);

	while (result == 0) {
		ssize_t len =
		    mnl_socket_recvfrom(netlink, buffer, sizeof(buffer));

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return errno == ENOBUFS ? -EINTR : -errno;
		result = read_messages((const struct nlmsghdr *)buffer,
		    (int)len, sequence, list, &torn);
	}
	if (result < 0)
		return result;
	return torn ? -EINTR : 0;
}

/*
 * All dumps, those of MPTCP first. A kernel without MPTCP, or without what
 * lists it, has none.
 */
static int
dump_all(struct list *list)
{
	static const uint8_t FAMILY[] = {AF_INET, AF_INET6};
	struct mnl_socket *netlink =
	    mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
	unsigned int sequence = 0;
	int size = SOCKET_SIZE, error = 0;

	if (netlink == NULL)
		return -errno;
	if (mnl_socket_bind(netlink, 0, MNL_SOCKET_AUTOPID) < 0) {
		error = -errno;
		goto out;
	}
	(void)setsockopt(mnl_socket_get_fd(netlink), SOL_SOCKET, SO_RCVBUF,
	    &size, sizeof(size));
	list->count = 0;
	for (int i = 0; i < 4 && error == 0; i++) {
		list->mptcp = i < 2;
		error = dump(netlink, FAMILY[i % 2], ++sequence, list);
		if (list->mptcp) {
			if (error == -ENOENT || error == -EINVAL)
				error = 0;
			list->mptcp_count = list->count;
			if (list->count > 0)
				qsort(list->sockets, list->count,
				    sizeof(*list->sockets), compare_inode);
		}
	}
out:
	mnl_socket_close(netlink);
	return error;
}

int
diag_each(int (*each)(const struct diag_socket *socket, void *data), void *data)
{
	struct list list = {0};
	int result;

	/* A new socket for each try: nothing of an old dump is left in it. */
	for (int i = 0; i < TRIES; i++) {
		result = dump_all(&list);
		if (result != -EINTR)
			break;
	}
	for (size_t i = 0; i < list.count && result == 0; i++)
		result = each(&list.sockets[i], data);
	free(list.sockets);
	return result;
}

int
diag_compare_cgroups(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}
