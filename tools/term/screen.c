/* SPDX-License-Identifier: ISC */
/*
 * screen: the whole terminal, given back as it was.
 */
#include "term/screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "term/terminal.h"

/* The alternate screen, no cursor, no wrapping; and back. */
#define ENTER "\033[?1049h\033[?25l\033[?7l"
#define LEAVE "\033[?7h\033[?25h\033[?1049l"
#define HOME  "\033[H"
/* The end of each line erases what an earlier, longer one left. */
#define END_OF_LINE   "\033[K"
#define END_OF_SCREEN "\033[J"

static struct {
	int signals; /* signalfd */
	sigset_t mask_before;
	bool keys; /* stdin is a terminal */
	struct termios settings;
} screen;

static const int CAUGHT[] = {
    SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH};

/* Returns 0 or -errno. */
static int
write_all(const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = write(STDOUT_FILENO, bytes, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		length -= (size_t)n;
	}
	return 0;
}

static int
enter(void)
{
	if (screen.keys) {
		struct termios settings = screen.settings;

		settings.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		settings.c_cc[VMIN] = 1;
		settings.c_cc[VTIME] = 0;
		if (tcsetattr(STDIN_FILENO, TCSADRAIN, &settings) != 0)
			return -errno;
	}
	return write_all(ENTER, strlen(ENTER));
}

static void
leave(void)
{
	/* If the terminal is gone, there is nothing to give back. */
	(void)write_all(LEAVE, strlen(LEAVE));
	if (screen.keys)
		/* What was typed in the meantime was not for the shell. */
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &screen.settings);
}

int
screen_open(void)
{
	sigset_t caught;
	int error;

	sigemptyset(&caught);
	for (size_t i = 0; i < sizeof(CAUGHT) / sizeof(CAUGHT[0]); i++)
		sigaddset(&caught, CAUGHT[i]);
	screen.keys = isatty(STDIN_FILENO) &&
	              tcgetattr(STDIN_FILENO, &screen.settings) == 0;
	screen.signals = signalfd(-1, &caught, SFD_CLOEXEC | SFD_NONBLOCK);
	if (screen.signals < 0)
		return -errno;
	sigprocmask(SIG_BLOCK, &caught, &screen.mask_before);
	fflush(stdout);
	error = enter();
	if (error)
		screen_close();
	return error;
}

void
screen_close(void)
{
	leave();
	close(screen.signals);
	/* A signal that came since the last screen_wait() acts now. */
	sigprocmask(SIG_SETMASK, &screen.mask_before, NULL);
}

int
screen_draw(const char *text)
{
	unsigned int rows = terminal_rows(stdout);
	char *frame = NULL;
	size_t length = 0;
	FILE *stream = open_memstream(&frame, &length);
	int error;

	if (!stream)
		return -errno;
	fputs(HOME, stream);
	for (unsigned int row = 0; row < rows && *text; row++) {
		size_t line = strcspn(text, "\n");

		if (row > 0)
			fputc('\n', stream);
		fwrite(text, 1, line, stream);
		fputs(END_OF_LINE, stream);
		text += line + (text[line] == '\n');
	}
	fputs(END_OF_SCREEN, stream);
	error = fclose(stream) == 0 ? write_all(frame, length) : -errno;
	free(frame);
	return error;
}

/* As a shell expects it of a program that has the whole terminal. */
static enum screen_event
stop(void)
{
	sigset_t stopped;

	leave();
	sigemptyset(&stopped);
	sigaddset(&stopped, SIGTSTP);
	raise(SIGTSTP);
	/* Here it stops, until it is continued. */
	sigprocmask(SIG_UNBLOCK, &stopped, NULL);
	sigprocmask(SIG_BLOCK, &stopped, NULL);
	return enter() == 0 ? SCREEN_RESIZED : SCREEN_QUIT;
}

/* What the signals mean that have come: SCREEN_TIME if nothing. */
static enum screen_event
take_signals(void)
{
	enum screen_event event = SCREEN_TIME;
	struct signalfd_siginfo info;

	while (read(screen.signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGWINCH)
			event = SCREEN_RESIZED;
		else if (info.ssi_signo == SIGTSTP)
			event = stop();
		else
			event = SCREEN_QUIT;
		if (event == SCREEN_QUIT)
			break;
	}
	return event;
}

/* The same for keys. Nobody is there any more: that ends it, too. */
static enum screen_event
take_keys(void)
{
	char key[64];
	ssize_t n = read(STDIN_FILENO, key, sizeof(key));

	if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
		return SCREEN_QUIT;
	for (ssize_t i = 0; i < n; i++)
		if (key[i] == 'q' || key[i] == 'Q')
			return SCREEN_QUIT;
	return SCREEN_TIME;
}

enum screen_event
screen_wait(int timeout_ms)
{
	int64_t end = clock_ms() + timeout_ms;
	struct pollfd fds[2] = {
	    {.fd = screen.signals, .events = POLLIN},
	    {.fd = screen.keys ? STDIN_FILENO : -1, .events = POLLIN},
	};

	for (;;) {
		enum screen_event event = SCREEN_TIME;
		int64_t left = end - clock_ms();
		int ready = poll(fds, 2, left > 0 ? (int)left : 0);

		if (ready > 0 && fds[0].revents)
			event = take_signals();
		if (ready > 0 && event == SCREEN_TIME && fds[1].revents)
			event = take_keys();
		if (event != SCREEN_TIME)
			return event;
		/* Also with no time left, what was there was looked at. */
		if (left <= 0)
			return SCREEN_TIME;
	}
}
