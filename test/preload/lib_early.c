/* SPDX-License-Identifier: ISC */
/*
 * A library whose constructor connects. The loader runs it before that of any
 * preloaded library, because nothing depends on those.
 */
#include "early.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int early_fd = -1;
int early_errno;
int early_result = -1;

__attribute__((constructor)) static void
early_start(void)
{
	struct sockaddr_in sa = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sa);
	int listener;

	if (getenv("KASHIM_TEST_EARLY") == NULL)
		return;
	listener = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    syscall(SYS_listen, listener, 8) < 0 ||
	    getsockname(listener, (struct sockaddr *)&sa, &len) < 0)
		abort();
	early_fd = socket(AF_INET, SOCK_STREAM, 0);
	errno = 4321;
	early_result = connect(early_fd, (struct sockaddr *)&sa, sizeof(sa));
	early_errno = errno;
}
