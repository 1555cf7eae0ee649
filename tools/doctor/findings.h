/* SPDX-License-Identifier: ISC */
/*
 * findings: what doctor has found out, in the order in which it did: how much
 * it matters, what it is about, and what to do.
 */
#ifndef KASHIM_FINDINGS_H
#define KASHIM_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

enum finding_severity {
	FINDING_FINE, /* good to know: it is so, and right */
	FINDING_NOTE, /* something to know that changes nothing */
	FINDING_WARN, /* part of the program is not reached, or may not be */
	FINDING_NO_RULES, /* it would be loaded, and there is nothing to set */
	FINDING_UNKNOWN,  /* it can't be told; with more rights it could */
	FINDING_FATAL,    /* the preload has no effect */
};

/* What is the matter; one for each, so that run can decide by it. */
enum finding_topic {
	FINDING_PROGRAM,   /* the program can't be read, or not be started */
	FINDING_STATIC,    /* no program interpreter: no loader */
	FINDING_SETID,     /* setuid, setgid, file capabilities: AT_SECURE */
	FINDING_CLASS,     /* ELF class or machine without a build of ours */
	FINDING_LIBC,      /* another C library than the build's */
	FINDING_SCRIPT,    /* a script; what follows is of its interpreter */
	FINDING_LAUNCHER,  /* what starts another program; fatal: LD_PRELOAD
	                      does not get there */
	FINDING_ELSEWHERE, /* likewise, nor would the supervision of it */
	FINDING_PRELOAD,   /* an LD_PRELOAD that is there already */
	FINDING_LIBRARY, /* libkashim.so is not where it would be looked for */
	FINDING_CONFIG,  /* the configuration is missing, wrong or unreadable */
	FINDING_GO,      /* a Go program: goes past the C library */
	FINDING_IO_URING, /* may connect by io_uring */
	FINDING_PLUGINS,  /* opens shared objects itself */
	FINDING_SECCOMP,  /* a seccomp filter */
	FINDING_UNIT,     /* a setting of its systemd unit */
	FINDING_LOADED,   /* of a process: is the library in it */
	FINDING_KERNEL,   /* what the kernel does, by kashim attach */
	FINDING_POLICY,   /* of a process: which policy it has */
	FINDING_SOCKETS,  /* of a process: how its live sockets stand */
};

struct finding {
	enum finding_topic topic;
	enum finding_severity severity;
	char *what;   /* "setuid root: the loader ignores LD_PRELOAD" */
	char *remedy; /* what to do, one or more sentences; NULL if nothing */
};

struct findings {
	struct finding *list; /* in the order in which they were made */
	size_t count;
	enum finding_severity worst;
	int error; /* -ENOMEM: a finding is missing; else 0 */
};

/*
 * Adds a finding. What is not harmless (text.h) in it becomes '?', newlines,
 * too. An error is kept in findings->error.
 */
__attribute__((format(printf, 4, 5))) void
findings_add(struct findings *findings, enum finding_topic topic,
    enum finding_severity severity, const char *format, ...);

bool findings_have(const struct findings *findings, enum finding_topic topic,
    enum finding_severity severity);

/* Gives the last finding its remedy. */
__attribute__((format(printf, 2, 3))) void
findings_remedy(struct findings *findings, const char *format, ...);

/* Adds a line to the remedy of the last finding. */
void findings_remedy_line(struct findings *findings, const char *line);

/* More could be told to root: says so, unless that is who asks. */
void findings_ask_root(struct findings *findings);

/*
 * Writes findings to size bytes at text, from which another process adds them
 * to its own. If they do not fit that has an error, as if memory were out.
 */
void findings_pack(const struct findings *findings, char *text, size_t size);
void findings_unpack(struct findings *findings, const char *text);

void findings_free(struct findings *findings);

#endif
