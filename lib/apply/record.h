/* SPDX-License-Identifier: ISC */
/*
 * record: what was last done to the socket of a descriptor: the rule that was
 * looked up for it, the options that were set by it, and those that the
 * program itself set. A socket that connects again, under another rule, needs
 * all: nothing of the first rule may stay on it. And whether it was made as
 * one that is none of our business, so that the kernel need not be asked.
 *
 * A record is a hint and no more. A descriptor may be closed and come back as
 * another socket by ways that nobody sees, so whoever uses a record asks the
 * kernel first whether it still fits. Descriptors from RECORD_FDS on have no
 * record.
 *
 * The table is static and takes no memory until it is used. All functions are
 * async-signal-safe; none is meant to be right for one descriptor used by two
 * threads at once.
 */
#ifndef KASHIM_RECORD_H
#define KASHIM_RECORD_H

#include <stdbool.h>

#include "base/keepalive.h"
#include "image/match.h"

#define RECORD_FDS 2048

/*
 * The fields, with what a new socket has there (RECORD_ZERO, or RECORD_ANY if
 * that is not looked at), and what a connection gets that was accepted: the
 * same as the listener (RECORD_SAME), or what a new socket has.
 *
 * decided: generation + 1; 0: nothing was looked up
 * rule: if decided
 * ours, program: what a rule set, and what the program did
 * other: see record_set_other(); 0: not noted
 * changes, waiting: of a listener: record_begin_change(), record_set_queue()
 * made: see record_set_made()
 * accepts: of a listener: record_set_accepts(), a number, or
 * record_set_gives(), RECORD_GIVES; of what the first accepted and has all as
 * it was then: the same number, with RECORD_ACCEPTED
 */
#define RECORD_FIELDS(NUMBER, OPTIONS)                      \
	NUMBER(uint32_t, decided, RECORD_ZERO, RECORD_SAME) \
	NUMBER(int, rule, RECORD_ANY, RECORD_SAME)          \
	OPTIONS(ours, RECORD_ZERO, RECORD_SAME)             \
	OPTIONS(program, RECORD_ZERO, RECORD_ZERO)          \
	NUMBER(uint16_t, other, RECORD_ZERO, RECORD_ZERO)   \
	NUMBER(uint8_t, changes, RECORD_ANY, RECORD_ANY)    \
	NUMBER(uint8_t, made, RECORD_ANY, RECORD_ANY)       \
	NUMBER(uint16_t, waiting, RECORD_ZERO, RECORD_ZERO) \
	NUMBER(uint16_t, accepts, RECORD_ZERO, RECORD_ANY)

#define RECORD_GIVES    0x4000u
#define RECORD_ACCEPTED 0x8000u

enum record_has {
	RECORD_ANY,
	RECORD_ZERO,
	RECORD_SAME,
};

#define RECORD_NUMBER(type, name, fresh, accepted) type name;
#define RECORD_OPTIONS(name, fresh, accepted)      struct keepalive name;
struct record {
	RECORD_FIELDS(RECORD_NUMBER, RECORD_OPTIONS)
};
#undef RECORD_NUMBER
#undef RECORD_OPTIONS

/* The whole record, for who keeps records of sockets elsewhere. */
struct record record_get(int fd);
void record_put(int fd, const struct record *record);

/* Is there a record for this descriptor at all? */
static inline bool
record_has_room(int fd)
{
	return fd >= 0 && fd < RECORD_FDS;
}

/* The table; for the functions here. */
extern struct record record_table[RECORD_FDS];

#define RECORD_GET(field) __atomic_load_n(&(field), __ATOMIC_RELAXED)

/* Forgets all of fd: it is a new socket. */
void record_clear(int fd);

/* Is nothing noted of fd? False if there is no room for it. */
static inline bool
record_is_clear(int fd)
{
	const struct record *record = record_table;

	if (!record_has_room(fd))
		return false;
	record += fd;
#define RECORD_NUMBER(type, name, fresh, accepted)                   \
	if ((fresh) == RECORD_ZERO && RECORD_GET(record->name) != 0) \
		return false;
#define RECORD_OPTIONS(name, fresh, accepted) \
	RECORD_NUMBER(, name.set, fresh, accepted)
	RECORD_FIELDS(RECORD_NUMBER, RECORD_OPTIONS)
#undef RECORD_NUMBER
#undef RECORD_OPTIONS
	return true;
}

/*
 * The rule that was last found for fd, or MATCH_NONE; also if that was in
 * a policy of another generation, since its numbers say nothing in this one.
 */
int record_rule(int fd, uint32_t generation);

/* In which policy that was: its generation + 1, or 0. */
static inline uint32_t
record_decided_in(int fd)
{
	return record_has_room(fd) ? RECORD_GET(record_table[fd].decided) : 0;
}

/* Was a rule, or that there is none, found for fd in this policy? */
bool record_decided(int fd, uint32_t generation);

/* Notes that rule was found, maybe MATCH_NONE, and what was set by it. */
void record_decide(
    int fd, uint32_t generation, int rule, const struct keepalive *ours);

/*
 * Notes that what was just decided for fd holds for all that it accepts, too:
 * it is a listener, or no other rule is possible. Until the next decision.
 */
