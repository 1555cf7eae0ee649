/* SPDX-License-Identifier: ISC */
/*
 * compiled: what the commands need to know of the files that are made of a
 * configuration.
 */
#include "advice/compiled.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/trust.h"
#include "image/cache.h"
#include "image/shared.h"

#define NSEC 1000000000

/* Longer than a tick of any kernel (HZ is 100 or more)... */
#define STEP_NS (20 * 1000000)
/* ...and for a file system that has only seconds. */
#define STEP_SECONDS_NS NSEC

static int64_t
since(struct timespec from, struct timespec to)
{
	/* Years apart is apart. */
	if (to.tv_sec - from.tv_sec > 10)
		return INT64_MAX;
	if (to.tv_sec < from.tv_sec)
		return -1;
	return (int64_t)(to.tv_sec - from.tv_sec) * NSEC + to.tv_nsec -
	       from.tv_nsec;
}

bool
compiled_too_young(
    const struct image *image, struct timespec begun, struct timespec ended)
{
	struct image_source source;
	int64_t longest = 0;
	bool too_young = false;

	for (uint32_t i = 0; image_source(image, i, &source); i++) {
		const struct timespec changed = {
		    .tv_sec = (time_t)source.mtime_s,
		    .tv_nsec = source.mtime_ns,
		};
		int64_t step = source.mtime_ns == 0 ? STEP_SECONDS_NS : STEP_NS;
		int64_t age = since(changed, ended);

		/* One from the future gets another time by any change. */
		if (age < 0 || since(changed, begun) >= step)
			continue;
		too_young = true;
		if (step - age > longest)
			longest = step - age;
	}
	if (longest > 0)
		nanosleep(&(struct timespec){.tv_sec = longest / NSEC,
			      .tv_nsec = longest % NSEC},
		    NULL);
	return too_young;
}

struct complaint {
	const char *what; /* "the compiled policy" */
	const char *path;
	const char *remedy; /* the command */
	char *text;
};

__attribute__((format(printf, 2, 3))) static bool
complain(const struct complaint *complaint, const char *format, ...)
{
	char why[256];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	snprintf(complaint->text, COMPILED_TEXT_MAX, "%s %s is not used: %s",
	    complaint->what, complaint->path, why);
	return true;
}

/* What cache_read() and shared_map() call -EPERM. */
static bool
complain_trust(const struct complaint *complaint)
{
	struct stat st;

	if (stat(complaint->path, &st) < 0)
		return complain(complaint, "%s", strerror(errno));
	switch (trust_file(&st)) {
	case TRUST_NO_FILE:
		return complain(complaint,
		    "it is not a regular file; remove it and run kashim %s",
		    complaint->remedy);
	case TRUST_OWNER:
		return complain(complaint,
		    "it belongs to user %u; let root or user %u own it",
		    (unsigned int)st.st_uid, (unsigned int)geteuid());
	case TRUST_MODE:
		return complain(complaint,
		    "others can write it (mode %04o); chmod go-w would be "
		    "right",
		    (unsigned int)st.st_mode & 07777);
	default:
		return complain(complaint, "it was just changed; check again");
	}
}

/* Is the file shorter than its header says? */
static bool
is_cut_short(const char *path)
{
	struct image_header header;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	bool cut = false;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0)
		cut = read(fd, &header, sizeof(header)) !=
		          (ssize_t)sizeof(header) ||
		      (header.magic == IMAGE_MAGIC &&
			  (off_t)header.size > st.st_size);
	close(fd);
	return cut;
}

static bool
complain_of(const struct complaint *complaint, int error)
{
	switch (error) {
	case -EPERM:
		return complain_trust(complaint);
	case -EPROTONOSUPPORT:
		return complain(complaint,
		    "it is of another version of kashim; run kashim %s",
		    complaint->remedy);
	case -EPROTOTYPE:
		return complain(complaint,
		    "it was made on a machine of another byte order; run "
		    "kashim %s here",
		    complaint->remedy);
	case -EBADMSG:
		return complain(complaint, "it is %s; run kashim %s",
		    is_cut_short(complaint->path) ? "cut short" : "damaged",
		    complaint->remedy);
	case -ENOENT:
		return false;
	default:
		return complain(complaint, "%s", strerror(-error));
	}
}

static bool
complain_age(const struct complaint *complaint, const struct image *image,
    const char *config)
{
	if (cache_age(image, config) != CACHE_STALE)
		return false;
	return complain(complaint,
	    "the configuration was changed since; run kashim %s",
	    complaint->remedy);
}

static bool
complain_image(const char *config, char text[COMPILED_TEXT_MAX])
{
	char path[PATH_MAX];
	struct complaint complaint = {.what = "the compiled policy",
	    .path = path,
	    .remedy = "compile",
	    .text = text};
	struct image image;
	int error;
	bool found;

	if (cache_name(config, path, sizeof(path)) < 0)
		return false;
	error = cache_read(path, &image);
	if (error < 0)
		return complain_of(&complaint, error);
	found = complain_age(&complaint, &image, config);
	cache_release(&image);
	return found;
}

static bool
complain_shared(const char *config, uid_t user, char text[COMPILED_TEXT_MAX])
{
	char path[PATH_MAX];
	struct complaint complaint = {.what = "the published policy",
	    .path = path,
	    .remedy = "reload",
	    .text = text};
	struct shared shared;
	struct image image;
	int error;
	bool found;

	if (shared_name(config, user, path, sizeof(path)) < 0)
		return false;
	error = shared_map(path, &shared);
	if (error < 0)
		return complain_of(&complaint, error);
	image = shared_image(&shared, shared_current(&shared));
	error = image_check(&image);
	if (error < 0)
		found = complain_of(&complaint, error);
	else
		found = complain_age(&complaint, &image, config);
	shared_unmap(&shared);
	return found;
}

/* As source_find() has it: root's, or if that can't be used the user's own. */
bool
compiled_complaint(
    const char *config, unsigned int n, char text[COMPILED_TEXT_MAX])
{
	char path[PATH_MAX], own[PATH_MAX];
	struct shared shared;

	if (complain_image(config, text) && n-- == 0)
		return true;
	if (complain_shared(config, 0, text) && n-- == 0)
		return true;
	/* With KASHIM_CACHE it is one file for all. */
	if (shared_name(config, 0, path, sizeof(path)) < 0 ||
	    shared_name(config, geteuid(), own, sizeof(own)) < 0 ||
	    strcmp(path, own) == 0)
		return false;
	if (shared_map(path, &shared) == 0) {
		shared_unmap(&shared);
		return false;
	}
	return complain_shared(config, geteuid(), text) && n == 0;
}
