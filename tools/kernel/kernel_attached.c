/* SPDX-License-Identifier: ISC */
/*
 * kernel_attached: to which control groups a program is attached: the links
 * that are pinned (kernel.h).
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "kernel/kernel.h"

#define PIN_NAME_MAX (sizeof(KERNEL_PINS) + 24)

/* A file handle of a control group (FILEID_KERNFS in linux/exportfs.h). */
#define HANDLE_TYPE 0xfe

static void
pin_name(uint64_t cgroup, char name[PIN_NAME_MAX])
{
	snprintf(name, PIN_NAME_MAX, KERNEL_PINS "/%llu",
	    (unsigned long long)cgroup);
}

/* In pins, a descriptor of the directory, locked: one command at a time. */
static int
open_pins(bool make, char text[KERNEL_TEXT_MAX])
{
	struct statfs fs;
	struct stat st;
	int fd;

	if (make &&
	    (statfs(KERNEL_BPFFS, &fs) < 0 || fs.f_type != BPF_FS_MAGIC)) {
		snprintf(text, KERNEL_TEXT_MAX,
		    KERNEL_BPFFS
		    " is no BPF file system: mount -t bpf bpf " KERNEL_BPFFS);
		return -ENODEV;
	}
	/* What becomes of it, open() tells. */
	if (make)
		(void)mkdir(KERNEL_PINS, 0700);
	fd = open(KERNEL_PINS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		int error = errno;

		snprintf(text, KERNEL_TEXT_MAX, "%s: %s", KERNEL_PINS,
		    strerror(error));
		return -error;
	}
	/* Where anybody may make a directory, it may be anybody's. */
	if (fstat(fd, &st) < 0 || st.st_uid != geteuid() ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		snprintf(text, KERNEL_TEXT_MAX,
		    "%s is not trusted: you have to own it, and nobody else "
		    "may write it",
		    KERNEL_PINS);
		close(fd);
		return -EPERM;
	}
	(void)flock(fd, LOCK_EX);
	return fd;
}

static int
link_info(int link, struct bpf_link_info *info)
{
	uint32_t size = sizeof(*info);

	memset(info, 0, sizeof(*info));
	if (bpf_obj_get_info_by_fd(link, info, &size) < 0)
		return -errno;
	return info->type == BPF_LINK_TYPE_CGROUP ? 0 : -EPROTO;
}

int
kernel_root(char path[PATH_MAX])
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *mount;
	int error = -ENOENT;

	while (mounts && error < 0 && (mount = getmntent(mounts)) != NULL) {
		if (strcmp(mount->mnt_type, "cgroup2") == 0 &&
		    snprintf(path, PATH_MAX, "%s", mount->mnt_dir) < PATH_MAX)
			error = 0;
	}
	if (mounts)
		endmntent(mounts);
	return error;
}

/* Where the control group of that number is; "" if that can't be told. */
static void
find_path(uint64_t cgroup, char path[PATH_MAX])
{
	struct {
		struct file_handle head;
		uint64_t number;
	} handle = {.head = {.handle_bytes = sizeof(cgroup),
			.handle_type = HANDLE_TYPE}};
	char name[32];
	int root = -1, fd = -1;
	ssize_t length = -1;

	memcpy(handle.head.f_handle, &cgroup, sizeof(cgroup));
	if (kernel_root(path) == 0)
		root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root >= 0)
		fd = open_by_handle_at(root, &handle.head, O_PATH | O_CLOEXEC);
	if (fd >= 0) {
		snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
		length = readlink(name, path, PATH_MAX - 1);
		close(fd);
	}
	if (root >= 0)
		close(root);
	path[length > 0 ? length : 0] = '\0';
}

