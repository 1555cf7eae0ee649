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
#include "host/kernel_calls.h"
#include "image/match.h"
#include "kernel/kernel.h"
#include "kernel/kernel_parts.h"
#include "kernel/patterns.h"
#include "kernel/refused.h"

/* What clang has made of lib/bpf/connections.bpf.c, ELF files: the Makefile. */
extern const unsigned char kernel_connections[], kernel_bounded[];
extern const unsigned long kernel_connections_size, kernel_bounded_size;

#define NAME_CONNECTIONS "kashim_connections"
#define NAME_HOLD        "kashim_hold"
#define NAME_LOOKUP      "kashim_lookup"
#define NAME_BOUNDED     "bounded" /* a map of BPF_BOUNDED alone */
#define LOG_SIZE         262144

struct kernel_program {
	struct bpf_object *object;
	struct bpf_policy policy;
	int fd[KERNEL_HOOKS]; /* -1: not loaded */
};

static const char *const names[KERNEL_HOOKS] = {
    [KERNEL_CONNECTIONS] = NAME_CONNECTIONS,
    [KERNEL_HOLD] = NAME_HOLD,
    [KERNEL_LOOKUP] = NAME_LOOKUP,
};

static const char *const map_names[] = {
    [KERNEL_CONNECTIONS] = "image",
    [KERNEL_HOLD] = "marks",
    [KERNEL_OWNERS] = "owners",
    [KERNEL_COUNTERS] = "counters",
};

static_assert(BPF_NO_RULE == (uint32_t)MATCH_NONE, "no rule is one, elsewhere");

bool
kernel_holds(const struct image *image)
{
	struct image_group group;
	uint32_t n = 0;

	while (match_next_group(image, NULL, &n, &group)) {
		if (group.holds != 0)
			return true;
	}
	return false;
}

