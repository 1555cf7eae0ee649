/* SPDX-License-Identifier: ISC */
/*
 * doctor_proc: what proc(5) shows of a process that decides whether the
 * preload works in it. It decides nothing.
 */
#ifndef KASHIM_DOCTOR_PROC_H
#define KASHIM_DOCTOR_PROC_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#include "host/elf_file.h"
#include "host/proc.h"
#include "host/process.h"

/* A libkashim.so that is mapped. */
struct doctor_mapping {
	bool found;
	bool deleted;        /* its file was deleted or replaced */
	char path[PATH_MAX]; /* as the reader sees it */
};

struct doctor_proc {
	struct process process;
	pid_t parent; /* 0: outside of this /proc */
	char root[PROC_PATH_MAX];
	bool root_known;
	bool other_root; /* not the caller's, or another mount namespace */
	uid_t uid, euid;
	gid_t gid, egid;
	gid_t *groups;
	size_t group_count;
	char uid_map[1024]; /* user_namespaces(7), as the caller's sees it */
	struct timespec began;
	/* What needs PTRACE_MODE_READ, ptrace(2): */
	bool readable; /* was it permitted? */
	bool kernel;   /* a thread of the kernel: it has no memory of its own */
	struct doctor_mapping mapping;
	pid_t supervisor; /* of kashim run; 0: none, or it has the library */
	char exe[PATH_MAX];
	bool elf_known;
	struct elf_file elf;
	bool secure;       /* AT_SECURE, getauxval(3) */
	char *environment; /* when it began, variables ended by NUL each */
	size_t environment_size;
	unsigned int io_urings; /* descriptors */
};

/*
 * Reads it all. Returns 0, and the caller gives it back with
 * doctor_proc_free(); -ESRCH if there is no such process, -ENOMEM, -errno.
 */
int doctor_proc_read(pid_t pid, struct doctor_proc *proc);

void doctor_proc_free(struct doctor_proc *proc);

/*
 * What user is outside, in the caller's user namespace, in that of the process.
 * Returns false if it is not known there: a file of such a user belongs to
 * 65534 for the process.
 */
bool
doctor_proc_user(const struct doctor_proc *proc, uid_t outside, uid_t *inside);

/* A variable of the environment that it began with; NULL if it is not set. */
const char *
doctor_proc_variable(const struct doctor_proc *proc, const char *name);

#endif
