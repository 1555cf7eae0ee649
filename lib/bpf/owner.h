/* SPDX-License-Identifier: ISC */
/*
 * owner: which program a socket belongs to, what that is called, and which
 * groups of rules apply to it. Whoever connects, or calls listen(2), is the
 * program that is running; at the end of a handshake that can be any.
 */
#ifndef KASHIM_BPF_OWNER_H
#define KASHIM_BPF_OWNER_H

#include <linux/auxvec.h>
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/lookup.h"
#include "bpf/policy.h"

/* As many as are needed: max_entries is set when it is loaded. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_RDONLY_PROG);
	__type(key, uint32_t);
	__type(value, struct bpf_patterns);
} patterns SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct bpf_owner);
} owners SEC(".maps");

/* The bit of the group, if one of its patterns number n matches; or 0. */
STEP_PART uint64_t
patterns_match(uint32_t n, const struct bpf_name *name)
{
	const struct bpf_patterns *of = bpf_map_lookup_elem(&patterns, &n);
	uint64_t state;

	if (!of || !name)
		return 0;
	state = of->first;
	for (uint32_t i = 0; i < BPF_NAME_MAX; i++) {
		const uint8_t byte = (uint8_t)name->text[i];

		if (byte == '\0')
			break;
		state = (state & of->next[byte]) << 1 | (state & of->stays);
		if (state == 0)
			return 0;
	}
	return (state & of->last) != 0 ? UINT64_C(1) << (of->group & 63) : 0;
}

static __always_inline uint64_t
name_groups(const struct bpf_name *name)
{
	uint64_t groups = 0;

	if (name->text[0] == '\0')
		return 0;
	for (uint32_t n = 0; n < policy.patterns && n < BPF_PATTERNS_MAX; n++)
		groups |= patterns_match(n, name);
	return groups;
}

/*
 * The groups that apply. If not all names are known, any group might: those
 * that do not for certain are looked at, too, and what is found there is no
 * rule for this program. owner may be NULL: then nothing is known. 0: the
 * verifier wants something that is returned.
 */
STEP_PART int
owner_groups(const struct bpf_owner *owner, struct groups *to)
{
	uint64_t groups = 0;
	bool complete = false;

	if (!to)
		return 0;
	if (owner) {
		complete = owner->complete != 0;
		groups = name_groups(&owner->names[0]) |
		         name_groups(&owner->names[1]);
	}
	if (groups >> BPF_GROUP_LOADER) {
		complete = false;
		groups = 0;
	}
	to->certain = groups | 1;
	to->possible = complete ? to->certain : policy.group_bits;
	return 0;
}

/* One word at a time: what copies it at once takes too much of the stack. */
static __always_inline void
copy_owner(struct bpf_owner *to, const struct bpf_owner *from)
{
#pragma unroll
	for (uint32_t n = 0; n < sizeof(*to) / sizeof(uint64_t); n++)
		((volatile uint64_t *)to)[n] =
		    ((const volatile uint64_t *)from)[n];
}

/* For helpers: not a pointer of ours. */
static __always_inline const void *
there(uint64_t address)
{
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): it came as a number */
	return (const void *)address;
}

static __always_inline uint64_t
kernel_u64(uint64_t address)
{
	uint64_t value = 0;

	(void)bpf_probe_read_kernel(&value, sizeof(value), there(address));
	return value;
}

/* Where the program has the path by which it was started; 0 if unknown. */
static __always_inline uint64_t
started_by(uint64_t mm)
{
	uint64_t entry[2] = {0};

	(void)bpf_probe_read_kernel(entry, sizeof(entry),
	    there(
		mm + policy.fields.mm_saved_auxv + policy.fields.auxv_execfn));
	if (entry[0] == AT_EXECFN)
		return entry[1];
	/*
	 * A 32-bit program. execve() puts the path behind the environment
	 * (create_elf_tables() in the kernel's fs/binfmt_elf.c).
	 */
	return kernel_u64(mm + policy.fields.mm_env_end);
}

#define PATH_PARTS 48 /* more than PATH_MAX / BPF_NAME_MAX */

/* Behind the last slash; 0 if there is none. */
STEP_PART uint32_t
behind_slash(const struct bpf_name *part)
{
	uint32_t behind = 0;

	for (uint32_t i = 0; part && i < BPF_NAME_MAX; i++) {
		if (part->text[i] == '\0')
			break;
		if (part->text[i] == '/')
			behind = i + 1;
	}
	return behind;
}

/* The part of a path behind the last slash. False if that can't be read. */
static __always_inline bool
read_base_name(uint64_t path, struct bpf_name *name)
{
	uint64_t base = path, behind;
	long length = BPF_NAME_MAX;

	for (int part = 0; part < PATH_PARTS && length == BPF_NAME_MAX;
	     part++) {
		length =
		    bpf_probe_read_user_str(name, sizeof(*name), there(path));
		if (length < 0)
			return false;
		behind = behind_slash(name);
		if (behind != 0)
			base = path + behind;
		path += BPF_NAME_MAX - 1;
	}
	__builtin_memset(name, 0, sizeof(*name));
	return bpf_probe_read_user_str(name, sizeof(*name), there(base)) <
	       BPF_NAME_MAX;
}

static __always_inline bool
same_name(const struct bpf_name *one, const struct bpf_name *other)
{
	uint64_t differ = 0;

	for (uint32_t n = 0; n < sizeof(*one) / sizeof(uint64_t); n++)
		differ |=
		    ((const uint64_t *)one)[n] ^ ((const uint64_t *)other)[n];
	return differ == 0;
}

/*
 * The program that is running. Its names are those that the library knows it
 * by: of its file, and of the file that it was started by, which is the
 * script's, if it is one. The latter is in its own memory, which may not be
 * there now. A thread of the kernel has no names, and may work for any program.
 */
OWN_STACK int
find_owner(struct bpf_owner *owner)
{
	const volatile struct bpf_fields *at = &policy.fields;
	uint64_t mm, file, dentry;
	long length;
	bool complete;

	__builtin_memset(owner, 0, sizeof(*owner));
	mm = kernel_u64(bpf_get_current_task() + at->task_mm);
	if (mm == 0)
		return 0;
	file = kernel_u64(mm + at->mm_exe_file);
	dentry = kernel_u64(file + at->file_dentry);
	length =
	    bpf_probe_read_kernel_str(&owner->names[0], sizeof(owner->names[0]),
		there(kernel_u64(dentry + at->dentry_name)));
	complete = length > 1 && length < BPF_NAME_MAX;
	if (!complete)
		__builtin_memset(&owner->names[0], 0, sizeof(owner->names[0]));
	if (!read_base_name(started_by(mm), &owner->names[1])) {
		__builtin_memset(&owner->names[1], 0, sizeof(owner->names[1]));
		complete = false;
	}
	/* Mostly, and it takes half the time then. */
	if (same_name(&owner->names[0], &owner->names[1]))
		__builtin_memset(&owner->names[1], 0, sizeof(owner->names[1]));
	owner->complete = complete;
	return 0;
}

#endif