static struct bpf_policy
policy_of(const struct image *image, uint32_t patterns)
{
	const uint32_t groups = image_group_count(image);
	struct bpf_policy policy = {
	    .mask = 4095,
	    .steps = match_steps_max(image_rule_count(image)) + groups,
	    .holds = kernel_holds(image),
	    .patterns = patterns,
	    .group_bits = (UINT64_C(1) << groups % 64) - 1,
	};
	struct image_header header = {0};
	struct image_group group = {0};

	while (policy.mask < image->size)
		policy.mask = policy.mask * 2 + 1;
	if (image_header(image, &header))
		policy.rules = header.rules;
	policy.groups = header.groups;
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

/* Goes on with the map fd, if there is one, and it is of this kashim. */
static int
go_on_with(struct bpf_map *map, int fd, const struct bpf_map_info *info)
{
	int error = 0;

	if (fd < 0)
		return 0;
	if (info->value_size == bpf_map__value_size(map))
		error = bpf_map__reuse_fd(map, fd);
	close(fd);
	return error;
}

/*
 * What is remembered of sockets outlives a policy: the program goes on with
 * what one that is attached has.
 */
static int
share_map(struct bpf_object *object, enum kernel_hook hook, bool needed)
{
	struct bpf_map *map =
	    bpf_object__find_map_by_name(object, map_names[hook]);
	struct bpf_map_info info;

	if (!map)
		return -EPROTO;
	if (!needed)
		return bpf_map__set_autocreate(map, false);
	return go_on_with(map, kernel_remembered(hook, &info), &info);
}

/* And with what the control group has counted. */
static int
share_counters(struct bpf_object *object, uint64_t cgroup)
{
	struct bpf_map *map =
	    bpf_object__find_map_by_name(object, map_names[KERNEL_COUNTERS]);
	struct bpf_map_info info;

	return map ? go_on_with(map, kernel_counted(cgroup, &info), &info)
	           : -EPROTO;
}

/* The maps, as the policy wants them. */
static int
prepare_maps(
    struct bpf_object *object, const struct bpf_policy *policy, bool lookup)
{
	struct bpf_map *image = bpf_object__find_map_by_name(object, "image");
	struct bpf_map *patterns =
	    bpf_object__find_map_by_name(object, "patterns");
	const bool with_names = policy->patterns > 0;
	const uint32_t whole = (uint32_t)policy->mask + 1;
	uint32_t part = whole;
	int error;

	if (!image || !patterns)
		return -EPROTO;
	if (bpf_object__find_map_by_name(object, NAME_BOUNDED) &&
	    whole > BPF_IMAGE_PART)
		part = BPF_IMAGE_PART;
	error = bpf_map__set_value_size(image, part + BPF_IMAGE_BEHIND);
	if (error == 0)
		error = bpf_map__set_max_entries(image, whole / part);
	/*
	 * Before Linux 6.8 the verifier looks at global functions that nothing
	 * calls, too: so there is always such a map.
	 */
	if (error == 0 && with_names)
		error = bpf_map__set_max_entries(patterns, policy->patterns);
	if (error == 0)
		error = share_map(object, KERNEL_HOLD,
		    is_needed(KERNEL_HOLD, policy, lookup));
	if (error == 0)
		error = share_map(object, KERNEL_OWNERS, with_names && !lookup);
	return error;
}

/* The maps of a program with the same policy, but for what it counts. */
static int
take_maps(struct bpf_object *object, const struct kernel_program *like)
{
	struct bpf_map *map;
	int error = 0;

	bpf_object__for_each_map(map, object)
	{
		const char *name = bpf_map__name(map);
		int fd = bpf_object__find_map_fd_by_name(like->object, name);

		if (error < 0 || bpf_map__is_internal(map) ||
		    strcmp(name, map_names[KERNEL_COUNTERS]) == 0)
			continue;
		error = fd < 0 ? bpf_map__set_autocreate(map, false)
		               : bpf_map__reuse_fd(map, fd);
	}
	return error;
}

/* Before it is loaded: which programs, which maps, and the constants. */
static int
prepare(struct bpf_object *object, const struct bpf_policy *policy,
    uint64_t cgroup, bool lookup, const struct kernel_program *like)
{
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
	error = like ? take_maps(object, like)
	             : prepare_maps(object, policy, lookup);
	if (error == 0)
		error = share_counters(object, cgroup);
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

/*
 * They are not frozen: of a frozen map, the verifier reads what is constant,
 * and refuses one of several values (array_map_direct_value_addr() in the
 * kernel's kernel/bpf/arraymap.c) in a program that takes it over.
 */
static int
fill_patterns(
    struct bpf_object *object, const struct bpf_patterns *list, uint32_t count)
{
	int fd = bpf_object__find_map_fd_by_name(object, "patterns");
	int error = 0;

	for (uint32_t n = 0; error == 0 && n < count; n++)
		error = bpf_map_update_elem(fd, &n, &list[n], BPF_ANY);
	return error;
}

/* Nothing changes the policy of a program any more. */
static int
fill_image(struct bpf_object *object, const struct image *image)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, "image");
	uint32_t size, at = 0;
	uint8_t *value;
	int error = 0;

	if (!map)
		return -EPROTO;
	size = bpf_map__value_size(map);
	value = malloc(size);
	if (!value)
		return -ENOMEM;
	for (uint32_t n = 0; error == 0 && n < bpf_map__max_entries(map); n++) {
		memset(value, 0, size);
		if (at < image->size)
			memcpy(value, image->bytes + at,
			    image->size - at < size ? image->size - at : size);
		error =
		    bpf_map_update_elem(bpf_map__fd(map), &n, value, BPF_ANY);
		at += size - BPF_IMAGE_BEHIND;
	}
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

bool
kernel_is_bounded(void)
{
	return libbpf_probe_bpf_helper(
		   BPF_PROG_TYPE_SOCK_OPS, BPF_FUNC_loop, NULL) == 0;
}

/*
 * What bpf_setsockopt() knows can't be asked. It knows keepalive since Linux
 * 5.9, and the call that is asked for came with 5.10.
 */
static bool
is_too_old(void)
{
	return libbpf_probe_bpf_helper(
		   BPF_PROG_TYPE_SOCK_OPS, BPF_FUNC_load_hdr_opt, NULL) == 0;
}

/* May a program read the kernel's memory? */
static bool
can_read(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_SOCK_OPS,
		   BPF_FUNC_probe_read_kernel_str, NULL) == 1;
}

/*
 * Why the kernel does not take it, found out by trying what it needs. named:
 * NULL, or what names programs.
 */
static void
explain(
    int error, const struct image *named, char *log, char text[KERNEL_TEXT_MAX])
{
	const char *complaint = last_complaint(log);

	/* Who has no CAP_PERFMON hears of the program what is not so. */
	if (error == -EPERM || (!kernel_has_capability(CAP_PERFMON) &&
				   !kernel_has_capability(CAP_SYS_ADMIN)))
		snprintf(text, KERNEL_TEXT_MAX,
		    "the kernel takes programs from root alone (CAP_BPF, "
		    "CAP_PERFMON and CAP_NET_ADMIN), and not in a user "
		    "namespace");
	else if (kernel_is_bounded() && is_too_old())
		snprintf(text, KERNEL_TEXT_MAX,
		    "in this kernel no program sets keepalive, as in Linux "
		    "5.10: preload, supervise or apply instead");
	else if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_CGROUP_SOCKOPT,
		     BPF_FUNC_sk_storage_get, NULL) == 0)
		snprintf(text, KERNEL_TEXT_MAX,
		    "this kernel can't hold a rule against what the program "
		    "sets itself: app-settings = respect, or preload instead");
	/* Of a newer kernel libbpf 1.1 does not understand the refusal. */
	else if (named && (strstr(complaint, "bpf_probe_read") || !can_read()))
		refused_programs(named,
		    "names programs, and this kernel lets nobody read what a "
		    "program is called (lockdown=confidentiality)",
		    text);
	else
		snprintf(text, KERNEL_TEXT_MAX,
		    "the kernel does not take the program: %s%s%.500s",
		    strerror(-error), *complaint ? ": " : "", complaint);
}

