/* SPDX-License-Identifier: ISC */
/*
 * policy_start: finds the policy when the program starts. For policy alone.
 */
#ifndef KASHIM_POLICY_START_H
#define KASHIM_POLICY_START_H

#include "base/trace.h"
#include "image/shared.h"
#include "shim/program.h"

/* What start-up found. It does not change after that. */
struct start {
	struct shared shared; /* header is NULL if nothing was published */
	/*
	 * As long as this generation is in force, the process goes by its own
	 * image: the configuration was changed, and not published, before it
	 * started. Without an image of its own it then has no policy.
	 */
	bool passes;
	uint32_t passed;
	uint32_t first;   /* generation that it started with, 0: its own */
	struct image own; /* bytes is NULL if there is none */
	struct program program;
	const char *names[2];
	char trace_path[TRACE_PATH_MAX];
};

/*
 * Reads the policy as policy.h says, says why if it can't, and tells the
 * command (status_note.h). Returns NULL if there is none, and none can come. To
 * be called once; "make audit" knows it as where start-up begins.
 */
const struct start *policy_read(char *const *argv);

#endif
