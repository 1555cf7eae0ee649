/* SPDX-License-Identifier: ISC */
/*
 * process: another process, as proc(5) shows it. It reads and changes
 * nothing; a process that has ended in between is an error and never a wrong
 * answer.
 */
#ifndef KASHIM_PROCESS_H
#define KASHIM_PROCESS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process {
	pid_t pid;
	/*
	 * The thread by which it is looked into: pid, or if its first thread
	 * has ended, which leaves nothing to be seen there, another one.
	 */
	pid_t thread;
	uint64_t start; /* ticks since boot; with pid it names the process */
	uid_t uid;      /* effective */
	/*
	 * The names that rules with the key program look at, as in the shim:
	 * that of its executable file, as it was called when the program
	 * began, and the one that it was started by, if another; of one that
	 * was given to the loader to start, its own alone.
	 * Without the permission to look (ptrace(2), PTRACE_MODE_READ), and
	 * for a thread of the kernel, name_count is 0, and comm is all that is
	 * known; also if it is silent.
	 */
	char name[2][NAME_MAX + 1];
	unsigned int name_count;
	/*
	 * It does not answer, or is not asked since others of its user did not
	 * (look.h).
	 */
	bool silent;
	char comm[16];        /* as ps(1) shows it: never empty */
	unsigned int seccomp; /* mode, seccomp(2) */
	/*
	 * The system's systemd unit that its control group belongs to, such as
	 * "redis-server.service" or "user@1000.service"; "" if none.
	 */
	char unit[NAME_MAX + 1];
	uint64_t net; /* inode of its network namespace, 0: unknown */
};

/*
 * Looks at process pid. Returns 0; -ESRCH if there is none (any more), or it
 * is a zombie without other threads, or a thread and no process; -EACCES if
 * proc(5) does not show even its name; -errno.
 */
int process_read(pid_t pid, struct process *process);

/*
 * The name for people, in all that the command prints: of those that rules
 * know, the one that the program was started by; or comm if it may not be
 * looked into. It is as somebody chose it: see text.h.
 */
const char *process_program(const struct process *process);

/*
 * Writes its control group of version 2 to path, as seen from that of the
 * caller: "/system.slice/ssh.service". Returns 0; -ENOENT if there is none;
 * -ESRCH, -errno.
 */
int process_group(const struct process *process, char path[PATH_MAX]);

/* The same of the caller. */
int process_own_group(char path[PATH_MAX]);

/*
 * Opens its directory in /proc, or its thread's in there, close-on-exec, to
 * read more of it: certain to be of this very process, now and for as long as
 * it is open. Returns it, or -ESRCH or another -errno.
 */
int process_dir(const struct process *process);

/*
 * Is it still the same process? By pid and start. For after pidfd_open(2),
 * which may have got another process with the same number.
 */
bool process_is_same(const struct process *process);

/*
 * Opens a pidfd for it (pidfd_open(2)), close-on-exec, that is certain to be
 * of this very process; if its first thread has ended, for the other one, which
 * takes Linux 6.9 (-EINVAL before). Returns it, or -ESRCH or another -errno.
 */
int process_open(const struct process *process);

/*
 * Is this -errno one of a lack of descriptors or memory, that is, ours? Then
 * nothing follows from it for the process.
 */
bool process_is_lack(int error);

/*
 * Calls each for every process that this user sees, in order of pid, until
 * it returns non-zero. Returns that, 0, or -errno if /proc cannot be read, or
 * for a lack of descriptors or memory.
 */
int process_each(
    int (*each)(const struct process *process, void *data), void *data);

#endif
