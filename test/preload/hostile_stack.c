/* SPDX-License-Identifier: ISC */
/*
 * How much stack the hooks take. A signal handler makes each call on an
 * alternate stack that was painted before, first past the hook and then
 * through it, and what is no longer paint was used. Then the calls are made on
 * a stack that has just as much room as the manual page says.
 */
#include "host.h"

#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#define LOOPBACK                                                 \
	"rule lo { destination = { \"127.0.0.0/8\", \"::1\" }\n" \
	" idle = 300 interval = 30 count = 5 }\n"
#define BY_SOURCE                                          \
	"rule s { source = { \"127.0.0.0/8\", \"::1\" }\n" \
	" idle = 300 interval = 30 count = 5 }\n"
#define TIGHTEN "app-settings = tighten\n" LOOPBACK

/* Bytes that a hook may take, and more with KASHIM_TRACE. */
#define BUDGET        1536
#define BUDGET_TRACED 2048
/* What a handler and a call of the C library's have to have in any case. */
#define HANDLER 1024
/* What MINSIGSTKSZ was before processors had larger registers. */
#define LEAST_STACK 2048

#define PAINT      0xa5
#define STACK_SIZE ((size_t)64 << 10)
#define GUARD_SIZE ((size_t)64 << 10)

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

static unsigned char *stack_base; /* above a guard page */
static struct host_addr target;
static int listener, a_listener, made[2], pair[2];
static void (*volatile action)(void);
static volatile int outcome;

static void
call_socket(void)
{
	made[0] = socket(AF_INET, SOCK_STREAM, 0);
}

static void
raw_socket(void)
{
	made[0] = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
}

static void
call_connect(void)
{
	outcome = connect(made[0], host_sa(&target), target.len);
}

static void
raw_connect(void)
{
	outcome = (int)syscall(SYS_connect, made[0], &target.sa, target.len);
}

static void
call_listen(void)
{
	outcome = listen(a_listener, 8);
}

static void
raw_listen(void)
{
	outcome = (int)syscall(SYS_listen, a_listener, 8);
}

static void
call_accept(void)
{
	made[1] = accept(a_listener, NULL, NULL);
}

static void
raw_accept(void)
{
	made[1] = (int)syscall(SYS_accept4, a_listener, NULL, NULL, 0);
}

static void
call_setsockopt(void)
{
	int off = 0;

	outcome =
	    setsockopt(made[1], SOL_SOCKET, SO_KEEPALIVE, &off, sizeof(off));
}

static void
raw_setsockopt(void)
{
	int off = 0;

	outcome = (int)syscall(SYS_setsockopt, made[1], SOL_SOCKET,
	    SO_KEEPALIVE, &off, sizeof(off));
}

static struct msghdr message;
static char control[CMSG_SPACE(sizeof(int))], byte;
static struct iovec part = {&byte, 1};

static void
call_recvmsg(void)
{
	outcome = (int)recvmsg(pair[0], &message, 0);
}

static void
raw_recvmsg(void)
{
	outcome = (int)syscall(SYS_recvmsg, pair[0], &message, 0);
}

static void
on_signal(int number)
{
	(void)number;
	action();
}

/* Runs what on an alternate stack of size bytes; how many it used. */
static size_t
run_on(void (*what)(void), size_t size)
{
	stack_t stack = {.ss_sp = stack_base, .ss_size = size};
	struct sigaction handler = {
	    .sa_handler = on_signal, .sa_flags = SA_ONSTACK};
	size_t untouched = 0;

	memset(stack_base, PAINT, size);
	MUST(sigaltstack(&stack, NULL) == 0);
	MUST(sigaction(SIGUSR1, &handler, NULL) == 0);
	action = what;
	outcome = 0;
	MUST(raise(SIGUSR1) == 0);
	MUST(outcome >= 0);
	while (untouched < size && stack_base[untouched] == PAINT)
		untouched++;
	return size - untouched;
}

static void
prepare(void)
{
	struct host_addr any = host_addr("127.0.0.1", 0);

	memset(made, -1, sizeof(made));
	raw_socket();
	a_listener = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
	MUST(bind(a_listener, host_sa(&any), any.len) == 0);
	MUST(syscall(SYS_listen, a_listener, 8) == 0);
	host_raw_connect("127.0.0.1", host_port(a_listener));
	made[1] = host_raw_connect("127.0.0.1", host_port(listener));
	message = (struct msghdr){.msg_iov = &part,
	    .msg_iovlen = 1,
	    .msg_control = control,
	    .msg_controllen = sizeof(control)};
}

