/* SPDX-License-Identifier: ISC */
/*
 * kernel_program: loads the programs of lib/bpf with a policy (kernel.h).
 */
#include <assert.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/policy.h"
#include "image/match.h"
#include "kernel/kernel.h"
#include "kernel/kernel_parts.h"

/* What clang has made of lib/bpf/connections.bpf.c, an ELF file: the Makefile.
 */
extern const unsigned char kernel_object[];
extern const unsigned long kernel_object_size;

#define NAME_CONNECTIONS "kashim_connections"
#define NAME_HOLD        "kashim_hold"
#define NAME_LOOKUP      "kashim_lookup"
#define LOG_SIZE         262144

struct kernel_program {
	struct bpf_object *object;
	int fd[KERNEL_HOOKS]; /* -1: not loaded */
};

static const char *const names[KERNEL_HOOKS] = {
    [KERNEL_CONNECTIONS] = NAME_CONNECTIONS,
    [KERNEL_HOLD] = NAME_HOLD,
    [KERNEL_LOOKUP] = NAME_LOOKUP,
};

static_assert(BPF_NO_RULE == (uint32_t)MATCH_NONE, "no rule is one, elsewhere");

bool
kernel_holds(const struct image *image)
{
	struct image_group group;

	return image_group(image, 0, &group) && group.holds != 0;
}

static struct bpf_policy
policy_of(const struct image *image)
{
	struct bpf_policy policy = {
	    .mask = 4095,
	    .steps = match_steps_max(image_rule_count(image)),
	    .holds = kernel_holds(image),
	};
	struct image_header header = {0};
	struct image_group group = {0};

	while (policy.mask < image->size)
		policy.mask = policy.mask * 2 + 1;
	if (image_header(image, &header))
		policy.rules = header.rules;
	if (image_group(image, 0, &group)) {
		policy.step[0] = group.root[0].step[KNOWN_ALL];
		policy.step[1] = group.root[1].step[KNOWN_ALL];
	}
	return policy;
}

/* Which of the programs a policy needs. */
static bool
is_needed(int hook, const struct bpf_policy *policy, bool lookup)
{
	if (lookup || hook == KERNEL_LOOKUP)
		return lookup && hook == KERNEL_LOOKUP;
	return hook == KERNEL_CONNECTIONS || policy->holds;
}

/*
 * What is remembered of sockets outlives a policy: the program goes on with
 * what one that is attached has.
 */
static int
share_marks(struct bpf_map *map)
{
	struct bpf_map_info info;
	int fd = kernel_marks(&info), error;

	if (fd < 0)
		return 0;
	error = info.value_size == bpf_map__value_size(map)
	            ? bpf_map__reuse_fd(map, fd)
	            : 0;
	close(fd);
	return error;
}

/* Before it is loaded: which programs, which maps, and the constants. */
static int
prepare(struct bpf_object *object, const struct bpf_policy *policy, bool lookup)
{
	struct bpf_map *image = bpf_object__find_map_by_name(object, "image");
	struct bpf_map *marks = bpf_object__find_map_by_name(object, "marks");
	struct bpf_map *map;
	size_t size;
	int error;

	for (int hook = 0; hook < KERNEL_HOOKS; hook++) {
		error = bpf_program__set_autoload(
		    bpf_object__find_program_by_name(object, names[hook]),
		    is_needed(hook, policy, lookup));
		if (error < 0)
			return error;
	}
	if (!image || !marks)
		return -EPROTO;
	error = bpf_map__set_value_size(
	    image, (uint32_t)policy->mask + 1 + BPF_IMAGE_BEHIND);
	if (error == 0)
		error = is_needed(KERNEL_HOLD, policy, lookup)
		            ? share_marks(marks)
		            : bpf_map__set_autocreate(marks, false);
	if (error < 0)
		return error;
	bpf_object__for_each_map(map, object)
	{
		void *initial;

		if (!bpf_map__is_internal(map))
			continue;
		initial = (void *)bpf_map__initial_value(map, &size);
		if (!initial || size != sizeof(*policy))
			return -EPROTO;
		memcpy(initial, policy, sizeof(*policy));
	}
	return 0;
}

