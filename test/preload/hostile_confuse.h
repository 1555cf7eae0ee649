/* SPDX-License-Identifier: ISC */
/* What lib_hostile_confuse.c parsed with libconfuse before our start-up. */
#ifndef KASHIM_TEST_HOSTILE_CONFUSE_H
#define KASHIM_TEST_HOSTILE_CONFUSE_H

#include <confuse.h>

extern cfg_t *confuse_parsed;    /* still alive */
extern int confuse_connected;    /* result of connect() amid the parse */
extern char *confuse_own_string; /* what the parse stored in a variable */

/* Parses text; NULL if it can't be. Connects at each value of "connect". */
cfg_t *confuse_parse(const char *text);

#endif
