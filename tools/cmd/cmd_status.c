/* SPDX-License-Identifier: ISC */
/*
 * kashim status: how the live TCP connections of this host stand, against
 * what their rules say. It reads (live.h), and says it in one of several
 * forms (status.h); it changes nothing.
 */
#include "cmd/cmd.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd/cmd_choice.h"
#include "config/config.h"
#include "live/live.h"
#include "live/pick.h"
#include "status/status.h"
#include "term/screen.h"
#include "term/terminal.h"
#include "term/text.h"

#define WATCH_MS 1000

static const char help[] =
    "Usage: kashim status [OPTION...]\n"
    "Shows the live TCP connections of this host, what keepalive they really "
    "have,\n"
    "and whether that is what their rule says. As root it sees all of them.\n"
    "\n" CHOICE_HELP
    "  -w, --watch            draw it anew each second, with a bar for the "
    "time left\n"
    "                         until a firewall forgets; q ends it\n"
    "  -j, --json             print JSON\n"
    "  -o, --openmetrics      print metrics for Prometheus\n"
    "  -s, --state=FILE       with --openmetrics: keep in FILE what was seen, "
    "for the\n"
    "                         next run, and tell which silence was survived\n"
    "  -h, --help             show this text\n"
    "\n"
    "Exit status: 0 if every connection that a rule matches is ok; 1 if not, "
    "if it is\n"
    "not known, or nothing of such a unit or program runs; 2 for wrong use, a "
    "bad\n"
    "configuration, or if there is no process PID.\n"
    "\n"
    "Examples:\n"
    "  sudo kashim status\n"
    "  sudo kashim status --unit backup-agent --watch\n"
    "  sudo kashim status --json | jq '.connections[] | "
    "select(.verdict == \"off\")'\n";

/* In which form; none: a table, or a list if stdout is no terminal. */
struct request {
	bool watch;
	bool json;
	bool openmetrics;
	const char *state; /* --state; NULL: none */
};

/* What was read, and what is said of it. */
struct picture {
	struct live live;
	struct status status;
};

static void
free_picture(struct picture *picture)
{
	status_free(&picture->status);
	live_free(&picture->live);
}

/* Returns 0, and the caller gives *picture back; or -errno, no message. */
static int
take_picture(const struct live_choice *choice, const struct in_force *force,
    const char *config, struct status_seen *seen, struct picture *picture)
{
	const enum source_kind kind = force->source.kind;
	const int64_t begun_ms = clock_ms();
	int error;

	*picture = (struct picture){
	    .status =
		{
		    .live = &picture->live,
		    .image = &force->image,
		    .config = config,
		    .time = time(NULL),
		    .older = kind == SOURCE_OLD_COMPILED ||
	                     kind == SOURCE_OLD_PUBLISHED,
		    .chosen = !pick_is_all(choice),
		},
	};
	error = live_read(choice, &force->image, &picture->live);
	if (error)
		return error;
	if (seen)
		error = status_see(seen, &picture->live, begun_ms, clock_ms());
	picture->status.absent = pick_absent(
	    choice, picture->live.processes, picture->live.process_count, NULL);
	if (!error)
		error = status_sort_out(&picture->status);
	if (!error)
		error = status_read_policies(&picture->status);
	if (!error)
		error = status_read_by(&picture->status);
	if (error)
		free_picture(picture);
	return error;
}

static int
answer(const struct picture *picture)
{
	return status_is_covered(&picture->status) ? CMD_DONE : CMD_NO;
}

static int
print_text(const struct status *status)
{
	const struct status_look look = {
	    .coloured = terminal_has_colour(stdout),
	    .columns = terminal_columns(stdout),
	};

	if (isatty(STDOUT_FILENO)) {
		status_table(stdout, status, &look);
		status_summary(stdout, status, "", look.coloured);
	} else {
		status_list(stdout, status);
		status_summary(stdout, status, "# ", false);
	}
	return 0;
}

static int
state_failed(const char *path, int error)
{
	text_warnx("%s: %s", path,
	    error == -EBADF    ? "not believed: it is no regular file"
	    : error == -EPERM  ? "not believed: others can write it"
	    : error == -EEXIST ? "not written: it is no such file"
			       : strerror(-error));
	return CMD_WRONG;
}

static int
show(const struct request *request, const struct live_choice *choice,
    const struct in_force *force, const char *config)
{
	struct status_seen seen = {0};
	struct picture picture;
	int error = 0, status;

	if (request->state)
		error = status_seen_read(&seen, request->state, clock_ms());
	if (error)
		return state_failed(request->state, error);
	error = take_picture(
	    choice, force, config, request->state ? &seen : NULL, &picture);
	if (error) {
		status_seen_free(&seen);
		return cmd_choice_failed(error, &picture.live);
	}
	if (request->state)
		error = status_seen_write(&seen, request->state);
	status_seen_free(&seen);
	if (error) {
		free_picture(&picture);
		return state_failed(request->state, error);
	}
	if (request->json)
		error = status_json(stdout, &picture.status);
	else if (request->openmetrics)
		error = status_openmetrics(stdout, &picture.status);
	else
		error = print_text(&picture.status);
	status =
	    error ? cmd_choice_failed(error, &picture.live) : answer(&picture);
	(void)cmd_choice_absent(choice, &picture.live);
	free_picture(&picture);
	return status;
}

