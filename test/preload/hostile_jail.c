/* SPDX-License-Identifier: ISC */
/*
 * Hosts that lock themselves in after their start: with a seccomp filter that
 * lets through what their own calls need and no more, in a directory with
 * nothing in it, as nobody.
 */
#include "host.h"

#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>

#define LOOPBACK                                                 \
	"rule lo { destination = { \"127.0.0.0/8\", \"::1\" }\n" \
	" idle = 300 interval = 30 count = 5 }\n"
#define BY_SOURCE                                          \
	"rule s { source = { \"127.0.0.0/8\", \"::1\" }\n" \
	" idle = 300 interval = 30 count = 5 }\n"
#define BY_PORT                             \
	"rule p { port = { \"1-65535\" }\n" \
	" idle = 300 interval = 30 count = 5 }\n"
#define ALL "rule all { idle = 300 interval = 30 count = 5 }\n"
#define IGNORED                                                  \
	"rule lo { destination = { \"127.0.0.0/8\", \"::1\" }\n" \
	" action = ignore }\n" ALL

#define FILTER_MAX 64
#define NOBODY     65534

#define ALLOW(number)                                        \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), \
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* From here on, any system call but these gets otherwise. */
static void
allow_only(const int *numbers, size_t count, uint32_t otherwise)
{
	struct sock_filter filter[FILTER_MAX] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		(uint32_t)offsetof(struct seccomp_data, nr))};
	struct sock_fprog program = {.len = 1, .filter = filter};

	MUST(2 + 2 * count <= FILTER_MAX);
	/* With the first output, stdio looks what it goes to. */
	printf("%zu system calls\n", count);
	fflush(stdout);
	for (size_t i = 0; i < count; i++) {
		const struct sock_filter allow[] = {
		    ALLOW((uint32_t)numbers[i])};

		memcpy(filter + program.len, allow, sizeof(allow));
		program.len += ARRAY_LEN(allow);
	}
	filter[program.len++] =
	    (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, otherwise);
	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

/* What serves and connects needs no more than this. */
static const int USUAL[] = {SYS_socket, SYS_connect, SYS_accept, SYS_accept4,
    SYS_listen, SYS_bind, SYS_setsockopt, SYS_getsockopt, SYS_getsockname,
    SYS_getpeername, SYS_sendto, SYS_sendmsg, SYS_recvfrom, SYS_recvmsg,
    SYS_read, SYS_write, SYS_close, SYS_exit, SYS_exit_group, SYS_rt_sigreturn};

/* And what only connects, under a rule by destination, no more than this. */
static const int STRICT[] = {SYS_socket, SYS_connect, SYS_setsockopt, SYS_write,
    SYS_close, SYS_exit_group};

/* What serves a listener that is there already, and opens nothing. */
static const int SERVING[] = {SYS_accept, SYS_accept4, SYS_setsockopt,
    SYS_getsockopt, SYS_getsockname, SYS_write, SYS_exit_group};

static void
usual(void)
{
	struct host_addr any = host_addr("127.0.0.1", 0), to;
	struct msghdr message = {0};
	int own, fd, accepted, again, off = 0;

	MUST(host_defaults().idle != 0);
	allow_only(USUAL, ARRAY_LEN(USUAL), SECCOMP_RET_KILL_PROCESS);
	own = CALL(socket(AF_INET, SOCK_STREAM, 0));
	MUST(CALL(bind(own, host_sa(&any), any.len)) == 0);
	MUST(CALL(listen(own, 8)) == 0);
	to = host_addr("127.0.0.1", host_port(own));
	fd = CALL(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
	CALL(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &off, sizeof(off)));
	accepted = CALL(accept(own, NULL, NULL));
	again = CALL(socket(AF_INET, SOCK_STREAM, 0));
	CALL(sendto(again, "x", 1, MSG_FASTOPEN, host_sa(&to), to.len));
	EXPECT(CALL(accept4(own, NULL, NULL, 0)), 300, 30, 5, 0, 1);
	CALL(recvmsg(fd, &message, MSG_DONTWAIT));
	EXPECT(fd, 300, 30, 5, 0, 1);
	EXPECT(accepted, 300, 30, 5, 0, 1);
	CALL(close(accepted));
	CALL(connect(again, NULL, 0));
	fflush(stdout);
	_exit(host_failures != 0);
}