/* A message on pair[1] that brings a connected socket along. */
static void
send_socket(void)
{
	char buffer[CMSG_SPACE(sizeof(int))] = {0};
	struct msghdr out = {.msg_iov = &part,
	    .msg_iovlen = 1,
	    .msg_control = buffer,
	    .msg_controllen = sizeof(buffer)};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&out);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &made[1], sizeof(int));
	MUST(syscall(SYS_sendmsg, pair[1], &out, 0) == 1);
}

static const struct {
	const char *name;
	void (*hooked)(void);
	void (*raw)(void);
} CALLS[] = {
    {"socket", call_socket, raw_socket},
    {"connect", call_connect, raw_connect},
    {"listen", call_listen, raw_listen},
    {"accept", call_accept, raw_accept},
    {"setsockopt", call_setsockopt, raw_setsockopt},
    {"recvmsg", call_recvmsg, raw_recvmsg},
};

static size_t
measure(void (*what)(void), size_t size)
{
	size_t used;

	prepare();
	send_socket();
	used = run_on(what, size);
	/* Take what is left of the message. */
	syscall(SYS_recvmsg, pair[0], &message, MSG_DONTWAIT);
	close(made[0]);
	close(made[1]);
	close(a_listener);
	return used;
}

static void
start(void)
{
	unsigned char *map = mmap(NULL, GUARD_SIZE + STACK_SIZE,
	    PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	MUST(map != MAP_FAILED);
	MUST(mprotect(map, GUARD_SIZE, PROT_NONE) == 0);
	stack_base = map + GUARD_SIZE;
	listener = host_raw_listener("127.0.0.1");
	target = host_addr("127.0.0.1", host_port(listener));
	MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
}

static void
stack(void)
{
	bool traced = getenv("KASHIM_TRACE") != NULL;
	size_t budget = traced ? BUDGET_TRACED : BUDGET, least;
	char line[256] = "";

	start();
	for (size_t i = 0; i < ARRAY_LEN(CALLS); i++) {
		size_t raw, hooked;

		/* Bound now, not while it is measured. */
		measure(CALLS[i].hooked, STACK_SIZE);
		measure(CALLS[i].raw, STACK_SIZE);
		hooked = measure(CALLS[i].hooked, STACK_SIZE);
		raw = measure(CALLS[i].raw, STACK_SIZE);
		MUST(hooked <= raw + budget);
		snprintf(line + strlen(line), sizeof(line) - strlen(line),
		    " %s %zd", CALLS[i].name, (ssize_t)(hooked - raw));
	}
	if (host_shimmed())
		fprintf(stderr, "bytes of stack%s:%s\n",
		    traced ? ", traced" : "", line);

	/* Below it is nothing, so that a byte too much ends the program. */
	least = (size_t)getauxval(AT_MINSIGSTKSZ);
	if (least < LEAST_STACK)
		least = LEAST_STACK;
	least += HANDLER + (host_shimmed() ? budget : 0);
	least = (least + 63) / 64 * 64;
	for (size_t i = 0; i < ARRAY_LEN(CALLS); i++)
		measure(CALLS[i].hooked, least);
}

/* With a trace, in a further process. */
static void
stack_traced(void)
{
	char path[] = "/tmp/kashim-test-trace.XXXXXX";
	int fd = mkstemp(path), status = -1;
	struct stat st;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(HOST_DEADLINE_S);
		setenv("KASHIM_TRACE", path, 1);
		execl("/proc/self/exe", "hostile_stack", "--case", "stack",
		    (char *)NULL);
		_exit(127);
	}
	MUST(waitpid(pid, &status, 0) == pid && status == 0);
	MUST(fstat(fd, &st) == 0 && (st.st_size > 0) == host_shimmed());
	close(fd);
	unlink(path);
}

static const struct host_case CASES[] = {
    {"stack", LOOPBACK, stack},
    {"stack-by-source", BY_SOURCE, stack},
    {"stack-tighten", TIGHTEN, stack},
    {"stack-traced", LOOPBACK, stack_traced},
    {"stack-traced-by-source", BY_SOURCE, stack_traced},
    {"stack-traced-tighten", TIGHTEN, stack_traced},
};

int
main(int argc, char **argv)
{
	return host_main(argc, argv, CASES, ARRAY_LEN(CASES));
}
