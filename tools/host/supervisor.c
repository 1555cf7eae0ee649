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

/* A supervisor, and which program it was started for. */
struct supervisor {
	pid_t pid, program;
	char unit[NAME_MAX + 1];
};

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

/* The process, its parent, and so on. Returns how many. */
static size_t
find_ancestors(pid_t pid, pid_t ancestors[ANCESTORS_MAX])
{
	size_t count = 0;

	while (pid > 1 && count < ANCESTORS_MAX) {
		char text[1024];
		const char *parent;

		ancestors[count++] = pid;
		if (proc_read(pid, "stat", text, sizeof(text)) < 0)
			break;
		parent = proc_stat_field(text, 4);
		pid = parent ? (pid_t)strtol(parent, NULL, 10) : 0;
	}
	return count;
}

/* Is process in the same service? */
static bool
is_beside(const struct supervisor *supervisor, const struct process *process)
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

int
supervisors_add(const struct process *process, struct supervisors *supervisors)
{
	struct title title = {.thread = process->thread};
	struct supervisor *more;

	if (!supervisor_is(process) ||
	    look(process->pid, process->uid, look_title, &title,
		sizeof(title)) < 0 ||
	    title.program == 0)
		return 0;
	more = reallocarray(
	    supervisors->list, supervisors->count + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	supervisors->list = more;
	more += supervisors->count++;
	*more = (struct supervisor){process->pid, title.program, ""};
	memcpy(more->unit, process->unit, sizeof(more->unit));
	return 0;
}

pid_t
supervisors_find(
    const struct supervisors *supervisors, const struct process *process)
{
	pid_t ancestors[ANCESTORS_MAX], found = 0;
	size_t count = supervisors->count > 0
	                   ? find_ancestors(process->pid, ancestors)
	                   : 0;

	for (size_t n = 0; n < supervisors->count && found == 0; n++) {
		const struct supervisor *one = &supervisors->list[n];

		for (size_t i = 0; i < count; i++)
			if (ancestors[i] == one->program)
				found = one->pid;
		/* What a daemon that has ended has left behind. */
		if (found == 0 && is_beside(one, process) &&
		    is_gone(one->program))
			found = one->pid;
	}
	return found;
}

static int
add(const struct process *process, void *data)
{
	return supervisors_add(process, data);
}

int
supervisors_read(struct supervisors *supervisors)
{
	return process_each(add, supervisors);
}

void
supervisors_free(struct supervisors *supervisors)
{
	free(supervisors->list);
	*supervisors = (struct supervisors){0};
}
