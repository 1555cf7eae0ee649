/* SPDX-License-Identifier: ISC */
/*
 * program: what the program that we are loaded into is called.
 */
#include "program.h"

#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

const char *
program_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static void
add_name(struct program *program, const char *path)
{
	const char *name = program_base_name(path);
	size_t len = strlen(name);

	if (len <= NAME_MAX)
		memcpy(program->text[program->count++], name, len + 1);
}

void
program_find(struct program *program)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): as getauxval(3) says */
	const char *started = (const char *)getauxval(AT_EXECFN);

	program->count = 0;
	if (len > 0) {
		path[len] = '\0';
		add_name(program, path);
	}
	if (started != NULL)
		add_name(program, started);
}
