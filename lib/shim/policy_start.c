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
#include "image/source.h"
#include "shim/inherit.h"
#include "shim/loader.h"
#include "shim/parser.h"
#include "shim/policy.h"
#include "shim/status_note.h"

/* While start-up goes on. */
struct reading {
	struct start start;
	struct source source;
	bool named;      /* by KASHIM_CONFIG */
	bool no_inherit; /* for the key inherit */
	char message[CONFIG_MESSAGE_MAX];
};

static struct start policy_found;

/* In .data, and nothing but the command reads it. */
static volatile struct status_note note
    __attribute__((used)) = {.magic = STATUS_NOTE_FIRST STATUS_NOTE_SECOND};

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
report(const struct start *start, const char *what, const char *message)
{
	struct trace_line line;

	trace_start(&line, getpid());
	if (start->program.count > 0) {
		trace_text(&line, start->program.text[0]);
		trace_text(&line, what);
	}
	trace_text(&line, message);
	if (start->trace_path[0] != '\0')
		trace_to_file(&line, start->trace_path);
	else
		trace_to_log(&line);
}

/* Goes by KASHIM_TRACE, or says why not. */
static void
take_trace(struct start *start)
{
	const char *path = environment("KASHIM_TRACE");
	enum trace_refusal refusal;
	const char *why;
	int fd;

	if (path == NULL || strlen(path) >= TRACE_PATH_MAX)
		return;
	refusal = trace_open(path, false, &fd);
	why = trace_refusal_text(refusal);
	if (refusal == TRACE_NOT_OPENED && errno == ENOENT && !trace_may_make())
		why = "not there, and root's programs do not make it";
	if (why != NULL) {
		report(start, " writes no trace: KASHIM_TRACE: ", why);
		return;
	}
	if (refusal == TRACE_TAKEN)
		close(fd);
	memcpy(start->trace_path, path, strlen(path) + 1);
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

/* Makes a copy of an image, for good. */
static int
keep(struct reading *reading, const struct image *image)
{
	uint8_t *bytes = mmap(NULL, image->size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (bytes == MAP_FAILED)
		return -errno;
	memcpy(bytes, image->bytes, image->size);
	mprotect(bytes, image->size, PROT_READ);
	reading->start.own =
	    (struct image){.bytes = bytes, .size = image->size};
	return 0;
}

/* Our own file, or NULL if it is not known. */
static const char *
own_library(void)
{
	Dl_info self;

	return loader_dladdr(&policy_found, &self) != 0 ? self.dli_fname : NULL;
}

static int
take(void *data, enum source_kind kind, const struct image *image)
{
	struct reading *reading = data;
	struct image_header header;
	int error = 0;

	reading->no_inherit = image_header(image, &header) &&
	                      (header.flags & IMAGE_NO_INHERIT) != 0;
	if (kind == SOURCE_PUBLISHED || kind == SOURCE_OLD_PUBLISHED)
		return 0;
	/*
	 * If nothing in it can match this program, and nothing is published,
	 * every call goes straight on.
	 */
	if (reading->source.shared.header != NULL ||
	    concerns_us(reading, image))
		error = keep(reading, image);
	if (error < 0)
		strcpy(reading->message, "no memory for the policy");
	return error;
}

static int
read_text(const char *config, source_take_fn *use, void *data)
{
	struct reading *reading = data;

	/* The usual case on a host without a configuration. */
	if (!reading->named && access(config, F_OK) != 0 && errno == ENOENT)
		return -ENOENT;
	return parser_read(own_library(), config, use, data, reading->message);
}

/* What the process goes by, from now on. Returns NULL if nothing. */
static const struct start *
seal(struct reading *reading)
{
	const struct source *source = &reading->source;
	struct start *start = &reading->start;

	start->shared = source->shared;
	if (source->kind == SOURCE_PUBLISHED ||
	    source->kind == SOURCE_OLD_PUBLISHED) {
		start->first = source->generation;
	} else if (source->shared.header != NULL) {
		start->passes = true;
		start->passed = source->generation;
	} else if (start->own.bytes == NULL) {
		return NULL;
	}
	policy_found = *start;
	for (unsigned int i = 0; i < policy_found.program.count; i++)
		policy_found.names[i] = policy_found.program.text[i];
	return &policy_found;
}

static void
tell(enum source_kind kind, const struct start *start)
{
	static const uint32_t starts[] = {
	    [SOURCE_NOTHING] = STATUS_NOTE_NOTHING,
	    [SOURCE_PUBLISHED] = STATUS_NOTE_PUBLISHED,
	    [SOURCE_COMPILED] = STATUS_NOTE_COMPILED,
	    [SOURCE_TEXT] = STATUS_NOTE_TEXT,
	    [SOURCE_OLD_COMPILED] = STATUS_NOTE_COMPILED,
	    [SOURCE_OLD_PUBLISHED] = STATUS_NOTE_PUBLISHED,
	};

	note.start = starts[kind];
	note.shared = (uintptr_t)start->shared.header;
	note.passes = start->passes;
	note.passed = start->passed;
}

/* Says what is wrong with the text. */
static void
complain(const struct reading *reading)
{
	/* That there is no configuration is nothing to complain of. */
	if (reading->source.error == 0 || reading->message[0] == '\0')
		return;
	report(&reading->start,
	    reading->source.kind == SOURCE_NOTHING
		? " runs without a policy: "
		: " keeps the last good policy: ",
	    reading->message);
}

const struct start *
policy_read(char *const *argv)
{
	const char *named = environment("KASHIM_CONFIG");
	struct reading reading = {.named = named != NULL};
	const struct start *start;

	program_find(&reading.start.program, argv);
	take_trace(&reading.start);
	source_find(named != NULL ? named : CONFIG_FILE, SOURCE_FOR_STARTING,
	    read_text, take, &reading, &reading.source);
	complain(&reading);
	if (reading.source.kind != SOURCE_NOTHING && reading.no_inherit) {
		const char *library = own_library();

		if (library != NULL)
			inherit_stop(library);
	}
	start = seal(&reading);
	if (start != NULL)
		tell(reading.source.kind, start);
	return start;
}
