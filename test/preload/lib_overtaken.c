/* SPDX-License-Identifier: ISC */
/* Stands behind the library, and tells the program whenever it looks. */
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The program's, in overtaken.c. */
void overtaken_looked(void);

int
getsockname(int fd, struct sockaddr *sa, socklen_t *len)
{
	overtaken_looked();
	return (int)syscall(SYS_getsockname, fd, sa, len);
}
