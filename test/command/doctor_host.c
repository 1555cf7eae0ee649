/* SPDX-License-Identifier: ISC */
/*
 * What test_doctor.sh looks at while it runs: says "ready", and waits for the
 * end of its standard input. Its arguments are done first, in order:
 *   connect   holds a connection to a listener of its own on loopback
 *   seccomp   filters its system calls, and lets all through
 *   io_uring  has an io_uring
 *   chroot DIRECTORY, user NUMBER
 */
#include <arpa/inet.h>
#include <err.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void
make_connection(void)
{
	struct sockaddr_in sin = {
	    .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(sin);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int client = socket(AF_INET, SOCK_STREAM, 0);

	if (listener < 0 || client < 0 ||
	    bind(listener, (struct sockaddr *)&sin, len) < 0 ||
	    listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&sin, &len) < 0 ||
	    connect(client, (struct sockaddr *)&sin, len) < 0 ||
	    accept(listener, NULL, NULL) < 0)
		err(98, "connect");
}

static void
make_filter(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog filter = {.len = 1, .filter = &allow};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
		err(98, "seccomp");
}

static void
make_io_uring(void)
{
	struct io_uring_params params = {0};

	if (syscall(SYS_io_uring_setup, 1, &params) < 0)
		err(98, "io_uring");
}

int
main(int argc, char *argv[])
{
	char byte;

	/* Should the test die, this does not stay. */
	(void)alarm(120);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "connect") == 0) {
			make_connection();
		} else if (strcmp(argv[i], "seccomp") == 0) {
			make_filter();
		} else if (strcmp(argv[i], "io_uring") == 0) {
			make_io_uring();
		} else if (strcmp(argv[i], "chroot") == 0 && i + 1 < argc) {
			if (chroot(argv[++i]) < 0 || chdir("/") < 0)
				err(98, "chroot");
		} else if (strcmp(argv[i], "user") == 0 && i + 1 < argc) {
			unsigned int id = (unsigned)atoi(argv[++i]);

			if (setresgid(id, id, id) < 0 ||
			    setresuid(id, id, id) < 0 ||
			    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
				err(98, "user");
		} else {
			errx(98, "%s", argv[i]);
		}
	}
	puts("ready");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	return 0;
}
