/* SPDX-License-Identifier: ISC */
/*
 * A small, well-behaved host with threads and children, for test_hostile.sh,
 * which builds and runs it in many ways: with sanitizers, under valgrind, with
 * other allocators, among other preload libraries. Its output says what came
 * of its calls, and has to be the same bare and under the library. Whether it
 * is under the library is told by KASHIM_TEST_SHIMMED (host.h); the one
 * argument "default" says that there are no options nevertheless.
 */
#include "host.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>

#define THREADS 4
#define ROUNDS  20

static bool expect_default;
static int thread_bad;

static void
expect(int fd)
{
	if (expect_default)
		host_expect(__FILE__, __LINE__, fd, host_defaults());
	else
		EXPECT(fd, 300, 30, 5, 0, 1);
}

static int
own_listener(const char *text)
{
	struct host_addr any = host_addr(text, 0);
	int fd = CALL(socket(any.sa.ss_family, SOCK_STREAM, 0));

	MUST(CALL(bind(fd, host_sa(&any), any.len)) == 0);
	MUST(CALL(listen(fd, 128)) == 0);
	return fd;
}

static void
send_and_receive(int from, int to)
{
	char text[] = "four", taken[8] = "";
	struct iovec out = {text, 4}, in = {taken, sizeof(taken)};
	struct msghdr outwards = {.msg_iov = &out, .msg_iovlen = 1};
	struct msghdr inwards = {.msg_iov = &in, .msg_iovlen = 1};

	CALL(sendmsg(from, &outwards, MSG_NOSIGNAL));
	CALL(recvmsg(to, &inwards, 0));
	MUST(strcmp(taken, text) == 0);
}

static void
connect_and_accept(const char *text)
{
	struct sockaddr_storage *peer = calloc(1, sizeof(*peer));
	socklen_t len = sizeof(*peer);
	int own = own_listener(text), fd, accepted, off = 0;
	struct host_addr to = host_addr(text, host_port(own));

	fd = CALL(socket(to.sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
	MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
	expect(fd);
	accepted = CALL(accept(own, (struct sockaddr *)peer, &len));
	MUST(len == to.len && peer->ss_family == to.sa.ss_family);
	expect(accepted);
	CALL(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &off, sizeof(off)));
	if (!expect_default)
		expect(fd);
	send_and_receive(fd, accepted);
	CALL(connect(fd, host_sa(&to), to.len));
	CALL(close(fd));
	CALL(close(accepted));
	fd = CALL(socket(to.sa.ss_family, SOCK_STREAM, 0));
	MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
	accepted = CALL(accept4(own, NULL, NULL, SOCK_NONBLOCK));
	expect(accepted);
	CALL(close(fd));
	CALL(close(accepted));
	CALL(close(own));
	free(peer);
}

static void *
thread_connects(void *port)
{
	struct host_addr to = host_addr("127.0.0.1", *(int *)port);

	for (int i = 0; i < ROUNDS; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		char *block = malloc((size_t)(i + 1) * 100);

		if (connect(fd, host_sa(&to), to.len) != 0 ||
		    (host_option(fd, SOL_SOCKET, SO_KEEPALIVE) == 1) !=
			(host_shimmed() && !expect_default))
			__atomic_fetch_add(&thread_bad, 1, __ATOMIC_RELAXED);
		close(fd);
		free(block);
	}
	return NULL;
}

static void
threads(void)
{
	pthread_t running[THREADS];
	int own = own_listener("127.0.0.1"), port = host_port(own);

	for (int i = 0; i < THREADS; i++)
		MUST(pthread_create(
			 &running[i], NULL, thread_connects, &port) == 0);
	for (int i = 0; i < THREADS * ROUNDS; i++) {
		int fd = accept(own, NULL, NULL);

		MUST(fd >= 0);
		close(fd);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(running[i], NULL);
	MUST(thread_bad == 0);
	close(own);
}

static void
child(void)
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		alarm(HOST_DEADLINE_S);
		connect_and_accept("127.0.0.1");
		exit(host_failures != 0);
	}
	MUST(waitpid(pid, &status, 0) == pid);
	printf("child: %x\n", (unsigned int)status);
}

int
main(int argc, char **argv)
{
	/* Nobody's mistake may be left here to be found; but of newer
	   sanitizers there is one in the bare program. */
	MUST(dlerror() == NULL || !host_shimmed());
	expect_default = argc == 2 && strcmp(argv[1], "default") == 0;
	alarm(HOST_DEADLINE_S);
	connect_and_accept("127.0.0.1");
	connect_and_accept("::1");
	threads();
	child();
	return host_failures == 0 ? 0 : 1;
}
