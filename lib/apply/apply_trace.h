/* SPDX-License-Identifier: ISC */
/*
 * apply_trace: what apply decided for a socket, in words, for the
 * administrator who asked for a trace. Async-signal-safe; preserves errno.
 */
#ifndef KASHIM_APPLY_TRACE_H
#define KASHIM_APPLY_TRACE_H

#include "apply/apply.h"

/*
 * Appends a line to apply's trace file: the call that was made on fd,
 * the connection (query may be NULL: any), the rule (NULL: none) and error,
 * what setting its options came to: 0 or -errno.
 */
void apply_trace(const struct apply *apply, const char *call, int fd,
    const struct match_query *query, const struct image_rule *rule, int error);

#endif
