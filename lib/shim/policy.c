/* SPDX-License-Identifier: ISC */
/*
 * policy: the rules that hold in this process.
 *
 * An image of its own is in memory that is read-only; the policy that is
 * published is read where it lies. All that changes later is what was worked
 * out of it for this program, which any thread may do anew.
 */
#include "shim/policy.h"

#include <assert.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "apply/memo.h"
#include "config/config_object.h"
#include "shim/loader.h"
#include "shim/policy_start.h"
#include "shim/real.h"

/* For another thread that came first and reads. */
#define POLICY_WAIT_MS 1000

/* A reload that comes again and again while one hook reads. */
#define POLICY_TRIES_MAX 100

static_assert(POLICY_GROUPS == MEMO_GROUPS,
    "a hook keeps another count of groups than is remembered");
static_assert(sizeof(struct policy_force) == 64, "not a line of a cache");

struct policy_force policy_force;
static const struct start *policy_base; /* NULL if there is nothing */

void
policy_start(char *const *argv)
{
	static const uint32_t own;
	int state = POLICY_UNREAD;

	if (!__atomic_compare_exchange_n(&policy_force.state, &state,
		POLICY_READING, false, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE))
		return;
	policy_base = policy_read(argv);
	if (policy_base != NULL) {
		const struct shared_header *header = policy_base->shared.header;

		if (policy_base->passes)
			policy_force.passed = policy_base->passed;
		__atomic_store_n(&policy_force.current,
		    header != NULL ? &header->current : &own, __ATOMIC_RELEASE);
	}
	__atomic_store_n(&policy_force.state, POLICY_READY, __ATOMIC_RELEASE);
}

/*
 * If the program has libconfuse, the parser gets the same one, with its one
 * lexer, and must not be let in while a constructor may be amid a parse.
 */
static bool
libconfuse_in_use(void)
{
	real_dlopen_fn *load = real_dlopen();
	void *handle = load != NULL ? load(CONFIG_OBJECT_LIBCONFUSE,
					  RTLD_LAZY | RTLD_NOLOAD)
	                            : NULL;

	if (handle == NULL) {
		(void)loader_dlerror();
		return false;
	}
	loader_dlclose(handle);
	return true;
}

/*
 * Before our constructor has run: is it too early to read? There is no
 * environment yet while the program's .preinit_array runs, and to call
 * dlopen(3) then would be to lose the program's.
 */
__attribute__((noinline)) static bool
too_early(void)
{
	return real_table.connect == NULL &&
	       (environ == NULL || libconfuse_in_use());
}

/*
 * Waits, for a second at most, while another thread, which an earlier
 * constructor started, reads the policy: main() must not begin without one.
 */
void
policy_wait(void)
{
	const struct timespec while_read = {.tv_nsec = 1000000};

	for (int i = 0;
	     i < POLICY_WAIT_MS && __atomic_load_n(&policy_force.state,
				       __ATOMIC_ACQUIRE) == POLICY_READING;
	     i++)
		(void)syscall(SYS_nanosleep, &while_read, NULL);
}

/* Returns false if there is no sound image. */
static bool
load_generation(
    const struct start *start, uint32_t generation, struct policy *policy)
{
	struct view *view = &policy->view;
	struct image image = start->own;

	if (generation != 0)
		image = shared_image(&start->shared, generation);
	if (memo_load(generation, view, policy->numbers)) {
		view->image = image;
		view->groups.names = start->names;
		view->groups.name_count = start->program.count;
	} else {
		if (image.bytes == NULL || image_check_header(&image) < 0)
			return false;
		view_make(view, &image, start->names, start->program.count,
		    policy->numbers, POLICY_GROUPS);
		view->generation = generation;
		if (generation == 0 ||
		    shared_intact(&start->shared, generation))
			memo_store(view);
	}
	view->changed = generation != start->first;
	return true;
}

/* Gets it into *policy, an empty one if there is none. */
static bool
load_policy(const struct start *start, struct policy *policy)
{
	for (int i = 0; i < POLICY_TRIES_MAX; i++) {
		uint32_t generation = 0;
		bool found = policy_in_force(&generation) &&
		             load_generation(start, generation, policy);

		if (generation != 0 &&
		    !shared_intact(&start->shared, generation))
			continue;
		if (!found)
			break;
		return policy->view.changed || !view_is_empty(&policy->view);
	}
	policy->view = (struct view){
	    .connect.fixed = MATCH_NONE,
	    .accept.fixed = MATCH_NONE,
	    .uniform = MATCH_NONE,
	};
	return false;
}

bool
policy_get(struct policy *policy)
{
	if (__builtin_expect(__atomic_load_n(&policy_force.state,
				 __ATOMIC_ACQUIRE) != POLICY_READY,
		0)) {
		if (too_early())
			return false;
		policy_start(NULL);
		if (__atomic_load_n(&policy_force.state, __ATOMIC_ACQUIRE) !=
		    POLICY_READY)
			return false;
	}
	if (policy_base == NULL)
		return false;
	policy->trace_path = policy_base->trace_path;
	return load_policy(policy_base, policy);
}

bool
policy_overtaken(struct policy *policy)
{
	uint32_t generation = policy->view.generation;

	if (generation == 0 || shared_intact(&policy_base->shared, generation))
		return false;
	(void)load_policy(policy_base, policy);
	return true;
}
