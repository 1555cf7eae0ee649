/* SPDX-License-Identifier: ISC */
/*
 * status_summary: what the connections add up to, and what stayed hidden, in
 * words.
 */
#include <unistd.h>

#include "status/status.h"
#include "term/terminal.h"

static const struct {
	enum live_verdict verdict;
	enum terminal_colour colour;
} ORDER[] = {
    {LIVE_OK, TERMINAL_GOOD},
    {LIVE_OFF, TERMINAL_BAD},
    {LIVE_DIFFERS, TERMINAL_WARN},
    {LIVE_UNKNOWN, TERMINAL_WARN},
    {LIVE_NO_RULE, TERMINAL_FAINT},
};

static void
print_verdicts(FILE *out, const struct status *status, bool coloured)
{
	const char *separator = ": ";

	for (size_t i = 0; i < sizeof(ORDER) / sizeof(ORDER[0]); i++) {
		size_t count = status->verdicts[ORDER[i].verdict];

		if (count == 0)
			continue;
		fprintf(out, "%s%s%zu %s%s", separator,
		    terminal_sequence(coloured, ORDER[i].colour), count,
		    live_verdict_name(ORDER[i].verdict),
		    terminal_sequence(coloured, TERMINAL_PLAIN));
		separator = ", ";
	}
}

/* "3 processes", "1 process". */
static void
print_count(FILE *out, const char *before, size_t count, const char *what,
    const char *more)
{
	fprintf(out, "%s%zu %s%s", before, count, what, count == 1 ? "" : more);
}

/* What could not be looked at, and what to do. */
static void
print_hidden(FILE *out, const struct status *status, const char *prefix)
{
	const struct live *live = status->live;

	if (live->closed_count > 0)
		print_count(out, prefix, live->closed_count, "process", "es");
	if (live->hidden_nets > 0)
		print_count(out, live->closed_count > 0 ? " and " : prefix,
		    live->hidden_nets, "network namespace", "s");
	if (live->closed_count > 0 || live->hidden_nets > 0)
		fputs(" could not be looked into", out);
	else if (geteuid() != 0 && status->verdicts[LIVE_UNKNOWN] > 0)
		fprintf(out, "%sNot all could be looked into", prefix);
	else
		return;
	fprintf(out, ": %s\n",
	    geteuid() == 0 ? "CAP_SYS_PTRACE or CAP_SYS_ADMIN is missing"
			   : "run it as root");
}

void
status_summary(
    FILE *out, const struct status *status, const char *prefix, bool coloured)
{
	print_count(out, prefix, status->count, "connection", "s");
	print_verdicts(out, status, coloured);
	fputc('\n', out);
	if (status->kept > 0) {
		print_count(out, prefix, status->kept, "connection", "s");
		fputs(" kept alive: no data for longer than the "
		      "firewall-timeout\n",
		    out);
	}
	if (status->late > 0) {
		print_count(out, prefix, status->late, "connection", "s");
		fputs(" with timers as the rule says, and the next probe may "
		      "come too late for its firewall-timeout\n",
		    out);
	}
	if (status->live->waiting > 0) {
		print_count(out, prefix, status->live->waiting, "more", "");
		fputs(" that no program has accepted yet\n", out);
	}
	if (status->unready > 0) {
		print_count(out, prefix, status->unready, "listener", "s");
		fputs(" without what the rule says\n", out);
	}
	print_hidden(out, status, prefix);
}
