/* SPDX-License-Identifier: ISC */
/*
 * generation: which policy another process goes by. It reads that process's
 * memory, and neither stops nor changes it, nor is held up by it (look.h).
 */
#ifndef KASHIM_GENERATION_H
#define KASHIM_GENERATION_H

#include "host/process.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum generation_source {
	GENERATION_NOTHING,   /* no policy, or none that concerns it */
	GENERATION_TEXT,      /* it read the text itself, when it started */
	GENERATION_COMPILED,  /* it read the compiled image then */
	GENERATION_PUBLISHED, /* what "kashim reload" published */
};

struct generation {
	enum generation_source source;
	uint32_t number; /* if published: its number, else 0 */
	bool follows;    /* it will go by what is published next */
	/*
	 * If it has a published policy mapped: the number that is in force in
	 * the file of that name now; 0 if that can't be read, or is not to be
	 * believed (trust.h). If it is another file (another inode), the
	 * process can't follow any more.
	 */
	uint32_t newest;
	char path[4096]; /* that file, as the process sees it; "" if none */
};

/*
 * Looks at a process. Returns 0; -ENOENT if libkashim.so is not in it; -EPROTO
 * if it is of another version; -EPERM or -EACCES without the permission to look
 * (ptrace(2), PTRACE_MODE_ATTACH); -ETIMEDOUT if it does not answer, or is not
 * asked (look.h); -ESRCH; -errno.
 */
int
generation_read(const struct process *process, struct generation *generation);

/*
 * Says it in words, without a full stop: "policy generation 7", "policy
 * generation 6, not 7, which is in force: start it again". text has room for
 * size bytes.
 */
void
generation_format(const struct generation *generation, char *text, size_t size);

#endif