/* The map that has the image, of a program. */
static int
open_image_map(uint32_t program_id, struct bpf_map_info *info)
{
	struct bpf_prog_info program = {0};
	uint32_t ids[8], size = sizeof(program);
	int fd = bpf_prog_get_fd_by_id(program_id), error;

	if (fd < 0)
		return fd;
	program.nr_map_ids = sizeof(ids) / sizeof(ids[0]);
	program.map_ids = (uintptr_t)ids;
	error = bpf_obj_get_info_by_fd(fd, &program, &size);
	close(fd);
	for (uint32_t n = 0; error == 0 && n < program.nr_map_ids &&
			     n < sizeof(ids) / sizeof(ids[0]);
	     n++) {
		size = sizeof(*info);
		fd = bpf_map_get_fd_by_id(ids[n]);
		if (fd >= 0 && bpf_obj_get_info_by_fd(fd, info, &size) == 0 &&
		    strcmp(info->name, "image") == 0)
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return error < 0 ? error : -ENOENT;
}

/* What the policy of the program says of itself. */
static int
read_policy(uint32_t program_id, struct kernel_attached *attached)
{
	const uint32_t zero = 0;
	struct bpf_map_info info = {0};
	struct image_header header;
	struct image_source source;
	struct image image = {0};
	uint8_t *bytes;
	int fd = open_image_map(program_id, &info), error;

	if (fd < 0)
		return fd;
	bytes = malloc(info.value_size);
	error = bytes ? bpf_map_lookup_elem(fd, &zero, bytes) : -ENOMEM;
	close(fd);
	if (error == 0) {
		image = (struct image){bytes, info.value_size};
		/* Behind it are zeroes. */
		if (image_header(&image, &header) && header.size <= image.size)
			image.size = header.size;
		error = image_check_header(&image);
	}
	if (error == 0) {
		attached->rules = image_rule_count(&image);
		if (image_source(&image, 0, &source))
			snprintf(attached->config, sizeof(attached->config),
			    "%s", image_string(&image, source.path));
	}
	free(bytes);
	return error;
}

/* The link of that name, and what it says. Returns its descriptor or -errno. */
static int
open_link(uint64_t cgroup, struct bpf_link_info *info)
{
	char name[PIN_NAME_MAX];
	int link, error;

	pin_name(cgroup, name);
	link = bpf_obj_get(name);
	if (link < 0)
		return link;
	error = link_info(link, info);
	if (error == 0)
		return link;
	close(link);
	return error;
}

/* Which of the control group, or of those above it, admits no other program. */
static bool
exclusive(const char *cgroup, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s", cgroup);
	for (;;) {
		uint32_t flags = 0, ids[64], count = 64;
		int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		int error = fd < 0 ? -1
		                   : bpf_prog_query(fd, BPF_CGROUP_SOCK_OPS, 0,
					 &flags, ids, &count);

		if (fd >= 0)
			close(fd);
		if (error != 0)
			return false;
		if (count > 0 && (flags & BPF_F_ALLOW_MULTI) == 0)
			return true;
		if (!strrchr(path, '/') || strrchr(path, '/') == path)
			return false;
		*strrchr(path, '/') = '\0';
	}
}

static int
attach_new(const struct kernel_program *program, const char *path, int cgroup,
    const char *pin, char text[KERNEL_TEXT_MAX])
{
	int link = bpf_link_create(
	    kernel_program_fd(program), cgroup, BPF_CGROUP_SOCK_OPS, NULL);
	char other[PATH_MAX];
	int error = link < 0 ? link : 0;

	if (error == -EPERM && exclusive(path, other)) {
		snprintf(text, KERNEL_TEXT_MAX,
		    "%.400s: a program that admits no other is attached to "
		    "%.400s",
		    path, other);
		return error;
	}
	if (error == 0)
		error = bpf_obj_pin(link, pin);
	if (error < 0)
		snprintf(text, KERNEL_TEXT_MAX, "%.900s: %s", path,
		    strerror(-error));
	if (link >= 0)
		close(link);
	return error;
}

/* Attaches it to the control group that is open. */
static int
attach(const struct kernel_program *program, const char *path, int cgroup,
    bool *updated, char text[KERNEL_TEXT_MAX])
{
	char pin[PIN_NAME_MAX];
	struct bpf_link_info info;
	struct stat st;
	int link, error;

	if (fstat(cgroup, &st) < 0)
		return -errno;
	pin_name(st.st_ino, pin);
	link = open_link(st.st_ino, &info);
	if (link >= 0 && info.cgroup.cgroup_id == st.st_ino) {
		*updated = true;
		error = bpf_link_update(link, kernel_program_fd(program), NULL);
		if (error < 0)
			snprintf(text, KERNEL_TEXT_MAX, "%.900s: %s", path,
			    strerror(-error));
		close(link);
		return error;
	}
	if (link >= 0) {
		/* Of one that had its number before. */
		close(link);
		(void)unlink(pin);
	}
	*updated = false;
	return attach_new(program, path, cgroup, pin, text);
}

int
kernel_attach(const struct kernel_program *program, const char *path,
    bool *updated, char text[KERNEL_TEXT_MAX])
{
	struct statfs fs;
	int cgroup = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int pins, error;

	if (cgroup < 0 || fstatfs(cgroup, &fs) < 0) {
		error = -errno;
		snprintf(text, KERNEL_TEXT_MAX, "%.900s: %s", path,
		    strerror(-error));
	} else if (fs.f_type != CGROUP2_SUPER_MAGIC) {
		error = -EINVAL;
		snprintf(text, KERNEL_TEXT_MAX,
		    "%.900s is no control group of version 2", path);
	} else {
		error = pins = open_pins(true, text);
		if (pins >= 0) {
			error = attach(program, path, cgroup, updated, text);
			close(pins);
		}
	}
	if (cgroup >= 0)
		close(cgroup);
	return error;
}

static int
by_number(const void *a, const void *b)
{
	const struct kernel_attached *x = a, *y = b;

	return x->cgroup < y->cgroup ? -1 : x->cgroup > y->cgroup;
}

/* Adds what the pin of a control group tells. */
static int
add(uint64_t cgroup, struct kernel_attached **list, size_t *count)
{
	struct kernel_attached *larger, *new;
	struct bpf_link_info info;
	int link = open_link(cgroup, &info);

	if (link < 0)
		return link;
	close(link);
	larger = reallocarray(*list, *count + 1, sizeof(**list));
	if (!larger)
		return -ENOMEM;
	*list = larger;
	new = &larger[*count];
	memset(new, 0, sizeof(*new));
	new->cgroup = cgroup;
	new->gone = info.cgroup.cgroup_id != cgroup;
	if (!new->gone)
		find_path(cgroup, new->path);
	++*count;
	return read_policy(info.prog_id, new);
}

int
kernel_list(
    struct kernel_attached **list, size_t *count, char text[KERNEL_TEXT_MAX])
{
	struct dirent *entry;
	DIR *directory;
	int pins, error = 0;

	*list = NULL;
	*count = 0;
	if (access(KERNEL_PINS, F_OK) < 0 && errno == ENOENT)
		return 0;
	pins = open_pins(false, text);
	if (pins < 0)
		return pins;
	directory = fdopendir(pins);
	while (
	    directory && error == 0 && (entry = readdir(directory)) != NULL) {
		char *end;
		unsigned long long cgroup = strtoull(entry->d_name, &end, 10);

		if (end == entry->d_name || *end != '\0')
			continue;
		error = add(cgroup, list, count);
		if (error < 0)
			snprintf(text, KERNEL_TEXT_MAX, "%s/%s: %s",
			    KERNEL_PINS, entry->d_name, strerror(-error));
	}
	if (directory)
		closedir(directory);
	if (*count > 0)
		qsort(*list, *count, sizeof(**list), by_number);
	return error;
}

int
kernel_update(const struct kernel_program *program, uint64_t cgroup)
{
	struct bpf_link_info info;
	int link = open_link(cgroup, &info), error;

	if (link < 0)
		return link;
	error = bpf_link_update(link, kernel_program_fd(program), NULL);
	close(link);
	return error;
}

int
kernel_detach(uint64_t cgroup)
{
	struct bpf_link_info info;
	char pin[PIN_NAME_MAX];
	int link = open_link(cgroup, &info);

	/* At once: without it, the kernel does so some time behind unlink(). */
	if (link >= 0) {
		(void)bpf_link_detach(link);
		close(link);
	}
	pin_name(cgroup, pin);
	return unlink(pin) < 0 ? -errno : 0;
}
