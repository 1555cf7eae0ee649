/* SPDX-License-Identifier: ISC */
/*
 * record: what was last done to the socket of a descriptor. A hint only.
 *
 * A descriptor goes from one thread's close(2) to another's socket(2). The
 * kernel orders these, the language does not know it: hence the atomics, of
 * which none orders anything.
 */
#include "record.h"

#include <stddef.h>

#define GET(field)        __atomic_load_n(&(field), __ATOMIC_RELAXED)
#define PUT(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELAXED)

struct record {
	int rule_plus_one; /* so that zeroed memory means: none */
	uint32_t set;      /* what the program set, and to what */
	int32_t value[KEEPALIVE_OPTIONS];
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

	if (record == NULL)
		return;
	/* Don't touch memory, which may be new, for nothing. */
	if (GET(record->rule_plus_one) != 0)
		PUT(record->rule_plus_one, 0);
	if (GET(record->set) != 0)
		PUT(record->set, 0);
}

int
record_rule(int fd)
{
	const struct record *record = record_at(fd);

	return record != NULL ? GET(record->rule_plus_one) - 1 : RECORD_NO_RULE;
}

void
record_set_rule(int fd, int rule)
{
	struct record *record = record_at(fd);

	if (record != NULL && GET(record->rule_plus_one) != rule + 1)
		PUT(record->rule_plus_one, rule + 1);
}

void
record_program(int fd, enum keepalive_option option, int32_t value)
{
	struct record *record = record_at(fd);

	if (record == NULL)
		return;
	PUT(record->value[option], value);
	PUT(record->set, GET(record->set) | 1u << option);
}

struct keepalive
record_of_program(int fd)
{
	const struct record *record = record_at(fd);
	struct keepalive program = {0};

	if (record == NULL)
		return program;
	program.set = GET(record->set);
	for (int option = 0; option < KEEPALIVE_OPTIONS; option++)
		program.value[option] = GET(record->value[option]);
	return program;
}
