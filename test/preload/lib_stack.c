/* SPDX-License-Identifier: ISC */
/*
 * A library that stands behind the preloaded one, and has sockets of its own:
 * their numbers say nothing to the kernel, as with a stack in user space.
 */
#include <dlfcn.h>
#include <sys/socket.h>

#define EXPORT __attribute__((visibility("default")))
#define FIRST  100000 /* number of the socket that the kernel has as 0 */

/* The C library's function. */
#define NEXT(name) ((__typeof__(name) *)dlsym(RTLD_NEXT, #name))

static int
kernel(int fd)
{
	return fd >= FIRST ? fd - FIRST : fd;
}

static int
own(int fd)
{
	return fd < 0 ? fd : fd + FIRST;
}

EXPORT int
socket(int domain, int type, int protocol)
{
	return own(NEXT(socket)(domain, type, protocol));
}

EXPORT int
connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	return NEXT(connect)(kernel(fd), sa, len);
}

EXPORT int
bind(int fd, const struct sockaddr *sa, socklen_t len)
{
	return NEXT(bind)(kernel(fd), sa, len);
}

EXPORT int
listen(int fd, int backlog)
{
	return NEXT(listen)(kernel(fd), backlog);
}

EXPORT int
accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
	return own(NEXT(accept4)(kernel(fd), sa, len, flags));
}

EXPORT int
setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	return NEXT(setsockopt)(kernel(fd), level, name, value, len);
}

EXPORT int
getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	return NEXT(getsockopt)(kernel(fd), level, name, value, len);
}

EXPORT int
getsockname(int fd, struct sockaddr *sa, socklen_t *len)
{
	return NEXT(getsockname)(kernel(fd), sa, len);
}

EXPORT int
getpeername(int fd, struct sockaddr *sa, socklen_t *len)
{
	return NEXT(getpeername)(kernel(fd), sa, len);
}
