/* SPDX-License-Identifier: ISC */
/*
 * doctor_library: whether the loader finds libkashim.so and can take it into
 * this program, and what else it preloads.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "doctor/doctor_library.h"
#include "doctor/doctor_resolve.h"
#include "host/ld_so_preload.h"
#include "host/preload.h"

/* The library imports some 30 functions. */
#define IMPORTS_MAX 256

/* As the program's user sees it. */
struct access {
	char path[PATH_MAX];
	int error;
	bool noexec;
};

static void
try_access(void *data)
{
	struct access *access = data;
	int fd = open(access->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct statvfs fs;

	access->error = fd < 0 ? -errno : 0;
	if (fd < 0)
		return;
	access->noexec = fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_NOEXEC) != 0;
	close(fd);
}

static bool
is_reachable(
    const struct place *place, const char *path, struct findings *findings)
{
	struct access access = {0};
	int error;

	snprintf(access.path, PATH_MAX, "%s", path);
	error = doctor_as(place, try_access, &access, sizeof(access));
	if (error < 0) {
		findings_add(findings, FINDING_LIBRARY, FINDING_NOTE,
		    "whether user %u can read %s%s can't be told: %s",
		    (unsigned)place->euid, place->root, path, strerror(-error));
		findings_ask_root(findings);
		return true;
	}
	if (access.error < 0) {
		findings_add(findings, FINDING_LIBRARY, FINDING_FATAL,
		    "user %u cannot read %s%s: %s", (unsigned)place->euid,
		    place->root, path, strerror(-access.error));
		findings_remedy(
		    findings, "Make it and the directories above it readable.");
		return false;
	}
	if (access.noexec) {
		findings_add(findings, FINDING_LIBRARY, FINDING_FATAL,
		    "%s%s is on a file system that is mounted noexec: the "
		    "loader cannot map it",
		    place->root, path);
		findings_remedy(findings, "Install kashim elsewhere.");
		return false;
	}
	return true;
}

struct imports {
	char *names[IMPORTS_MAX];
	size_t count;
};

static int
collect_import(const char *name, bool imported, bool weak, void *data)
{
	struct imports *imports = data;

	if (imported && !weak && *name && imports->count < IMPORTS_MAX) {
		imports->names[imports->count] = strdup(name);
		if (!imports->names[imports->count])
			return -ENOMEM;
		imports->count++;
	}
	return 0;
}

static int
strike_out(const char *name, bool imported, bool weak, void *data)
{
	struct imports *imports = data;

	(void)weak;
	for (size_t i = 0; !imported && i < imports->count; i++) {
		if (imports->names[i] && strcmp(imports->names[i], name) == 0) {
			free(imports->names[i]);
			imports->names[i] = NULL;
		}
	}
	return 0;
}

/*
 * Is there anything that a library asks for, of those names, and libc has not?
 * name is then one of them, or "" if that can't be told.
 */
static bool
libc_lacks(const struct place *place, const char *library, const char *libc,
    elf_file_names_fn *names, char *name, size_t size)
{
	struct imports imports = {0};
	int fd = place_open(place, library, O_RDONLY);
	bool lacks = true;

	*name = '\0';
	if (fd >= 0 && names(fd, collect_import, &imports) == 0) {
		close(fd);
		fd = place_open(place, libc, O_RDONLY);
		lacks = fd < 0 || names(fd, strike_out, &imports) != 0;
	}
	if (fd >= 0)
		close(fd);
	for (size_t i = 0; i < imports.count; i++) {
		if (imports.names[i] && !lacks) {
			lacks = true;
			snprintf(name, size, "%s", imports.names[i]);
		}
		free(imports.names[i]);
	}
	return lacks;
}

/*
 * glibc ends the program if it does not have each version of its functions
 * that the library was linked with. Returns as doctor_lacks().
 */
static int
lacks_version(const struct place *place, const struct doctor_target *target,
    const char *library, char libc[PATH_MAX], char lacking[NAME_MAX + 1])
{
	int error = doctor_resolve(place, target, "libc.so.6", libc);

	if (error < 0)
		return error;
	if (!libc_lacks(
		place, library, libc, elf_file_versions, lacking, NAME_MAX + 1))
		return 0;
	return *lacking ? 1 : -EIO;
}

static void
check_versions(const struct place *place, const struct doctor_target *target,
    const char *path, struct findings *findings)
{
	char libc[PATH_MAX], lacking[NAME_MAX + 1];
	int lacks = lacks_version(place, target, path, libc, lacking);

	if (lacks == 0)
		return;
	if (lacks < 0) {
		findings_add(findings, FINDING_LIBC, FINDING_UNKNOWN,
		    "whether its C library has all that %s asks for can't be "
		    "told: %s%s cannot be read",
		    path, place->root, libc);
		findings_ask_root(findings);
		return;
	}
	findings_add(findings, FINDING_LIBC, FINDING_FATAL,
	    "%s%s has no %s, which %s asks for: the program would not start",
	    place->root, libc, lacking, path);
	findings_remedy(findings,
	    "Build the library on this release or an older one; or use "
	    "'kashim run'.");
}

