/* SPDX-License-Identifier: ISC */
/*
 * supervise_socket: a socket of a supervised program, in the worker's hand.
 *
 * The records are a table without lists: a socket may push another one's
 * record out, and then a hint is lost, as the shim loses it for a high
 * descriptor.
 */
#include "supervise/supervise_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apply/record.h"

#define SOCKETS 4096

struct known_socket {
	uint64_t cookie;
	struct record record;
};

static struct known_socket known[SOCKETS];
/*
 * The file may be on a file system that does not answer. Who waits for it must
 * not have the socket in hand: the program's close(2) would not end the
 * connection, and nobody else could listen on the port. So lines go by a pipe.
 */
static int trace_to = -1, trace_pipe[2] = {-1, -1};

void
borrowed_start(int trace)
{
	trace_to = trace;
	if (trace_to >= 0 && trace_pipe[0] < 0 &&
	    pipe2(trace_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		trace_to = -1;
}

void
borrowed_stop(void)
{
	for (int i = 0; i < 2; i++) {
		if (trace_pipe[i] >= 0)
			close(trace_pipe[i]);
		trace_pipe[i] = -1;
	}
}

/* Not before the socket is out of hand. */
static void
write_trace(void)
{
	char text[4096];
	ssize_t len;

	while (trace_to >= 0 &&
	       (len = read(trace_pipe[0], text, sizeof(text))) > 0)
		(void)!write(trace_to, text, (size_t)len);
}

/* The cookie of fd, or 0 if it is no socket. */
static uint64_t
cookie_of(int fd)
{
	uint64_t cookie;
	socklen_t len = sizeof(cookie);

	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) < 0)
		return 0;
	return cookie;
}

/* Makes the socket's record that of our descriptor, for apply. */
static void
take_record(const struct borrowed_socket *borrowed)
{
	static const struct record NOTHING;
	const struct known_socket *socket = &known[borrowed->cookie % SOCKETS];

	record_put(borrowed->fd,
	    socket->cookie == borrowed->cookie ? &socket->record : &NOTHING);
}

static void
keep_record(const struct borrowed_socket *borrowed)
{
	struct known_socket *socket = &known[borrowed->cookie % SOCKETS];
	struct record record = record_get(borrowed->fd);

	if (record.decided == 0 && record.program.set == 0 &&
	    socket->cookie != borrowed->cookie)
		return;
	*socket =
	    (struct known_socket){.cookie = borrowed->cookie, .record = record};
}

void
borrowed_hand_over(int fd)
{
	const struct borrowed_socket own = {.fd = fd, .cookie = cookie_of(fd)};

	if (own.cookie != 0)
		keep_record(&own);
}

bool
borrowed_begin(struct borrowed_socket *borrowed, struct target *target, int fd)
{
	const struct view *view = target_view(target);

	if (view == NULL)
		return false;
	borrowed->fd = target_descriptor(target, fd);
	if (borrowed->fd < 0)
		return false;
	borrowed->cookie = cookie_of(borrowed->fd);
	if (borrowed->cookie == 0) {
		close(borrowed->fd);
		return false;
	}
	borrowed->apply = (struct apply){
	    .view = view,
	    .trace_path = trace_to >= 0 ? "open" : "",
	    .calls = {setsockopt, getsockopt},
	    .host = &borrowed->host,
	};
	borrowed->host.fd = fd;
	borrowed->host.trace = trace_pipe[1];
	/* Only a trace tells it. */
	borrowed->host.pid = trace_to >= 0 ? target_process(target) : 0;
	if (borrowed->host.pid < 0)
		borrowed->host.pid = target_thread(target);
	take_record(borrowed);
	return true;
}

bool
borrowed_is_on_record(const struct borrowed_socket *borrowed)
{
	const struct record record = record_get(borrowed->fd);

	return record.decided != 0 && record.rule != MATCH_NONE;
}

void
borrowed_end(struct borrowed_socket *borrowed)
{
	keep_record(borrowed);
	close(borrowed->fd);
	write_trace();
}
