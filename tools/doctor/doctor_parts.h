/* SPDX-License-Identifier: ISC */
/*
 * doctor_parts: what the parts of doctor share: how a finding is made, and as
 * whom and where a program would run.
 */
#ifndef KASHIM_DOCTOR_PARTS_H
#define KASHIM_DOCTOR_PARTS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include "advice/compiled.h"
#include "config/config.h"
#include "doctor/doctor.h"
#include "host/elf_file.h"
#include "unit/unit.h"

#define DOCTOR_LIBRARY_FILE "libkashim.so"
/* Of the entries of LD_PRELOAD, ld.so(8). There is no quoting. */
#define DOCTOR_SEPARATORS " :"

/* As whom, and in what surroundings, a program is looked at. */
struct doctor_place {
	uid_t uid, euid;
	gid_t gid, egid;
	const gid_t *groups; /* supplementary; NULL: those of the caller */
	size_t group_count;
	bool no_new_privs;    /* prctl(2) */
	uint64_t inheritable; /* capabilities(7) */
	const char *root;     /* its root directory, "" for the caller's */
	const char *preload;  /* LD_PRELOAD as it is there already, or NULL */
	const char *path;     /* where programs are looked for, as PATH */
	const char *config;   /* the configuration file */
	const char *cache;    /* KASHIM_CACHE, or NULL */
	const char *library;  /* libkashim.so as LD_PRELOAD has it */
	bool library_in_list; /* preload holds it, and nothing adds it */
	bool shell_fallback;  /* a text without #! goes to /bin/sh */
};

/* What a program turned out to be, when it was followed to its end. */
struct doctor_target {
	char path[PATH_MAX]; /* the ELF file, in the place's root */
	struct stat st;
	bool known; /* elf was read */
	struct elf_file elf;
	bool script;
	unsigned int envs; /* how often env(1) comes in between */
	bool shell;        /* the interpreter is a shell */
	bool cleared;      /* env(1) takes LD_PRELOAD away */
	/*
	 * The names that rules with the key program look at, as in the shim
	 * (policy.c): that of the executable file, and the one that execve(2)
	 * got.
	 */
	char names[2][NAME_MAX + 1];
};

/*
 * Adds a finding. What is not harmless (text.h) in it becomes '?', newlines,
 * too. An error is kept in doctor->error.
 */
__attribute__((format(printf, 4, 5))) void
doctor_find(struct doctor *doctor, enum doctor_topic topic,
    enum doctor_weight weight, const char *format, ...);

/* Gives the last finding its remedy. */
__attribute__((format(printf, 2, 3))) void
doctor_remedy(struct doctor *doctor, const char *format, ...);

/* Adds a line to the remedy of the last finding. */
void doctor_remedy_line(struct doctor *doctor, const char *line);

/* More could be told to root: says so, unless that is who asks. */
void doctor_ask_root(struct doctor *doctor);

/* The last component of a path, which may be "". */
const char *doctor_base_name(const char *path);

/*
 * Finds a libkashim.so in a value of LD_PRELOAD, or NULL. Returns false if
 * there is none.
 */
bool doctor_find_entry(const char *preload, char entry[PATH_MAX]);

/* The surroundings of the calling process. */
void doctor_place_here(struct doctor_place *place);

/*
 * Opens path below the place's root for reading, as open(2), or only to look
 * at (O_PATH). Links lead to where they would lead inside. Returns a
 * close-on-exec descriptor or -errno.
 */
int doctor_open(const struct doctor_place *place, const char *path, int flags);

/* stat(2) likewise. Returns 0 or -errno. */
int doctor_stat(
    const struct doctor_place *place, const char *path, struct stat *st);

/*
 * Looks for a program as execvp(3) does, in place->path if its name has no
 * slash. Returns 0 and its path, or -ENOENT, -EACCES, -errno.
 */
int doctor_look_up(
    const struct doctor_place *place, const char *name, char path[PATH_MAX]);

/*
 * Follows path, which is there, through its #! lines to an ELF file, and
 * says what was found on the way. Returns 0; 1 if it can't be told what the
 * program is or it can't be started, which was said; -errno.
 */
int doctor_follow(const struct doctor_place *place, const char *path,
    struct doctor_target *target, struct doctor *doctor);

