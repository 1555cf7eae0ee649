/* SPDX-License-Identifier: ISC */
/*
 * telltale: what the library says in its own memory about the policy of its
 * program, for the command, which finds it there by its first bytes. Fixed in
 * width and order: the command may be of another word size.
 */
#ifndef KASHIM_TELLTALE_H
#define KASHIM_TELLTALE_H

#include <stdint.h>

#define TELLTALE_SIZE 16
/* Two parts, so that the command does not find it in itself. */
#define TELLTALE_FIRST  "kashim\1tell"
#define TELLTALE_SECOND "tale"

/* What the process went by when it had started. */
enum telltale_start {
	TELLTALE_NOTHING = 0,   /* no policy, or none that concerns it */
	TELLTALE_TEXT = 1,      /* its own reading of the text */
	TELLTALE_COMPILED = 2,  /* a copy of the compiled image */
	TELLTALE_PUBLISHED = 3, /* what is published */
};

struct telltale {
	char magic[TELLTALE_SIZE]; /* both parts, and the end of the text */
	uint64_t shared; /* where shared_header is mapped, 0: it is not */
	uint32_t start;  /* enum telltale_start */
	/* If 1, it goes by what it started with while this generation lasts. */
	uint32_t passes;
	uint32_t passed;
	uint32_t zero;
};

#endif