int
doctor_lacks(const char *root, const char *loader, const char *library,
    char libc[PATH_MAX], char lacking[NAME_MAX + 1])
{
	struct place place = {0};
	struct doctor_target target = {0};
	int fd, error;

	place.root = root;
	fd = place_open(&place, library, O_RDONLY);
	if (fd < 0)
		return fd;
	error = elf_file_read(fd, &target.elf);
	close(fd);
	if (error == 0 && target.elf.cut_short)
		error = -EBADMSG;
	if (error < 0 || target.elf.libc != ELF_FILE_GLIBC)
		return error;
	if (loader)
		snprintf(target.elf.interpreter, sizeof(target.elf.interpreter),
		    "%s", loader);
	return lacks_version(&place, &target, library, libc, lacking);
}

static bool
is_same_file(const struct place *place, const char *path, const char *other)
{
	struct stat a, b;

	return place_stat(place, path, &a) == 0 &&
	       place_stat(place, other, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

bool
doctor_both_sizes(const char *root, const char *library)
{
	struct place place = {0};
	char path[PATH_MAX];

	place.root = root;
	return doctor_resolve_own(&place, DOCTOR_BOTH_SIZES, path) == 0 &&
	       is_same_file(&place, path, library);
}

static void
check_libc(const struct place *place, const struct doctor_target *target,
    const char *path, const struct elf_file *library,
    const struct doctor_policy *policy, struct findings *findings)
{
	const struct elf_file *program = &target->elf;
	char lacking[NAME_MAX + 1];

	if (!*program->interpreter)
		return;
	if (program->libc == library->libc) {
		if (program->libc == ELF_FILE_GLIBC)
			check_versions(place, target, path, findings);
		return;
	}
	/*
	 * musl takes a library that was built for glibc if it has all that
	 * this needs, whatever the versions (musl, ldso/dynlink.c).
	 */
	if (program->libc != ELF_FILE_MUSL || library->libc != ELF_FILE_GLIBC) {
		findings_add(findings, FINDING_LIBC, FINDING_FATAL,
		    "%s uses another C library (%s) than %s was built for. To "
		    "preload it can keep the program from starting",
		    target->path, program->interpreter, path);
	} else if (libc_lacks(place, path, program->interpreter,
		       elf_file_symbols, lacking, sizeof(lacking))) {
		findings_add(findings, FINDING_LIBC, FINDING_FATAL,
		    "%s uses musl, which lacks %s that %s needs: the program "
		    "would not start",
		    target->path, *lacking ? lacking : "something", path);
	} else if (policy->source == SOURCE_NOTHING) {
		findings_add(findings, FINDING_LIBC, FINDING_FATAL,
		    "%s uses musl: there the library reads only what 'kashim "
		    "compile' or 'kashim reload' wrote, and there is nothing",
		    target->path);
		findings_remedy(findings,
		    "Run 'kashim compile' after each change of the "
		    "configuration; or use 'kashim run'.");
		return;
	} else {
		findings_add(findings, FINDING_LIBC, FINDING_NOTE,
		    "%s uses musl: there the library reads only what 'kashim "
		    "compile' or 'kashim reload' wrote",
		    target->path);
		return;
	}
	findings_remedy(findings,
	    "Use a library that was built for it ('make builds' makes one for "
	    "musl, build/musl/" PRELOAD_LIBRARY "); or use 'kashim run'.");
}

/* Where one build for each word size has to be, for $LIB to find it. */
static void
check_class(const struct place *place, const struct doctor_target *target,
    const char *path, const struct elf_file *library, struct findings *findings)
{
	const struct elf_file *program = &target->elf;
	char token[NAME_MAX], other[PATH_MAX];
	char machine[32];

	snprintf(machine, sizeof(machine), "%s", elf_file_machine(program));
	findings_add(findings, FINDING_CLASS, FINDING_FATAL,
	    "%s is a %u-bit program for %s, and %s is a %u-bit library for "
	    "%s: the loader says 'wrong ELF class' or 'cannot open' and leaves "
	    "it out",
	    target->path, program->bits, machine, path, library->bits,
	    elf_file_machine(library));
	doctor_lib_token(place, program, token, sizeof(token));
	snprintf(other, sizeof(other), "/usr/%s/" PRELOAD_LIBRARY, token);
	if (doctor_resolve(place, target, DOCTOR_BOTH_SIZES, other) == 0)
		findings_remedy(findings,
		    "There is %s. LD_PRELOAD='" DOCTOR_BOTH_SIZES "' finds it, "
		    "and with a real dollar sign it is right for both kinds of "
		    "programs if the other one lies in its directory, too.",
		    other);
	else
		findings_remedy(findings,
		    "Build one for %s ('make builds' makes the 32-bit one), "
		    "install it as %s, write "
		    "LD_PRELOAD='" DOCTOR_BOTH_SIZES
		    "', and run 'kashim compile' after each change of the "
		    "configuration. Or use 'kashim run'.",
		    machine, other);
}

/*
 * A library that works with ours in one order only. run and enable see to that;
 * what is in the list already was put there by others.
 */
static void
check_order(const char *entry, enum preload_order order, bool right,
    struct findings *findings)
{
	const bool first = order == PRELOAD_IN_FRONT;

	if (right) {
		findings_add(findings, FINDING_PRELOAD, FINDING_NOTE,
		    "LD_PRELOAD holds %s, which works %s us", entry,
		    first ? "in front of" : "behind");
		return;
	}
	findings_add(findings, FINDING_PRELOAD, FINDING_WARN,
	    first ? "LD_PRELOAD holds %s behind us: it connects a socket of "
		    "its own, and puts it in the place of the one that gets "
		    "its rule"
		  : "LD_PRELOAD holds %s in front of us: it takes connect() "
		    "from the C library, so that we see no connection",
	    entry);
	findings_remedy(findings, "Write it %s " PRELOAD_LIBRARY ".",
	    first ? "in front of" : "behind");
}

/* One entry of the LD_PRELOAD that is there already. */
static void
check_entry(const struct place *place, const struct doctor_target *target,
    const char *entry, const char *ours, struct findings *findings)
{
	static const char *const rivals[] = {"libkeepalive", "libdontdie",
	    "force_bind", "libforce_bind", "libsetsockopt"};
	const char *name = basename(entry);
	char path[PATH_MAX];

	if (doctor_resolve(place, target, entry, path) < 0) {
		findings_add(findings, FINDING_PRELOAD, FINDING_NOTE,
		    "LD_PRELOAD holds %s, which is not there: the loader "
		    "complains and goes on",
		    entry);
		findings_remedy(findings, "Take it out of LD_PRELOAD.");
		return;
	}
	if (strcmp(name, PRELOAD_LIBRARY) == 0) {
		if (place->library_in_list)
			return;
		if (is_same_file(place, path, ours)) {
			findings_add(findings, FINDING_PRELOAD, FINDING_NOTE,
			    "LD_PRELOAD holds %s already", entry);
		} else {
			findings_add(findings, FINDING_PRELOAD, FINDING_WARN,
			    "LD_PRELOAD holds another " PRELOAD_LIBRARY ": %s",
			    path);
			findings_remedy(findings,
			    "Take one of them out: both would be loaded.");
		}
		return;
	}
	for (size_t i = 0; i < sizeof(rivals) / sizeof(rivals[0]); i++) {
		if (strncmp(name, rivals[i], strlen(rivals[i])) != 0)
			continue;
		findings_add(findings, FINDING_PRELOAD, FINDING_NOTE,
		    "LD_PRELOAD holds %s, which sets keepalive, too, the same "
		    "for all sockets",
		    entry);
		findings_remedy(findings,
		    "Take it out of LD_PRELOAD, and write rules for what it "
		    "did.");
		return;
	}
	if (preload_order(entry, strlen(entry)) == PRELOAD_ANYWHERE)
		findings_add(findings, FINDING_PRELOAD, FINDING_NOTE,
		    "LD_PRELOAD holds %s: both work if it passes calls on",
		    entry);
}

void
doctor_order(const struct place *place, struct findings *findings)
{
	char *list = strdup(place->preload ? place->preload : "");
	char *state = NULL, *entry;
	bool behind_ours = false;

	if (!list)
		findings->error = -ENOMEM;
	for (entry = list ? strtok_r(list, PRELOAD_SEPARATORS, &state) : NULL;
	     entry; entry = strtok_r(NULL, PRELOAD_SEPARATORS, &state)) {
		const enum preload_order order =
		    preload_order(entry, strlen(entry));

		behind_ours |= strcmp(basename(entry), PRELOAD_LIBRARY) == 0;
		if (order != PRELOAD_ANYWHERE)
			check_order(entry, order,
			    !place->library_in_list ||
				behind_ours == (order == PRELOAD_BEHIND),
			    findings);
	}
	free(list);
}

/* Calls check_entry() for each; says whether the first one is libasan. */
static bool
check_list(const struct place *place, const struct doctor_target *target,
    const char *ours, struct findings *findings)
{
	char *list, *entry, *state = NULL;
	bool asan_first = false;

	if (!place->preload)
		return false;
	list = strdup(place->preload);
	if (!list) {
		findings->error = -ENOMEM;
		return false;
	}
	for (entry = strtok_r(list, PRELOAD_SEPARATORS, &state); entry;
	     entry = strtok_r(NULL, PRELOAD_SEPARATORS, &state)) {
		if (entry == list)
			asan_first =
			    strncmp(basename(entry), "libasan.so", 10) == 0;
		check_entry(place, target, entry, ours, findings);
	}
	free(list);
	return asan_first;
}

/* Reads the library's own ELF header. */
static bool
read_library(const struct place *place, const char *path, struct elf_file *elf,
    struct findings *findings)
{
	int fd = place_open(place, path, O_RDONLY);
	int error = fd;

	if (fd >= 0) {
		error = elf_file_read(fd, elf);
		close(fd);
	}
	if (error < 0) {
		findings_add(findings, FINDING_LIBRARY, FINDING_FATAL,
		    "%s%s is no library: %s", place->root, path,
		    strerror(-error));
	} else if (elf->cut_short) {
		findings_add(findings, FINDING_LIBRARY, FINDING_FATAL,
		    "%s%s is cut short: it ends each program that it is "
		    "preloaded into",
		    place->root, path);
		error = -EBADMSG;
	}
	if (error < 0)
		findings_remedy(findings, "Install it again: 'make install'.");
	return error == 0;
}

static bool
is_doubtful_since(const struct findings *findings, size_t before)
{
	for (size_t i = before; i < findings->count; i++)
		if (findings->list[i].severity >= FINDING_UNKNOWN)
			return true;
	return false;
}

void
doctor_library(const struct place *place, const struct doctor_target *target,
    const struct doctor_policy *policy, struct findings *findings)
{
	struct elf_file library;
	char path[PATH_MAX];
	size_t before = findings->count;
	bool asan_first;
	int error;

	if (place->host && target->elf.libc == ELF_FILE_MUSL &&
	    !preload_find(place->preload, path)) {
		findings_add(findings, FINDING_LIBC, FINDING_FATAL,
		    "%s uses musl, whose loader does not read " LD_SO_PRELOAD,
		    target->path);
		findings_remedy(findings, "Use 'kashim run'.");
		return;
	}
	error = doctor_resolve(place, target, place->library, path);
	asan_first = check_list(place, target, path, findings);
	doctor_order(place, findings);
	if (strpbrk(place->library, PRELOAD_SEPARATORS)) {
		findings_add(findings, FINDING_LIBRARY, FINDING_FATAL,
		    "%s: a path with a space or a colon cannot be in "
		    "LD_PRELOAD",
		    place->library);
		findings_remedy(findings, "Install kashim elsewhere.");
		return;
	}
	if (error == -ENOENT || error == -ENOTDIR) {
		findings_add(findings, FINDING_LIBRARY, FINDING_FATAL,
		    "%s%s is missing", place->root, path);
		findings_remedy(findings,
		    *place->root ? "Install the library inside of that root "
				   "directory, too."
				 : "Install it: 'make install'.");
		return;
	}
	if (!is_reachable(place, path, findings) ||
	    !read_library(place, path, &library, findings))
		return;
	if (target->elf.bits != library.bits ||
	    target->elf.machine != library.machine ||
	    target->elf.big_endian != library.big_endian) {
		check_class(place, target, path, &library, findings);
		return;
	}
	check_libc(place, target, path, &library, policy, findings);
	if (target->elf.asan && !asan_first) {
		findings_add(findings, FINDING_PRELOAD, FINDING_FATAL,
		    "%s is linked to libasan, which ends the program if "
		    "another library is preloaded before it",
		    target->path);
		findings_remedy(findings,
		    "Write LD_PRELOAD=\"libasan.so.8 %s\" with the libasan "
		    "that it is linked to in front.",
		    place->library);
	}
	if (target->cleared && !place->host) {
		findings_add(findings, FINDING_SCRIPT, FINDING_FATAL,
		    "the script's #! line has env(1) take LD_PRELOAD away");
		findings_remedy(
		    findings, "Take -i, -u or LD_PRELOAD= out of it.");
	}
	if (is_doubtful_since(findings, before))
		return;
	findings_add(findings, FINDING_LIBRARY, FINDING_FINE,
	    "%s%s is there, and fits", place->root, path);
	if (place->host)
		findings_add(findings, FINDING_PRELOAD, FINDING_FINE,
		    "%s" LD_SO_PRELOAD " holds %s: every program has it",
		    place->root, place->library);
}
