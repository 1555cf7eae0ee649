/* SPDX-License-Identifier: ISC */
/*
 * arena: the memory of the private parser object. It defines malloc(3) and
 * what goes with it, for the object and for the libconfuse behind it, out of
 * memory of its own, all of which is given back at once.
 *
 * Why: the object is loaded with RTLD_DEEPBIND, so the malloc of a host that
 * replaced it would not reach libconfuse, but would reach the strdup(3) inside
 * the C library; memory would come from one and go to the other. Not for any
 * other object: whoever links this has its malloc replaced.
 *
 * One thread at a time. Memory that is asked for beyond 512 MiB is refused
 * with ENOMEM.
 */
#ifndef KASHIM_ARENA_H
#define KASHIM_ARENA_H

/* Gives all memory back that malloc() and the others handed out. */
void arena_release(void);

#endif
