/* SPDX-License-Identifier: ISC */
/*
 * lateness: how late a timer of the kernel may run out. Since Linux 4.8 timers
 * lie in a wheel of levels, each with slots of eight times the length of those
 * below, and run out at the end of their slot: the longer the time, the later,
 * by up to about an eighth (kernel/time/timer.c, LVL_GRAN() and calc_index()).
 * Keepalive is such a timer (tcp_reset_keepalive_timer() in
 * net/ipv4/tcp_timer.c).
 */
#ifndef KASHIM_LATENESS_H
#define KASHIM_LATENESS_H

#include <stdint.h>

/*
 * The most milliseconds that a timer of time_ms runs out late on a kernel with
 * CONFIG_HZ = hz; with hz 0, on the worst for it of those that distributions
 * build: 100, 250, 300 and 1000.
 */
int64_t lateness_ms(unsigned int hz, int64_t time_ms);

/*
 * CONFIG_HZ of this kernel: the resolution of a coarse clock is one tick
 * (clock_getres(2)). 0 if that is not told.
 */
unsigned int lateness_hz(void);

#endif
