/* SPDX-License-Identifier: ISC */
/*
 * doctor: the list of findings, the surroundings of a program, and the walk
 * through all that is asked of it. Each question has a file doctor_*.c.
 */
#include "doctor/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "doctor/doctor_parts.h"
#include "host/inside.h"
#include "image/cache.h"
#include "term/text.h"

void
doctor_find(struct doctor *doctor, enum doctor_topic topic,
    enum doctor_weight weight, const char *format, ...)
{
	struct doctor_finding *more =
	    reallocarray(doctor->findings, doctor->count + 1, sizeof(*more));
	va_list args;
	char *what;
	int length;

	if (!more) {
		doctor->error = -ENOMEM;
		return;
	}
	doctor->findings = more;
	va_start(args, format);
	length = vasprintf(&what, format, args);
	va_end(args);
	if (length < 0) {
		doctor->error = -ENOMEM;
		return;
	}
	text_make_harmless(what);
	doctor->findings[doctor->count++] = (struct doctor_finding){
	    .topic = topic, .weight = weight, .what = what};
	if (weight > doctor->worst)
		doctor->worst = weight;
}

void
doctor_remedy(struct doctor *doctor, const char *format, ...)
{
	va_list args;
	char *text;
	int length;

	if (doctor->error < 0 || doctor->count == 0)
		return;
	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	if (length < 0) {
		doctor->error = -ENOMEM;
		return;
	}
	text_make_harmless(text);
	doctor->findings[doctor->count - 1].remedy = text;
}

void
doctor_remedy_line(struct doctor *doctor, const char *line)
{
	struct doctor_finding *last;
	char *text;

	if (doctor->error < 0 || doctor->count == 0)
		return;
	last = &doctor->findings[doctor->count - 1];
	if (asprintf(&text, "%s%s%s", last->remedy ? last->remedy : "",
		last->remedy ? "\n" : "", line) < 0) {
		doctor->error = -ENOMEM;
		return;
	}
	text_make_harmless(text + strlen(text) - strlen(line));
	free(last->remedy);
	last->remedy = text;
}

void
doctor_ask_root(struct doctor *doctor)
{
	if (geteuid() != 0)
		doctor_remedy(doctor, "Ask again as root.");
}

void
doctor_free(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->count; i++) {
		free(doctor->findings[i].what);
		free(doctor->findings[i].remedy);
	}
	free(doctor->findings);
	*doctor = (struct doctor){0};
}

const char *
doctor_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool
doctor_find_entry(const char *preload, char entry[PATH_MAX])
{
	while (preload && *preload) {
		size_t length = strcspn(preload, DOCTOR_SEPARATORS);

		snprintf(entry, PATH_MAX, "%.*s", (int)length, preload);
		if (strcmp(doctor_base_name(entry), DOCTOR_LIBRARY_FILE) == 0)
			return true;
		preload += length;
		preload += strspn(preload, DOCTOR_SEPARATORS);
	}
	return false;
}

/* Those that a program with such file capabilities would get from us. */
static uint64_t
inheritable_capabilities(void)
{
	struct __user_cap_header_struct header = {
	    .version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data) < 0)
		return 0;
	return data[0].inheritable | (uint64_t)data[1].inheritable << 32;
}

void
doctor_place_here(struct doctor_place *place)
{
	const char *path = getenv("PATH");

	*place = (struct doctor_place){
	    .uid = getuid(),
	    .euid = geteuid(),
	    .gid = getgid(),
	    .egid = getegid(),
	    .no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1,
	    .inheritable = inheritable_capabilities(),
	    .root = "",
	    .preload = getenv("LD_PRELOAD"),
	    .cache = getenv(CACHE_ENVIRONMENT),
	    /* Without PATH, execvp(3) takes confstr(_CS_PATH). */
	    .path = path ? path : "/bin:/usr/bin",
	    .shell_fallback = true,
	};
}

