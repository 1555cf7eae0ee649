/* SPDX-License-Identifier: ISC */
/*
 * kernel_absent: kernel.h in a command that was built without libbpf or clang.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "kernel/kernel.h"

static int
absent(char text[KERNEL_TEXT_MAX])
{
	snprintf(text, KERNEL_TEXT_MAX,
	    "this kashim was built without libbpf or clang, which that takes");
	return -EOPNOTSUPP;
}

bool
kernel_is_bounded(void)
{
	return false;
}

int
kernel_load(const struct image *image, uint64_t cgroup, bool lookup,
    struct kernel_program **program, char text[KERNEL_TEXT_MAX])
{
	(void)image;
	(void)cgroup;
	(void)lookup;
	*program = NULL;
	return absent(text);
}

int
kernel_load_like(const struct kernel_program *like, uint64_t cgroup,
    struct kernel_program **program, char text[KERNEL_TEXT_MAX])
{
	(void)like;
	(void)cgroup;
	*program = NULL;
	return absent(text);
}

void
kernel_unload(struct kernel_program *program)
{
	(void)program;
}

int
kernel_program_fd(const struct kernel_program *program, enum kernel_hook hook)
{
	(void)program;
	(void)hook;
	return -1;
}

uint32_t
kernel_remembers(const struct kernel_program *program)
{
	(void)program;
	return 0;
}

int
kernel_remember(const struct kernel_program *program, int fd,
    const struct bpf_mark *mark, const struct bpf_owner *owner)
{
	(void)program;
	(void)fd;
	(void)mark;
	(void)owner;
	return -EOPNOTSUPP;
}

/* As where nothing was ever attached. */
int
kernel_lock(bool make, char text[KERNEL_TEXT_MAX])
{
	(void)make;
	(void)absent(text);
	return -ENOENT;
}

void
kernel_unlock(void)
{
}

int
kernel_root(char path[PATH_MAX])
{
	(void)path;
	return -ENOENT;
}

int
kernel_path(uint64_t cgroup, char path[PATH_MAX])
{
	(void)cgroup;
	(void)path;
	return -ENOENT;
}

int
kernel_attach(const struct kernel_program *program, const char *path,
    bool passing, bool *updated, char text[KERNEL_TEXT_MAX])
{
	(void)program;
	(void)path;
	(void)passing;
	(void)updated;
	return absent(text);
}

int
kernel_list(
    struct kernel_attached **list, size_t *count, char text[KERNEL_TEXT_MAX])
{
	*list = NULL;
	*count = 0;
	/* Another kashim may have attached something. */
	return access(KERNEL_PINS, F_OK) == 0 ? absent(text) : 0;
}

int
kernel_policy(const struct kernel_attached *attached, struct image *image)
{
	(void)attached;
	*image = (struct image){0};
	return -EOPNOTSUPP;
}

int
kernel_prepare(const struct kernel_program *program,
    const struct kernel_attached *attached, char text[KERNEL_TEXT_MAX])
{
	(void)program;
	(void)attached;
	return absent(text);
}

void
kernel_unprepare(const struct kernel_program *program,
    const struct kernel_attached *attached)
{
	(void)program;
	(void)attached;
}

int
kernel_update(const struct kernel_program *program,
    const struct kernel_attached *attached, char text[KERNEL_TEXT_MAX])
{
	(void)program;
	(void)attached;
	return absent(text);
}

int
kernel_detach(uint64_t cgroup)
{
	(void)cgroup;
	return -EOPNOTSUPP;
}

void
kernel_sweep(void)
{
}
