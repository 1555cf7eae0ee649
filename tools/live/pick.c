/* SPDX-License-Identifier: ISC */
/*
 * pick: the processes that a struct live_choice means.
 */
#include "live/pick.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

struct taking {
	const struct live_choice *choice;
	struct process *processes;
	size_t count, room;
};

bool
pick_is_all(const struct live_choice *choice)
{
	return choice == NULL ||
	       choice->pid_count + choice->unit_count + choice->program_count ==
	           0;
}

static bool
is_unit(const char *unit, const char *named)
{
	static const char SERVICE[] = ".service";
	size_t len = strlen(named);

	if (strcmp(unit, named) == 0)
		return *named != '\0';
	return strchr(named, '.') == NULL && strncmp(unit, named, len) == 0 &&
	       strcmp(unit + len, SERVICE) == 0;
}

static bool
is_program(const struct process *process, const char *pattern)
{
	for (unsigned int i = 0; i < process->name_count; i++) {
		if (fnmatch(pattern, process->name[i], 0) == 0)
			return true;
	}
	/* So that it is counted as one that may not be looked into. */
	return process->name_count == 0 &&
	       fnmatch(pattern, process->comm, 0) == 0;
}

static bool
is_chosen(const struct live_choice *choice, const struct process *process)
{
	if (pick_is_all(choice))
		return true;
	for (size_t i = 0; i < choice->pid_count; i++) {
		if (choice->pids[i] == process->pid)
			return true;
	}
	for (size_t i = 0; i < choice->unit_count; i++) {
		if (is_unit(process->unit, choice->units[i]))
			return true;
	}
	for (size_t i = 0; i < choice->program_count; i++) {
		if (is_program(process, choice->programs[i]))
			return true;
	}
	return false;
}

static int
take_process(const struct process *process, void *data)
{
	struct taking *taking = data;

	if (!is_chosen(taking->choice, process))
		return 0;
	if (taking->count == taking->room) {
		size_t room = taking->room != 0 ? taking->room * 2 : 64;
		struct process *more =
		    reallocarray(taking->processes, room, sizeof(*more));

		if (more == NULL)
			return -ENOMEM;
		taking->processes = more;
		taking->room = room;
	}
	taking->processes[taking->count++] = *process;
	return 0;
}

static int
compare_processes(const void *a, const void *b)
{
	const struct process *left = a, *right = b;

	if (left->start != right->start)
		return left->start < right->start ? -1 : 1;
	return (left->pid > right->pid) - (left->pid < right->pid);
}

/* Where nothing else is named, these are all: /proc may be large. */
static int
take_pids(struct taking *taking, pid_t *missing)
{
	const struct live_choice *choice = taking->choice;

	for (size_t i = 0; i < choice->pid_count; i++) {
		struct process process;
		bool again = false;
		int error = process_read(choice->pids[i], &process);

		/* The number is another process's now. */
		if (error == 0 && choice->starts != NULL) {
			if (choice->starts[i] == 0)
				choice->starts[i] = process.start;
			else if (choice->starts[i] != process.start)
				error = -ESRCH;
		}
		if (error < 0) {
			*missing = choice->pids[i];
			return error;
		}
		for (size_t other = 0; other < i; other++)
			again |= choice->pids[other] == choice->pids[i];
		if (!again && take_process(&process, taking) < 0)
			return -ENOMEM;
	}
	return 0;
}

int
pick_read(const struct live_choice *choice, struct process **processes,
    size_t *count, pid_t *missing)
{
	struct taking taking = {.choice = choice};
	bool all = pick_is_all(choice);
	int error = 0;

	if (!all)
		error = take_pids(&taking, missing);
	if (error == 0 &&
	    (all || choice->unit_count + choice->program_count > 0)) {
		taking.count = 0;
		error = process_each(take_process, &taking);
	}
	if (error < 0) {
		free(taking.processes);
		taking = (struct taking){0};
	}
	if (taking.count > 0)
		qsort(taking.processes, taking.count, sizeof(*taking.processes),
		    compare_processes);
	*processes = taking.processes;
	*count = taking.count;
	return error;
}

static bool
is_present(enum pick_kind kind, const char *name,
    const struct process *processes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (kind == PICK_UNIT ? is_unit(processes[i].unit, name)
				      : is_program(&processes[i], name))
			return true;
	}
	return false;
}

size_t
pick_absent(const struct live_choice *choice, const struct process *processes,
    size_t count, void (*each)(enum pick_kind kind, const char *name))
{
	size_t absent = 0;

	for (size_t i = 0; i < choice->unit_count + choice->program_count;
	     i++) {
		enum pick_kind kind =
		    i < choice->unit_count ? PICK_UNIT : PICK_PROGRAM;
		const char *name =
		    kind == PICK_UNIT
			? choice->units[i]
			: choice->programs[i - choice->unit_count];

		if (is_present(kind, name, processes, count))
			continue;
		absent++;
		if (each != NULL)
			each(kind, name);
	}
	return absent;
}
