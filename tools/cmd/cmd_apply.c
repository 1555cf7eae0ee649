/* SPDX-License-Identifier: ISC */
/*
 * kashim apply: the rules on connections that are open already, and on
 * listeners, from outside. live.h says what there is, repair.h sets it; this
 * file sees to it that nothing slips through between the two, and reports.
 */
#include "cmd/cmd_apply.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd/cmd.h"
#include "cmd/cmd_choice.h"
#include "config/config.h"
#include "live/live.h"
#include "live/pick.h"
#include "live/repair.h"
#include "status/repair_list.h"
#include "term/text.h"

static const char help[] =
    "Usage: kashim apply [OPTION...]\n"
    "Sets the rules on TCP connections that are open already, and on "
    "listeners, so\n"
    "that what they accept inherits, in programs that run. It needs no "
    "preload, and\n"
    "neither stops nor traces them. Prints each change.\n"
    "\n"
    "  -a, --all              all processes\n"
    "  -n, --dry-run          change nothing, print what would be "
    "changed\n" CHOICE_HELP "  -h, --help             show this text\n"
    "\n"
    "Exit status: 0 if all that a rule asks for is set now; 1 if something "
    "could not\n"
    "be looked into or set, nothing of such a unit or program runs, or, with\n"
    "--dry-run, something would be changed; 2 for wrong use, a bad "
    "configuration, or\n"
    "if there is no process PID.\n"
    "\n"
    "Examples:\n"
    "  sudo kashim apply --unit redis-server\n"
    "  kashim apply --dry-run --program 'sm_*' --program stpd\n"
    "  sudo kashim apply --all\n";

/* So long what waited to be accepted is waited for, looking so often. */
#define PATIENCE_MS 1000
#define PAUSE_MS    20
/* So many passes are made for what moved, or is set back by its program. */
#define EXTRA_MAX 3

struct request {
	bool all;
	bool dry_run;
};

/* What became of the sockets; all but changed in the last pass. */
struct tally {
	size_t changed;
	size_t right;
	size_t no_rule;
	size_t unseen;  /* not permitted */
	size_t silent;  /* of processes that do not answer */
	size_t unowned; /* no process has it */
	size_t failed;  /* to set */
	size_t gone;    /* closed meanwhile, or moved */
};

struct applying {
	bool dry_run;
	struct live_choice *choice;
	const struct image *image;
	struct tell *tell; /* NULL: nobody */
	struct repair_list list;
	/*
	 * Connections that waited to be accepted when their listener was set,
	 * and still do: what comes behind them inherits.
	 */
	uint64_t *old;
	size_t old_count;
	bool old_known;
	size_t absent; /* units and programs that did not run at first */
	struct tally tally;
};

/* Does no rule, or none that would set anything, apply to it for sure? */
static bool
is_left_alone(const struct applying *applying, const struct live_socket *socket)
{
	struct image_rule rule;

	if (socket->rule == MATCH_NONE)
		return socket->rule_known;
	return image_rule(applying->image, (uint32_t)socket->rule, &rule) &&
	       rule.action == ACTION_IGNORE;
}

static int
unseen(struct applying *applying, const struct live_socket *socket,
    const struct live *live)
{
	if (is_left_alone(applying, socket)) {
		applying->tally.no_rule++;
		return 0;
	}
	if (socket->process == NULL && live->closed_count == 0) {
		applying->tally.unowned++;
		return repair_list_refused(
		    &applying->list, socket, "no process has it");
	}
	if (socket->process != NULL && socket->process->silent) {
		applying->tally.silent++;
		return repair_list_refused(
		    &applying->list, socket, "its process does not answer");
	}
	applying->tally.unseen++;
	return repair_list_refused(&applying->list, socket, "not permitted");
}

static int
repair(struct applying *applying, const struct live_socket *socket, int pidfd)
{
	struct tally *tally = &applying->tally;
	struct repair result;

	switch (repair_socket(
	    applying->image, socket, pidfd, applying->dry_run, &result)) {
	case REPAIR_RIGHT:
		tally->right++;
		return 0;
	case REPAIR_GONE:
		tally->gone++;
		return 0;
	case REPAIR_REFUSED:
		tally->failed++;
		return repair_list_refused(&applying->list, socket,
		    result.error != 0 ? strerror(-result.error) : "not taken");
	default:
		tally->changed++;
		return repair_list_changed(&applying->list, socket, &result);
	}
}

