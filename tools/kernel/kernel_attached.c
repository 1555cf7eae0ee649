/* SPDX-License-Identifier: ISC */
/*
 * kernel_attached: to which control groups a program is attached: the links
 * that are pinned (kernel.h).
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
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
#include <time.h>
#include <unistd.h>

#include "kernel/kernel.h"
#include "kernel/kernel_parts.h"

#define PIN_NAME_MAX (sizeof(KERNEL_PINS) + 48)

/* A file handle of a control group (FILEID_KERNFS in linux/exportfs.h). */
#define HANDLE_TYPE 0xfe

static const enum bpf_attach_type types[] = {
    [KERNEL_CONNECTIONS] = BPF_CGROUP_SOCK_OPS,
    [KERNEL_HOLD] = BPF_CGROUP_SETSOCKOPT,
};

/* A second pin of the link for connections: the control group is passing. */
#define PASSING (KERNEL_COUNTERS + 1)

static const char *const suffixes[] = {
    [KERNEL_CONNECTIONS] = "",
    [KERNEL_HOLD] = "-hold",
    [KERNEL_OWNERS] = "-owners",
    [KERNEL_COUNTERS] = "-counters",
    [PASSING] = "-passing",
};

static void
pin_name(uint64_t cgroup, enum kernel_hook hook, char name[PIN_NAME_MAX])
{
	snprintf(name, PIN_NAME_MAX, KERNEL_PINS "/%llu%s",
	    (unsigned long long)cgroup, suffixes[hook]);
}

/* Of the map of a program that is attached there. */
static void
map_pin_name(uint64_t cgroup, enum kernel_hook hook, uint32_t program_id,
    char name[PIN_NAME_MAX])
{
	size_t length;

	pin_name(cgroup, hook, name);
	length = strlen(name);
	snprintf(name + length, PIN_NAME_MAX - length, "-%u", program_id);
}

/* A service that is started does not wait longer for a command that hangs. */
#define LOCK_MS 5000

static int
lock(int fd)
{
	const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};

	for (int ms = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; ms += 10) {
		if (errno != EWOULDBLOCK || ms >= LOCK_MS)
			return -1;
		(void)nanosleep(&pause, NULL);
	}
	return 0;
}

/* Of kernel_lock(), or -1. */
static int locked = -1;

/*
 * In pins, a descriptor of the directory, locked: one command at a time; by
 * kernel_lock(), if that was called.
 */
static int
open_pins(bool make, char text[KERNEL_TEXT_MAX])
{
	struct statfs fs;
	struct stat st;
	int fd;

	if (make &&
	    (statfs(KERNEL_BPFFS, &fs) < 0 || fs.f_type != BPF_FS_MAGIC)) {
		snprintf(text, KERNEL_TEXT_MAX,
		    KERNEL_BPFFS " is no BPF file system: mount -t bpf -o "
				 "mode=700 bpf " KERNEL_BPFFS);
		return -ENODEV;
	}
	/*
	 * What becomes of it, open() tells. Where anybody may make it, root
	 * would not trust that of who can't attach anything.
	 */
	if (make &&
	    libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_SOCK_OPS, NULL) > 0)
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
	if (locked < 0 && lock(fd) < 0) {
		int error = errno;

		snprintf(text, KERNEL_TEXT_MAX,
		    "%s: another kashim has it locked: %s", KERNEL_PINS,
		    strerror(error));
		close(fd);
		return -error;
	}
	return fd;
}

int
kernel_lock(bool make, char text[KERNEL_TEXT_MAX])
{
	int fd = open_pins(make, text);

	if (fd < 0)
		return fd;
	locked = fd;
	return 0;
}