/* Nothing changes the policy of a program any more. */
static int
fill(struct bpf_object *object, const struct image *image)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, "image");
	const uint32_t zero = 0;
	uint8_t *value;
	int error;

	if (!map)
		return -EPROTO;
	value = calloc(1, bpf_map__value_size(map));
	if (!value)
		return -ENOMEM;
	memcpy(value, image->bytes, image->size);
	error = bpf_map_update_elem(bpf_map__fd(map), &zero, value, BPF_ANY);
	free(value);
	return error < 0 ? error : bpf_map_freeze(bpf_map__fd(map));
}

/* The last line of what the verifier says, but for its figures; or "". */
static const char *
last_complaint(char *log)
{
	const char *last = "";
	char *saved, *line;

	for (line = strtok_r(log, "\n", &saved); line;
	     line = strtok_r(NULL, "\n", &saved)) {
		if (strncmp(line, "processed ", 10) != 0)
			last = line;
	}
	return last;
}

/* Why the kernel does not take it, found out by trying what it needs. */
static void
explain(int error, char *log, char text[KERNEL_TEXT_MAX])
{
	const char *complaint = last_complaint(log);

	/* "!root" is its word for who has no CAP_PERFMON. */
	if (error == -EPERM || strstr(complaint, "!root"))
		snprintf(text, KERNEL_TEXT_MAX,
		    "the kernel takes programs from root alone (CAP_BPF, "
		    "CAP_PERFMON and CAP_NET_ADMIN), and not in a user "
		    "namespace");
	else if (libbpf_probe_bpf_helper(
		     BPF_PROG_TYPE_SOCK_OPS, BPF_FUNC_loop, NULL) == 0)
		snprintf(text, KERNEL_TEXT_MAX,
		    "this kernel has no bpf_loop(), as Linux 5.17 has: "
		    "preload, "
		    "supervise or apply instead");
	else if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_CGROUP_SOCKOPT,
		     BPF_FUNC_sk_storage_get, NULL) == 0)
		snprintf(text, KERNEL_TEXT_MAX,
		    "this kernel can't hold a rule against what the program "
		    "sets itself: app-settings = respect, or preload instead");
	else
		snprintf(text, KERNEL_TEXT_MAX,
		    "the kernel does not take the program: %s%s%.500s",
		    strerror(-error), *complaint ? ": " : "", complaint);
}

int
kernel_load(const struct image *image, bool lookup,
    struct kernel_program **program, char text[KERNEL_TEXT_MAX])
{
	const struct bpf_policy policy = policy_of(image);
	static char log[LOG_SIZE];
	const struct bpf_object_open_opts options = {
	    .sz = sizeof(options),
	    .object_name = "kashim",
	    .kernel_log_buf = log,
	    .kernel_log_size = LOG_SIZE,
	};
	int error = -ENOMEM;

	log[0] = '\0';
	/* It would write to stderr. */
	libbpf_set_print(NULL);
	*program = calloc(1, sizeof(**program));
	if (!*program)
		goto out;
	(*program)->object =
	    bpf_object__open_mem(kernel_object, kernel_object_size, &options);
	if (!(*program)->object) {
		error = -errno;
		goto out;
	}
	error = prepare((*program)->object, &policy, lookup);
	if (error == 0)
		error = bpf_object__load((*program)->object);
	if (error == 0)
		error = fill((*program)->object, image);
	if (error < 0)
		goto out;
	for (int hook = 0; hook < KERNEL_HOOKS; hook++)
		(*program)->fd[hook] =
		    is_needed(hook, &policy, lookup)
			? bpf_program__fd(bpf_object__find_program_by_name(
			      (*program)->object, names[hook]))
			: -1;
out:
	if (error < 0)
		explain(error, log, text);
	return error;
}

void
kernel_unload(struct kernel_program *program)
{
	if (!program)
		return;
	bpf_object__close(program->object);
	free(program);
}

int
kernel_program_fd(const struct kernel_program *program, enum kernel_hook hook)
{
	return program->fd[hook];
}

int
kernel_program_map(const struct kernel_program *program, enum kernel_hook hook)
{
	const char *name = hook == KERNEL_HOLD ? "marks" : "image";

	return bpf_object__find_map_fd_by_name(program->object, name);
}
