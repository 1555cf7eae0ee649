/* SPDX-License-Identifier: ISC */
/*
 * probe_report: a result of probe.h, for people and for programs.
 */
#ifndef KASHIM_PROBE_REPORT_H
#define KASHIM_PROBE_REPORT_H

#include <stdio.h>

#include "probe/probe.h"
#include "probe/probe_rule.h"

/* host is as it was given; it and again are harmless (text.h). */
struct report {
	const struct probe_result *result;
	const char *host;
	const char *again; /* the command that goes on after an interruption */
	/* The rule that it was measured for; rule_name is NULL if none was. */
	const char *rule_name;
	uint32_t timeout_s; /* its firewall-timeout, 0 if it has none */
	enum rule_fit fit;
};

/* In lines of so many columns. */
void report_text(FILE *out, const struct report *report, unsigned int columns);

/* One object. Returns 0, or -ENOMEM. */
int report_json(FILE *out, const struct report *report);

/* "5min": seconds as a value of the configuration. Returns text. */
#define REPORT_VALUE_MAX 16
const char *report_value(uint32_t seconds, char text[REPORT_VALUE_MAX]);

/*
 * The firewall-timeout to advise, in seconds; 0 if there is none, because
 * nothing is known, or it would be shorter than one can be.
 */
uint32_t report_advice_s(const struct probe_result *result);

#endif
