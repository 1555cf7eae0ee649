/* SPDX-License-Identifier: ISC */
/*
 * look: a look at another process that this may hold up (look.h). Caller and
 * reader talk over a socket pair, one message for each look and each answer.
 */
#include "host/look.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "host/kernel_calls.h"
#include "host/proc.h"

/* So often the limit, for a reader that the machine is too busy for. */
#define BUSY_MAX 20
/* What a reader is called, so that another run knows for whom it waits. */
/* In place of the program's name on its command line, for ps(1) and pkill(1).
 */
#define TITLE "look"

/* What goes before the data. fn is at the same place in both processes. */
struct request {
	look_fn *fn;
	uid_t uid;
};

static struct {
	pid_t pid;
	int fd;    /* -1: there is none */
	uid_t own; /* our user, whose reader it is */
	bool counted;
} reader = {.fd = -1};

/* A look in vain. It counts until then, and as long as its reader is there. */
struct vain {
	pid_t reader;
	pid_t pid; /* that was looked at, 0: not known */
	uid_t uid;
	int64_t until_ms;
};

static struct {
	struct vain table[LOOK_LEFT + LOOK_LEFT_USER];
	unsigned int count;
} vain;

/* The end of a reader of another run is not ours to wait for. */
static bool
is_there(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG | __WALL) != pid && kill(pid, 0) == 0;
}

static void
forget_old(void)
{
	const int64_t now = clock_ms();
	unsigned int kept = 0;

	for (unsigned int i = 0; i < vain.count; i++) {
		if (now < vain.table[i].until_ms ||
		    is_there(vain.table[i].reader))
			vain.table[kept++] = vain.table[i];
	}
	vain.count = kept;
}

static bool
is_refused(pid_t pid, uid_t uid)
{
	unsigned int user = 0, others = 0;

	forget_old();
	for (unsigned int i = 0; i < vain.count; i++) {
		if (vain.table[i].pid == pid)
			return true;
		user += vain.table[i].uid == uid;
		others += vain.table[i].uid != reader.own;
	}
	return user >= LOOK_LEFT_USER ||
	       (uid != reader.own && others >= LOOK_LEFT);
}

static void
note_vain(pid_t of, pid_t pid, uid_t uid)
{
	/* is_refused() sees to it that there is room, but for other runs'. */
	if (vain.count < sizeof(vain.table) / sizeof(vain.table[0]))
		vain.table[vain.count++] = (struct vain){.reader = of,
		    .pid = pid,
		    .uid = uid,
		    .until_ms = clock_ms() + LOOK_PAUSE_MS};
}

static uint64_t
signals(const char *status, const char *field)
{
	return strtoull(proc_status_field(status, field), NULL, 16);
}

/*
 * Is this program of ours one that was killed and is there all the same? Only
 * we ourselves can have such a one: somebody else's has another user.
 */
static void
count_left(pid_t pid)
{
	char status[4096];
	uid_t effective, uid;

	if (proc_read(pid, "status", status, sizeof(status)) > 0 &&
	    sscanf(status, "Name:\t" LOOK_NAME "%u", &uid) == 1 &&
	    proc_status_ids(status, &pid, &effective) == 0 &&
	    effective == reader.own &&
	    ((signals(status, "\nSigPnd:") | signals(status, "\nShdPnd:")) &
		(UINT64_C(1) << (SIGKILL - 1))) != 0)
		note_vain(pid, 0, uid);
}

/*
 * Those that other runs have left behind. A link for each process is all that
 * this takes, and only whoever may look at other users' has to.
 */
static void
count_others(void)
{
	char own[PATH_MAX], exe[PATH_MAX];
	const ssize_t len = readlink("/proc/self/exe", own, sizeof(own));
	DIR *proc = len > 0 ? opendir("/proc") : NULL;
	pid_t pid;

	reader.counted = true;
	if (proc == NULL)
		return;
	while ((pid = proc_next(proc)) != 0) {
		char path[PROC_PATH_MAX];

		proc_path(pid, "exe", path);
		if (readlink(path, exe, sizeof(exe)) == len &&
		    memcmp(own, exe, (size_t)len) == 0)
			count_left(pid);
	}
	closedir(proc);
}

/* As long as it is there it must hold nothing: no pipe, no file system. */
static void
let_go(int socket)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(socket, 0) != 0 || chdir("/") < 0)
		_exit(1);
	if (kernel_close_range(1, ~0u) == 0)
		return;
	for (long fd = sysconf(_SC_OPEN_MAX) - 1; fd > 0; fd--)
		close((int)fd);
}

/* Where the kernel reads it: as much as there is room for. */
static void
set_title(void)
{
	size_t room = strlen(program_invocation_name);

	memset(program_invocation_name, 0, room);
	memcpy(program_invocation_name, TITLE,
	    room < strlen(TITLE) ? room : strlen(TITLE));
}

