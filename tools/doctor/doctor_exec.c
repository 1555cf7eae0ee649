/* SPDX-License-Identifier: ISC */
/*
 * doctor_exec: the programs that a service's ExecStart= lines name
 * (systemd.service(5), "Command lines").
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/doctor_exec.h"
#include "unit/exec_start.h"

/* One line can hold several commands, with a lone semicolon between them. */
static int
each_command(
    const struct unit *unit, const char *line, doctor_exec_fn *each, void *data)
{
	char *word;
	bool first = true;
	int result = 0, got;

	while (result == 0 && (got = exec_start_word(&line, &word)) > 0) {
		if (first && word) {
			size_t prefix = strspn(word, EXEC_START_PREFIXES);
			char *program = unit_expand(unit, word + prefix);

			word[prefix] = '\0';
			if (!program)
				result = -ENOMEM;
			else if (*program)
				result = each(program, line, word, data);
			free(program);
		}
		first = got == EXEC_START_NEXT;
		free(word);
	}
	return result;
}

int
doctor_exec(const struct unit *unit, doctor_exec_fn *each, void *data)
{
	const struct unit_setting *setting = NULL;
	int result = 0;

	while (result == 0 &&
	       (setting = unit_next(unit, "Service", "ExecStart", setting)))
		result = each_command(unit, setting->value, each, data);
	return result;
}
