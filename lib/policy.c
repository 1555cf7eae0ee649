/* SPDX-License-Identifier: ISC */
/*
 * policy: the rules that hold in this process.
 *
 * An image of its own is in memory that is read-only; the policy that is
 * published is read where it lies. All that changes later is what was worked
 * out of it for this program, which any thread may do anew.
 */
#include "policy.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cache.h"
#include "config.h"
#include "config_object.h"
#include "inherit.h"
#include "memo.h"
#include "parser.h"
#include "program.h"
#include "real.h"
#include "shared.h"
#include "telltale.h"
#include "trace.h"

/* For another thread that came first and reads. */
#define POLICY_WAIT_MS 1000

/* A reload that comes again and again while one hook reads. */
#define POLICY_TRIES_MAX 100

/* What start-up found. It does not change after that. */
struct start {
	struct shared shared; /* header is NULL if nothing was published */
	/*
	 * As long as this generation is in force, the process goes by its own
	 * image: the configuration was changed, and not published, before it
	 * started. Without an image of its own it then has no policy.
	 */
	bool passes;
	uint32_t passed;
	uint32_t first;   /* generation that it started with, 0: its own */
	struct image own; /* bytes is NULL if there is none */
	struct program program;
	const char *names[2];
	char trace_path[TRACE_PATH_MAX];
};

/* While start-up goes on. */
struct reading {
	struct start start;
	const char *config;
	enum telltale_start source;
	const struct start *result;
};

struct policy_force policy_force;
static struct start policy_found;
static const struct start *policy_base; /* that, or NULL if there is nothing */

/* In .data, and nothing but the command reads it. */
static volatile struct telltale telltale
    __attribute__((used)) = {.magic = TELLTALE_FIRST TELLTALE_SECOND};

static const char *
environment(const char *name)
{
	const char *value;

	if (getauxval(AT_SECURE) != 0)
		return NULL;
	value = getenv(name);
	return value != NULL && *value != '\0' ? value : NULL;
}

static void
report(const struct program *program, const char *what, const char *message)
{
	const char *trace = environment("KASHIM_TRACE");
	struct trace_line line;

	trace_start(&line, getpid());
	if (program->count > 0) {
		trace_text(&line, program->text[0]);
		trace_text(&line, what);
	}
	trace_text(&line, message);
	if (trace != NULL)
		trace_to_file(&line, trace);
	else
		trace_to_log(&line);
}

/* The view of an image for this program; numbers has POLICY_GROUPS. */
static void
make_view(const struct start *start, const struct image *image,
    uint32_t *numbers, struct view *view)
{
	view_make(view, image, start->names, start->program.count, numbers,
	    POLICY_GROUPS);
}

static bool
concerns_us(const struct reading *reading, const struct image *own)
{
	uint32_t numbers[POLICY_GROUPS];
	const char *names[] = {
	    reading->start.program.text[0], reading->start.program.text[1]};
	struct view view;

	view_make(&view, own, names, reading->start.program.count, numbers,
	    POLICY_GROUPS);
	return !view_is_empty(&view);
}

