/* SPDX-License-Identifier: ISC */
/*
 * netns: something done in another network namespace.
 */
#include "host/netns.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/stat.h>

struct visit {
	int fd;
	int (*run)(void *data);
	void *data;
	int result;
};

uint64_t
netns_own(void)
{
	struct stat net;

	return stat("/proc/thread-self/ns/net", &net) == 0 ? net.st_ino : 0;
}

static void *
enter(void *data)
{
	struct visit *visit = data;

	if (setns(visit->fd, CLONE_NEWNET) < 0)
		visit->result = -errno;
	else
		visit->result = visit->run(visit->data);
	return NULL;
}

int
netns_run(int fd, int (*run)(void *data), void *data)
{
	struct visit visit = {.fd = fd, .run = run, .data = data};
	pthread_t thread;
	int error = pthread_create(&thread, NULL, enter, &visit);

	if (error != 0)
		return -error;
	pthread_join(thread, NULL);
	return visit.result;
}
