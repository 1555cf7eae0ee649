/* SPDX-License-Identifier: ISC */
/*
 * choice: reads --config, --pid, --unit and --program.
 */
#include "cmd/choice.h"
#include "term/text.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Says what is wrong with the argument of an option. */
static int
refuse(const char *option, const char *text, const char *right)
{
	text_warnx("%s '%s': %s", option, text, right);
	return -EINVAL;
}

/* Makes room for one more at the end of an array of count. */
static void *
grow(const void *array, size_t count, size_t size)
{
	void *grown = reallocarray((void *)array, count + 1, size);

	if (!grown)
		text_warnx("options: %s", strerror(errno));
	return grown;
}

static int
take_text(const char *const **array, size_t *count, const char *text)
{
	const char **grown = grow(*array, *count, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	grown[(*count)++] = text;
	*array = grown;
	return 0;
}

static int
take_pid(struct live_choice *live, const char *text)
{
	uint64_t *starts;
	pid_t *grown;
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (end == text || text[strspn(text, "0123456789")] != '\0' ||
	    errno != 0 || value < 1 || value > INT_MAX)
		return refuse("pid", text, "write the number of a process");
	starts = grow(live->starts, live->pid_count, sizeof(*starts));
	if (!starts)
		return -ENOMEM;
	starts[live->pid_count] = 0;
	live->starts = starts;
	grown = grow(live->pids, live->pid_count, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	grown[live->pid_count++] = (pid_t)value;
	live->pids = grown;
	return 0;
}

static int
take_unit(struct live_choice *live, const char *text)
{
	if (!*text || strchr(text, '/'))
		return refuse("unit", text,
		    "write the name of a unit, such as backup.service");
	return take_text(&live->units, &live->unit_count, text);
}

static int
take_program(struct live_choice *live, const char *text)
{
	if (!*text || strchr(text, '/'))
		return refuse("program", text,
		    "write the name of the executable alone, such as sm_*");
	return take_text(&live->programs, &live->program_count, text);
}

int
choice_take(struct choice *choice, int opt, const char *text)
{
	switch (opt) {
	case 'f':
		choice->by = SOURCE_FOR_RUNNING;
		return 0;
	case 't':
		choice->by = SOURCE_FOR_STARTING;
		return 0;
	case 'p':
		return take_pid(&choice->live, text);
	case 'u':
		return take_unit(&choice->live, text);
	case 'P':
		return take_program(&choice->live, text);
	default:
		choice->config = text;
		return 0;
	}
}

void
choice_free(struct choice *choice)
{
	free((void *)choice->live.pids);
	free(choice->live.starts);
	free((void *)choice->live.units);
	free((void *)choice->live.programs);
	*choice = (struct choice){0};
}
