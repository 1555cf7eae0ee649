/* SPDX-License-Identifier: ISC */
/*
 * Programs that are told apart by their names, for test_attach.sh:
 *
 * NAME serve PORT         accepts connections, until its input ends
 * NAME connect PORT       prints what both sides have: the idle time at first,
 *                         and after the program has set 77 s
 * NAME fork PORT          the same, in a child
 * NAME exec PORT PROGRAM  makes the socket, which PROGRAM connects
 * NAME keep PORT PROGRAM  connects, and PROGRAM sets and prints
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOCKET 7 /* its descriptor, for PROGRAM */
#define TEXT   32

/* "11 77": what it has, and what it has when it has set 77 s. */
static void
tell(int fd, char text[TEXT])
{
	const int wanted = 77;
	int has[2];

	for (int n = 0; n < 2; n++) {
		socklen_t len = sizeof(has[n]);

		if (getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &has[n], &len) <
			0 ||
		    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &wanted,
			sizeof(wanted)) < 0)
			err(1, "TCP_KEEPIDLE");
	}
	snprintf(text, TEXT, "%d %d", has[0], has[1]);
}

static void
serve(const struct sockaddr_in *at)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	struct pollfd polls[] = {
	    {.fd = 0, .events = POLLIN}, {.fd = listener, .events = POLLIN}};

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (const struct sockaddr *)at, sizeof(*at)) < 0 ||
	    listen(listener, 5) < 0)
		err(1, "listen");
	puts("ready");
	fflush(stdout);
	while (poll(polls, 2, -1) > 0 && polls[0].revents == 0) {
		char text[TEXT] = {0};
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			err(1, "accept");
		tell(fd, text);
		(void)!write(fd, text, TEXT);
		close(fd);
	}
}

static void
connects(int fd, const struct sockaddr_in *to)
{
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0)
		err(1, "connect");
}

static void
prints(int fd)
{
	char ours[TEXT], theirs[TEXT] = "";

	tell(fd, ours);
	if (recv(fd, theirs, TEXT, MSG_WAITALL) < 0)
		err(1, "recv");
	printf("%s / %s\n", ours, theirs);
}

int
main(int argc, char *argv[])
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd;

	if (argc < 3)
		errx(2, "usage: serve|connect|fork|exec|keep PORT [PROGRAM]");
	address.sin_port = htons((uint16_t)atoi(argv[2]));
	if (strcmp(argv[1], "serve") == 0) {
		serve(&address);
		return 0;
	}
	if (strcmp(argv[1], "connects") == 0)
		connects(SOCKET, &address);
	if (strncmp(argv[1], "connect", 7) == 0 && argv[1][7] != '\0') {
		prints(SOCKET);
		return 0;
	}
	if (strcmp(argv[1], "fork") == 0 && fork() > 0) {
		wait(NULL);
		return 0;
	}
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (strcmp(argv[1], "exec") != 0)
		connects(fd, &address);
	if (argc == 4) {
		dup2(fd, SOCKET);
		execl(argv[3], argv[3],
		    strcmp(argv[1], "exec") == 0 ? "connects" : "connected",
		    argv[2], (char *)NULL);
		err(1, "%s", argv[3]);
	}
	prints(fd);
	return 0;
}
