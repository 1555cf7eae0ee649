/* SPDX-License-Identifier: ISC */
/*
 * cmd_run: what the two files of kashim run share.
 */
#ifndef KASHIM_CMD_RUN_H
#define KASHIM_CMD_RUN_H

#include <limits.h>
#include <stdbool.h>

#include "config/in_force.h"
#include "doctor/doctor.h"

enum way {
	WAY_CHOOSE,
	WAY_PRELOAD,
	WAY_SUPERVISE,
};

/* One run, from the arguments to the exec. */
struct run {
	char **argv; /* of the program */
	const char *program;
	char config[PATH_MAX];
	int trace_fd;    /* -1: no trace is asked for */
	bool trace_here; /* it is, and no file for it */
	char library[PATH_MAX];
	bool strict;
	enum way way;
	bool way_asked; /* and not chosen by us */
	struct in_force force;
	struct findings findings;
	/* Why the preload has no effect; NULL if it has. */
	const struct finding *obstacle;
	/* Why that can't be told; NULL if it can. */
	const struct finding *doubt;
};

static inline bool
run_has_rules(const struct run *run)
{
	return run->force.source.kind != SOURCE_NOTHING;
}

/*
 * Something keeps the rules, or what is asked for, from this program, and a
 * message has said what. Returns CMD_DONE if it is to run all the same.
 */
int run_go_without(const struct run *run, const char *what);

/*
 * Does the kernel set exactly these rules on all connections of the program,
 * if it is started from here (kashim attach)? Then where says for which control
 * group. cmd_run_kernel.c
 */
bool run_is_reached(const struct run *run, char where[PATH_MAX]);

/*
 * Chooses the way, if none was asked for, and goes it as far as the exec.
 * Returns CMD_DONE, or another status after a message.
 */
int run_prepare(struct run *run);

#endif
