/* SPDX-License-Identifier: ISC */
/*
 * kernel: loads the programs for the kernel (lib/bpf) with a policy, and
 * attaches them to control groups of version 2 (cgroups(7)). The only includer
 * of libbpf; without it, or without clang, when the command is built,
 * everything here fails and says so.
 *
 * What is attached outlives the command by a link that is pinned in a BPF file
 * system, with the number of the control group as its name. A policy is never
 * changed in place: another program is loaded with the new one, and the link is
 * turned to it, at once.
 */
#ifndef KASHIM_KERNEL_H
#define KASHIM_KERNEL_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "image/image.h"

#define KERNEL_BPFFS    "/sys/fs/bpf"
#define KERNEL_PINS     KERNEL_BPFFS "/kashim"
#define KERNEL_TEXT_MAX 1024

/* A program that is loaded. */
struct kernel_program;

/*
 * Loads the program with a checked image that is not refused(). lookup: the
 * one that answers struct bpf_query (bpf/policy.h), for tests, and not the one
 * for connections. Returns 0; or -errno, and text says why. The caller calls
 * kernel_unload() in any case; *program may be NULL then.
 */
int kernel_load(const struct image *image, bool lookup,
    struct kernel_program **program, char text[KERNEL_TEXT_MAX]);

/* What is attached stays attached. */
void kernel_unload(struct kernel_program *program);

/* Its descriptor. */
int kernel_program_fd(const struct kernel_program *program);

/* Writes the root of the control groups to path. Returns 0 or -ENOENT. */
int kernel_root(char path[PATH_MAX]);

/*
 * Attaches the program to the control group at path; in place of one that is
 * attached there by this command already: *updated says so. Returns 0; or
 * -errno, and text says why, and all is as before.
 */
int kernel_attach(const struct kernel_program *program, const char *path,
    bool *updated, char text[KERNEL_TEXT_MAX]);

struct kernel_attached {
	uint64_t cgroup;     /* its number */
	char path[PATH_MAX]; /* "" if it is gone, or not to be seen from here */
	bool gone;           /* it was removed: nothing is reached any more */
	uint32_t rules;      /* of its policy */
	char config[PATH_MAX]; /* the file that this was made from */
};

/*
 * Lists what is attached, in memory from malloc(3), in ascending order of
 * cgroup. Returns 0; or -errno, and text says why. Nothing is attached where
 * this command has attached nothing since the machine was started.
 */
int kernel_list(
    struct kernel_attached **list, size_t *count, char text[KERNEL_TEXT_MAX]);

/* What to call it in a message. */
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

/* Turns the link of a control group to the program. Returns 0 or -errno. */
int kernel_update(const struct kernel_program *program, uint64_t cgroup);

/* Takes the program away from a control group. Returns 0 or -errno. */
int kernel_detach(uint64_t cgroup);

#endif
