/* SPDX-License-Identifier: ISC */
/*
 * record: what was last done to the socket of a descriptor. A hint only.
 *
 * A descriptor goes from one thread's close(2) to another's socket(2). The
 * kernel orders these, the language does not know it: hence the atomics, of
 * which none orders anything.
 */
#include "apply/record.h"

#include <assert.h>
#include <stddef.h>

#define GET(field)        RECORD_GET(field)
#define PUT(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELAXED)

/* In a queue that was not counted, or that is too long to be. */
#define UNCOUNTED (RECORD_ENDLESS - 1)

/* One line of a cache for each: a call of the program looks at one or two. */
#define RECORD_LINE 64
static_assert(sizeof(struct record) == RECORD_LINE, "not a line of a cache");

struct record record_table[RECORD_FDS] __attribute__((aligned(RECORD_LINE)));

static struct record *
record_at(int fd)
{
	return record_has_room(fd) ? &record_table[fd] : NULL;
}

static void
put_keepalive(struct keepalive *to, const struct keepalive *from)
{
	for (int option = 0; option < KEEPALIVE_OPTIONS; option++)
		PUT(to->value[option], from->value[option]);
	PUT(to->set, from->set);
}

static struct keepalive
get_keepalive(const struct keepalive *from)
{
	struct keepalive result = {.set = GET(from->set)};

	for (int option = 0; option < KEEPALIVE_OPTIONS; option++)
		result.value[option] = GET(from->value[option]);
	return result;
}

struct record
record_get(int fd)
{
	const struct record *from = record_at(fd);
	struct record record = {0};

	if (from == NULL)
		return record;
#define RECORD_NUMBER(type, name, fresh, accepted) \
	record.name = GET(from->name);
#define RECORD_OPTIONS(name, fresh, accepted) \
	record.name = get_keepalive(&from->name);
	RECORD_FIELDS(RECORD_NUMBER, RECORD_OPTIONS)
#undef RECORD_NUMBER
#undef RECORD_OPTIONS
	return record;
}

void
record_put(int fd, const struct record *record)
{
	struct record *to = record_at(fd);

	if (to == NULL)
		return;
#define RECORD_NUMBER(type, name, fresh, accepted) PUT(to->name, record->name);
#define RECORD_OPTIONS(name, fresh, accepted) \
	put_keepalive(&to->name, &record->name);
	RECORD_FIELDS(RECORD_NUMBER, RECORD_OPTIONS)
#undef RECORD_NUMBER
#undef RECORD_OPTIONS
}

void
record_clear(int fd)
{
	struct record *record = record_at(fd);

	if (record == NULL)
		return;
		/* Don't touch memory, which may be new, for nothing. */
#define RECORD_NUMBER(type, name, fresh, accepted)            \
	if ((fresh) == RECORD_ZERO && GET(record->name) != 0) \
		PUT(record->name, 0);
#define RECORD_OPTIONS(name, fresh, accepted) \
	RECORD_NUMBER(, name.set, fresh, accepted)
	RECORD_FIELDS(RECORD_NUMBER, RECORD_OPTIONS)
#undef RECORD_NUMBER
#undef RECORD_OPTIONS
}

/* It is no longer all as it was when it was accepted. */
static void
forget_accepted(struct record *record)
{
	if ((GET(record->accepts) & RECORD_ACCEPTED) != 0)
		PUT(record->accepts, 0);
}

void
record_set_other(int fd, uint32_t generation)
{
	struct record *record = record_at(fd);

	if (record == NULL)
		return;
	forget_accepted(record);
	PUT(record->other, record_other_in(generation));
}

bool
record_decided(int fd, uint32_t generation)
{
	/* Where there is no room, 0 would be after the last generation. */
	return record_has_room(fd) && record_decided_in(fd) == generation + 1;
}

int
record_rule(int fd, uint32_t generation)
{
	return record_decided(fd, generation) ? GET(record_table[fd].rule)
	                                      : MATCH_NONE;
}

void
record_decide(
    int fd, uint32_t generation, int rule, const struct keepalive *ours)
{
	struct record *record = record_at(fd);

	if (record == NULL)
		return;
	PUT(record->accepts, 0);
	PUT(record->rule, rule);
	put_keepalive(&record->ours, ours);
	PUT(record->decided, generation + 1);
}

void
record_set_accepts(int fd)
{
	static uint32_t last;
	struct record *record = record_at(fd);

	if (record != NULL)
		PUT(record->accepts,
		    (uint16_t)(__atomic_add_fetch(&last, 1, __ATOMIC_RELAXED) %
				   (RECORD_GIVES - 1) +
			       1));
}