static void __attribute__((noreturn)) read_for_ever(int socket)
{
	static union {
		char bytes[LOOK_MAX];
		max_align_t align;
	} data;
	struct request request = {0};
	struct iovec parts[] = {
	    {.iov_base = &request, .iov_len = sizeof(request)},
	    {.iov_base = data.bytes, .iov_len = sizeof(data.bytes)},
	};
	uid_t named = (uid_t)-1;
	ssize_t got;

	let_go(socket);
	set_title();
	while ((got = readv(0, parts, 2)) != 0) {
		char name[sizeof(LOOK_NAME) + 3 * sizeof(uid_t)];

		if (got < (ssize_t)sizeof(request)) {
			if (got < 0 && errno == EINTR)
				continue;
			break;
		}
		if (request.uid != named) {
			named = request.uid;
			snprintf(name, sizeof(name), LOOK_NAME "%u",
			    (unsigned)named);
			(void)prctl(PR_SET_NAME, name);
		}
		request.fn(data.bytes);
		if (send(0, data.bytes, (size_t)got - sizeof(request),
			MSG_NOSIGNAL) < 0)
			break;
	}
	_exit(0);
}

static int
start(void)
{
	const struct timeval limit = {.tv_usec = LOOK_LIMIT_MS * 1000};
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		read_for_ever(pair[1]);
	close(pair[1]);
	if (pid < 0 || setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit,
			   sizeof(limit)) < 0) {
		close(pair[0]);
		return -EAGAIN;
	}
	reader.pid = pid;
	reader.fd = pair[0];
	return 0;
}

/* Waits for no processor: it is the machine that is slow. */
static bool
is_busy(void)
{
	char text[256];
	const char *state;

	if (proc_read(reader.pid, "stat", text, sizeof(text)) < 0)
		return false;
	state = proc_stat_field(text, 3);
	return state != NULL && *state == 'R';
}

/* -EPIPE: the reader is gone, which is nobody's fault that we know of. */
static int
take_answer(void *data, size_t size)
{
	for (int times = 0; times < BUSY_MAX; times++) {
		const ssize_t got = recv(reader.fd, data, size, 0);

		if (got >= 0)
			return (size_t)got == size ? 0 : -EPIPE;
		if (errno != EINTR && errno != EAGAIN)
			return -EPIPE;
		if (errno == EAGAIN && !is_busy())
			break;
	}
	return -ETIMEDOUT;
}

static int
ask(const struct request *request, void *data, size_t size)
{
	struct iovec parts[] = {
	    {.iov_base = (void *)request, .iov_len = sizeof(*request)},
	    {.iov_base = data, .iov_len = size},
	};
	const struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

	if (sendmsg(reader.fd, &message, MSG_NOSIGNAL) < 0)
		return -EPIPE;
	return take_answer(data, size);
}

static void
drop(void)
{
	kill(reader.pid, SIGKILL);
	close(reader.fd);
	reader.fd = -1;
}

int
look(pid_t pid, uid_t uid, look_fn *fn, void *data, size_t size)
{
	const struct request request = {.fn = fn, .uid = uid};
	int error;

	if (reader.fd < 0)
		reader.own = geteuid();
	if (!reader.counted && uid != reader.own)
		count_others();
	if (vain.count > 0 && is_refused(pid, uid))
		return -ETIMEDOUT;
	for (int tries = 0; tries < 2; tries++) {
		error = reader.fd < 0 ? start() : 0;
		if (error < 0)
			return error;
		error = ask(&request, data, size);
		if (error == 0)
			return 0;
		drop();
		if (error == -ETIMEDOUT)
			break;
	}
	note_vain(reader.pid, pid, uid);
	return -ETIMEDOUT;
}

/*
 * Not by /proc/PID/mem: while such a read waits, it holds the lock of the whole
 * memory, and ps(1) may then wait for that, too (get_user_pages_remote() in
 * mm/gup.c, without "locked").
 */
ssize_t
look_memory(pid_t pid, uint64_t at, void *to, size_t size)
{
	const struct iovec local = {.iov_base = to, .iov_len = size};
	struct iovec remote = {.iov_len = size};
	ssize_t got;

	if (at > UINTPTR_MAX)
		return -EFAULT;
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): another's address */
	remote.iov_base = (void *)(uintptr_t)at;
	got = process_vm_readv(pid, &local, 1, &remote, 1, 0);
	return got < 0 ? -errno : got;
}

void
look_stop(void)
{
	if (reader.fd < 0)
		return;
	drop();
	/* It had nothing to do, so nothing can hold it up. */
	while (waitpid(reader.pid, NULL, __WALL) < 0 && errno == EINTR)
		continue;
}
