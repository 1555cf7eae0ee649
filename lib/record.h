/* SPDX-License-Identifier: ISC */
/*
 * record: what was last done to the socket of a descriptor: the rule that was
 * set on it, and the options that the program itself set. A socket that
 * connects again, under another rule, needs both: nothing of the first rule
 * may stay on it.
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

#include "keepalive.h"

#define RECORD_FDS     4096
#define RECORD_NO_RULE (-1)

/* Forgets all of fd: it is a new socket. */
void record_clear(int fd);

/* The rule that was last set on fd, or RECORD_NO_RULE. */
int record_rule(int fd);
void record_set_rule(int fd, int rule);

/* What the program set itself; for a new socket, nothing. */
void record_program(int fd, enum keepalive_option option, int32_t value);
struct keepalive record_of_program(int fd);

#endif
