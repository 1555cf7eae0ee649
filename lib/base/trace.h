/* SPDX-License-Identifier: ISC */
/*
 * trace: one line of text, formatted on the stack and written with system
 * calls, to the system log or to the file that the administrator asked for.
 *
 * No stdio, no allocation, no lock, no descriptor kept, no cancellation
 * point; nothing is ever written to descriptor 2. Every function here is
 * async-signal-safe and preserves errno. What can't be written is dropped.
 */
#ifndef KASHIM_TRACE_H
#define KASHIM_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TRACE_LINE_MAX 640
#define TRACE_PATH_MAX 1024 /* of the name of a trace file */

/* A line in the making. What does not fit is cut off. */
struct trace_line {
	size_t len;
	char text[TRACE_LINE_MAX];
};

/* Starts a line with "kashim[PID]: ", as the system log has it. */
void trace_start(struct trace_line *line, pid_t pid);

void trace_text(struct trace_line *line, const char *text);
void trace_number(struct trace_line *line, int64_t number);

enum trace_refusal {
	TRACE_TAKEN,
	TRACE_NOT_OPENED,    /* see errno */
	TRACE_NO_FILE,       /* not a regular file */
	TRACE_NOT_TRUSTED,   /* see trust.h; or it has two names */
	TRACE_SOMETHING_ELSE /* what is in it is no trace */
};

/*
 * Opens a trace file. The environment that names it may be that of a user
 * with less rights than the program has now, so what is appended to is a
 * regular file of root's or of the effective user's that others cannot write,
 * with one name, and that is empty or begins as a trace does. No symbolic link
 * is followed. If may_make is set, a file that is not there is made, mode 0600.
 */
enum trace_refusal trace_open(const char *path, bool may_make, int *fd);

/* In words, without a verb; NULL for the first two. */
const char *trace_refusal_text(enum trace_refusal refusal);

/* May this process make a trace file? Not root: it was named by anybody. */
bool trace_may_make(void);

/*
 * Ends the line and appends it to the file at path, which is opened and
 * closed for it, and made only if trace_may_make() says so.
 */
void trace_to_file(struct trace_line *line, const char *path);

/* Ends the line and writes it to a file that is open. */
void trace_to_descriptor(struct trace_line *line, int fd);

/*
 * Sends the line to the system log, as facility daemon, severity warning
 * (RFC 3164), through /dev/log. Never waits.
 */
void trace_to_log(struct trace_line *line);

#endif
