/* SPDX-License-Identifier: ISC */
/*
 * explain: says in words, on stdout, what a rule does to a connection. It
 * decides nothing and changes nothing.
 */
#ifndef KASHIM_EXPLAIN_H
#define KASHIM_EXPLAIN_H

#include <stdint.h>

#include "image/image.h"

/*
 * Prints rule number index of a checked image: its place, each option with
 * the place that its value came from, and when probes go out. What the rule
 * leaves open is read from this host's net.ipv4.tcp_keepalive_* (tcp(7)).
 */
void explain_rule(const struct image *image, uint32_t index);

#endif
