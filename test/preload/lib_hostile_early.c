/* SPDX-License-Identifier: ISC */
/*
 * A library that does in its constructor, which runs before that of any
 * preloaded library, what the case is named after that its program was
 * started for: it connects, forks, starts a thread, uses vfork(2), takes every
 * descriptor.
 */
#include "hostile_early.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Seconds that a child may take, before it counts as hanging. */
#define CHILD_S 60

struct early_connection early_here = {.result = -2};
struct early_connection early_in_child = {.result = -2};

static pthread_t thread;
static int thread_stop, thread_at_work;
static struct early_connection thread_last;

struct early_connection
early_connect(void)
{
	struct sockaddr_in sa = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sa), size = sizeof(int);
	struct early_connection made = {.result = -2};
	int listener = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0), fd;

	if (bind(listener, (struct sockaddr *)&sa, sizeof(sa)) == 0 &&
	    syscall(SYS_listen, listener, 8) == 0 &&
	    getsockname(listener, (struct sockaddr *)&sa, &len) == 0) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		errno = 4321;
		made.result = connect(fd, (struct sockaddr *)&sa, sizeof(sa));
		made.error = errno;
		syscall(SYS_getsockopt, fd, IPPROTO_TCP, TCP_KEEPIDLE,
		    &made.idle, &size);
		syscall(SYS_close, fd);
	}
	syscall(SYS_close, listener);
	return made;
}

static void
connects_in_child(bool share)
{
	/* Shared, so that a child of fork(2), too, can say what it saw. */
	struct early_connection *seen = mmap(NULL, sizeof(*seen),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	if (seen == MAP_FAILED)
		return;
	seen->result = -2;
	/* NOLINTNEXTLINE(clang-analyzer-*): to use it is the test */
	pid = share ? vfork() : fork();
	if (pid == 0) {
		alarm(CHILD_S);
		/* NOLINTNEXTLINE(clang-analyzer-unix.Vfork): the same */
		*seen = early_connect();
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
	early_in_child = *seen;
	munmap(seen, sizeof(*seen));
	early_here = early_connect();
}

/* The program goes on in a child of the process that was started. */
static void
goes_on_in_child(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(CHILD_S);
		early_in_child = early_connect();
		return;
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		_exit(1);
	_exit(WEXITSTATUS(status));
}

static void *
thread_connects(void *unused)
{
	__atomic_store_n(&thread_at_work, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < 10000; i++) {
		thread_last = early_connect();
		if (__atomic_load_n(&thread_stop, __ATOMIC_ACQUIRE))
			break;
	}
	return unused;
}

/* The constructors after this one run while the thread's first call does. */
static void
starts_thread(unsigned int microseconds)
{
	pthread_create(&thread, NULL, thread_connects, NULL);
	while (!__atomic_load_n(&thread_at_work, __ATOMIC_ACQUIRE))
		sched_yield();
	usleep(microseconds);
}

struct early_connection
early_thread_end(void)
{
	__atomic_store_n(&thread_stop, 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	return thread_last;
}

static void
takes_descriptors(void)
{
	const struct rlimit few = {64, 64};

	setrlimit(RLIMIT_NOFILE, &few);
	while (dup(STDOUT_FILENO) >= 0)
		continue;
}

__attribute__((constructor)) static void
early_start(int argc, char **argv)
{
	const char *name = argc >= 3 ? argv[2] : "";

	if (strcmp(name, "early-connect") == 0)
		early_here = early_connect();
	else if (strcmp(name, "early-fork") == 0)
		connects_in_child(false);
	else if (strcmp(name, "early-vfork") == 0)
		connects_in_child(true);
	else if (strcmp(name, "early-goes-on-in-child") == 0)
		goes_on_in_child();
	else if (strncmp(name, "early-thread-", 13) == 0)
		starts_thread((unsigned int)atoi(name + 13));
	else if (strcmp(name, "early-no-descriptors") == 0)
		takes_descriptors();
}
