/* SPDX-License-Identifier: ISC */
/*
 * policy: the rules that hold in this process.
 *
 * Everything here but policy_get() runs once, before the host's main(). It
 * must leave nothing behind but one read-only mapping.
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
#include "real.h"
#include "trace.h"

/* For another thread that came first and reads. */
#define POLICY_WAIT_MS 1000

enum {
	POLICY_UNREAD,
	POLICY_READING,
	POLICY_READY,
};

static int policy_state = POLICY_UNREAD;
static const struct policy *policy_published;

/* The program's name, by which it was started and as its file is called. */
struct program {
	char path[PATH_MAX];
	const char *names[2];
	unsigned int count;
};

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static void
find_program(struct program *program)
{
	ssize_t len = readlink(
	    "/proc/self/exe", program->path, sizeof(program->path) - 1);
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): as getauxval(3) says */
	const char *started = (const char *)getauxval(AT_EXECFN);

	program->count = 0;
	if (len > 0) {
		program->path[len] = '\0';
		program->names[program->count++] = base_name(program->path);
	}
	if (started != NULL)
		program->names[program->count++] = base_name(started);
}

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
report(const struct program *program, const char *message)
{
	const char *trace = environment("KASHIM_TRACE");
	struct trace_line line;

	trace_start(&line, getpid());
	if (program->count > 0) {
		trace_text(&line, program->names[0]);
		trace_text(&line, " runs without a policy: ");
	}
	trace_text(&line, message);
	if (trace != NULL)
		trace_to_file(&line, trace);
	else
		trace_to_log(&line);
}

