/* SPDX-License-Identifier: ISC */
/*
 * screen: the whole terminal, for a picture that is drawn again and again in
 * the same place, by the control sequences of ECMA-48 and xterm that every
 * terminal of today has. It owns the terminal's settings and the process's
 * signals from screen_open() to screen_close(). There is one screen.
 */
#ifndef KASHIM_SCREEN_H
#define KASHIM_SCREEN_H

enum screen_event {
	SCREEN_TIME,    /* the time is over */
	SCREEN_RESIZED, /* the window has another size, or is shown again */
	SCREEN_QUIT,    /* q, or a signal that ends a process */
};

/*
 * Takes the terminal at stdout, which has to be one that draws (terminal.h):
 * its alternate screen, without cursor and wrapping of lines; and if stdin is
 * a terminal, its keys, unechoed. SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP
 * and SIGWINCH are blocked and come as events; stopping and continuing is
 * done here.
 * Returns 0, or -errno, and everything is as before.
 */
int screen_open(void);

/*
 * Shows text, lines that end with a newline, from the upper left corner on;
 * only as many as the window has rows. Longer lines are cut by the terminal.
 * What was there before is overwritten or erased, with one write(2).
 * Returns 0 or -errno: the terminal is gone.
 */
int screen_draw(const char *text);

/* Waits for an event, for SCREEN_TIME at most timeout_ms. */
enum screen_event screen_wait(int timeout_ms);

/* Gives the terminal and the signals back as they were. */
void screen_close(void);

#endif
