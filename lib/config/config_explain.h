/* SPDX-License-Identifier: ISC */
/*
 * config_explain: libconfuse's messages, in the words of an administrator.
 */
#ifndef KASHIM_CONFIG_EXPLAIN_H
#define KASHIM_CONFIG_EXPLAIN_H

#include <stdarg.h>
#include <stdbool.h>

#include "config/config_key.h"
#include "config/config_report.h"

/* What the parser was doing. */
struct config_context {
	struct config_place at;
	bool top;               /* not in a rule */
	uint32_t rule_line;     /* else that rule's */
	uint32_t open_line;     /* of a { that is never closed, or 0 */
	enum config_key wanted; /* its value comes next, or KEYS */
	enum config_key last;   /* took a value last, or KEYS */
	struct config_place last_at;
};

/*
 * Reports a message of libconfuse, known by its format, saying what would be
 * right. One that is not known, such as a translation, is passed on.
 */
__attribute__((format(printf, 3, 0))) void
config_explain(struct config_report *report,
    const struct config_context *context, const char *format, va_list args);

#endif