/* Deals with the listeners of live, or with all that are none. */
static int
apply_to(struct applying *applying, const struct live *live, bool listeners)
{
	const struct process *process = NULL;
	struct tally *tally = &applying->tally;
	int pidfd = -ESRCH, error = 0;

	for (size_t i = 0; i < live->count && error == 0; i++) {
		const struct live_socket *socket = &live->sockets[i];

		if ((socket->direction == LIVE_LISTENER) != listeners)
			continue;
		switch (socket->verdict) {
		case LIVE_OK:
			tally->right += !repair_list_has(
			    &applying->list, socket->socket.cookie);
			continue;
		case LIVE_NO_RULE:
			tally->no_rule++;
			continue;
		case LIVE_UNKNOWN:
			error = unseen(applying, socket, live);
			continue;
		default:
			break;
		}
		if (socket->process != process) {
			if (pidfd >= 0)
				close(pidfd);
			process = socket->process;
			pidfd = process_open(process);
		}
		error = repair(applying, socket, pidfd);
	}
	if (pidfd >= 0)
		close(pidfd);
	return error;
}

static bool
is_old(const struct applying *applying, uint64_t cookie)
{
	for (size_t i = 0; i < applying->old_count; i++) {
		if (applying->old[i] == cookie)
			return true;
	}
	return false;
}

/*
 * Of those that are old, keeps the ones that still wait; at first, those whose
 * listener was set now, or before, by an earlier run.
 */
static int
find_old(struct applying *applying, const struct live *live)
{
	const struct live_socket *listener = NULL;
	uint64_t *old = calloc(live->waiting + 1, sizeof(*old));
	size_t count = 0;

	if (old == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < live->waiting; i++) {
		const struct live_waiting *waiting = &live->queue[i];

		/* Mostly it is that of the one before. */
		if (listener == NULL ||
		    listener->socket.cookie != waiting->listener)
			listener = live_find_listener(live, waiting);
		if (applying->old_known
			? is_old(applying, waiting->cookie)
			: repair_list_has(&applying->list, waiting->listener) ||
			      (listener != NULL && live_is_old(applying->image,
						       listener, waiting)))
			old[count++] = waiting->cookie;
	}
	free(applying->old);
	applying->old = old;
	applying->old_count = count;
	applying->old_known = true;
	return 0;
}

/* Reads and sets everything once. Returns 0 or -errno. */
static int
pass(struct applying *applying, struct live *live, bool *listeners_changed)
{
	struct tally *tally = &applying->tally;
	size_t changed = tally->changed;
	int error = live_read(applying->choice, applying->image, live);

	if (error < 0)
		return error;
	*tally = (struct tally){.changed = changed, .gone = tally->gone};
	repair_list_next(&applying->list);
	/* Listeners first: what they accept from now on inherits. */
	error = apply_to(applying, live, true);
	*listeners_changed = tally->changed > changed;
	if (error == 0)
		error = apply_to(applying, live, false);
	if (error == 0)
		error = find_old(applying, live);
	if (*listeners_changed)
		applying->old_known = false;
	tally->gone += live->gone;
	if (error == 0 && applying->tell != NULL)
		tell_open(applying->tell, live);
	return error;
}

/*
 * A process that has ended since is looked for no more. Returns whether any
 * are left: to choose none would be to choose all.
 */
static bool
forget(struct live_choice *choice, pid_t pid)
{
	pid_t *pids = (pid_t *)choice->pids;
	size_t left = 0;

	for (size_t i = 0; i < choice->pid_count; i++) {
		if (pids[i] == pid)
			continue;
		choice->starts[left] = choice->starts[i];
		pids[left++] = pids[i];
	}
	choice->pid_count = left;
	return left + choice->unit_count + choice->program_count > 0;
}

/*
 * As many passes as it takes. A connection may have been made before its
 * listener was set, and accepted after the connections were listed: so they
 * are listed again behind each change of a listener, and as long as one of
 * them may still wait to be accepted. The same for descriptors that moved, and
 * for what is held since now: its program may have set it back before.
 */
static int
apply_all(struct applying *applying, struct live *live)
{
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
	const struct tally *tally = &applying->tally;
	const struct tell *tell = applying->tell;
	int64_t deadline = 0;

	for (int n = 0;; n++) {
		size_t gone = tally->gone;
		bool changed = false, moved;
		int error = pass(applying, live, &changed);

		if (error == -ESRCH && n > 0) {
			if (!forget(applying->choice, live->missing))
				return 0;
			continue;
		}
		if (error == 0 && n == 0)
			applying->absent =
			    cmd_choice_absent(applying->choice, live);
		if (error < 0 || applying->dry_run)
			return error;
		moved = tally->gone > gone ||
		        (tell != NULL && tell->held + tell->gone > 0);
		if (changed && n < EXTRA_MAX) {
			deadline = clock_ms() + PATIENCE_MS;
		} else if (!moved || n >= EXTRA_MAX) {
			if (applying->old_count == 0 || clock_ms() >= deadline)
				return 0;
			(void)nanosleep(&pause, NULL);
		}
		live_free(live);
	}
}

