/* SPDX-License-Identifier: ISC */
/*
 * status_summary: what the connections add up to, and what stayed hidden, in
 * words.
 */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "status/status.h"
#include "term/span.h"
#include "term/terminal.h"
#include "term/text.h"

/* The beginning of a longer name is enough. */
#define RULE_TEXT_MAX 64

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

/* Of its rule, did none survive longer? Of equal ones the first counts. */
static bool
survived_longest(const struct status *status, size_t which)
{
	const struct live_socket *socket = status->connections[which];

	for (size_t i = 0; i < status->count; i++) {
		const struct live_socket *other = status->connections[i];

		if (other->rule == socket->rule &&
		    (other->survived_ms > socket->survived_ms ||
			(other->survived_ms == socket->survived_ms &&
			    i < which)))
			return false;
	}
	return true;
}

/* For each rule, the longest silence that is longer than it expects. */
static void
print_survived(FILE *out, const struct status *status, const char *prefix)
{
	for (size_t i = 0; i < status->count; i++) {
		const struct live_socket *socket = status->connections[i];
		char span[SPAN_TEXT_MAX], name[RULE_TEXT_MAX];
		struct image_rule rule;

		if (socket->survived_ms == 0 ||
		    !status_rule(status, socket, &rule) ||
		    rule.timeout_s == 0 ||
		    socket->survived_ms <= (uint64_t)rule.timeout_s * 1000 ||
		    !survived_longest(status, i))
			continue;
		snprintf(name, sizeof(name), "%s",
		    image_string(status->image, rule.name));
		text_make_harmless(name);
		fprintf(out,
		    "%srule %s: %s of silence were survived, more than its "
		    "firewall-timeout\n",
		    prefix, name,
		    span_format(socket->survived_ms / 1000, span));
	}
}

/* Which rules the kernel has. */
static const char *
policy_words(const struct status_attached *attached)
{
	if (attached->in_force < 0)
		return ", and whether these are in force can't be told";
	return attached->in_force ? "" : ", but not those in force";
}

/* What its programs in the kernel have done since it was attached. */
static void
print_counts(FILE *out, const struct bpf_counts *counts, const char *prefix,
    bool coloured)
{
	fprintf(out,
	    "%s  got their rule: %" PRIu64 " when connecting, %" PRIu64
	    " when accepting; without a rule: %" PRIu64
	    "; settings held: %" PRIu64 "\n",
	    prefix, counts->of[BPF_CONNECTED], counts->of[BPF_ACCEPTED],
	    counts->of[BPF_WITHOUT_RULE], counts->of[BPF_HELD]);
	if (counts->of[BPF_FAILED] > 0)
		fprintf(out,
		    "%s  %s%" PRIu64 " failed%s: not all that the rule says, "
		    "since memory was out or an option refused\n",
		    prefix, terminal_sequence(coloured, TERMINAL_BAD),
		    counts->of[BPF_FAILED],
		    terminal_sequence(coloured, TERMINAL_PLAIN));
}

static void
print_attached(FILE *out, const struct status_attached *attached,
    const char *prefix, bool coloured)
{
	const struct kernel_attached *kernel = &attached->kernel;
	char name[PATH_MAX], config[PATH_MAX], generation[32] = "";

	kernel_name(kernel, name);
	text_make_harmless(name);
	snprintf(config, sizeof(config), "%s", kernel->config);
	text_make_harmless(config);
	fprintf(out, "%skernel: %s: ", prefix, name);
	if (kernel->gone) {
		fputs("reaches nothing any more\n", out);
		return;
	}
	if (attached->generation != 0)
		snprintf(generation, sizeof(generation), ", generation %u",
		    (unsigned)attached->generation);
	fprintf(out, "%u rule%s of %s%s%s%s\n", (unsigned)kernel->rules,
	    kernel->rules == 1 ? "" : "s", config, generation,
	    policy_words(attached), kernel_held(kernel));
	if (kernel->counted)
		print_counts(out, &kernel->counts, prefix, coloured);
}

/* Why it is not known what is attached, though root asks. */
static void
print_error(FILE *out, const struct status *status, const char *prefix)
{
	char error[sizeof(status->attached_error)];

	memcpy(error, status->attached_error, sizeof(error));
	text_make_harmless(error);
	if (*error)
		fprintf(out, "%skernel: what is attached is not known: %s\n",
		    prefix, error);
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
	print_survived(out, status, prefix);
	if (status->live->waiting > 0) {
		print_count(out, prefix, status->live->waiting, "more", "");
		fputs(" that no program has accepted yet\n", out);
	}
	if (status->unready > 0) {
		print_count(out, prefix, status->unready, "listener", "s");
		fputs(" without what the rule says\n", out);
	}
	for (size_t n = 0; n < status->attached_count; n++)
		print_attached(out, &status->attached[n], prefix, coloured);
	print_error(out, status, prefix);
	print_hidden(out, status, prefix);
}
