/* SPDX-License-Identifier: ISC */
/*
 * supervise_apart: makes a process that was forked from the program-to-be one
 * that has nothing of the program's.
 */
#ifndef KASHIM_SUPERVISE_APART_H
#define KASHIM_SUPERVISE_APART_H

#include <sys/types.h>

/*
 * For a new process: gives it a session of its own, no directory, no
 * descriptors but those in keep, of count (-1: none), and dispositions of
 * signals that let nobody end it but with SIGKILL; no other user may look
 * into it; and ps(1) shows it as "kashim-watch: PROGRAM".
 *
 * With a short command line, no environment, or without /proc, it shows less
 * of that: never another number.
 */
void supervise_apart(const int *keep, int count, pid_t program);

#endif
