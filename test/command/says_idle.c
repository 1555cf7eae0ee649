/* SPDX-License-Identifier: ISC */
/*
 * Connects on loopback, says what its socket has, 0 if keepalive is off, as
 * which process, and with which rights, and waits for the end of its input.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <unistd.h>

int
main(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t len = sizeof(at);
	int own = socket(AF_INET, SOCK_STREAM, 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0), idle, on;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (listen(own, 1) || getsockname(own, (void *)&at, &len) ||
	    connect(fd, (void *)&at, len))
		return 1;
	len = sizeof(idle);
	getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, &len);
	getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &len);
	printf("%d %d %s\n", on ? idle : 0, (int)getpid(),
	    getauxval(AT_SECURE) ? "secure" : "plain");
	fflush(stdout);
	return read(0, &on, 1) < 0;
}
