/* SPDX-License-Identifier: ISC */
/*
 * supervisor: found by their names (supervisor.h). The kernel does not tell
 * whose filter it is that a supervisor has the descriptor of.
 */
#include "host/supervisor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/look.h"
#include "host/proc.h"

#define ANCESTORS_MAX 64

bool
supervisor_is(const struct process *process)
{
	return (strcmp(process->comm, SUPERVISOR_NAME) == 0 ||
		   strncmp(process->comm, LOOK_NAME, strlen(LOOK_NAME)) == 0) &&
	       process->name_count > 0 &&
	       strcmp(process->name[0], "kashim") == 0;
}

/* A look at a supervisor's command line. */
struct title {
	pid_t thread, program;
};

static void
look_title(void *data)
{
	struct title *title = data;
	char text[64];

	if (proc_read(title->thread, "cmdline", text, sizeof(text)) > 0)
		(void)sscanf(text, SUPERVISOR_NAME ": %d", &title->program);
}

struct search {
	const struct process *process;
	pid_t ancestors[ANCESTORS_MAX]; /* itself first */
	size_t count;
	pid_t found;
};

static void
find_ancestors(struct search *search)
{
	pid_t pid = search->process->pid;

	while (pid > 1 && search->count < ANCESTORS_MAX) {
		char text[1024];
		const char *parent;

		search->ancestors[search->count++] = pid;
		if (proc_read(pid, "stat", text, sizeof(text)) < 0)
			return;
		parent = proc_stat_field(text, 4);
		pid = parent ? (pid_t)strtol(parent, NULL, 10) : 0;
	}
}

/* Is process in the same service? */
static bool
is_beside(const struct process *supervisor, const struct process *process)
{
	const char *suffix = strrchr(process->unit, '.');

	return suffix && strcmp(suffix, ".service") == 0 &&
	       strcmp(supervisor->unit, process->unit) == 0;
}

static bool
is_gone(pid_t pid)
{
	char text[1024];

	return proc_read(pid, "stat", text, sizeof(text)) == -ESRCH;
}

static int
compare(const struct process *process, void *data)
{
	struct search *search = data;
	struct title title = {.thread = process->thread};

	if (!supervisor_is(process) ||
	    look(process->pid, process->uid, look_title, &title,
		sizeof(title)) < 0 ||
	    title.program == 0)
		return 0;
	for (size_t i = 0; i < search->count; i++)
		if (search->ancestors[i] == title.program)
			search->found = process->pid;
	/* What a daemon that has ended has left behind. */
	if (search->found == 0 && is_beside(process, search->process) &&
	    is_gone(title.program))
		search->found = process->pid;
	return search->found != 0;
}

pid_t
supervisor_find(const struct process *process)
{
	struct search search = {.process = process};

	find_ancestors(&search);
	(void)process_each(compare, &search);
	return search.found;
}
