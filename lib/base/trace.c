/* SPDX-License-Identifier: ISC */
/*
 * trace: one line of text, to the system log or to a file.
 *
 * Everything goes through syscall(2): the C library's open(), write() and
 * connect() are cancellation points, and a thread that is cancelled in the
 * middle of a hook would lose the descriptor that its call just returned.
 */
#include "base/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define TRACE_PRIORITY "<28>" /* daemon, warning */

void
trace_text(struct trace_line *line, const char *text)
{
	/* One byte is kept for the newline. */
	size_t room = sizeof(line->text) - 1 - line->len;
	size_t len = strnlen(text, room);

	/* A name with a newline in it must not make a line of its own. */
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if ((unsigned char)c < ' ' || c == 0x7f)
			c = '?';
		line->text[line->len++] = c;
	}
}

void
trace_number(struct trace_line *line, int64_t number)
{
	uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
	char digits[24];
	size_t at = sizeof(digits) - 1;

	digits[at] = '\0';
	do {
		digits[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (number < 0)
		digits[--at] = '-';
	trace_text(line, digits + at);
}

void
trace_start(struct trace_line *line, pid_t pid)
{
	line->len = 0;
	trace_text(line, "kashim[");
	trace_number(line, pid);
	trace_text(line, "]: ");
}

/*
 * Is the file as large as the host may make one (RLIMIT_FSIZE)? Then write(2)
 * would not only fail: the host would be ended by SIGXFSZ.
 */
static bool
is_full(int fd)
{
	struct {
		uint64_t now, max;
	} limit;
	/* It is written at its end only. */
	long size = syscall(SYS_lseek, fd, 0, SEEK_END);

	return size >= 0 &&
	       syscall(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &limit) == 0 &&
	       (uint64_t)size >= limit.now;
}

void
trace_to_descriptor(struct trace_line *line, int fd)
{
	int saved = errno;

	line->text[line->len] = '\n';
	if (!is_full(fd))
		(void)syscall(SYS_write, fd, line->text, line->len + 1);
	errno = saved;
}

/* Not inlined: its stack is for use again when a line is written. */
__attribute__((noinline)) static bool
is_regular(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

void
trace_to_file(struct trace_line *line, const char *path)
{
	int saved = errno;
	long fd;

	/*
	 * A FIFO without a reader must not hold the host up, and a link that
	 * somebody put into /tmp must not lead the line elsewhere.
	 */
	fd = syscall(SYS_openat, AT_FDCWD, path,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK |
		O_NOFOLLOW,
	    0600);
	if (fd >= 0) {
		if (is_regular((int)fd))
			trace_to_descriptor(line, (int)fd);
		(void)syscall(SYS_close, fd);
	}
	errno = saved;
}

void
trace_to_log(struct trace_line *line)
{
	static const struct sockaddr_un LOG = {
	    .sun_family = AF_UNIX, .sun_path = "/dev/log"};
	char datagram[sizeof(TRACE_PRIORITY) - 1 + TRACE_LINE_MAX];
	int saved = errno;
	long fd;

	memcpy(datagram, TRACE_PRIORITY, sizeof(TRACE_PRIORITY) - 1);
	memcpy(datagram + sizeof(TRACE_PRIORITY) - 1, line->text, line->len);
	fd = syscall(
	    SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0) {
		(void)syscall(SYS_sendto, fd, datagram,
		    sizeof(TRACE_PRIORITY) - 1 + line->len, MSG_NOSIGNAL, &LOG,
		    sizeof(LOG));
		(void)syscall(SYS_close, fd);
	}
	errno = saved;
}