void record_set_accepts(int fd);

/* Is that noted, in this policy? Its number, or 0. */
static inline uint16_t
record_accepts(int fd, uint32_t generation)
{
	uint16_t number;

	if (!record_has_room(fd))
		return 0;
	/* cppcheck-suppress arrayIndexOutOfBounds */
	if (RECORD_GET(record_table[fd].decided) != generation + 1)
		return 0;
	number = RECORD_GET(record_table[fd].accepts);
	return number < RECORD_GIVES ? number : 0;
}

/*
 * Notes that the rule that was just decided for fd, which listens, is not for
 * all that it accepts, although all get it from there. Until the next decision.
 */
void record_set_gives(int fd);

/*
 * That rule, if it was decided in this policy, maybe MATCH_NONE; MATCH_DEPENDS
 * if there is no such note.
 */
static inline int
record_gives(int fd, uint32_t generation)
{
	return record_decided_in(fd) == generation + 1 && record_has_room(fd) &&
	               RECORD_GET(record_table[fd].accepts) == RECORD_GIVES
	           ? RECORD_GET(record_table[fd].rule)
	           : MATCH_DEPENDS;
}

/* Notes for fd, just accepted on listener, what is noted for that. */
void record_inherit(int fd, int listener);

/*
 * Is that noted already, of a listener with that number of record_accepts()? So
 * it is if fd had another connection of that listener before. There are 16,383
 * numbers.
 */
static inline bool
record_has_inherited(int fd, uint16_t number)
{
	if (!record_has_room(fd))
		return false;
	/* cppcheck-suppress [arrayIndexOutOfBounds, negativeIndex] */
	return RECORD_GET(record_table[fd].accepts) ==
	       (number | RECORD_ACCEPTED);
}

/* What was set on fd by a rule, of whatever policy; for a new socket, nothing.
 */
struct keepalive record_of_rule(int fd);

/* Adds an option to these. */
void record_add_of_rule(int fd, enum keepalive_option option, int32_t value);

/* What the program set itself; for a new socket, nothing. */
void record_program(int fd, enum keepalive_option option, int32_t value);
struct keepalive record_of_program(int fd);

/*
 * Notes that fd was made as a socket that is not TCP, while this policy was in
 * force. record_take_other() says whether that is noted, and forgets it: the
 * number may come back as another socket unseen, and only one connection of
 * that may be taken for one that is none of our business.
 */
void record_set_other(int fd, uint32_t generation);

/* A generation in few bits, and never 0. */
static inline uint16_t
record_other_in(uint32_t generation)
{
	return (uint16_t)(generation % UINT16_MAX + 1);
}

static inline bool
record_take_other(int fd, uint32_t generation)
{
	uint16_t other;

	if (!record_has_room(fd))
		return false;
	/* cppcheck-suppress [arrayIndexOutOfBounds, negativeIndex] */
	other = RECORD_GET(record_table[fd].other);
	if (__builtin_expect(other == 0, 1))
		return false;
	__atomic_store_n(&record_table[fd].other, 0, __ATOMIC_RELAXED);
	return other == record_other_in(generation);
}

/*
 * Around a change of a listener's options: both say that the queue is old
 * (record_set_queue()). Several threads may be at it at the same time, by
 * policies of two generations. The first call returns a number for the second
 * one, which forgets what was decided if another thread was at it, too: what
 * the listener has then is anybody's guess.
 */
uint8_t record_begin_change(int fd);
void record_end_change(int fd, uint8_t number);

/*
 * Notes whether fd came from socket(2) of this program: then it does not listen
 * before the program says so.
 */
void record_set_made(int fd, bool made);

/*
 * Forgets all of fd, which socket(2) of this program just gave, and notes that;
 * and, if other is true, what record_set_other() does.
 */
void record_new(int fd, bool other, uint32_t generation);

static inline bool
record_is_made(int fd)
{
	/* cppcheck-suppress arrayIndexOutOfBounds */
	return record_has_room(fd) && RECORD_GET(record_table[fd].made) != 0;
}

/*
 * Notes that connections which wait in the listener's queue may have what it
 * had before. How many they are, is not known.
 */
void record_set_queue(int fd);

/* The same, and that there is no end of them. */
void record_set_endless(int fd);

#define RECORD_ENDLESS UINT16_MAX

static inline bool
record_is_endless(int fd)
{
	return record_has_room(fd) &&
	       RECORD_GET(record_table[fd].waiting) == RECORD_ENDLESS;
}

/* May the next one that is accepted be from before? */
static inline bool
record_has_queued(int fd)
{
	return __builtin_expect(record_has_room(fd), 1) &&
	       RECORD_GET(record_table[fd].waiting) != 0;
}

/*
 * One was accepted, and no more than left are. What is noted of the queue has
 * to be asked for first, and then the kernel: if the options were changed in
 * between, nothing comes of it.
 */
struct record_queue {
	uint8_t changes;
	uint16_t waiting;
};
struct record_queue record_queue(int fd);
void
record_take_queued(int fd, const struct record_queue *queue, uint32_t left);

#endif
