/* SPDX-License-Identifier: ISC */
/*
 * program: what the program that we are loaded into is called.
 */
#include "shim/program.h"

#include <stdbool.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/loader_name.h"

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

/*
 * Is the file that was started the program itself, neither a link to it nor a
 * script? To ask /proc/self/exe takes the kernel ten times as long, because
 * it makes the process's directory for that. A script has its name in the
 * arguments of its interpreter (execve(2)).
 */
static bool
is_itself(const char *started, char *const *argv)
{
	struct stat st;

	if (started == NULL || argv == NULL || argv[0] == NULL)
		return false;
	for (int i = 1; i <= 2 && argv[i] != NULL; i++) {
		if (strcmp(argv[i], started) == 0)
			return false;
	}
	return lstat(started, &st) == 0 && S_ISREG(st.st_mode);
}

/* Not inlined: most starts do without this much of the stack. */
__attribute__((noinline)) static void
add_link(struct program *program)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, PATH_MAX - 1);

	if (len <= 0)
		return;
	path[len] = '\0';
	/* That has started the program, whose own name AT_EXECFN is then. */
	if (!loader_name_is_glibc(program_base_name(path)))
		add_name(program, path);
}

void
program_find(struct program *program, char *const *argv)
{
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): as getauxval(3) says */
	const char *started = (const char *)getauxval(AT_EXECFN);

	/* Older C libraries leave the loader's own name there. */
	if (started != NULL && argv != NULL && argv[0] != NULL &&
	    loader_name_is_glibc(program_base_name(started)))
		started = argv[0];
	program->count = 0;
	if (!is_itself(started, argv))
		add_link(program);
	if (started != NULL)
		add_name(program, started);
}
