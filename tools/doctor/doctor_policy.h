/* SPDX-License-Identifier: ISC */
/*
 * doctor_policy: the configuration as a program would read it.
 */
#ifndef KASHIM_DOCTOR_POLICY_H
#define KASHIM_DOCTOR_POLICY_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "advice/compiled.h"
#include "config/config.h"
#include "doctor/findings.h"
#include "doctor/place.h"
#include "doctor/target.h"
#include "image/source.h"

/* The configuration as the program would read it. */
struct doctor_policy {
	int look_error; /* 0, or -errno: it could not be looked at so */
	enum source_kind source;
	uint32_t generation; /* if it is published */
	int error;           /* 0, or -errno of what was read last */
	char message[CONFIG_MESSAGE_MAX];
	/* The parser object that is missing, "" if none or not needed. */
	char parser[PATH_MAX];
	char complaint[COMPILED_TEXT_MAX]; /* of compiled.h, or "" */
	bool no_inherit;
	bool concerned; /* a rule can match the program */
	uint32_t rules;
	struct timespec changed; /* the latest change of its files */
};

/*
 * Reads the configuration as the program would, in its place, with its user's
 * rights.
 */
void doctor_policy_read(const struct place *place,
    const struct doctor_target *target, struct doctor_policy *policy);

/* Says what comes of it. */
void doctor_policy_check(const struct place *place,
    const struct doctor_target *target, const struct doctor_policy *policy,
    struct findings *findings);

#endif