/* The private parser object stands beside us, wherever that is. */
static void *
open_parser(const char *library)
{
	char path[PATH_MAX];
	real_dlopen_fn *load = real_dlopen();
	size_t len;

	if (load == NULL || library == NULL)
		return NULL;
	len = (size_t)(base_name(library) - library);
	if (len + sizeof(CONFIG_OBJECT_FILE) > sizeof(path))
		return NULL;
	memcpy(path, library, len);
	memcpy(path + len, CONFIG_OBJECT_FILE, sizeof(CONFIG_OBJECT_FILE));
#ifdef RTLD_DEEPBIND
	return load(path, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
#else
	/* musl: the parser could not be kept apart from the host. */
	return NULL;
#endif
}

static size_t
align_up(size_t n)
{
	return (n + 15) / 16 * 16;
}

/*
 * Takes our own entries, and only ours, out of a value of LD_PRELOAD, which
 * has its entries apart by spaces or colons (ld.so(8)). In place, because
 * there must be no malloc. Returns the new length.
 */
static size_t
strip_preload(char *value, const char *own)
{
	char *to = value;

	for (char *from = value; *from != '\0';) {
		size_t gap = strspn(from, ": ");
		size_t len = strcspn(from + gap, ": ");
		char *entry = from + gap, *slash = NULL;

		for (size_t i = 0; i < len; i++) {
			if (entry[i] == '/')
				slash = entry + i;
		}
		from = entry + len;
		if (len == 0)
			break;
		if (slash != NULL) {
			len -= (size_t)(slash + 1 - entry);
			slash++;
		}
		if (len == strlen(own) &&
		    strncmp(slash != NULL ? slash : entry, own, len) == 0)
			continue;
		if (to != value)
			*to++ = ':';
		memmove(to, entry, (size_t)(from - entry));
		to += from - entry;
	}
	*to = '\0';
	return (size_t)(to - value);
}

/* For inherit = false: what the host starts is not preloaded by us. */
static void
stop_inheritance(const char *library)
{
	static const char NAME[] = "LD_PRELOAD=";
	const char *own = base_name(library);
	char **to = environ;

	if (to == NULL)
		return;
	for (char **from = environ; *from != NULL; from++) {
		char *value = *from + sizeof(NAME) - 1;

		if (strncmp(*from, NAME, sizeof(NAME) - 1) != 0 ||
		    strstr(value, own) == NULL || strip_preload(value, own) > 0)
			*to++ = *from;
	}
	*to = NULL;
}

/* Copies policy, groups and image into one mapping and makes it read-only. */
static const struct policy *
publish(const struct image *image, const struct program *program,
    const char **message)
{
	size_t groups_at = align_up(sizeof(struct policy));
	size_t image_at, room;
	struct policy *policy;
	const char *trace;
	uint32_t *groups;

	image_at =
	    align_up(groups_at + image_group_count(image) * sizeof(*groups));
	room = image_at + image->size;
	policy = mmap(NULL, room, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (policy == MAP_FAILED) {
		*message = "no memory for the policy";
		return NULL;
	}
	groups = (uint32_t *)((char *)policy + groups_at);
	memcpy((char *)policy + image_at, image->bytes, image->size);
	view_make(&policy->view,
	    &(struct image){.bytes = (const uint8_t *)policy + image_at,
		.size = image->size},
	    program->names, program->count, groups);

	trace = environment("KASHIM_TRACE");
	if (trace != NULL && strlen(trace) < sizeof(policy->trace_path))
		memcpy(policy->trace_path, trace, strlen(trace) + 1);

	/* Nothing can match this program: let every call go straight on. */
	if (view_is_empty(&policy->view)) {
		munmap(policy, room);
		return NULL;
	}
	mprotect(policy, room, PROT_READ);
	return policy;
}

/* What both ways to an image end in; it was checked. */
static const struct policy *
use_image(const struct image *image, const struct program *program,
    const char *library, const char **message)
{
	struct image_header header;

	if (image_header(image, &header) &&
	    (header.flags & IMAGE_NO_INHERIT) != 0 && library != NULL)
		stop_inheritance(library);
	return publish(image, program, message);
}

/* The compiled image, if it is there and fresh. Returns whether it was. */
static bool
use_compiled(const char *config, const struct program *program,
    const char *library, const struct policy **policy, const char **message)
{
	char path[PATH_MAX];
	struct image image;

	if (cache_name(config, path, sizeof(path)) < 0 ||
	    cache_read(path, &image) < 0)
		return false;
	if (!cache_is_fresh(&image, config)) {
		cache_release(&image);
		return false;
	}
	*policy = use_image(&image, program, library, message);
	cache_release(&image);
	return true;
}

/* Has the private parser object read the configuration. */
static const struct policy *
use_parser(const char *config, const struct program *program,
    const char *library, char text[CONFIG_MESSAGE_MAX], const char **message)
{
	const struct policy *policy = NULL;
	config_object_load_fn *load;
	config_object_release_fn *release;
	struct image image;
	uint8_t *bytes;
	void *parser = open_parser(library);

	if (parser == NULL) {
		/* The host must not find our error in its dlerror(3). */
		(void)dlerror();
		*message =
		    CONFIG_OBJECT_FILE " can't be loaded, and there is "
				       "no fresh image: run kashim compile";
		return NULL;
	}
	load = (config_object_load_fn *)dlsym(parser, CONFIG_OBJECT_LOAD);
	release =
	    (config_object_release_fn *)dlsym(parser, CONFIG_OBJECT_RELEASE);
	if (load == NULL || release == NULL) {
		(void)dlerror();
		*message = CONFIG_OBJECT_FILE " is of another version";
	} else {
		if (load(config, &bytes, &image.size, text) < 0) {
			*message = text;
		} else {
			image.bytes = bytes;
			if (image_check(&image) < 0)
				*message = "the policy's image is damaged";
			else
				policy = use_image(
				    &image, program, library, message);
		}
		release();
	}
	dlclose(parser);
	return policy;
}

/* Not inlined: "make audit" knows it as where start-up begins. */
__attribute__((noinline)) static const struct policy *
read_policy(void)
{
	char text[CONFIG_MESSAGE_MAX] = "";
	const char *message = NULL;
	const char *named = environment("KASHIM_CONFIG");
	const char *config = named != NULL ? named : CONFIG_FILE;
	const struct policy *policy = NULL;
	struct program program;
	Dl_info self;

	if (dladdr(&policy_state, &self) == 0)
		self.dli_fname = NULL;
	find_program(&program);
	if (!use_compiled(
		config, &program, self.dli_fname, &policy, &message)) {
		/* The usual case on a host without a configuration. */
		if (named == NULL && access(config, F_OK) < 0 &&
		    errno == ENOENT)
			return NULL;
		policy = use_parser(
		    config, &program, self.dli_fname, text, &message);
	}
	if (message != NULL)
		report(&program, message);
	return policy;
}

const struct policy *
policy_start(void)
{
	int state = POLICY_UNREAD;

	if (!__atomic_compare_exchange_n(&policy_state, &state, POLICY_READING,
		false, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE))
		return state == POLICY_READY ? policy_published : NULL;
	policy_published = read_policy();
	__atomic_store_n(&policy_state, POLICY_READY, __ATOMIC_RELEASE);
	return policy_published;
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
	     i < POLICY_WAIT_MS &&
	     __atomic_load_n(&policy_state, __ATOMIC_ACQUIRE) == POLICY_READING;
	     i++)
		(void)syscall(SYS_nanosleep, &while_read, NULL);
}

const struct policy *
policy_get(void)
{
	if (__builtin_expect(__atomic_load_n(&policy_state, __ATOMIC_ACQUIRE) ==
				 POLICY_READY,
		1))
		return policy_published;
	return too_early() ? NULL : policy_start();
}