/* Prints one picture for the whole window. */
static void
print_picture(FILE *out, const struct status *status, const char *summary)
{
	struct status_look look = {
	    .coloured = terminal_has_colour(stdout),
	    .bars = true,
	    /* What erases the rest of a line would also erase its end. */
	    .columns = terminal_columns(stdout) - 1,
	};
	unsigned int rows = terminal_rows(stdout), below = 0, used = 1;
	char *table = NULL, clock[32];
	size_t length;
	FILE *stream = open_memstream(&table, &length);
	struct tm tm;

	localtime_r(&status->time, &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	fprintf(out, "%skashim status%s  %s  %sq: quit%s\n",
	    terminal_sequence(look.coloured, TERMINAL_BOLD),
	    terminal_sequence(look.coloured, TERMINAL_PLAIN), clock,
	    terminal_sequence(look.coloured, TERMINAL_FAINT),
	    terminal_sequence(look.coloured, TERMINAL_PLAIN));
	for (const char *c = summary; *c; c++)
		below += *c == '\n';
	look.rows = rows > below + 2 ? rows - below - 1 : 1;
	if (stream) {
		status_table(stream, status, &look);
		fclose(stream);
		fputs(table ? table : "", out);
		for (const char *c = table; c && *c; c++)
			used += *c == '\n';
		free(table);
	}
	/* The sum stands at the bottom. */
	for (; used + below < rows; used++)
		fputc('\n', out);
	fputs(summary, out);
}

/* Draws one picture. Returns 0 or -errno. */
static int
draw(struct status *status)
{
	char *summary = NULL, *picture = NULL;
	size_t length;
	FILE *out = open_memstream(&summary, &length);
	int error = -ENOMEM;

	if (!out)
		return error;
	status_summary(out, status, "", terminal_has_colour(stdout));
	if (fclose(out) != 0)
		goto out;
	status_worst_first(status);
	out = open_memstream(&picture, &length);
	if (!out)
		goto out;
	print_picture(out, status, summary);
	if (fclose(out) == 0)
		error = screen_draw(picture);
out:
	free(picture);
	free(summary);
	return error;
}

/*
 * After a change, the new rules; if they can't be read, those that were.
 * Reading many may take longer than a picture lasts.
 */
static void
read_again(
    const struct choice *choice, const char *config, struct in_force *force)
{
	struct in_force newer;

	if (in_force_is_current(config, choice->by, force))
		return;
	if (in_force_read_for(config, choice->by, &newer) == 0) {
		in_force_free(force);
		*force = newer;
	} else {
		in_force_free(&newer);
	}
}

static int
watch(const struct choice *choice, struct in_force *force, const char *config)
{
	enum screen_event event = SCREEN_TIME;
	struct status_seen seen = {0};
	struct picture picture;
	int error, status = CMD_WRONG;

	error = screen_open();
	if (error) {
		text_warnx("the terminal: %s", strerror(-error));
		return CMD_WRONG;
	}
	while (event != SCREEN_QUIT) {
		read_again(choice, config, force);
		error =
		    take_picture(&choice->live, force, config, &seen, &picture);
		if (error)
			break;
		status = answer(&picture);
		/* Without a terminal, nobody watches any more. */
		event = draw(&picture.status) == 0 ? screen_wait(WATCH_MS)
		                                   : SCREEN_QUIT;
		free_picture(&picture);
	}
	screen_close();
	status_seen_free(&seen);
	/* Its last picture still says how it was. */
	if (error == -ESRCH && status != CMD_WRONG)
		text_warnx("process %d has ended", picture.live.missing);
	else if (error)
		status = cmd_choice_failed(error, &picture.live);
	return status;
}

static void
take(int opt, void *data)
{
	struct request *request = data;

	switch (opt) {
	case 'w':
		request->watch = true;
		break;
	case 'j':
		request->json = true;
		break;
	case 's':
		request->state = optarg;
		break;
	default:
		request->openmetrics = true;
	}
}

static int
check(const struct choice *choice, const void *data, bool *refer)
{
	const struct request *request = data;

	(void)choice;
	if (request->watch + request->json + request->openmetrics > 1) {
		text_warnx(
		    "of --watch, --json and --openmetrics only one can be");
		return CMD_WRONG;
	}
	if (request->state && !request->openmetrics) {
		text_warnx("--state is for --openmetrics");
		return CMD_WRONG;
	}
	if (request->watch && !terminal_draws(stdout)) {
		text_warnx("--watch needs a terminal that can draw, not %s",
		    isatty(STDOUT_FILENO) ? "TERM=dumb" : "a file or a pipe");
		*refer = false;
		return CMD_WRONG;
	}
	return CMD_DONE;
}

static int
run(struct choice *choice, struct in_force *force, const char *config,
    const void *data)
{
	const struct request *request = data;

	return request->watch ? watch(choice, force, config)
	                      : show(request, &choice->live, force, config);
}

int
cmd_status(int argc, char *argv[])
{
	static const struct option options[] = {
	    CHOICE_OPTIONS,
	    {"watch", no_argument, NULL, 'w'},
	    {"json", no_argument, NULL, 'j'},
	    {"openmetrics", no_argument, NULL, 'o'},
	    {"state", required_argument, NULL, 's'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	static const struct cmd_choice command = {
	    .letters = CHOICE_LETTERS "wjos:h",
	    .options = options,
	    .help = help,
	    .by = SOURCE_FOR_RUNNING,
	    .take = take,
	    .check = check,
	    .run = run,
	};
	struct request request = {0};

	return cmd_choice(argc, argv, &command, &request);
}
