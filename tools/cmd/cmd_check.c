/* SPDX-License-Identifier: ISC */
/*
 * kashim check: is a configuration file right, and what in it is risky?
 * Errors and warnings go to stderr as FILE:LINE: text, the answer to stdout.
 */
#include "cmd/cmd.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "advice/advice.h"
#include "advice/compiled.h"
#include "config/config.h"
#include "image/image.h"
#include "term/terminal.h"
#include "term/wrap.h"

#define NAME   "kashim: "
#define INDENT 8 /* of what does not fit the first line */

static const char help[] =
    "Usage: kashim check [FILE]\n"
    "Reads a configuration file with all that it includes, says whether it "
    "is right,\n"
    "and warns of what will hardly have been meant: rules that can never "
    "match,\n"
    "timers too late for the firewall, or so short that a brief outage ends\n"
    "connections.\n"
    "FILE is by default what KASHIM_CONFIG names, or " CONFIG_FILE ".\n"
    "\n"
    "  -h, --help    show this text\n"
    "\n"
    "Exit status: 0 if the file is right, with or without warnings, else 2.\n"
    "\n"
    "Examples:\n"
    "  kashim check\n"
    "  kashim check ./new.conf && sudo cp new.conf " CONFIG_FILE "\n";

struct check {
	const char *path;
	unsigned int warnings;
	int error;
};

/*
 * One line; but on a terminal it is broken at blanks, and its begin has a
 * colour.
 */
static void
print_message(
    enum terminal_colour colour, const char *label, const char *message)
{
	if (!terminal_draws(stderr)) {
		warnx("%s%s", label, message);
		return;
	}
	fprintf(stderr, "%s" NAME "%s%s", terminal_colour(stderr, colour),
	    label, terminal_colour(stderr, TERMINAL_PLAIN));
	wrap_print(stderr, message,
	    (unsigned int)(strlen(NAME) + strlen(label)), INDENT,
	    terminal_columns(stderr));
}

static void
print_warning(void *data, const char *message)
{
	struct check *check = data;

	print_message(TERMINAL_WARN, "warning: ", message);
	check->warnings++;
}

static void
look(void *data, const struct build_input *policy, const struct image *image)
{
	struct check *check = data;

	check->error =
	    advice_give(check->path, policy, image, print_warning, check);
}

/* Beside the text: what was made of it, and will not be used. */
static void
check_compiled(struct check *check)
{
	char text[COMPILED_TEXT_MAX];

	for (unsigned int n = 0; compiled_complaint(check->path, n, text); n++)
		print_warning(check, text);
}

int
cmd_check(int argc, char *argv[])
{
	char path[PATH_MAX], message[CONFIG_MESSAGE_MAX];
	struct check check = {.path = path};
	struct image image;
	uint8_t *bytes;
	uint32_t rules;
	int status, error;

	status = cmd_file_argument(argc, argv, help, path);
	if (status != CMD_DONE)
		return status == CMD_NO ? CMD_DONE : status;
	error = config_load(path, look, &check, &bytes, &image.size, message);
	if (error < 0) {
		print_message(TERMINAL_BAD, "", message);
		cmd_say_missing(path, error);
		return CMD_WRONG;
	}
	image.bytes = bytes;
	rules = image_rule_count(&image);
	free(bytes);
	if (check.error < 0) {
		warnx("%s", strerror(-check.error));
		return CMD_WRONG;
	}
	if (check.warnings > 0)
		print_message(TERMINAL_PLAIN, "",
		    "for the reasons see man kashim.conf, section WARNINGS");
	check_compiled(&check);
	printf("%s: %sok%s, %u rule%s", path,
	    terminal_colour(stdout, TERMINAL_GOOD),
	    terminal_colour(stdout, TERMINAL_PLAIN), rules,
	    rules == 1 ? "" : "s");
	if (check.warnings > 0)
		printf(", %u warning%s", check.warnings,
		    check.warnings == 1 ? "" : "s");
	putchar('\n');
	return CMD_DONE;
}
