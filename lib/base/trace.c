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
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/trust.h"

#define TRACE_BEGINS   "kashim["
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
	trace_text(line, TRACE_BEGINS);
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

static uid_t
effective_user(void)
{
#ifdef SYS_geteuid32
	return (uid_t)syscall(SYS_geteuid32);
#else
	return (uid_t)syscall(SYS_geteuid);
#endif
}

bool
trace_may_make(void)
{
	return effective_user() != 0;
}

/* Not inlined: its stack is for use again when a line is written. */
__attribute__((noinline)) static enum trace_refusal
check(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return TRACE_NOT_OPENED;
	if (!S_ISREG(st.st_mode))
		return TRACE_NO_FILE;
	if (trust_file_as(&st, effective_user()) != TRUST_FULL ||
	    st.st_nlink > 1)
		return TRACE_NOT_TRUSTED;
	return TRACE_TAKEN;
}

static bool
begins_as_trace(int fd)
{
	char text[sizeof(TRACE_BEGINS) - 1];
	long got = syscall(SYS_read, fd, text, sizeof(text));

	return got == 0 || (got == (long)sizeof(text) &&
			       memcmp(text, TRACE_BEGINS, sizeof(text)) == 0);
}

/*
 * It is looked at before it is opened, since to open a device may do something,
 * and once more after that, since it may be another file then. A FIFO without
 * a reader must not hold the host up.
 */
enum trace_refusal
trace_open(const char *path, bool may_make, int *fd)
{
	enum trace_refusal refusal = TRACE_TAKEN;
	long opened = syscall(
	    SYS_openat, AT_FDCWD, path, O_PATH | O_CLOEXEC | O_NOFOLLOW, 0);
	int flags =
	    O_RDWR | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW;

	if (opened < 0 && errno == ENOENT && may_make)
		flags |= O_CREAT;
	else if (opened < 0)
		return TRACE_NOT_OPENED;
	if (opened >= 0) {
		refusal = check((int)opened);
		(void)syscall(SYS_close, opened);
	}
	if (refusal != TRACE_TAKEN)
		return refusal;
	opened = syscall(SYS_openat, AT_FDCWD, path, flags, 0600);
	if (opened < 0)
		return TRACE_NOT_OPENED;
	refusal = check((int)opened);
	if (refusal == TRACE_TAKEN && !begins_as_trace((int)opened))
		refusal = TRACE_SOMETHING_ELSE;
	if (refusal == TRACE_TAKEN)
		*fd = (int)opened;
	else
		(void)syscall(SYS_close, opened);
	return refusal;
}

const char *
trace_refusal_text(enum trace_refusal refusal)
{
	switch (refusal) {
	case TRACE_NO_FILE:
		return "no regular file";
	case TRACE_NOT_TRUSTED:
		return "another user's, or others can write it, or it has "
		       "another name, too";
	case TRACE_SOMETHING_ELSE:
		return "what is in it is no trace";
	default:
		return NULL;
	}
}

void
trace_to_file(struct trace_line *line, const char *path)
{
	int saved = errno, fd;

	if (trace_open(path, trace_may_make(), &fd) == TRACE_TAKEN) {
		trace_to_descriptor(line, fd);
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