/* The whole of what is said of a program: all that follows. */
int doctor_examine(
    const struct doctor_place *place, const char *path, struct doctor *doctor);

/* Is it a static program? Then that is said, and there is no more to ask. */
bool doctor_static(const struct doctor_target *target, struct doctor *doctor);

/* Does it go past the C library? */
void doctor_go(const struct doctor_target *target, struct doctor *doctor);

/* Will the loader run in secure-execution mode? */
void doctor_setid(const struct doctor_place *place,
    const struct doctor_target *target, struct doctor *doctor);

enum doctor_source {
	DOCTOR_NOTHING,   /* there are no rules: error and message say why */
	DOCTOR_PUBLISHED, /* by kashim reload */
	DOCTOR_COMPILED,
	DOCTOR_TEXT,
	DOCTOR_LAST_GOOD, /* the text is wrong; an older policy is there */
};

/* The configuration as the program would read it. */
struct doctor_policy {
	int look_error; /* 0, or -errno: it could not be looked at so */
	enum doctor_source source;
	uint32_t generation; /* if it is published */
	int error;           /* 0, or -errno of what was read last */
	char message[CONFIG_MESSAGE_MAX];
	/* The parser object that is missing, "" if none or not needed. */
	char parser[PATH_MAX];
	char complaint[COMPILED_TEXT_MAX]; /* of compiled.h, or "" */
	bool no_inherit;
	bool concerned; /* a rule can match the program */
	uint32_t rules;
	struct timespec changed; /* the latest change of its files */
};

/*
 * Reads the configuration as the program would, in its place, with its user's
 * rights.
 */
void doctor_policy_read(const struct doctor_place *place,
    const struct doctor_target *target, struct doctor_policy *policy);

/* Says what comes of it. */
void doctor_policy_judge(const struct doctor_place *place,
    const struct doctor_target *target, const struct doctor_policy *policy,
    struct doctor *doctor);

/*
 * Is the library where the loader looks, and can it take it? Also what else
 * LD_PRELOAD holds. Says so if all is well.
 */
void doctor_library(const struct doctor_place *place,
    const struct doctor_target *target, const struct doctor_policy *policy,
    struct doctor *doctor);

/* The settings of a service that keep the library from its work. */
void doctor_sandbox(const struct unit *unit, const char *config,
    const char *library, struct doctor *doctor);

/* Of a .socket unit: the KeepAlive*= lines that the rules in config ask for. */
void doctor_socket_unit(
    const struct unit *unit, const char *config, struct doctor *doctor);

/*
 * The programs of a service's ExecStart= lines: calls each with the file name
 * or path, as it stands behind its prefixes, and whether a '+' gives it full
 * rights. Returns 0, what each returned, or -errno.
 */
int doctor_exec(const struct unit *unit,
    int (*each)(const char *program, const char *rest, bool full, void *data),
    void *data);

/*
 * How the live connections of a process stand, by the configuration as it is
 * now.
 */
void doctor_sockets(
    pid_t pid, const char *root, const char *config, struct doctor *doctor);

/*
 * Calls look(data) with the root directory, user and groups of place, in a
 * child where they, or KASHIM_CACHE, are not the caller's. What it leaves in
 * the size bytes at data comes back. Returns 0; -EPERM if that is not
 * permitted; -errno.
 */
int doctor_as(const struct doctor_place *place, void (*look)(void *data),
    void *data, size_t size);

/*
 * What the loader of target makes of an entry of LD_PRELOAD: $LIB, $PLATFORM
 * and $ORIGIN expanded, and looked for if it has no slash. Returns 0 and the
 * path in the place's root; -ENOENT if it is found nowhere, and the place
 * where it was looked for; -ENAMETOOLONG.
 */
int doctor_resolve(const struct doctor_place *place,
    const struct doctor_target *target, const char *entry, char path[PATH_MAX]);

/* The same of a program like this one: of its word size, and its loader. */
int doctor_resolve_own(
    const struct doctor_place *place, const char *entry, char path[PATH_MAX]);

/* What $LIB stands for with this loader; "lib" if it is not told. */
void doctor_lib_token(const struct doctor_place *place,
    const struct elf_file *elf, char *token, size_t size);

#endif
