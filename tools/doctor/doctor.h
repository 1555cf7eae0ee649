/* SPDX-License-Identifier: ISC */
/*
 * doctor: whether libkashim.so will take effect in a program, and if not,
 * why and what to do. It looks and changes nothing.
 */
#ifndef KASHIM_DOCTOR_H
#define KASHIM_DOCTOR_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum doctor_weight {
	DOCTOR_FINE,     /* good to know: it is so, and right */
	DOCTOR_NOTE,     /* something to know that changes nothing */
	DOCTOR_WARN,     /* part of the program is not reached, or may not be */
	DOCTOR_NO_RULES, /* it would be loaded, and there is nothing to set */
	DOCTOR_UNKNOWN,  /* it can't be told; with more rights it could */
	DOCTOR_FATAL,    /* the preload has no effect */
};

/* What is the matter; one for each, so that run can decide by it. */
enum doctor_topic {
	DOCTOR_PROGRAM,  /* the program can't be read, or not be started */
	DOCTOR_STATIC,   /* no program interpreter: no loader */
	DOCTOR_SETID,    /* setuid, setgid, file capabilities: AT_SECURE */
	DOCTOR_CLASS,    /* ELF class or machine without a build of ours */
	DOCTOR_LIBC,     /* another C library than the build's */
	DOCTOR_SCRIPT,   /* a script; what follows is of its interpreter */
	DOCTOR_PRELOAD,  /* an LD_PRELOAD that is there already */
	DOCTOR_LIBRARY,  /* libkashim.so is not where it would be looked for */
	DOCTOR_CONFIG,   /* the configuration is missing, wrong or unreadable */
	DOCTOR_GO,       /* a Go program: goes past the C library */
	DOCTOR_IO_URING, /* may connect by io_uring */
	DOCTOR_PLUGINS,  /* opens shared objects itself */
	DOCTOR_SECCOMP,  /* a seccomp filter */
	DOCTOR_UNIT,     /* a setting of its systemd unit */
	DOCTOR_LOADED,   /* of a process: is the library in it */
	DOCTOR_POLICY,   /* of a process: which policy it has */
	DOCTOR_SOCKETS,  /* of a process: how its live sockets stand */
};

struct doctor_finding {
	enum doctor_topic topic;
	enum doctor_weight weight;
	char *what;   /* "setuid root: the loader ignores LD_PRELOAD" */
	char *remedy; /* what to do, one or more sentences; NULL if nothing */
};

struct doctor {
	struct doctor_finding
	    *findings; /* in the order in which they were made */
	size_t count;
	enum doctor_weight worst;
	int error; /* -ENOMEM: a finding is missing; else 0 */
};

/*
 * Examines a program, as it would be started by the calling process with
 * execvp(3): path is looked up in PATH if it has no slash, and the user,
 * LD_PRELOAD and no_new_privs are the caller's. config is the configuration
 * file's absolute name; library that of libkashim.so as LD_PRELOAD would have
 * it, so $LIB and the like are expanded (ld.so(8)).
 *
 * It costs less than a millisecond, and the time to read the configuration
 * unless that is compiled.
 *
 * Returns 0, and the caller gives *doctor back with doctor_free(); -ENOENT if
 * there is no such program, -EACCES if it can't be executed, -ENOMEM, or
 * another -errno of execve(2).
 */
int doctor_program(const char *path, const char *config, const char *library,
    struct doctor *doctor);

/*
 * Examines a running process: is the library in it, and if not, why not; the
 * policy that it has, and how its connections stand. library is the one that
 * would be preloaded now. Returns 0, and *doctor and the process's name; or
 * -ESRCH if there is no such process, -ENOMEM, another -errno.
 */
int doctor_process(pid_t pid, const char *library, char name[NAME_MAX + 1],
    struct doctor *doctor);

/*
 * Examines a systemd unit by its files: as started by systemd, with its own
 * environment, user and restrictions, is the library loaded by its ExecStart=
 * programs? Of a .socket unit: what the sockets need that systemd opens, by
 * the rules. config is the configuration to take in place of the unit's own,
 * or NULL. full gets the unit's name with its suffix, and pid the
 * oldest process of a service that runs, or 0. Returns 0, and *doctor; -ENOENT
 * if there is no such unit, -EINVAL if name cannot be one, -ENOMEM, -errno.
 */
int doctor_unit(const char *name, const char *config, const char *library,
    char full[NAME_MAX + 1], pid_t *pid, struct doctor *doctor);

/*
 * Does the C library of the system below root ("" for this one) lack a version
 * of its functions that library, a path in there, was linked with? Then the
 * loader ends each program of that system that it is preloaded into. Returns
 * 0; 1, and the C library's path and the version that it lacks; or -errno if
 * it can't be told.
 */
int doctor_lacks(const char *root, const char *library, char libc[PATH_MAX],
    char lacking[NAME_MAX + 1]);

/*
 * For LD_PRELOAD: the loader of each word size puts a directory of its own for
 * $LIB (ld.so(8)), so that each finds the library for it.
 */
#define DOCTOR_BOTH_SIZES "/usr/$LIB/libkashim.so"

/*
 * Does that lead a program of our own word size to library, a path in the
 * system below root ("" for this one)?
 */
bool doctor_both_sizes(const char *root, const char *library);

void doctor_free(struct doctor *doctor);

#endif
