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
held_start(int trace)
{
	trace_to = trace;
	if (trace_to >= 0 && trace_pipe[0] < 0 &&
	    pipe2(trace_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		trace_to = -1;
}

void
held_stop(void)
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
take_record(const struct held_socket *held)
{
	static const struct record NOTHING;
	const struct known_socket *socket = &known[held->cookie % SOCKETS];

	record_put(held->fd,
	    socket->cookie == held->cookie ? &socket->record : &NOTHING);
}

static void
keep_record(const struct held_socket *held)
{
	struct known_socket *socket = &known[held->cookie % SOCKETS];
	struct record record = record_get(held->fd);

	if (record.decided == 0 && record.program.set == 0 &&
	    socket->cookie != held->cookie)
		return;
	*socket =
	    (struct known_socket){.cookie = held->cookie, .record = record};
}

bool
held_begin(struct held_socket *held, struct target *target, int fd)
{
	const struct view *view = target_view(target);

	if (view == NULL)
		return false;
	held->fd = target_descriptor(target, fd);
	if (held->fd < 0)
		return false;
	held->cookie = cookie_of(held->fd);
	if (held->cookie == 0) {
		close(held->fd);
		return false;
	}
	held->apply = (struct apply){
	    .view = view,
	    .trace_path = trace_to >= 0 ? "open" : "",
	    .calls = {setsockopt, getsockopt},
	    .host = &held->host,
	};
	held->host.fd = fd;
	held->host.trace = trace_pipe[1];
	/* Only a trace tells it. */
	held->host.pid = trace_to >= 0 ? target_process(target) : 0;
	if (held->host.pid < 0)
		held->host.pid = target_thread(target);
	take_record(held);
	return true;
}

bool
held_is_on_record(const struct held_socket *held)
{
	const struct record record = record_get(held->fd);

	return record.decided != 0 && record.rule != MATCH_NONE;
}

void
held_end(struct held_socket *held)
{
	keep_record(held);
	close(held->fd);
	write_trace();
}
