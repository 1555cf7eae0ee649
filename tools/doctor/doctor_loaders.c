/* SPDX-License-Identifier: ISC */
/*
 * doctor_loaders: whether every program of a system could load a library.
 */
#include "doctor/doctor_loaders.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor/doctor_library.h"
#include "doctor/doctor_resolve.h"
#include "host/inside.h"
#include "host/preload.h"

/* Why not every program may have the file, by a name; or NULL. */
static const char *
find_fault(const char *path, size_t root)
{
	char part[2 * PATH_MAX];
	mode_t needed = S_IROTH;
	struct stat st;

	for (size_t end = strlen(path); end > root; end--) {
		if (path[end] != '\0' && path[end] != '/')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)end, path);
		if (stat(part, &st) < 0 || st.st_uid != 0 ||
		    (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
			return "others than root may write it or a directory "
			       "above it, and it would be in programs of root";
		if ((st.st_mode & needed) == 0)
			return "not every user may read it, and programs of "
			       "the others would complain of it at each start";
		needed = S_IXOTH;
	}
	return NULL;
}

/*
 * By its name, and where links lead. (Those of an image may lead out of it.)
 */
static const char *
find_fault_in(const struct place *place, const char *path)
{
	char named[2 * PATH_MAX], real[PATH_MAX];
	const char *fault;

	snprintf(named, sizeof(named), "%s%s", place->root, path);
	fault = find_fault(named, strlen(place->root));
	return fault || *place->root || !realpath(path, real)
	           ? fault
	           : find_fault(real, 0);
}

static void
check_library(const struct place *place, const struct doctor_target *target,
    const char *path, struct findings *findings)
{
	char libc[PATH_MAX], lacking[NAME_MAX + 1];
	const char *fault;
	struct elf_file elf;
	int fd = place_open(place, path, O_RDONLY);
	int error = fd < 0 ? fd : elf_file_read(fd, &elf), lacks;

	if (fd >= 0)
		close(fd);
	if (error < 0)
		findings_add(findings, FINDING_LIBRARY, FINDING_FATAL,
		    "%s%s: %s", place->root, path, strerror(-error));
	else if (elf.bits != target->elf.bits ||
		 elf.machine != target->elf.machine)
		findings_add(findings, FINDING_CLASS, FINDING_FATAL,
		    "%s%s is for %s, and programs of %s (%s%s) would complain "
		    "of it at each start",
		    place->root, path, elf_file_machine(&elf),
		    elf_file_machine(&target->elf), place->root, target->path);
	else if ((fault = find_fault_in(place, path)) != NULL)
		findings_add(findings, FINDING_LIBRARY, FINDING_FATAL,
		    "%s%s: %s", place->root, path, fault);
	if (error < 0)
		return;
	lacks = doctor_lacks(place->root, target->path, path, libc, lacking);
	if (lacks == -EBADMSG)
		findings_add(findings, FINDING_LIBRARY, FINDING_FATAL,
		    "%s%s is cut short: no program would start", place->root,
		    path);
	else if (lacks == 1)
		findings_add(findings, FINDING_LIBC, FINDING_FATAL,
		    "%s%s has no %s, which %s asks for: no program would start",
		    place->root, libc, lacking, path);
	else if (lacks < 0)
		findings_add(findings, FINDING_LIBC, FINDING_FATAL,
		    "whether the C library has all that %s%s asks for can't be "
		    "told: %s",
		    place->root, path, strerror(-lacks));
}

/* As it would be for a program that asks for this loader. */
static void
check_loader(const struct place *place, const char *loader, const char *entry,
    struct findings *findings)
{
	struct doctor_target target = {0};
	char path[PATH_MAX];
	int fd = place_open(place, loader, O_RDONLY);
	int error = fd < 0 ? fd : elf_file_read(fd, &target.elf);

	if (fd >= 0)
		close(fd);
	if (error < 0) {
		findings_add(findings, FINDING_LIBC, FINDING_FATAL,
		    "what %s%s is can't be told: %s", place->root, loader,
		    strerror(-error));
		return;
	}
	snprintf(target.path, sizeof(target.path), "%s", loader);
	snprintf(target.elf.interpreter, sizeof(target.elf.interpreter), "%s",
	    loader);
	target.elf.libc = ELF_FILE_GLIBC;
	if (doctor_resolve(place, &target, entry, path) == 0) {
		check_library(place, &target, path, findings);
		return;
	}
	findings_add(findings, FINDING_LIBRARY, FINDING_FATAL,
	    "there is no %s%s, and programs of %s (%s%s) would complain of it "
	    "at each start",
	    place->root, path, elf_file_machine(&target.elf), place->root,
	    loader);
}

void
doctor_loaders(const char *root, const char *entry, struct findings *findings)
{
	/* Where the ABIs of all architectures have them. */
	static const char *const directories[] = {
	    "/lib", "/lib64", "/lib32", "/libx32"};
	const struct place place = {.root = root};
	const size_t before = findings->count;
	int top = inside_root(root);
	size_t found = 0;
	char loader[PATH_MAX];

	for (size_t i = 0; top >= 0 && i < 4; i++) {
		struct inside_names names;
		struct stat st, first;
		bool again = false;

		/* One of them may be a link to another one. */
		for (size_t j = 0; j < i && !again; j++)
			again =
			    place_stat(&place, directories[i], &st) == 0 &&
			    place_stat(&place, directories[j], &first) == 0 &&
			    st.st_ino == first.st_ino &&
			    st.st_dev == first.st_dev;
		if (again || inside_list(top, directories[i], &names) < 0)
			continue;
		for (size_t j = 0; j < names.count; j++) {
			if (elf_file_loader_libc(names.names[j]) !=
			    ELF_FILE_GLIBC)
				continue;
			snprintf(loader, sizeof(loader), "%s/%s",
			    directories[i], names.names[j]);
			check_loader(&place, loader, entry, findings);
			found++;
		}
		inside_names_free(&names);
	}
	if (top >= 0)
		close(top);
	if (found == 0 && findings->count == before)
		findings_add(findings, FINDING_LIBC, FINDING_FATAL,
		    "%s/lib has no loader of the GNU C library", root);
}
