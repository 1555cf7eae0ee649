/* SPDX-License-Identifier: ISC */
/*
 * waits: connects to itself, says so, and waits to be ended.
 */
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

int
main(void)
{
	struct sockaddr_in to = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(to);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int connection = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(listener, (struct sockaddr *)&to, size) < 0 ||
	    listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&to, &size) < 0 ||
	    connect(connection, (struct sockaddr *)&to, size) < 0 ||
	    write(STDOUT_FILENO, "open\n", 5) < 0)
		return 1;
	pause();
	return 0;
}