void
record_set_gives(int fd)
{
	struct record *record = record_at(fd);

	if (record != NULL)
		PUT(record->accepts, RECORD_GIVES);
}

void
record_inherit(int fd, int listener)
{
	const struct record *from = record_at(listener);
	struct record *to = record_at(fd);
	uint16_t number;

	record_clear(fd);
	if (from == NULL || to == NULL)
		return;
	number = GET(from->accepts);
#define RECORD_NUMBER(type, name, fresh, accepted) \
	if ((accepted) == RECORD_SAME)             \
		PUT(to->name, GET(from->name));
	/* Another thread's accept() may bring the listener up to date.
	 */
#define RECORD_OPTIONS(name, fresh, accepted)                        \
	if ((accepted) == RECORD_SAME && GET(from->name.set) != 0) { \
		struct keepalive name = get_keepalive(&from->name);  \
		put_keepalive(&to->name, &name);                     \
	}
	RECORD_FIELDS(RECORD_NUMBER, RECORD_OPTIONS)
#undef RECORD_NUMBER
#undef RECORD_OPTIONS
	if (number != 0 && number < RECORD_GIVES)
		PUT(to->accepts, (uint16_t)(number | RECORD_ACCEPTED));
}

struct keepalive
record_of_rule(int fd)
{
	const struct record *record = record_at(fd);

	return record != NULL ? get_keepalive(&record->ours)
	                      : (struct keepalive){0};
}

static void
add_option(struct keepalive *to, enum keepalive_option option, int32_t value)
{
	PUT(to->value[option], value);
	PUT(to->set, GET(to->set) | 1u << option);
}

void
record_add_of_rule(int fd, enum keepalive_option option, int32_t value)
{
	struct record *record = record_at(fd);

	if (record == NULL)
		return;
	forget_accepted(record);
	add_option(&record->ours, option, value);
	/* What it accepted before is not as what it accepts from now on. */
	if (GET(record->accepts) != 0 && GET(record->accepts) < RECORD_GIVES)
		record_set_accepts(fd);
}

void
record_program(int fd, enum keepalive_option option, int32_t value)
{
	struct record *record = record_at(fd);

	if (record == NULL)
		return;
	forget_accepted(record);
	add_option(&record->program, option, value);
}

struct keepalive
record_of_program(int fd)
{
	const struct record *record = record_at(fd);

	return record != NULL ? get_keepalive(&record->program)
	                      : (struct keepalive){0};
}

uint8_t
record_begin_change(int fd)
{
	struct record *record = record_at(fd);

	if (record == NULL)
		return 0;
	record_set_queue(fd);
	return __atomic_add_fetch(&record->changes, 1, __ATOMIC_SEQ_CST);
}

void
record_end_change(int fd, uint8_t number)
{
	struct record *record = record_at(fd);

	if (record == NULL)
		return;
	record_set_queue(fd);
	if (__atomic_fetch_add(&record->changes, 1, __ATOMIC_SEQ_CST) != number)
		PUT(record->decided, 0);
}

void
record_set_made(int fd, bool made)
{
	struct record *record = record_at(fd);

	if (record != NULL && GET(record->made) != made)
		PUT(record->made, made);
}

void
record_new(int fd, bool other, uint32_t generation)
{
	struct record *record = record_at(fd);

	if (record == NULL)
		return;
	if (!record_is_clear(fd))
		record_clear(fd);
	if (GET(record->made) == 0)
		PUT(record->made, 1);
	if (other)
		PUT(record->other, record_other_in(generation));
}

void
record_set_queue(int fd)
{
	struct record *record = record_at(fd);

	if (record != NULL)
		PUT(record->waiting, UNCOUNTED);
}

void
record_set_endless(int fd)
{
	struct record *record = record_at(fd);

	if (record != NULL)
		PUT(record->waiting, RECORD_ENDLESS);
}

struct record_queue
record_queue(int fd)
{
	const struct record *record = record_at(fd);

	if (record == NULL)
		return (struct record_queue){0};
	return (struct record_queue){
	    .changes = __atomic_load_n(&record->changes, __ATOMIC_SEQ_CST),
	    .waiting = GET(record->waiting),
	};
}

void
record_take_queued(int fd, const struct record_queue *queue, uint32_t left)
{
	struct record *record = record_at(fd);
	uint16_t before = queue->waiting, after = before;

	if (record == NULL || before == 0 || before == RECORD_ENDLESS ||
	    __atomic_load_n(&record->changes, __ATOMIC_SEQ_CST) !=
		queue->changes)
		return;
	if (before != UNCOUNTED)
		after--;
	if (left < after)
		after = (uint16_t)left;
	/* If another thread took one, too: there is some to spare. */
	(void)__atomic_compare_exchange_n(&record->waiting, &before, after,
	    false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}
