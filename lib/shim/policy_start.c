/* SPDX-License-Identifier: ISC */
/*
 * policy_start: finds the policy when the program starts: what is published,
 * or compiled, or what the parser makes of the text.
 */
#include "shim/policy_start.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/config.h"
#include "image/cache.h"
#include "shim/inherit.h"
#include "shim/loader.h"
#include "shim/parser.h"
#include "shim/policy.h"
#include "shim/telltale.h"

/* Reloads that come again and again while it reads. */
#define READ_TRIES_MAX 100

/* While start-up goes on. */
struct reading {
	struct start start;
	const char *config;
	enum telltale_start source;
	const struct start *result;
};

static struct start policy_found;

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

	return loader_dladdr(&policy_found, &self) != 0 ? self.dli_fname : NULL;
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
	for (int i = 0; i < READ_TRIES_MAX; i++) {
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

const struct start *
policy_read(char *const *argv)
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
