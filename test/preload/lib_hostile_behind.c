/* SPDX-License-Identifier: ISC */
/*
 * A library that stands between the preloaded ones and the C library. Asked
 * to, it makes the calling thread one that is about to be cancelled, as soon
 * as the C library's call has succeeded: the next cancellation point ends it.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <sys/socket.h>

#define EXPORT __attribute__((visibility("default")))

typedef int accept_fn(int fd, struct sockaddr *sa, socklen_t *len);
typedef int connect_fn(int fd, const struct sockaddr *sa, socklen_t len);

extern int behind_cancels;
EXPORT int behind_cancels;

static accept_fn *next_accept;
static connect_fn *next_connect;

/* Early, and once: dlsym(3) would take the program's dlerror(3) away. */
__attribute__((constructor)) static void
behind_start(void)
{
	next_accept = (accept_fn *)dlsym(RTLD_NEXT, "accept");
	next_connect = (connect_fn *)dlsym(RTLD_NEXT, "connect");
}

static int
cancelled(int result)
{
	if (result >= 0 && __atomic_load_n(&behind_cancels, __ATOMIC_ACQUIRE))
		pthread_cancel(pthread_self());
	return result;
}

EXPORT int
accept(int fd, struct sockaddr *sa, socklen_t *len)
{
	if (next_accept == NULL)
		behind_start();
	return cancelled(next_accept(fd, sa, len));
}

EXPORT int
connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	if (next_connect == NULL)
		behind_start();
	return cancelled(next_connect(fd, sa, len));
}
