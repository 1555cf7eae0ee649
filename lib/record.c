/* SPDX-License-Identifier: ISC */
/*
 * record: what was last done to the socket of a descriptor. A hint only.
 */
#include "record.h"

#include <stdbool.h>
#include <stddef.h>

struct record {
	int rule_plus_one; /* so that zeroed memory means: none */
	struct keepalive program;
};

static struct record records[RECORD_FDS];

static struct record *
record_at(int fd)
{
	return fd >= 0 && fd < RECORD_FDS ? &records[fd] : NULL;
}

void
record_clear(int fd)
{
	struct record *record = record_at(fd);

	/* Don't touch memory, which may be new, for nothing. */
	if (record != NULL &&
	    (record->rule_plus_one != 0 || record->program.set != 0))
		*record = (struct record){0};
}

int
record_rule(int fd)
{
	const struct record *record = record_at(fd);

	return record != NULL ? record->rule_plus_one - 1 : RECORD_NO_RULE;
}

void
record_set_rule(int fd, int rule)
{
	struct record *record = record_at(fd);

	if (record != NULL && record->rule_plus_one != rule + 1)
		record->rule_plus_one = rule + 1;
}

void
record_program(int fd, enum keepalive_option option, int32_t value)
{
	struct record *record = record_at(fd);

	if (record == NULL)
		return;
	record->program.value[option] = value;
	record->program.set |= 1u << option;
}

struct keepalive
record_of_program(int fd)
{
	const struct record *record = record_at(fd);

	return record != NULL ? record->program : (struct keepalive){0};
}
