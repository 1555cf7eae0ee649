/* SPDX-License-Identifier: ISC */
/*
 * parser: has the private parser object read the configuration. Nothing of it
 * may stay: neither the object nor an error that the host would find.
 */
#include "shim/parser.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "config/config_object.h"
#include "shim/loader.h"
#include "shim/program.h"
#include "shim/real.h"

/* The private parser object stands beside us, wherever that is. */
static void *
open_parser(const char *library)
{
	char path[PATH_MAX];
	real_dlopen_fn *load = real_dlopen();
	size_t len;

	if (load == NULL || library == NULL)
		return NULL;
	len = (size_t)(program_base_name(library) - library);
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

static int
complain(char message[CONFIG_MESSAGE_MAX], int error, const char *text)
{
	size_t len = strnlen(text, CONFIG_MESSAGE_MAX - 1);

	memcpy(message, text, len);
	message[len] = '\0';
	return error;
}

static int
read_with(void *object, const char *config, source_take_fn *take, void *data,
    char message[CONFIG_MESSAGE_MAX])
{
	config_object_load_fn *load =
	    (config_object_load_fn *)loader_dlsym(object, CONFIG_OBJECT_LOAD);
	config_object_release_fn *release =
	    (config_object_release_fn *)loader_dlsym(
		object, CONFIG_OBJECT_RELEASE);
	struct image image;
	uint8_t *bytes;
	int error;

	if (load == NULL || release == NULL) {
		(void)loader_dlerror();
		return complain(message, -ELIBACC,
		    CONFIG_OBJECT_FILE " is of another version");
	}
	error = load(config, &bytes, &image.size, message);
	if (error == 0) {
		image.bytes = bytes;
		if (image_check(&image) == 0)
			error = take(data, SOURCE_TEXT, &image);
		else
			error = complain(
			    message, -EBADMSG, "the policy's image is damaged");
	}
	release();
	return error;
}

int
parser_read(const char *library, const char *config, source_take_fn *take,
    void *data, char message[CONFIG_MESSAGE_MAX])
{
	void *object = open_parser(library);
	int error;

	if (object == NULL) {
		/* The host must not find our error in its dlerror(3). */
		(void)loader_dlerror();
		return complain(message, -ELIBACC,
		    CONFIG_OBJECT_FILE " can't be loaded, and there is no "
				       "fresh image: run kashim compile");
	}
	error = read_with(object, config, take, data, message);
	loader_dlclose(object);
	return error;
}
