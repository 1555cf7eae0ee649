/* SPDX-License-Identifier: ISC */
/*
 * missed: names, on stdout, the rules that were passed over only because
 * something about the connection is not known.
 */
#ifndef KASHIM_MISSED_H
#define KASHIM_MISSED_H

#include <stdbool.h>
#include <stdint.h>

#include "image/image.h"
#include "image/match.h"

/*
 * Prints a note for each rule before number end that would match query if its
 * source were known, or the program. groups is that of match_groups(), and
 * program_known whether it was given any name.
 */
void missed_rules(const struct image *image, const struct match_groups *groups,
    const struct match_query *query, bool program_known, uint32_t end);

#endif
