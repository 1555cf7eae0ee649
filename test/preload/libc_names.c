/* SPDX-License-Identifier: ISC */
/*
 * A program that has functions of its own with names that ISO C leaves to it,
 * and that the C library has, too. The linker exports them, since a library
 * that is linked to has the same names. None may be called by us: each ends
 * the program. With the argument, says the idle time of a connection that it
 * makes to itself.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OWN(name)                                                        \
	int name(void);                                                  \
	__attribute__((visibility("default"))) int name(void)            \
	{                                                                \
		fputs("the program's " #name "() was called\n", stderr); \
		_exit(9);                                                \
	}

/* Declared by unistd.h, with other types. */
#define OWN_AS(name, symbol)                                              \
	int name(void) __asm__(symbol);                                   \
	__attribute__((visibility("default"))) int name(void)             \
	{                                                                 \
		fputs("the program's " symbol "() was called\n", stderr); \
		_exit(9);                                                 \
	}

OWN_AS(own_access, "access")
OWN_AS(own_read, "read")
OWN_AS(own_readlink, "readlink")
OWN_AS(own_geteuid, "geteuid")
OWN_AS(own_getpid, "getpid")
OWN_AS(own_getenv, "getenv")
OWN_AS(own_getsockname, "getsockname")
OWN_AS(own_syscall, "syscall")
OWN(open)
OWN(stat)
OWN(fstat)
OWN(lstat)
OWN(mmap)
OWN(munmap)
OWN(mprotect)

int
main(void)
{
	struct sockaddr_in sa = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0), idle = 0, port;
	socklen_t len = sizeof(idle);

	/* getsockname() is not to be had here. */
	for (port = 20000; port < 30000; port++) {
		sa.sin_port = htons((uint16_t)port);
		if (bind(listener, (struct sockaddr *)&sa, sizeof(sa)) == 0)
			break;
	}
	if (port == 30000 || listen(listener, 1) < 0 ||
	    connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, &len) < 0)
		return 1;
	printf("%d\n", idle);
	return 0;
}
