/* SPDX-License-Identifier: ISC */
/* What the constructor of lib_early.c saw, before ours had run. */
#ifndef KASHIM_TEST_EARLY_H
#define KASHIM_TEST_EARLY_H

extern int early_fd;     /* connected by the constructor */
extern int early_errno;  /* as connect() left it; 4321 before */
extern int early_result; /* of connect() */

#endif