int
doctor_open(const struct doctor_place *place, const char *path, int flags)
{
	int root, fd;

	/* Opening a FIFO waits for its other end without O_NONBLOCK. */
	if ((flags & O_PATH) == 0)
		flags |= O_NONBLOCK | O_NOCTTY;
	if (!*place->root) {
		fd = open(path, flags | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	root = inside_root(place->root);
	if (root < 0)
		return root;
	fd = inside_open(root, path, flags);
	close(root);
	return fd;
}

int
doctor_stat(const struct doctor_place *place, const char *path, struct stat *st)
{
	int fd = doctor_open(place, path, O_PATH);
	int error;

	if (fd < 0)
		return fd;
	error = fstat(fd, st) < 0 ? -errno : 0;
	close(fd);
	return error;
}

/* Can path be executed? Root, too, needs one of the three bits. */
static int
executable(const struct doctor_place *place, const char *path)
{
	struct stat st;
	int error = doctor_stat(place, path, &st);

	if (error < 0)
		return error;
	if (!S_ISREG(st.st_mode) || (st.st_mode & 0111) == 0)
		return -EACCES;
	if (!*place->root && place->euid == geteuid() &&
	    faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
		return -errno;
	return 0;
}

int
doctor_look_up(
    const struct doctor_place *place, const char *name, char path[PATH_MAX])
{
	const char *from = place->path;
	int result = -ENOENT;

	if (!*name)
		return -ENOENT;
	if (strchr(name, '/')) {
		if (snprintf(path, PATH_MAX, "%s", name) >= PATH_MAX)
			return -ENAMETOOLONG;
		return executable(place, path);
	}
	for (;;) {
		size_t length = strcspn(from, ":");
		int error;

		/* An empty entry is the current directory. */
		if (snprintf(path, PATH_MAX, "%.*s%s%s", (int)length, from,
			length > 0 ? "/" : "./", name) < PATH_MAX) {
			error = executable(place, path);
			if (error == 0)
				return 0;
			/* Found, but not ours to execute: remembered. */
			if (error == -EACCES)
				result = error;
			else if (error != -ENOENT && error != -ENOTDIR)
				return error;
		}
		if (from[length] == '\0')
			return result;
		from += length + 1;
	}
}

void
doctor_go(const struct doctor_target *target, struct doctor *doctor)
{
	if (!target->elf.go)
		return;
	doctor_find(doctor, DOCTOR_GO, DOCTOR_FATAL,
	    "%s was made by the Go compiler: its connections are made past "
	    "the C library, so the library does not see them",
	    target->path);
	doctor_remedy(doctor,
	    "Use 'kashim run', which supervises it from outside, or 'kashim "
	    "apply' while it runs. Go programs switch keepalive on "
	    "themselves, mostly every 15 seconds.");
}

/* What a program does for itself, past the library. */
static void
judge_habits(const struct doctor_target *target, struct doctor *doctor)
{
	const struct elf_file *elf = &target->elf;

	doctor_go(target, doctor);
	if (elf->io_uring) {
		doctor_find(doctor, DOCTOR_IO_URING, DOCTOR_WARN,
		    "it uses liburing: what it connects or accepts by "
		    "io_uring is not seen");
		doctor_remedy(doctor,
		    "A rule without any matcher holds for these too, if the "
		    "socket is made by socket(2). Else use 'kashim apply'.");
	}
	if (elf->seccomp) {
		doctor_find(doctor, DOCTOR_SECCOMP, DOCTOR_NOTE,
		    "it uses libseccomp: its filter must let setsockopt(2), "
		    "getsockopt(2) and getsockname(2) through");
		doctor_remedy(
		    doctor, "Look at it while it runs, with 'kashim status'.");
	}
	if (elf->plugins)
		doctor_find(doctor, DOCTOR_PLUGINS, DOCTOR_NOTE,
		    "it opens plug-ins: one that it opens with RTLD_DEEPBIND "
		    "or dlmopen(3) connects past the library");
}

/*
 * Without a program interpreter there is no loader; but the loader itself
 * can be started as a program, and does its work then.
 */
bool
doctor_static(const struct doctor_target *target, struct doctor *doctor)
{
	const struct elf_file *elf = &target->elf;

	if (*elf->interpreter)
		return false;
	if (elf->dynamic &&
	    elf_file_loader_libc(elf->name) != ELF_FILE_OTHER_LIBC) {
		doctor_find(doctor, DOCTOR_PROGRAM, DOCTOR_NOTE,
		    "%s is the loader itself: it depends on the program that "
		    "it is given",
		    target->path);
		return false;
	}
	doctor_find(doctor, DOCTOR_STATIC, DOCTOR_FATAL,
	    "%s is static%s: no loader runs that could preload anything",
	    target->path, elf->go ? ", a Go program" : "");
	doctor_remedy(doctor,
	    "Use 'kashim run', which supervises it from outside, or 'kashim "
	    "apply' while it runs.%s",
	    elf->go ? " Go programs switch keepalive on themselves, mostly "
		      "every 15 seconds."
		    : "");
	return true;
}

int
doctor_examine(
    const struct doctor_place *place, const char *path, struct doctor *doctor)
{
	struct doctor_target target;
	int result = doctor_follow(place, path, &target, doctor);

	if (result < 0)
		return result;
	if (result == 0) {
		struct doctor_policy policy;

		doctor_policy_read(place, &target, &policy);
		doctor_setid(place, &target, doctor);
		if (!doctor_static(&target, doctor)) {
			doctor_library(place, &target, &policy, doctor);
			judge_habits(&target, doctor);
		}
		doctor_policy_judge(place, &target, &policy, doctor);
	}
	return doctor->error;
}

int
doctor_program(const char *path, const char *config, const char *library,
    struct doctor *doctor)
{
	struct doctor_place place;
	char found[PATH_MAX];
	int error;

	*doctor = (struct doctor){0};
	doctor_place_here(&place);
	place.config = config;
	place.library = library;
	error = doctor_look_up(&place, path, found);
	if (error == 0)
		error = doctor_examine(&place, found, doctor);
	if (error < 0)
		doctor_free(doctor);
	return error;
}
