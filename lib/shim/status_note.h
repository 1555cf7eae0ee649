/* SPDX-License-Identifier: ISC */
/*
 * status_note: what the library says in its own memory about the policy of its
 * program, for the command, which finds it there by its first bytes. Fixed in
 * width and order: the command may be of another word size.
 */
#ifndef KASHIM_STATUS_NOTE_H
#define KASHIM_STATUS_NOTE_H

#include <stdint.h>

#define STATUS_NOTE_SIZE 16
/* Two parts, so that the command does not find it in itself. */
#define STATUS_NOTE_FIRST  "kashim\1tell"
#define STATUS_NOTE_SECOND "tale"

/* What the process went by when it had started. */
enum status_note_start {
	STATUS_NOTE_NOTHING = 0,   /* no policy, or none that concerns it */
	STATUS_NOTE_TEXT = 1,      /* its own reading of the text */
	STATUS_NOTE_COMPILED = 2,  /* a copy of the compiled image */
	STATUS_NOTE_PUBLISHED = 3, /* what is published */
};

struct status_note {
	char magic[STATUS_NOTE_SIZE]; /* both parts, and the end of the text */
	uint64_t shared; /* where shared_header is mapped, 0: it is not */
	uint32_t start;  /* enum status_note_start */
	/* If 1, it goes by what it started with while this generation lasts. */
	uint32_t passes;
	uint32_t passed;
	uint32_t zero;
};

#endif
