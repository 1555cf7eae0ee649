/* SPDX-License-Identifier: ISC */
/*
 * kernel_fields: where the running kernel has what a program is called
 * (kernel_parts.h).
 */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

#include "kernel/kernel_parts.h"

/* Structures without a name are in each other no deeper than that. */
#define DEPTH_MAX 8

/*
 * The member of that name, also in structures and unions that have none.
 * Returns its place in bytes and sets *type to its type; or -ENOENT.
 */
static int
find_member(const struct btf *btf, uint32_t *type, const char *name, int depth)
{
	const int resolved = btf__resolve_type(btf, *type);
	const struct btf_type *in =
	    btf__type_by_id(btf, resolved < 0 ? 0 : (uint32_t)resolved);

	if (depth == 0 || !in || !btf_is_composite(in))
		return -ENOENT;
	for (uint32_t n = 0; n < btf_vlen(in); n++) {
		const struct btf_member *member = &btf_members(in)[n];
		const char *its = btf__name_by_offset(btf, member->name_off);
		const int at = (int)btf_member_bit_offset(in, n) / CHAR_BIT;
		uint32_t inner = member->type;
		int below;

		if (its && strcmp(its, name) == 0) {
			*type = member->type;
			return at;
		}
		if (its && *its != '\0')
			continue;
		below = find_member(btf, &inner, name, depth - 1);
		if (below >= 0) {
			*type = inner;
			return at + below;
		}
	}
	return -ENOENT;
}

/* "dentry.d_name.name": its place in the structure dentry. */
static int
find_place(const struct btf *btf, const char *path, uint32_t *place)
{
	char copy[64], *rest, *name;
	int found;
	uint32_t type;

	snprintf(copy, sizeof(copy), "%s", path);
	name = strtok_r(copy, ".", &rest);
	found = btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT);
	type = (uint32_t)found;
	*place = 0;
	while (found >= 0 && (name = strtok_r(NULL, ".", &rest)) != NULL) {
		found = find_member(btf, &type, name, DEPTH_MAX);
		*place += (uint32_t)found;
	}
	return found < 0 ? found : 0;
}

/* The kernel tells each program of a kind the same things in one order. */
static uint32_t
auxv_place(void)
{
	FILE *auxv = fopen("/proc/self/auxv", "re");
	ElfW(auxv_t) entry;
	uint32_t place = 0;

	while (auxv && fread(&entry, sizeof(entry), 1, auxv) == 1 &&
	       entry.a_type != AT_EXECFN)
		place += (uint32_t)sizeof(entry);
	if (auxv)
		fclose(auxv);
	return place;
}

int
kernel_fields(struct bpf_fields *fields)
{
	const struct {
		const char *path;
		uint32_t *place;
	} wanted[] = {
	    {"task_struct.mm", &fields->task_mm},
	    {"mm_struct.exe_file", &fields->mm_exe_file},
	    {"mm_struct.saved_auxv", &fields->mm_saved_auxv},
	    {"mm_struct.env_end", &fields->mm_env_end},
	    {"file.f_path.dentry", &fields->file_dentry},
	    {"dentry.d_name.name", &fields->dentry_name},
	};
	struct btf *btf = btf__load_vmlinux_btf();
	int error = btf ? 0 : -errno;

	for (size_t n = 0; error == 0 && n < sizeof(wanted) / sizeof(wanted[0]);
	     n++)
		error = find_place(btf, wanted[n].path, wanted[n].place);
	btf__free(btf);
	fields->auxv_execfn = auxv_place();
	return error;
}