/* Ends start-up with what it found, and with a copy of an image of its own. */
static int
seal(struct reading *reading, const struct image *own)
{
	struct start *start = &policy_found;
	uint8_t *bytes;

	if (own != NULL) {
		bytes = mmap(NULL, own->size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (bytes == MAP_FAILED)
			return -errno;
		memcpy(bytes, own->bytes, own->size);
		mprotect(bytes, own->size, PROT_READ);
		reading->start.own =
		    (struct image){.bytes = bytes, .size = own->size};
	}
	*start = reading->start;
	for (unsigned int i = 0; i < start->program.count; i++)
		start->names[i] = start->program.text[i];
	reading->result = start;
	return 0;
}

/* Our own file, or NULL if it is not known. */
static const char *
own_library(void)
{
	Dl_info self;

	return dladdr(&policy_force, &self) != 0 ? self.dli_fname : NULL;
}

static void
note_inherit(const struct image *image)
{
	struct image_header header;
	const char *library;

	if (!image_header(image, &header) ||
	    (header.flags & IMAGE_NO_INHERIT) == 0)
		return;
	library = own_library();
	if (library != NULL)
		inherit_stop(library);
}

/* Goes by an image of its own, until something is published. */
static int
use_own(struct reading *reading, const struct image *image,
    enum telltale_start source)
{
	note_inherit(image);
	/* Nothing can match this program: let every call go straight on. */
	if (reading->start.shared.header == NULL &&
	    !concerns_us(reading, image))
		return 0;
	reading->source = source;
	return seal(reading, image);
}

/*
 * Goes by what is published, if that is fresh, or fresh or not. Returns
 * whether it does.
 */
static bool
use_shared(struct reading *reading, bool fresh)
{
	struct start *start = &reading->start;
	struct image image;
	bool usable;

	if (start->shared.header == NULL)
		return false;
	for (int i = 0; i < POLICY_TRIES_MAX; i++) {
		start->first = shared_current(&start->shared);
		image = shared_image(&start->shared, start->first);
		usable = image_check_header(&image) == 0 &&
		         (!fresh ||
			     cache_age(&image, reading->config) == CACHE_FRESH);
		if (shared_intact(&start->shared, start->first))
			break;
		usable = false;
	}
	start->passes = !usable;
	start->passed = start->first;
	if (!usable) {
		start->first = 0;
		return false;
	}
	note_inherit(&image);
	reading->source = TELLTALE_PUBLISHED;
	return seal(reading, NULL) == 0;
}

/* The same for the compiled image, which is copied. */
static bool
use_compiled(struct reading *reading, bool fresh)
{
	char path[PATH_MAX];
	struct image image;
	bool used;

	if (cache_name(reading->config, path, sizeof(path)) < 0 ||
	    cache_read(path, &image) < 0)
		return false;
	used = (!fresh || cache_is_fresh(&image, reading->config)) &&
	       use_own(reading, &image, TELLTALE_COMPILED) == 0;
	cache_release(&image);
	return used;
}

struct parsed {
	struct reading *reading;
	int error;
};

static void
use_parsed(void *data, const struct image *image)
{
	struct parsed *parsed = data;

	parsed->error = use_own(parsed->reading, image, TELLTALE_TEXT);
}

static void
use_text(struct reading *reading)
{
	char message[CONFIG_MESSAGE_MAX] = "";
	const char *what = " runs without a policy: ";
	struct parsed parsed = {.reading = reading};
	int error = parser_read(
	    own_library(), reading->config, use_parsed, &parsed, message);

	if (error == 0 && parsed.error == 0)
		return;
	if (error == 0)
		strcpy(message, "no memory for the policy");
	/* The compiled one is the newer one, if they differ. */
	else if (error != -ENOENT &&
		 (use_compiled(reading, false) || use_shared(reading, false)))
		what = " keeps the last good policy: ";
	report(&reading->start.program, what, message);
}

static bool
map_shared(struct reading *reading, uid_t user)
{
	char path[PATH_MAX];

	return shared_name(reading->config, user, path, sizeof(path)) == 0 &&
	       shared_map(path, &reading->start.shared) == 0;
}

/* Programs that are not root's may follow their user's own files. */
static void
find_shared(struct reading *reading)
{
	uid_t user;

	if (map_shared(reading, 0))
		return;
	user = geteuid();
	if (user != 0)
		(void)map_shared(reading, user);
}

static void
tell(const struct reading *reading)
{
	const struct start *start = reading->result;

	if (start != NULL) {
		telltale.start = reading->source;
		telltale.shared = (uintptr_t)start->shared.header;
		telltale.passes = start->passes;
		telltale.passed = start->passed;
	}
}

/* Not inlined: "make audit" knows it as where start-up begins. */
__attribute__((noinline)) static const struct start *
read_policy(char *const *argv)
{
	const char *named = environment("KASHIM_CONFIG");
	const char *trace = environment("KASHIM_TRACE");
	struct reading reading = {
	    .config = named != NULL ? named : CONFIG_FILE};

	program_find(&reading.start.program, argv);
	if (trace != NULL && strlen(trace) < TRACE_PATH_MAX)
		memcpy(reading.start.trace_path, trace, strlen(trace) + 1);
	find_shared(&reading);
	if (use_shared(&reading, true) || use_compiled(&reading, true))
		goto out;
	/* The usual case on a host without a configuration. */
	if (named != NULL || access(CONFIG_FILE, F_OK) == 0 || errno != ENOENT)
		use_text(&reading);
	/* Nothing yet, but it may come. */
	if (reading.result == NULL && reading.start.shared.header != NULL)
		(void)seal(&reading, NULL);
out:
	tell(&reading);
	return reading.result;
}

void
policy_start(char *const *argv)
{
	int state = POLICY_UNREAD;

	if (!__atomic_compare_exchange_n(&policy_force.state, &state,
		POLICY_READING, false, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE))
		return;
	policy_base = read_policy(argv);
	if (policy_base != NULL) {
		policy_force.any = true;
		policy_force.passes = policy_base->passes;
		policy_force.passed = policy_base->passed;
		policy_force.header = policy_base->shared.header;
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
		(void)dlerror();
		return false;
	}
	dlclose(handle);
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
		make_view(start, &image, policy->numbers, view);
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
