/* SPDX-License-Identifier: ISC */
/*
 * What the tests of config share: a directory of their own to write files in,
 * and a config_load() that is watched. Messages are compared without the
 * directory's name.
 */
#ifndef KASHIM_CONFIG_FILES_H
#define KASHIM_CONFIG_FILES_H

#include "config/config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "advice/advice.h"
#include "image/image.h"
#include "image/match.h"
#include "test.h"

static char files_dir[PATH_MAX - 256];

struct loaded {
	int result;
	struct image image;
	char message[CONFIG_MESSAGE_MAX];
	char warnings[4096]; /* a line each */
};

static inline const char *
file_path(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", files_dir, name);
	return path;
}

static inline void
file_write_bytes(const char *name, const void *bytes, size_t size)
{
	int fd = open(file_path(name), O_CREAT | O_TRUNC | O_WRONLY, 0644);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fchmod(fd, 0644), 0);
	ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
	close(fd);
}

static inline void
file_write(const char *name, const char *text)
{
	file_write_bytes(name, text, strlen(text));
}

static inline void
files_begin(void)
{
	const char *base = getenv("TMPDIR");

	snprintf(files_dir, sizeof(files_dir), "%s/kashim-config.XXXXXX",
	    base != NULL ? base : "/tmp");
	if (mkdtemp(files_dir) == NULL || chmod(files_dir, 0755) < 0) {
		perror(files_dir);
		exit(EXIT_FAILURE);
	}
}

static inline int
files_remove(
    const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	return remove(path);
}

static inline int
files_end(int status)
{
	nftw(files_dir, files_remove, 16, FTW_DEPTH | FTW_PHYS);
	return status;
}

/* Takes "DIRECTORY/" out of text wherever it stands. */
static inline void
files_strip(char *text)
{
	size_t length = strlen(files_dir) + 1;
	char *found;

	while ((found = strstr(text, files_dir)) != NULL)
		memmove(found, found + length, strlen(found + length) + 1);
}

static inline int
files_open(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

static inline void
keep_warning(void *data, const char *message)
{
	struct loaded *loaded = data;
	size_t used = strlen(loaded->warnings);

	ck_assert_int_lt(strlen(message), CONFIG_MESSAGE_MAX);
	snprintf(loaded->warnings + used, sizeof(loaded->warnings) - used,
	    "%s\n", message);
}

static inline void
keep_advice(
    void *data, const struct build_input *policy, const struct image *image)
{
	ck_assert_int_eq(image_check(image), 0);
	ck_assert_uint_eq(image_rule_count(image), policy->rule_count);
	ck_assert_int_eq(advice_give(policy->sources[0].path, policy, image,
			     keep_warning, data),
	    0);
}

/*
 * Loads a file of the directory; the caller frees loaded->image.bytes. Fails
 * if a descriptor is left open, if something is printed, or if a failure
 * comes without a message.
 */
static inline void
load(const char *name, struct loaded *loaded)
{
	int printed = memfd_create("stderr", MFD_CLOEXEC);
	int saved = dup(STDERR_FILENO);
	int before = files_open();
	uint8_t *bytes = NULL;
	struct stat st;

	memset(loaded, 0, sizeof(*loaded));
	memset(loaded->message, 'x', sizeof(loaded->message));
	fflush(stderr);
	dup2(printed, STDERR_FILENO);
	loaded->result = config_load(file_path(name), keep_advice, loaded,
	    &bytes, &loaded->image.size, loaded->message);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	ck_assert_int_eq(fstat(printed, &st), 0);
	ck_assert_int_eq(st.st_size, 0);
	ck_assert_int_eq(files_open(), before - 1);
	close(printed);

	ck_assert_ptr_nonnull(
	    memchr(loaded->message, '\0', CONFIG_MESSAGE_MAX));
	files_strip(loaded->message);
	files_strip(loaded->warnings);
	loaded->image.bytes = bytes;
	if (loaded->result == 0) {
		ck_assert_str_eq(loaded->message, "");
		ck_assert_int_eq(image_check(&loaded->image), 0);
	} else {
		ck_assert_str_ne(loaded->message, "");
		ck_assert_ptr_null(bytes);
	}
}

/* Writes text to a file and loads it. */
static inline void
load_text(const char *text, struct loaded *loaded)
{
	file_write("a.conf", text);
	load("a.conf", loaded);
}

static inline void
load_good(const char *text, struct loaded *loaded)
{
	load_text(text, loaded);
	ck_assert_msg(loaded->result == 0, "%s", loaded->message);
}

static inline void
unload(struct loaded *loaded)
{
	free((void *)loaded->image.bytes);
	loaded->image.bytes = NULL;
}

static inline struct image_rule
rule_at(const struct loaded *loaded, uint32_t index)
{
	struct image_rule rule;

	ck_assert(image_rule(&loaded->image, index, &rule));
	return rule;
}

#endif
