/* SPDX-License-Identifier: ISC */
/*
 * "image OBJECT CONFIG FILE": has the parser object of this build read a
 * configuration, and writes the image to a file.
 */
#include <dlfcn.h>
#include <stdio.h>

#include "config/config.h"
#include "config/config_object.h"

int
main(int argc, char **argv)
{
	char message[CONFIG_MESSAGE_MAX] = "";
	config_object_load_fn *load;
	uint8_t *bytes;
	uint32_t size;
	void *object;
	FILE *file;

	if (argc != 4)
		return 2;
	object = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
	load = object == NULL
	           ? NULL
	           : (config_object_load_fn *)dlsym(object, CONFIG_OBJECT_LOAD);
	if (load == NULL) {
		fprintf(stderr, "image: %s\n", dlerror());
		return 1;
	}
	if (load(argv[2], &bytes, &size, message) != 0) {
		fprintf(stderr, "image: %s\n", message);
		return 1;
	}
	file = fopen(argv[3], "w");
	if (file == NULL || fwrite(bytes, 1, size, file) != size ||
	    fclose(file) != 0) {
		perror(argv[3]);
		return 1;
	}
	return 0;
}