/* The listener has a rule that what it accepts here is not to have. */
static void
serving(void)
{
	struct host_options own = host_defaults();
	struct host_addr any = host_addr("0.0.0.0", 0);
	int listener = CALL(socket(AF_INET, SOCK_STREAM, 0));

	MUST(CALL(bind(listener, host_sa(&any), any.len)) == 0);
	MUST(CALL(listen(listener, 8)) == 0);
	host_raw_connect("127.0.0.1", host_port(listener));
	host_raw_connect("127.0.0.1", host_port(listener));
	allow_only(SERVING, ARRAY_LEN(SERVING), SECCOMP_RET_KILL_PROCESS);
	host_expect(
	    __FILE__, __LINE__, CALL(accept(listener, NULL, NULL)), own);
	host_expect(
	    __FILE__, __LINE__, CALL(accept4(listener, NULL, NULL, 0)), own);
	fflush(stdout);
	_exit(host_failures != 0);
}

/* And what locks itself in before it listens. */
static void
listening(void)
{
	static const int OWN[] = {SYS_listen, SYS_setsockopt, SYS_getsockopt,
	    SYS_getsockname, SYS_write, SYS_exit_group};
	struct host_addr any = host_addr("0.0.0.0", 0);
	int listener = CALL(socket(AF_INET, SOCK_STREAM, 0));

	MUST(CALL(bind(listener, host_sa(&any), any.len)) == 0);
	allow_only(OWN, ARRAY_LEN(OWN), SECCOMP_RET_KILL_PROCESS);
	MUST(CALL(listen(listener, 8)) == 0);
	fflush(stdout);
	_exit(host_failures != 0);
}

static void
strict(void)
{
	int listener = host_raw_listener("127.0.0.1"), fd, udp;
	struct host_addr to = host_addr("127.0.0.1", host_port(listener));

	allow_only(STRICT, ARRAY_LEN(STRICT), SECCOMP_RET_KILL_PROCESS);
	fd = CALL(socket(AF_INET, SOCK_STREAM, 0));
	CALL(connect(fd, host_sa(&to), to.len));
	udp = CALL(socket(AF_INET, SOCK_DGRAM, 0));
	CALL(connect(udp, host_sa(&to), to.len));
	CALL(write(fd, "x", 1));
	CALL(close(fd));
	fflush(stdout);
	_exit(0);
}

/*
 * A filter that makes calls fail: EPERM for all but those that the host makes
 * itself. It has no options then, and its results nevertheless.
 */
static void
denied(void)
{
	static const int OWN[] = {SYS_socket, SYS_connect, SYS_accept, SYS_bind,
	    SYS_listen, SYS_write, SYS_close, SYS_exit_group, SYS_fcntl};
	struct host_addr any = host_addr("127.0.0.1", 0), to;
	int listener = host_raw_listener("127.0.0.1"), own, fd;

	to = host_addr("127.0.0.1", host_port(listener));
	own = CALL(socket(AF_INET, SOCK_STREAM, 0));
	MUST(CALL(bind(own, host_sa(&any), any.len)) == 0);
	MUST(CALL(listen(own, 8)) == 0);
	host_raw_connect("127.0.0.1", host_port(own));
	allow_only(OWN, ARRAY_LEN(OWN), SECCOMP_RET_ERRNO | EPERM);
	fd = CALL(socket(AF_INET, SOCK_STREAM, 0));
	MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
	MUST(CALL(accept(own, NULL, NULL)) >= 0);
	CALL(connect(fd, host_sa(&to), to.len));
	CALL(socket(AF_INET, SOCK_DGRAM, 0));
	fflush(stdout);
	_exit(host_failures != 0);
}

