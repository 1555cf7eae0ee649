/* SPDX-License-Identifier: ISC */
/*
 * supervise_target: the thread behind a notification.
 */
#include "supervise/supervise_target.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/auxv.h"
#include "host/kernel_calls.h"
#include "host/look.h"
#include "host/proc.h"
#include "host/process.h"
#include "supervise/supervise_view.h"

#define TARGETS    64
#define RANDOM_LEN 16 /* what AT_RANDOM points to, getauxval(3) */

/*
 * A thread and its program. The random bytes that the kernel gives to each
 * program that is started tell whether it is still the same program.
 */
struct target {
	pid_t tid;
	uid_t uid; /* when it was first seen; (uid_t)-1: not known */
	int pidfd;
	bool lasts; /* the pidfd says for certain whose number tid is */
	bool named;
	uint64_t random_at;
	uint8_t random[RANDOM_LEN];
	char name[2][NAME_MAX + 1];
	unsigned int name_count;
};

static struct {
	struct target table[TARGETS];
	unsigned int next; /* the one to be forgotten */
	bool has_proc;
} known;

bool
target_has_proc(void)
{
	char text[4096], *end;

	if (proc_read_at(AT_FDCWD, "/proc/self/status", text, sizeof(text)) < 0)
		return false;
	/* One for each namespace, from that of /proc to its own. */
	return strtol(proc_status_field(text, "\nNSpid:"), &end, 10) ==
	           getpid() &&
	       *end == '\n';
}

int
target_start(const struct in_force *force)
{
	known.has_proc = target_has_proc();
	for (int i = 0; i < TARGETS; i++)
		known.table[i].pidfd = -1;
	return supervise_view_start(force);
}

/* Reads a file below /proc/TID. Returns its length or -errno. */
static ssize_t
read_proc(pid_t tid, const char *name, char *text, size_t size)
{
	return known.has_proc ? proc_read(tid, name, text, size) : -ENOENT;
}

/* The process of a thread, and its user, or -errno. */
static pid_t
read_ids(pid_t tid, uid_t *uid)
{
	char text[1024];
	ssize_t len = read_proc(tid, "status", text, sizeof(text));
	pid_t process;
	int error = len < 0 ? (int)len : proc_status_ids(text, &process, uid);

	return error < 0 ? error : process;
}

/*
 * A pidfd of the thread itself. An older kernel has none but of a process;
 * that one tells nothing of whose number tid is tomorrow, unless it is the
 * process's own.
 */
static int
open_target(struct target *target, pid_t tid)
{
	pid_t process;

	target->tid = tid;
	target->uid = (uid_t)-1;
	process = read_ids(tid, &target->uid);
	target->named = false;
	target->lasts = true;
	target->pidfd = kernel_pidfd_open(tid, KERNEL_PIDFD_THREAD);
	if (target->pidfd >= 0 || errno != EINVAL)
		return target->pidfd;
	if (process < 0)
		process = tid;
	target->lasts = process == tid;
	target->pidfd = kernel_pidfd_open(process, 0);
	return target->pidfd;
}

static void
forget(struct target *target)
{
	if (target->pidfd >= 0)
		close(target->pidfd);
	target->pidfd = -1;
	target->tid = 0;
}

void
target_stop(void)
{
	for (int i = 0; i < TARGETS; i++)
		forget(&known.table[i]);
	look_stop();
}

/* Is it still there? Only then tid can't have become another's number. */
static bool
is_alive(const struct target *target)
{
	return kernel_pidfd_probe(target->pidfd) == 0 || errno == EPERM;
}

struct target *
target_find(pid_t tid)
{
	struct target *target;

	if (tid <= 0)
		return NULL;
	for (int i = 0; i < TARGETS; i++) {
		target = &known.table[i];
		if (target->tid != tid)
			continue;
		if (target->lasts && is_alive(target))
			return target;
		forget(target);
		break;
	}
	target = &known.table[known.next++ % TARGETS];
	forget(target);
	if (open_target(target, tid) < 0) {
		forget(target);
		return NULL;
	}
	return target;
}

pid_t
target_thread(const struct target *target)
{
	return target->tid;
}

pid_t
target_process(const struct target *target)
{
	uid_t uid;

	return read_ids(target->tid, &uid);
}

/* A piece of its memory. */
struct piece {
	pid_t tid;
	int error;
	uint64_t address;
	size_t size;
	uint8_t bytes[TARGET_READ_MAX];
};

static void
look_piece(void *data)
{
	struct piece *piece = data;
	const ssize_t got =
	    look_memory(piece->tid, piece->address, piece->bytes, piece->size);

	piece->error = got < 0                      ? (int)got
	               : (size_t)got == piece->size ? 0
	                                            : -EFAULT;
}

int
target_read(
    const struct target *target, uint64_t address, void *to, size_t size)
{
	struct piece piece = {
	    .tid = target->tid, .address = address, .size = size};
	int error;

	if (size > sizeof(piece.bytes))
		return -EINVAL;
	error =
	    look(target->tid, target->uid, look_piece, &piece, sizeof(piece));
	if (error == 0)
		error = piece.error;
	if (error == 0)
		memcpy(to, piece.bytes, size);
	return error;
}

int
target_descriptor(struct target *target, int fd)
{
	int own = kernel_pidfd_getfd(target->pidfd, fd);

	return own < 0 ? -errno : own;
}

/* Where its AT_RANDOM is, 0 if that can't be told. */
static uint64_t
find_random(pid_t tid)
{
	char auxv[AUXV_MAX];
	ssize_t len = read_proc(tid, "auxv", auxv, sizeof(auxv));

	return len > 0 ? auxv_find(auxv, (size_t)len, AT_RANDOM) : 0;
}

/* Is the program that was named still the one that it runs? */
static bool
is_named(const struct target *target)
{
	uint8_t random[RANDOM_LEN];

	return target->named &&
	       target_read(target, target->random_at, random, sizeof(random)) ==
	           0 &&
	       memcmp(random, target->random, sizeof(random)) == 0;
}

static int
name(struct target *target)
{
	struct process process;
	const pid_t pid = target_process(target);
	int error;

	if (pid < 0)
		return pid;
	/*
	 * Before its names: it may become another program meanwhile, if it is
	 * looked at while it runs. Then it is named again.
	 */
	target->random_at = find_random(target->tid);
	target->named = target->random_at != 0 &&
	                target_read(target, target->random_at, target->random,
			    sizeof(target->random)) == 0;
	error = process_read(pid, &process);
	if (error == 0 && process.name_count == 0)
		error = -EACCES;
	if (error < 0) {
		target->named = false;
		return error;
	}
	target->name_count = process.name_count;
	memcpy(target->name, process.name, sizeof(target->name));
	return 0;
}

const struct view *
target_view(struct target *target)
{
	const char *names[2] = {target->name[0], target->name[1]};
	const struct view *view;
	unsigned int count = 0;

	if (supervise_view_needs_names()) {
		if (!is_named(target) && name(target) < 0)
			return NULL;
		count = target->name_count;
	}
	view = supervise_view(names, count);
	return view_is_empty(view) ? NULL : view;
}
