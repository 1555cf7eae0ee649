/* SPDX-License-Identifier: ISC */
/*
 * probe_signals: signals that end a wait (probe_signals.h).
 */
#include "probe/probe_signals.h"

#include <stddef.h>

static volatile sig_atomic_t came;

static void
note(int signal)
{
	(void)signal;
	came = 1;
}

void
signals_block(sigset_t *waiting)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	sigset_t blocked;

	sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		struct sigaction action;

		/* As nohup(1) leaves SIGHUP. */
		if (sigaction(signals[i], NULL, &action) == 0 &&
		    action.sa_handler == SIG_IGN)
			continue;
		action = (struct sigaction){.sa_handler = note};
		sigaction(signals[i], &action, NULL);
		sigaddset(&blocked, signals[i]);
	}
	sigprocmask(SIG_BLOCK, &blocked, waiting);
}

bool
signals_came(void)
{
	return came != 0;
}
