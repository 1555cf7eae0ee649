/* SPDX-License-Identifier: ISC */
/*
 * A host that does what it is told, for test_reload.sh: a word a line on
 * standard input, an answer a line on standard output. It listens from the
 * start, as servers do, and "connect" answers with the idle time of a new
 * connection on both sides. The other words take away what a policy could be
 * loaded with.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int listener;
static int prepared = -1; /* socket for the next connection */
static struct sockaddr_in loopback = {.sin_family = AF_INET};

static int
idle(int fd)
{
	int value = -1;
	socklen_t len = sizeof(value);

	if (syscall(SYS_getsockopt, fd, IPPROTO_TCP, TCP_KEEPIDLE, &value,
		&len) < 0)
		return -1;
	return value;
}

static const char *
do_connect(void)
{
	static char answer[32];
	int fd, accepted;

	getppid(); /* a mark for who counts system calls */
	fd = prepared >= 0 ? prepared : socket(AF_INET, SOCK_STREAM, 0);
	prepared = -1;
	if (connect(fd, (struct sockaddr *)&loopback, sizeof(loopback)) < 0)
		return "connect failed";
	accepted = accept(listener, NULL, NULL);
	getppid();
	snprintf(answer, sizeof(answer), "%d %d", idle(fd), idle(accepted));
	close(fd);
	close(accepted);
	return answer;
}

/* A connection that waits in the listener's queue, for the next one. */
static const char *
do_wait(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return connect(fd, (struct sockaddr *)&loopback, sizeof(loopback)) == 0
	           ? "done"
	           : "connect failed";
}

static const char *
do_socket(void)
{
	prepared = socket(AF_INET, SOCK_STREAM, 0);
	return "done";
}

/* The same in a child. */
static const char *
do_fork(void)
{
	int status = 0;

	fflush(stdout);
	if (fork() == 0) {
		puts(do_connect());
		fflush(stdout);
		_exit(0);
	}
	wait(&status);
	return status == 0 ? NULL : "child failed";
}

static const char *
do_chroot(void)
{
	return chroot("/proc/self/fdinfo") == 0 && chdir("/") == 0
	           ? "done"
	           : "chroot failed";
}

static const char *
do_setuid(void)
{
	return setgroups(0, NULL) == 0 && setgid(65534) == 0 &&
	               setuid(65534) == 0
	           ? "done"
	           : "setuid failed";
}

/* No descriptor more than the three that a connection needs, no memory. */
static const char *
do_limit(void)
{
	const struct rlimit none = {0, 0};
	struct rlimit few = {0, 0};
	int fd = dup(0);

	few.rlim_cur = few.rlim_max = (rlim_t)fd + 2;
	close(fd);
	return setrlimit(RLIMIT_NOFILE, &few) == 0 &&
	               setrlimit(RLIMIT_AS, &none) == 0 &&
	               setrlimit(RLIMIT_DATA, &none) == 0
	           ? "done"
	           : "setrlimit failed";
}

/* Whatever could load a policy kills. */
static const char *
do_seccomp(void)
{
#define DENY(name)                                             \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), \
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)
	struct sock_filter filter[] = {
	    BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    DENY(openat),
	    DENY(mmap),
	    DENY(munmap),
	    DENY(mprotect),
	    DENY(madvise),
	    DENY(newfstatat),
	    DENY(statx),
	    DENY(rt_sigprocmask),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {
	    sizeof(filter) / sizeof(filter[0]), filter};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	               prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0
	           ? "done"
	           : "seccomp failed";
}

int
main(void)
{
	static const struct {
		const char *word;
		const char *(*act)(void);
	} WORDS[] = {
	    {"connect", do_connect},
	    {"wait", do_wait},
	    {"socket", do_socket},
	    {"fork", do_fork},
	    {"chroot", do_chroot},
	    {"setuid", do_setuid},
	    {"limit", do_limit},
	    {"seccomp", do_seccomp},
	};
	socklen_t len = sizeof(loopback);
	char line[32];

	loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&loopback, len) < 0 ||
	    listen(listener, 16) < 0 ||
	    getsockname(listener, (struct sockaddr *)&loopback, &len) < 0)
		return 2;
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++) {
			const char *answer;

			if (strcmp(line, WORDS[i].word) != 0)
				continue;
			answer = WORDS[i].act();
			if (answer != NULL)
				puts(answer);
			fflush(stdout);
		}
	}
	return 0;
}