static void
connect_and_accept(const char *text)
{
	struct host_addr any = host_addr(text, 0), to;
	int own = CALL(socket(any.sa.ss_family, SOCK_STREAM, 0)), fd;

	MUST(CALL(bind(own, host_sa(&any), any.len)) == 0);
	MUST(CALL(listen(own, 8)) == 0);
	to = host_addr(text, host_port(own));
	fd = CALL(socket(any.sa.ss_family, SOCK_STREAM, 0));
	MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
	EXPECT(fd, 300, 30, 5, 0, 1);
	EXPECT(CALL(accept(own, NULL, NULL)), 300, 30, 5, 0, 1);
	printf("%d descriptors\n", host_descriptors());
}

/*
 * Nothing is there any more: no /etc, /proc, /dev, no right to anything. Not
 * being root, a user may do this in a namespace of their own.
 */
static void
in_chroot(void)
{
	char dir[] = "/tmp/kashim-test.XXXXXX";
	bool root = geteuid() == 0;
	gid_t none[1];

	MUST(mkdtemp(dir) != NULL);
	MUST(root || unshare(CLONE_NEWUSER) == 0);
	MUST(chdir(dir) == 0);
	MUST(rmdir(dir) == 0);
	MUST(CALL(chroot(".")) == 0);
	if (root) {
		MUST(CALL(setgroups(0, none)) == 0);
		MUST(CALL(setresgid(NOBODY, NOBODY, NOBODY)) == 0);
		MUST(CALL(setresuid(NOBODY, NOBODY, NOBODY)) == 0);
	}
	MUST(CALL(access("/proc", F_OK)) < 0);
	connect_and_accept("127.0.0.1");
	connect_and_accept("::1");
	/* A child has all that it needs from its parent. */
	fflush(stdout);
	if (fork() == 0) {
		alarm(HOST_DEADLINE_S);
		connect_and_accept("127.0.0.1");
		fflush(stdout);
		_exit(host_failures != 0);
	} else {
		int status = -1;

		MUST(wait(&status) > 0 && status == 0);
	}
}

/* The same with messages asked for, which have nowhere to go. */
static void
in_chroot_traced(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(HOST_DEADLINE_S);
		setenv("KASHIM_TRACE", "/tmp/kashim-test-nowhere/trace", 1);
		execl("/proc/self/exe", "hostile_jail", "--case", "chroot",
		    (char *)NULL);
		_exit(127);
	}
	MUST(waitpid(pid, &status, 0) == pid && status == 0);
}

static const struct host_case CASES[] = {
    {"seccomp", LOOPBACK, usual},
    {"seccomp-by-source", BY_SOURCE, usual},
    {"seccomp-by-port", BY_PORT, usual},
    {"seccomp-uniform", ALL, usual},
    {"seccomp-tighten", "app-settings = tighten\n" LOOPBACK, usual},
    {"seccomp-serving", IGNORED, serving},
    {"seccomp-listening", IGNORED, listening},
    {"seccomp-listening-uniform", ALL, listening},
    {"seccomp-strict", LOOPBACK, strict},
    {"seccomp-strict-uniform", ALL, strict},
    {"seccomp-strict-by-port", BY_PORT, strict},
    {"seccomp-denies", LOOPBACK, denied},
    {"seccomp-denies-by-source", BY_SOURCE, denied},
    {"seccomp-denies-uniform", ALL, denied},
    {"chroot", LOOPBACK, in_chroot},
    {"chroot-by-source", BY_SOURCE, in_chroot},
    {"chroot-traced", LOOPBACK, in_chroot_traced},
};

int
main(int argc, char **argv)
{
	return host_main(argc, argv, CASES, ARRAY_LEN(CASES));
}
