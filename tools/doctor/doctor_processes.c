/* SPDX-License-Identifier: ISC */
/*
 * doctor_processes: a service is as well off as the worst of its processes: the
 * one that systemd started may have the library, and have started another one
 * without it.
 */
#include "doctor/doctor_processes.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "doctor/doctor_process.h"
#include "host/supervisor.h"
#include "live/pick.h"

/* One that does not answer takes half a minute; for all of them together. */
#define LIMIT_MS 60000

/* Do they differ in names and numbers at most? */
static bool
is_alike(const struct doctor_said *a, const struct doctor_said *b)
{
	if (strcmp(a->name, b->name) != 0 ||
	    a->findings.count != b->findings.count)
		return false;
	for (size_t i = 0; i < a->findings.count; i++)
		if (a->findings.list[i].topic != b->findings.list[i].topic ||
		    a->findings.list[i].severity !=
			b->findings.list[i].severity)
			return false;
	return true;
}

/* Puts what was said behind all that weighs as much, or more. */
static void
insert(struct doctor_said *list, size_t *count, struct doctor_said *said)
{
	size_t at = *count;

	for (size_t i = 0; i < *count; i++) {
		if (is_alike(&list[i], said)) {
			list[i].more++;
			findings_free(&said->findings);
			return;
		}
	}
	while (at > 0 && list[at - 1].findings.worst < said->findings.worst)
		at--;
	memmove(&list[at + 1], &list[at], (*count - at) * sizeof(*list));
	list[at] = *said;
	++*count;
}

/* It is shown, and nothing is said of it that was not looked at. */
static void
pass_over(const struct process *process, struct doctor_said *said)
{
	snprintf(
	    said->name, sizeof(said->name), "%s", process_program(process));
	findings_add(&said->findings, FINDING_LOADED, FINDING_UNKNOWN,
	    "process %d was not examined: others of the unit took too long to "
	    "answer",
	    (int)said->pid);
}

int
doctor_processes(const char *unit, const char *library,
    struct doctor_said **list, size_t *count)
{
	const struct live_choice choice = {.units = &unit, .unit_count = 1};
	struct process *processes;
	size_t found;
	const int64_t until_ms = clock_ms() + LIMIT_MS;
	pid_t missing;
	int error = pick_read(&choice, &processes, &found, &missing);

	*count = 0;
	*list = error < 0 ? NULL : calloc(found + 1, sizeof(**list));
	if (error == 0 && !*list)
		error = -ENOMEM;
	for (size_t i = 0; error == 0 && i < found; i++) {
		struct doctor_said said = {.pid = processes[i].pid};

		if (supervisor_is(&processes[i]))
			continue;
		if (clock_ms() < until_ms)
			error = doctor_process(
			    said.pid, library, said.name, &said.findings);
		else
			pass_over(&processes[i], &said);
		if (error == 0)
			insert(*list, count, &said);
		else if (error == -ESRCH) /* it has ended meanwhile */
			error = 0;
	}
	free(processes);
	if (error < 0) {
		doctor_processes_free(*list, *count);
		*list = NULL;
		*count = 0;
	}
	return error;
}

void
doctor_processes_free(struct doctor_said *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		findings_free(&list[i].findings);
	free(list);
}