void
kernel_unlock(void)
{
	close(locked);
	locked = -1;
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

/*
 * Opens the control group of that number, and writes where it is; "" and -errno
 * if that can't be told.
 */
static int
open_cgroup(uint64_t cgroup, char path[PATH_MAX])
{
	struct {
		struct file_handle head;
		uint64_t number;
	} handle = {.head = {.handle_bytes = sizeof(cgroup),
			.handle_type = HANDLE_TYPE}};
	char name[32];
	int root = -1, fd = -ENOENT;
	ssize_t length = -1;

	memcpy(handle.head.f_handle, &cgroup, sizeof(cgroup));
	if (kernel_root(path) == 0)
		root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root >= 0) {
		fd = open_by_handle_at(
		    root, &handle.head, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
		close(root);
	}
	if (fd >= 0) {
		snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
		length = readlink(name, path, PATH_MAX - 1);
	}
	path[length > 0 ? length : 0] = '\0';
	return fd;
}

int
kernel_path(uint64_t cgroup, char path[PATH_MAX])
{
	int fd = open_cgroup(cgroup, path);

	if (fd < 0)
		return fd;
	close(fd);
	return *path ? 0 : -ENOENT;
}

/* A link, and what it says. Returns its descriptor or -errno. */
static int
open_link(uint64_t cgroup, enum kernel_hook hook, struct bpf_link_info *info)
{
	char name[PIN_NAME_MAX];
	int link, error;

	pin_name(cgroup, hook, name);
	link = bpf_obj_get(name);
	if (link < 0)
		return link;
	error = link_info(link, info);
	if (error == 0)
		return link;
	close(link);
	return error;
}

/*
 * The map of the program that is attached there: the policy, or what is
 * remembered of sockets. Its pin is for those without CAP_SYS_ADMIN, to whom
 * the kernel gives no map by its number.
 */
static int
open_map(uint64_t cgroup, enum kernel_hook hook, uint32_t program_id,
    struct bpf_map_info *info)
{
	char name[PIN_NAME_MAX];
	uint32_t size = sizeof(*info);
	int map, error;

	map_pin_name(cgroup, hook, program_id, name);
	map = bpf_obj_get(name);
	if (map < 0)
		return map;
	memset(info, 0, sizeof(*info));
	error = bpf_obj_get_info_by_fd(map, info, &size);
	if (error == 0)
		return map;
	close(map);
	return error;
}

/* Is there what holds the rules of a control group? */
static bool
is_held(uint64_t cgroup)
{
	struct bpf_link_info info;
	int link = open_link(cgroup, KERNEL_HOLD, &info);

	if (link >= 0)
		close(link);
	return link >= 0 && info.cgroup.cgroup_id == cgroup;
}

/* Has it a map? Yes, if that can't be told. */
static bool
has_map(uint32_t program_id, uint32_t map_id)
{
	uint32_t maps[16] = {0};
	struct bpf_prog_info info = {
	    .map_ids = (uintptr_t)maps,
	    .nr_map_ids = sizeof(maps) / sizeof(maps[0]),
	};
	uint32_t size = sizeof(info);
	int program = bpf_prog_get_fd_by_id(program_id);
	bool has = program < 0 ||
	           bpf_obj_get_info_by_fd(program, &info, &size) < 0 ||
	           info.nr_map_ids > sizeof(maps) / sizeof(maps[0]);

	if (program >= 0)
		close(program);
	for (uint32_t n = 0; !has && n < info.nr_map_ids; n++)
		has = maps[n] == map_id;
	return has;
}

/*
 * Does what holds the rules go by the policy of that program for connections?
 * It does not if a command was killed between the two.
 */
static bool
is_held_by(uint64_t cgroup, uint32_t connections)
{
	struct bpf_map_info image;
	struct bpf_link_info hold;
	int link = open_link(cgroup, KERNEL_HOLD, &hold), map;

	if (link < 0)
		return false;
	close(link);
	map = open_map(cgroup, KERNEL_CONNECTIONS, connections, &image);
	if (map < 0)
		return false;
	close(map);
	return hold.cgroup.cgroup_id == cgroup &&
	       has_map(hold.prog_id, image.id);
}

/* Copies the policy of the program that is attached there. */
static int
copy_policy(uint64_t cgroup, uint32_t program_id, struct image *image)
{
	struct bpf_map_info info;
	struct image_header header;
	uint8_t *bytes;
	uint32_t part, size;
	int fd = open_map(cgroup, KERNEL_CONNECTIONS, program_id, &info), error;

	*image = (struct image){0};
	if (fd < 0)
		return fd;
	part = info.value_size - BPF_IMAGE_BEHIND;
	size = part * info.max_entries + BPF_IMAGE_BEHIND;
	bytes = malloc(size);
	error = bytes ? 0 : -ENOMEM;
	for (uint32_t n = 0; error == 0 && n < info.max_entries; n++)
		error = bpf_map_lookup_elem(fd, &n, bytes + n * (size_t)part);
	close(fd);
	if (error == 0) {
		*image = (struct image){bytes, size};
		/* Behind it are zeroes. */
		if (image_header(image, &header) && header.size <= image->size)
			image->size = header.size;
		error = image_check_header(image);
	}
	if (error < 0) {
		free(bytes);
		*image = (struct image){0};
	}
	return error;
}

/* What the program has counted, on all processors. */
static int
read_counts(uint32_t program_id, struct kernel_attached *attached)
{
	const uint32_t zero = 0;
	const int processors = libbpf_num_possible_cpus();
	struct bpf_map_info info;
	struct bpf_counts *each;
	int fd = open_map(attached->cgroup, KERNEL_COUNTERS, program_id, &info);
	int error = 0;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	each = processors > 0 && info.value_size == sizeof(*each)
	           ? calloc((size_t)processors, sizeof(*each))
	           : NULL;
	if (each)
		error = bpf_map_lookup_elem(fd, &zero, each);
	attached->counted = each && error == 0;
	for (int n = 0; attached->counted && n < processors; n++)
		for (int which = 0; which < BPF_COUNTERS; which++)
			attached->counts.of[which] += each[n].of[which];
	free(each);
	close(fd);
	return error;
}

static uint32_t
remembers(uint64_t cgroup, uint32_t program_id)
{
	struct bpf_map_info info;
	int owners = open_map(cgroup, KERNEL_OWNERS, program_id, &info);
	uint32_t bits = is_held(cgroup) ? KERNEL_KNOWS_RULES : 0;

	if (owners >= 0) {
		close(owners);
		bits |= KERNEL_KNOWS_OWNERS;
	}
	return bits;
}

/* What the policy of the program says of itself. */
static int
read_policy(uint32_t program_id, struct kernel_attached *attached)
{
	struct image_source source;
	struct image image;
	int error = copy_policy(attached->cgroup, program_id, &image);

	if (error < 0)
		return error;
	attached->rules = image_rule_count(&image);
	attached->remembers = remembers(attached->cgroup, program_id);
	attached->incomplete =
	    kernel_holds(&image) && !is_held_by(attached->cgroup, program_id);
	if (image_source(&image, 0, &source))
		snprintf(attached->config, sizeof(attached->config), "%s",
		    image_string(&image, source.path));
	free((void *)image.bytes);
	return 0;
}

/* Which of the control group, or of those above it, admits no other program. */
static bool
exclusive(const char *cgroup, enum bpf_attach_type type, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s", cgroup);
	for (;;) {
		uint32_t flags = 0, ids[64], count = 64;
		int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		int error =
		    fd < 0 ? -1
			   : bpf_prog_query(fd, type, 0, &flags, ids, &count);

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

/* Its number, for the kernel. */
static int
program_id(
    const struct kernel_program *program, enum kernel_hook hook, uint32_t *id)
{
	struct bpf_prog_info info = {0};
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(
		kernel_program_fd(program, hook), &info, &size) < 0)
		return -errno;
	*id = info.id;
	return 0;
}

/* Those of all programs but one. */
static void
unpin_map(uint64_t cgroup, enum kernel_hook hook, uint32_t kept)
{
	DIR *directory = opendir(KERNEL_PINS);
	char pin[PIN_NAME_MAX];
	const char *name = pin + sizeof(KERNEL_PINS);
	struct dirent *entry;
	size_t length;

	pin_name(cgroup, hook, pin);
	length = strlen(name);
	while (directory && (entry = readdir(directory)) != NULL) {
		char *end;
		unsigned long id;

		if (strncmp(entry->d_name, name, length) != 0 ||
		    entry->d_name[length] != '-')
			continue;
		id = strtoul(entry->d_name + length + 1, &end, 10);
		if (*end == '\0' && id != kept)
			(void)unlinkat(dirfd(directory), entry->d_name, 0);
	}
	if (directory)
		closedir(directory);
}

static void
unpin_maps(uint64_t cgroup, enum kernel_hook hook, uint32_t kept)
{
	unpin_map(cgroup, hook, kept);
	if (hook != KERNEL_CONNECTIONS)
		return;
	unpin_map(cgroup, KERNEL_OWNERS, kept);
	unpin_map(cgroup, KERNEL_COUNTERS, kept);
}

static int
pin_map(const struct kernel_program *program, enum kernel_hook hook,
    uint64_t cgroup, uint32_t program_id)
{
	char pin[PIN_NAME_MAX];

	map_pin_name(cgroup, hook, program_id, pin);
	return bpf_obj_pin(kernel_program_map(program, hook), pin);
}

static int
pin_maps(const struct kernel_program *program, enum kernel_hook hook,
    uint64_t cgroup, uint32_t program_id)
{
	int error = pin_map(program, hook, cgroup, program_id);

	if (hook != KERNEL_CONNECTIONS)
		return error;
	if (error == 0 && kernel_program_map(program, KERNEL_OWNERS) >= 0)
		error = pin_map(program, KERNEL_OWNERS, cgroup, program_id);
	if (error == 0)
		error = pin_map(program, KERNEL_COUNTERS, cgroup, program_id);
	return error;
}

static int
attach_new(const struct kernel_program *program, enum kernel_hook hook,
    const char *path, int cgroup, const char *pin, char text[KERNEL_TEXT_MAX])
{
	int link = bpf_link_create(
	    kernel_program_fd(program, hook), cgroup, types[hook], NULL);
	char other[PATH_MAX];
	int error = link < 0 ? link : 0;

	if (error == -EPERM && exclusive(path, types[hook], other)) {
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

/*
 * At once: without it, the kernel does so some time behind unlink(). If the
 * command is killed behind that, the kernel does so all the same, and only maps
 * are left.
 */
static int
take_away(uint64_t cgroup, enum kernel_hook hook)
{
	struct bpf_link_info info;
	char pin[PIN_NAME_MAX];
	int link = open_link(cgroup, hook, &info), error;

	pin_name(cgroup, hook, pin);
	error = unlink(pin) < 0 ? -errno : 0;
	if (link >= 0) {
		if (error == 0)
			(void)bpf_link_detach(link);
		close(link);
	}
	if (error == 0 || error == -ENOENT)
		unpin_maps(cgroup, hook, 0);
	return error;
}

/* Turns the link to the program, or makes one. */
static int
turn_link(const struct kernel_program *program, enum kernel_hook hook,
    const char *path, int cgroup, uint64_t number, int link,
    char text[KERNEL_TEXT_MAX])
{
	char pin[PIN_NAME_MAX];
	int error;

	pin_name(number, hook, pin);
	if (link < 0)
		return attach_new(program, hook, path, cgroup, pin, text);
	error = bpf_link_update(link, kernel_program_fd(program, hook), NULL);
	if (error < 0)
		snprintf(text, KERNEL_TEXT_MAX, "%.900s: %s", path,
		    strerror(-error));
	return error;
}

/* What is listed goes last: whatever the command is killed at, that is told. */
static int
take_all_away(uint64_t cgroup)
{
	char pin[PIN_NAME_MAX];

	pin_name(cgroup, PASSING, pin);
	(void)unlink(pin);
	(void)take_away(cgroup, KERNEL_HOLD);
	return take_away(cgroup, KERNEL_CONNECTIONS);
}

static bool
is_passing(uint64_t cgroup)
{
	char pin[PIN_NAME_MAX];

	pin_name(cgroup, PASSING, pin);
	return access(pin, F_OK) == 0;
}

/* Without the mark, it is missed when it is gone. */
static void
set_passing(uint64_t cgroup, bool passing)
{
	struct bpf_link_info info;
	char pin[PIN_NAME_MAX];
	int link = open_link(cgroup, KERNEL_CONNECTIONS, &info);

	pin_name(cgroup, PASSING, pin);
	if (!passing)
		(void)unlink(pin);
	else if (link >= 0)
		(void)bpf_obj_pin(link, pin);
	if (link >= 0)
		close(link);
}

/*
 * It was removed: also while a socket that was made in it keeps its link. Else
 * path says where it is, if that can be told.
 */
static bool
is_gone(uint64_t cgroup, const struct bpf_link_info *info, char path[PATH_MAX])
{
	*path = '\0';
	return info->cgroup.cgroup_id != cgroup ||
	       kernel_path(cgroup, path) == -ESTALE;
}

/*
 * With the pins locked, what holds alone is not about to be completed.
 * with_sockets: also of what was removed while sockets that were made there are
 * open: it has the rules as long as they are.
 */
static void
sweep(bool with_sockets)
{
	DIR *directory = opendir(KERNEL_PINS);
	struct dirent *entry;

	while (directory && (entry = readdir(directory)) != NULL) {
		uint64_t cgroup = strtoull(entry->d_name, NULL, 10);
		char path[PATH_MAX];
		struct bpf_link_info info;
		int link = open_link(cgroup, KERNEL_CONNECTIONS, &info);

		if (link >= 0)
			close(link);
		if (cgroup > 0 &&
		    (link >= 0 ? is_passing(cgroup) &&
				     (with_sockets
					     ? is_gone(cgroup, &info, path)
					     : info.cgroup.cgroup_id != cgroup)
			       : link == -ENOENT))
			(void)take_all_away(cgroup);
	}
	if (directory)
		closedir(directory);
}

void
kernel_sweep(void)
{
	char text[KERNEL_TEXT_MAX];
	int pins = open_pins(false, text);

	if (pins < 0)
		return;
	sweep(true);
	close(pins);
}

/* A control group gets one of the programs. */
struct turning {
	enum kernel_hook hook;
	int link; /* -errno: there is none */
	struct bpf_link_info had;
	bool updated;  /* there is one */
	uint32_t id;   /* of the program */
	uint32_t kept; /* whose maps are to stay pinned */
};

/* All that may fail though the control group is there. */
static int
turn_begin(const struct kernel_program *program, enum kernel_hook hook,
    const char *path, uint64_t number, struct turning *turning,
    char text[KERNEL_TEXT_MAX])
{
	int error;

	*turning = (struct turning){.hook = hook};
	turning->link = open_link(number, hook, &turning->had);
	turning->updated =
	    turning->link >= 0 && turning->had.cgroup.cgroup_id == number;
	if (turning->updated) {
		turning->kept = turning->had.prog_id;
	} else if (turning->link >= 0) {
		/* Of one that had its number before. */
		close(turning->link);
		(void)take_away(number, hook);
		turning->link = -ENOENT;
	}
	error = program_id(program, hook, &turning->id);
	if (error == 0 && turning->id != turning->kept)
		error = pin_maps(program, hook, number, turning->id);
	if (error < 0)
		snprintf(text, KERNEL_TEXT_MAX, "%.900s: %s", path,
		    strerror(-error));
	return error;
}

static int
turn(const struct kernel_program *program, const char *path, int cgroup,
    uint64_t number, struct turning *turning, char text[KERNEL_TEXT_MAX])
{
	int error = 0;

	if (turning->id != turning->kept)
		error = turn_link(program, turning->hook, path, cgroup, number,
		    turning->link, text);
	if (error == 0)
		turning->kept = turning->id;
	return error;
}

static void
turn_end(uint64_t number, const struct turning *turning)
{
	unpin_maps(number, turning->hook, turning->kept);
	if (turning->link >= 0)
		close(turning->link);
}

/* Attaches what holds alone. */
static int
attach_hold(const struct kernel_program *program, const char *path, int cgroup,
    uint64_t number, char text[KERNEL_TEXT_MAX])
{
	struct turning hold;
	int error = turn_begin(program, KERNEL_HOLD, path, number, &hold, text);

	if (error == 0)
		error = turn(program, path, cgroup, number, &hold, text);
	turn_end(number, &hold);
	return error;
}

/*
 * What holds is there before the connections of its policy are, and goes behind
 * them. It holds nothing of other connections, so it may stay if the rest
 * fails; but not alone. If there were both, what may fail is done before.
 */
static int
attach(const struct kernel_program *program, const char *path, int cgroup,
    uint64_t number, bool *updated, char text[KERNEL_TEXT_MAX])
{
	const bool holds = kernel_program_fd(program, KERNEL_HOLD) >= 0;
	struct turning connections, hold = {.updated = false};
	int error = turn_begin(
	    program, KERNEL_CONNECTIONS, path, number, &connections, text);
	int hold_error =
	    holds ? turn_begin(program, KERNEL_HOLD, path, number, &hold, text)
		  : 0;

	if (error == 0)
		error = hold_error;
	if (error == 0 && holds)
		error = turn(program, path, cgroup, number, &hold, text);
	if (error == 0)
		error = turn(program, path, cgroup, number, &connections, text);
	if (holds)
		turn_end(number, &hold);
	turn_end(number, &connections);
	if (error < 0 ? holds && !hold.updated : !holds)
		(void)take_away(number, KERNEL_HOLD);
	*updated = connections.updated;
	return error;
}

int
kernel_attach(const struct kernel_program *program, const char *path,
    bool passing, bool *updated, char text[KERNEL_TEXT_MAX])
{
	struct statfs fs;
	struct stat st;
	int cgroup = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int pins, error;

	if (cgroup < 0 || fstatfs(cgroup, &fs) < 0 || fstat(cgroup, &st) < 0) {
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
			sweep(false);
			error = attach(
			    program, path, cgroup, st.st_ino, updated, text);
			if (error == 0)
				set_passing(st.st_ino, passing);
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
	int link = open_link(cgroup, KERNEL_CONNECTIONS, &info);
	char path[PATH_MAX];
	bool gone;
	int error;

	if (link < 0)
		return link;
	close(link);
	gone = is_gone(cgroup, &info, path);
	if (gone && is_passing(cgroup))
		return 0;
	larger = reallocarray(*list, *count + 1, sizeof(**list));
	if (!larger)
		return -ENOMEM;
	*list = larger;
	new = &larger[*count];
	memset(new, 0, sizeof(*new));
	new->cgroup = cgroup;
	new->gone = gone;
	if (!new->gone)
		memcpy(new->path, path, sizeof(new->path));
	++*count;
	error = read_policy(info.prog_id, new);
	return error < 0 ? error : read_counts(info.prog_id, new);
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
	while (directory && (entry = readdir(directory)) != NULL) {
		char *end;
		unsigned long long cgroup = strtoull(entry->d_name, &end, 10);
		int one;

		if (end == entry->d_name || *end != '\0')
			continue;
		one = add(cgroup, list, count);
		if (one < 0 && error == 0) {
			error = one;
			snprintf(text, KERNEL_TEXT_MAX, "%s/%s: %s",
			    KERNEL_PINS, entry->d_name, strerror(-error));
		}
	}
	if (directory)
		closedir(directory);
	if (*count > 0)
		qsort(*list, *count, sizeof(**list), by_number);
	return error;
}

int
kernel_policy(const struct kernel_attached *attached, struct image *image)
{
	struct bpf_link_info info;
	int link = open_link(attached->cgroup, KERNEL_CONNECTIONS, &info);

	*image = (struct image){0};
	if (link < 0)
		return link;
	close(link);
	return copy_policy(attached->cgroup, info.prog_id, image);
}

int
kernel_prepare(const struct kernel_program *program,
    const struct kernel_attached *attached, char text[KERNEL_TEXT_MAX])
{
	char path[PATH_MAX];
	int cgroup, error;

	if (kernel_program_fd(program, KERNEL_HOLD) < 0 ||
	    is_held(attached->cgroup))
		return 0;
	cgroup = open_cgroup(attached->cgroup, path);
	/* It was removed since it was listed. */
	if (cgroup == -ESTALE)
		return 0;
	if (cgroup < 0) {
		char name[PATH_MAX];

		kernel_name(attached, name);
		snprintf(text, KERNEL_TEXT_MAX, "%.900s: %s", name,
		    strerror(-cgroup));
		return cgroup;
	}
	error = attach_hold(program, path, cgroup, attached->cgroup, text);
	close(cgroup);
	return error;
}

/* Is the program in use there? */
static bool
is_used(const struct kernel_program *program, enum kernel_hook hook,
    uint64_t cgroup)
{
	struct bpf_link_info info = {0};
	uint32_t id = 0;
	int link = open_link(cgroup, hook, &info);

	if (link >= 0)
		close(link);
	return link >= 0 && program_id(program, hook, &id) == 0 &&
	       info.prog_id == id;
}

void
kernel_unprepare(const struct kernel_program *program,
    const struct kernel_attached *attached)
{
	char text[KERNEL_TEXT_MAX];
	int pins;

	if (kernel_program_fd(program, KERNEL_HOLD) < 0)
		return;
	pins = open_pins(false, text);
	if (pins < 0)
		return;
	if (is_used(program, KERNEL_HOLD, attached->cgroup) &&
	    !is_used(program, KERNEL_CONNECTIONS, attached->cgroup))
		(void)take_away(attached->cgroup, KERNEL_HOLD);
	close(pins);
}

int
kernel_update(const struct kernel_program *program,
    const struct kernel_attached *attached, char text[KERNEL_TEXT_MAX])
{
	struct bpf_link_info info;
	char path[PATH_MAX];
	bool updated;
	int pins = open_pins(false, text), cgroup, link, error = 0;

	if (pins < 0)
		return pins;
	cgroup = open_cgroup(attached->cgroup, path);
	link = open_link(attached->cgroup, KERNEL_CONNECTIONS, &info);
	if (link >= 0)
		close(link);
	if (link == -ENOENT || cgroup == -ESTALE ||
	    (link >= 0 && info.cgroup.cgroup_id != attached->cgroup))
		error = 1;
	else
		error = attach(
		    program, path, cgroup, attached->cgroup, &updated, text);
	if (cgroup >= 0)
		close(cgroup);
	close(pins);
	return error;
}

int
kernel_detach(uint64_t cgroup)
{
	char text[KERNEL_TEXT_MAX];
	int pins = open_pins(false, text), error;

	if (pins < 0)
		return pins;
	error = take_all_away(cgroup);
	close(pins);
	return error;
}

int
kernel_remembered(enum kernel_hook hook, struct bpf_map_info *info)
{
	char text[KERNEL_TEXT_MAX];
	struct dirent *entry;
	DIR *directory;
	int pins = open_pins(false, text), fd = -ENOENT;

	if (pins < 0)
		return pins;
	directory = fdopendir(pins);
	while (directory && fd < 0 && (entry = readdir(directory)) != NULL) {
		const uint64_t cgroup = strtoull(entry->d_name, NULL, 10);
		struct bpf_link_info link_is;
		int link = open_link(cgroup,
		    hook == KERNEL_OWNERS ? KERNEL_CONNECTIONS : hook,
		    &link_is);

		if (link < 0)
			continue;
		close(link);
		fd = open_map(cgroup, hook, link_is.prog_id, info);
	}
	if (directory)
		closedir(directory);
	return fd;
}

int
kernel_counted(uint64_t cgroup, struct bpf_map_info *info)
{
	struct bpf_link_info link_is;
	int link = open_link(cgroup, KERNEL_CONNECTIONS, &link_is);

	if (link < 0)
		return link;
	close(link);
	return link_is.cgroup.cgroup_id == cgroup
	           ? open_map(cgroup, KERNEL_COUNTERS, link_is.prog_id, info)
	           : -ENOENT;
}
