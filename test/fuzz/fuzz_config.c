/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as a configuration file. Whatever is in it, there is an image that
 * passes the check, or a message; nothing is printed, left open or lost, and
 * libconfuse's static lexer remembers nothing: read again, the file gives the
 * same again.
 */
#include "advice/advice.h"
#include "config/config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "image/image.h"

struct loaded {
	int result;
	uint8_t *bytes;
	uint32_t size;
	char message[CONFIG_MESSAGE_MAX];
	unsigned int warnings;
};

/* The file that is read: in memory, and believed. */
static int
file(void)
{
	static int fd = -1;

	if (fd >= 0)
		return fd;
	fd = memfd_create("kashim.conf", 0);
	MUST(fd >= 0);
	MUST(fchmod(fd, 0600) == 0);
	return fd;
}

static int
next_descriptor(void)
{
	int fd = dup(file());

	MUST(fd >= 0);
	close(fd);
	return fd;
}

static void
count_warning(void *data, const char *message)
{
	MUST(*message != '\0' && strlen(message) < CONFIG_MESSAGE_MAX);
	++*(unsigned int *)data;
}

static void
look(void *data, const struct build_input *policy, const struct image *image)
{
	MUST(image_check(image) == 0);
	MUST(advice_give("x", policy, image, count_warning, data) == 0);
}

static void
load(const char *path, struct loaded *loaded)
{
	int before = next_descriptor();

	memset(loaded, 0, sizeof(*loaded));
	memset(loaded->message, 'x', sizeof(loaded->message));
	loaded->result = config_load(path, look, &loaded->warnings,
	    &loaded->bytes, &loaded->size, loaded->message);
	MUST(memchr(loaded->message, '\0', sizeof(loaded->message)) != NULL);
	MUST(next_descriptor() == before);
	if (loaded->result == 0) {
		struct image image = {loaded->bytes, loaded->size};

		MUST(loaded->message[0] == '\0');
		MUST(image_check(&image) == 0);
	} else {
		MUST(loaded->result < 0);
		MUST(loaded->message[0] != '\0');
		MUST(loaded->bytes == NULL);
	}
	for (const char *c = loaded->message; *c != '\0'; c++)
		MUST((unsigned char)*c >= ' ' && *c != 0x7f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct loaded first, again;
	char path[64];

	MUST(ftruncate(file(), 0) == 0);
	MUST(pwrite(file(), data, size, 0) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file());

	load(path, &first);
	load(path, &again);
	MUST(first.result == again.result);
	MUST(strcmp(first.message, again.message) == 0);
	MUST(first.warnings == again.warnings);
	MUST(first.size == again.size);
	MUST(first.size == 0 ||
	     memcmp(first.bytes, again.bytes, first.size) == 0);
	free(first.bytes);
	free(again.bytes);
	return 0;
}
