/* SPDX-License-Identifier: ISC */
/*
 * supervise_socket: what the worker knows of a socket.
 *
 * A table without lists: a socket may push another one's record out, and then
 * a hint is lost, as the shim loses it for a high descriptor.
 */
#include "supervise_socket.h"

#include <sys/socket.h>

#include "record.h"

#define SOCKETS 4096

struct known_socket {
	uint64_t cookie;
	int rule;
	struct keepalive program;
};

static struct known_socket known[SOCKETS];

uint64_t
socket_cookie(int fd)
{
	uint64_t cookie;
	socklen_t len = sizeof(cookie);

	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) < 0)
		return 0;
	return cookie;
}

void
socket_take_record(uint64_t cookie, int fd)
{
	const struct known_socket *socket = &known[cookie % SOCKETS];

	record_clear(fd);
	if (socket->cookie != cookie)
		return;
	record_set_rule(fd, socket->rule);
	for (int option = 0; option < KEEPALIVE_OPTIONS; option++) {
		if ((socket->program.set & 1u << option) != 0)
			record_program(fd, (enum keepalive_option)option,
			    socket->program.value[option]);
	}
}

void
socket_keep_record(uint64_t cookie, int fd)
{
	struct known_socket *socket = &known[cookie % SOCKETS];
	int rule = record_rule(fd);
	struct keepalive program = record_of_program(fd);

	if (rule == RECORD_NO_RULE && program.set == 0 &&
	    socket->cookie != cookie)
		return;
	*socket = (struct known_socket){
	    .cookie = cookie, .rule = rule, .program = program};
}
