/* SPDX-License-Identifier: ISC */
/*
 * inherit: ends the inheritance of LD_PRELOAD, for the key inherit.
 */
#ifndef KASHIM_INHERIT_H
#define KASHIM_INHERIT_H

/*
 * Takes the entries of LD_PRELOAD that name library, by the last part of its
 * path, out of the environment, so that what the host starts is not preloaded
 * by us. In place: there must be no malloc. For start-up.
 */
void inherit_stop(const char *library);

#endif
