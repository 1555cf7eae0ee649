/* SPDX-License-Identifier: ISC */
/*
 * kernel: loads the programs for the kernel (lib/bpf) with a policy, and
 * attaches them to control groups of version 2 (cgroups(7)). The only includer
 * of libbpf; without it, or without clang, when the command is built,
 * everything here fails and says so.
 *
 * What is attached outlives the command by links that are pinned in a BPF file
 * system, with the number of the control group as their name: one for
 * connections and, only if a rule holds against setsockopt(2), one for that. A
 * policy is never changed in place: other programs are loaded with the new one,
 * and the links are turned to them, at once.
 */
#ifndef KASHIM_KERNEL_H
#define KASHIM_KERNEL_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "bpf/policy.h"
#include "image/image.h"

#define KERNEL_BPFFS    "/sys/fs/bpf"
#define KERNEL_PINS     KERNEL_BPFFS "/kashim"
#define KERNEL_TEXT_MAX 1024

/* Programs that are loaded, for one policy. */
struct kernel_program;

enum kernel_hook {
	KERNEL_CONNECTIONS, /* sets the rule on each connection */
	KERNEL_HOLD,        /* against setsockopt(2), if some rule does so */
	KERNEL_LOOKUP,      /* answers struct bpf_query, for tests */
	KERNEL_HOOKS,
};

/*
 * Does the kernel lack bpf_loop() (Linux 5.17)? Then it gets programs without,
 * which can't do all that others do: refused(). False if that can't be told.
 */
bool kernel_is_bounded(void);

/*
 * Loads the programs with a checked image that is not refused(), for the
 * control group of that number: if it is attached already, they go on counting
 * there. lookup: KERNEL_LOOKUP alone (bpf/policy.h), and not those for
 * connections. Returns 0; or -errno, and text says why. The caller calls
 * kernel_unload() in any case; *program may be NULL then.
 */
int kernel_load(const struct image *image, uint64_t cgroup, bool lookup,
    struct kernel_program **program, char text[KERNEL_TEXT_MAX]);

/*
 * The same for another control group, with the policy of a program for
 * connections, which is not copied.
 */
int kernel_load_like(const struct kernel_program *like, uint64_t cgroup,
    struct kernel_program **program, char text[KERNEL_TEXT_MAX]);

/* What is attached stays attached. */
void kernel_unload(struct kernel_program *program);

/* The descriptor of one of them, or -1 if this policy does not need it. */
int
kernel_program_fd(const struct kernel_program *program, enum kernel_hook hook);

#define KERNEL_KNOWS_RULES  1u /* of connections that have a rule */
#define KERNEL_KNOWS_OWNERS 2u /* of listeners, and of these connections */

/* What these programs remember of sockets (bpf/policy.h): or'ed, 0: nothing. */
uint32_t kernel_remembers(const struct kernel_program *program);

/*
 * Has them know of the socket fd, which was there before, what they remember of
 * others, so far as they do; what they know of it already stays. NULL: nothing
 * is to be known. Returns 1 if it has the mark since now, 0 if not, or -errno.
 */
int kernel_remember(const struct kernel_program *program, int fd,
    const struct bpf_mark *mark, const struct bpf_owner *owner);

/* Writes the root of the control groups to path. Returns 0 or -ENOENT. */
int kernel_root(char path[PATH_MAX]);

/*
 * Writes to path where the control group of that number is, below that root.
 * Returns 0; or -errno: -ESTALE if it was removed.
 */
int kernel_path(uint64_t cgroup, char path[PATH_MAX]);

/*
 * Attaches the program to the control group at path; in place of one that is
 * attached there by this command already: *updated says so. passing: it is
 * removed when its unit stops, and then nobody misses what is attached. Returns
 * 0; or -errno, and text says why, and all is as before.
 */
int kernel_attach(const struct kernel_program *program, const char *path,
    bool passing, bool *updated, char text[KERNEL_TEXT_MAX]);

struct kernel_attached {
	uint64_t cgroup;     /* its number */
	char path[PATH_MAX]; /* "" if it is gone, or not to be seen from here */
	bool gone;           /* it was removed: nothing is reached any more */
	bool incomplete;     /* nothing holds, though a rule should */
	uint32_t rules;      /* of its policy */
	bool counted;        /* not by programs of a kashim that is older */
	struct bpf_counts counts;
	uint32_t remembers;    /* as kernel_remembers() */
	char config[PATH_MAX]; /* the file that this was made from */
};

/*
 * Keeps other commands away, from kernel_load() to what is attached by it: what
 * is remembered of sockets is then what that goes on with. make: the place for
 * pins, too. It waits five seconds at most. Each function here that changes or
 * lists something locks by itself, if that is not done. Returns 0, and the
 * caller calls kernel_unlock(); or -errno, and text says why.
 */
int kernel_lock(bool make, char text[KERNEL_TEXT_MAX]);

void kernel_unlock(void);

/*
 * Lists what is attached, in memory from malloc(3), in ascending order of
 * cgroup, without passing ones that are gone. Returns 0; or -errno, and text
 * says why. Nothing is attached where this command has attached nothing since
 * the machine was started. If what one control group has can't be read, that is
 * the error, and all are listed all the same, as far as they are known.
 */
int kernel_list(
    struct kernel_attached **list, size_t *count, char text[KERNEL_TEXT_MAX]);

/*
 * Copies its policy into memory from malloc(3), and checks it. Returns 0 or
 * -errno.
 */
int kernel_policy(const struct kernel_attached *attached, struct image *image);

/*
 * What to call it in a message, which text_warnx() and the like make harmless:
 * it is whoever's may make control groups there.
 */
static inline void
kernel_name(const struct kernel_attached *attached, char name[PATH_MAX])
{
	if (*attached->path)
		snprintf(name, PATH_MAX, "%s", attached->path);
	else
		snprintf(name, PATH_MAX, "control group %llu%s",
		    (unsigned long long)attached->cgroup,
		    attached->gone ? ", which is gone" : "");
}

/* Behind what is said of its rules: if that is so, that nothing holds them. */
static inline const char *
kernel_held(const struct kernel_attached *attached)
{
	return attached->incomplete ? "; what holds them is gone" : "";
}

/*
 * Before kernel_update(): attaches what that would have to, and what may be
 * refused. It does nothing as long as no connection has a rule of the program.
 * Returns 0; or -errno, and text says why.
 */
int kernel_prepare(const struct kernel_program *program,
    const struct kernel_attached *attached, char text[KERNEL_TEXT_MAX]);

/* Takes away what that has attached, unless it is in use since. */
void kernel_unprepare(const struct kernel_program *program,
    const struct kernel_attached *attached);

/*
 * Turns what a control group has to the program. Returns 0; 1 if it was
 * detached or removed since it was listed: then it stays so; or -errno, and
 * text says why.
 */
int kernel_update(const struct kernel_program *program,
    const struct kernel_attached *attached, char text[KERNEL_TEXT_MAX]);

/* Takes the program away from a control group. Returns 0 or -errno. */
int kernel_detach(uint64_t cgroup);

/*
 * Removes what is left of control groups that were passing, and what is only
 * half attached, since the command was killed. kernel_attach() does so, too.
 */
void kernel_sweep(void);

#endif