/*
 * Opens the programs, and loads those that the policy needs. like: NULL, or one
 * that has this policy already.
 */
static int
load_object(struct kernel_program *program, bool bounded, uint64_t cgroup,
    bool lookup, const struct kernel_program *like, char log[LOG_SIZE])
{
	const struct bpf_policy *policy = &program->policy;
	const struct bpf_object_open_opts options = {
	    .sz = sizeof(options),
	    .object_name = "kashim",
	    .kernel_log_buf = log,
	    .kernel_log_size = LOG_SIZE,
	};
	int error;

	log[0] = '\0';
	program->object = bounded ? bpf_object__open_mem(kernel_bounded,
					kernel_bounded_size, &options)
	                          : bpf_object__open_mem(kernel_connections,
					kernel_connections_size, &options);
	if (!program->object)
		return -errno;
	error = prepare(program->object, policy, cgroup, lookup, like);
	if (error == 0)
		error = bpf_object__load(program->object);
	for (int hook = 0; error == 0 && hook < KERNEL_HOOKS; hook++)
		program->fd[hook] =
		    is_needed(hook, policy, lookup)
			? bpf_program__fd(bpf_object__find_program_by_name(
			      program->object, names[hook]))
			: -1;
	return error;
}

/* What is tried without bpf_loop() is what fails for want of that alone. */
static int
load(struct kernel_program *program, uint64_t cgroup, bool lookup,
    const struct kernel_program *like, char log[LOG_SIZE])
{
	int error = load_object(program, false, cgroup, lookup, like, log);

	if (error == 0 || !kernel_is_bounded() || is_too_old())
		return error;
	bpf_object__close(program->object);
	return load_object(program, true, cgroup, lookup, like, log);
}

/* Where libbpf puts what the verifier says. */
static char log_text[LOG_SIZE];

/* Memory for one; libbpf would write to stderr. */
static int
begin(struct kernel_program **program)
{
	log_text[0] = '\0';
	libbpf_set_print(NULL);
	*program = calloc(1, sizeof(**program));
	return *program ? 0 : -ENOMEM;
}

int
kernel_load(const struct image *image, uint64_t cgroup, bool lookup,
    struct kernel_program **program, char text[KERNEL_TEXT_MAX])
{
	struct bpf_patterns *patterns = NULL;
	struct bpf_policy policy;
	uint32_t count = 0;
	int error = begin(program);

	if (error == 0)
		error = patterns_make(image, &patterns, &count);
	policy = policy_of(image, count);
	if (error == 0 && count > 0 && !lookup &&
	    kernel_fields(&policy.fields) < 0) {
		refused_programs(image,
		    "names programs, and this kernel does not say where it has "
		    "their names (BTF, CONFIG_DEBUG_INFO_BTF)",
		    text);
		free(patterns);
		return -EOPNOTSUPP;
	}
	if (error == 0) {
		(*program)->policy = policy;
		error = load(*program, cgroup, lookup, NULL, log_text);
	}
	if (error == 0)
		error = fill_image((*program)->object, image);
	if (error == 0)
		error = fill_patterns((*program)->object, patterns, count);
	free(patterns);
	if (error < 0)
		explain(error, count > 0 ? image : NULL, log_text, text);
	return error;
}

int
kernel_load_like(const struct kernel_program *like, uint64_t cgroup,
    struct kernel_program **program, char text[KERNEL_TEXT_MAX])
{
	int error = begin(program);

	if (error == 0) {
		(*program)->policy = like->policy;
		error = load(*program, cgroup, false, like, log_text);
	}
	if (error < 0)
		explain(error, NULL, log_text, text);
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
	return bpf_object__find_map_fd_by_name(
	    program->object, map_names[hook]);
}

uint32_t
kernel_remembers(const struct kernel_program *program)
{
	uint32_t remembers = 0;

	if (kernel_program_map(program, KERNEL_HOLD) >= 0)
		remembers |= KERNEL_KNOWS_RULES;
	if (kernel_program_map(program, KERNEL_OWNERS) >= 0)
		remembers |= KERNEL_KNOWS_OWNERS;
	return remembers;
}

/* Returns 1 if it was not there, or as kernel_remember(). */
static int
remember(const struct kernel_program *program, enum kernel_hook hook, int fd,
    const void *value)
{
	int map = kernel_program_map(program, hook), error;

	if (map < 0 || !value)
		return 0;
	error = bpf_map_update_elem(map, &fd, value, BPF_NOEXIST);
	if (error == -EEXIST)
		return 0;
	return error < 0 ? error : 1;
}

int
kernel_remember(const struct kernel_program *program, int fd,
    const struct bpf_mark *mark, const struct bpf_owner *owner)
{
	/* Whose it is first: what holds would take it for anybody's. */
	int error = remember(program, KERNEL_OWNERS, fd, owner);

	return error < 0 ? error : remember(program, KERNEL_HOLD, fd, mark);
}