static void
print_count(size_t count, const char *what)
{
	if (count > 0)
		printf(", %zu %s", count, what);
}

/* Prints what it all came to. Returns the exit status. */
static int
conclude(const struct applying *applying, const struct live *live)
{
	const struct tally *tally = &applying->tally;
	bool hidden = live->closed_count > 0 && !pick_is_all(applying->choice);

	printf("%zu socket%s %schanged, %zu %s right", tally->changed,
	    tally->changed == 1 ? "" : "s",
	    applying->dry_run ? "would be " : "", tally->right,
	    applying->dry_run   ? tally->right == 1 ? "is" : "are"
	    : tally->right == 1 ? "was"
				: "were");
	print_count(tally->no_rule, "without a rule");
	print_count(tally->unseen, "not permitted");
	print_count(tally->silent, "of processes that do not answer");
	print_count(tally->unowned, "without a process");
	print_count(tally->failed, "failed");
	print_count(tally->gone, "gone meanwhile");
	putchar('\n');

	if (hidden)
		text_warnx(
		    "%zu process%s may not be looked into: run it as root",
		    live->closed_count, live->closed_count == 1 ? "" : "es");
	if (live->hidden_nets > 0)
		text_warnx(
		    "%zu network namespace%s may not be looked into: run it "
		    "as root",
		    live->hidden_nets, live->hidden_nets == 1 ? "" : "s");
	if (applying->old_count == 1)
		text_warnx(
		    "1 connection was not accepted yet: when it is, run it "
		    "again");
	if (applying->old_count > 1)
		text_warnx(
		    "%zu connections were not accepted yet: when they are, "
		    "run it again",
		    applying->old_count);
	if (tally->unseen + tally->silent + tally->unowned + tally->failed +
		    applying->old_count + applying->absent >
		0 ||
	    hidden || live->hidden_nets > 0)
		return CMD_NO;
	return applying->dry_run && tally->changed > 0 ? CMD_NO : CMD_DONE;
}

int
cmd_apply_to(struct live_choice *choice, const struct image *image,
    bool dry_run, bool silent_if_none, struct tell *tell)
{
	struct applying applying = {
	    .dry_run = dry_run,
	    .choice = choice,
	    .image = image,
	    .tell = tell,
	    .list.image = image,
	};
	struct live live;
	int error = apply_all(&applying, &live), status = CMD_DONE;

	if (error < 0)
		status = cmd_choice_failed(error, &live);
	else if (!silent_if_none || live.hidden_nets > 0 ||
		 live.count + applying.tally.changed > 0)
		status = conclude(&applying, &live);
	live_free(&live);
	repair_list_free(&applying.list);
	free(applying.old);
	return status;
}

int
cmd_say_untold(const char *where, size_t count, const char *why)
{
	if (count == 0)
		return CMD_DONE;
	text_warnx("%s: the kernel does not know %zu socket%s that %s open: %s",
	    where, count, count == 1 ? "" : "s", count == 1 ? "is" : "are",
	    why);
	return CMD_NO;
}

static int
apply(struct choice *choice, struct in_force *force, const char *config,
    const void *data)
{
	const struct request *request = data;

	(void)config;
	return cmd_apply_to(
	    &choice->live, &force->image, request->dry_run, false, NULL);
}

static void
take(int opt, void *data)
{
	struct request *request = data;

	if (opt == 'a')
		request->all = true;
	else
		request->dry_run = true;
}

static int
check(const struct choice *choice, const void *data, bool *refer)
{
	const struct request *request = data;
	bool named = !pick_is_all(&choice->live);

	(void)refer;
	if (!request->all && !named)
		text_warnx(
		    "whose connections? --pid, --unit, --program, or --all");
	if (request->all && named)
		text_warnx("--all is for all: leave out --pid, --unit and "
			   "--program");
	return request->all == named ? CMD_WRONG : CMD_DONE;
}

int
cmd_apply(int argc, char *argv[])
{
	static const struct option options[] = {
	    CHOICE_OPTIONS,
	    {"all", no_argument, NULL, 'a'},
	    {"dry-run", no_argument, NULL, 'n'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	static const struct cmd_choice command = {
	    .letters = CHOICE_LETTERS "anh",
	    .options = options,
	    .help = help,
	    .take = take,
	    .check = check,
	    .run = apply,
	};
	struct request request = {0};

	return cmd_choice(argc, argv, &command, &request);
}
