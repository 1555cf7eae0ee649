/* SPDX-License-Identifier: ISC */
/*
 * cmd_choice: what status and apply have in common (cmd_choice.h).
 */
#include "cmd/cmd_choice.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "host/fetch.h"
#include "live/pick.h"
#include "term/text.h"

/* As cmd_file_argument(): CMD_NO after --help. */
static int
parse(int argc, char *argv[], const struct cmd_choice *command,
    struct choice *choice, void *data)
{
	bool refer = true;
	int opt, status;

	while ((opt = getopt_long(argc, argv, command->letters,
		    command->options, NULL)) != -1) {
		if (opt == 'h') {
			fputs(command->help, stdout);
			return CMD_NO;
		}
		if (opt == '?')
			return cmd_wrong_use(argv[0]);
		if (!strchr(CHOICE_LETTERS, opt))
			command->take(opt, data);
		else if (choice_take(choice, opt, optarg) != 0)
			return CMD_WRONG;
	}
	if (optind < argc) {
		text_warnx("%s takes options only, not '%s'",
		    argv[0] + strlen("kashim "), argv[optind]);
		return cmd_wrong_use(argv[0]);
	}
	status = command->check(choice, data, &refer);
	if (status != CMD_DONE && refer)
		return cmd_wrong_use(argv[0]);
	return status;
}

int
cmd_choice(int argc, char *argv[], const struct cmd_choice *command, void *data)
{
	struct choice choice = {.by = command->by};
	struct in_force force = {0};
	char config[PATH_MAX];
	int status;

	/* For what can be printed on a terminal, and nothing else. */
	setlocale(LC_CTYPE, "");
	status = parse(argc, argv, command, &choice, data);
	if (status != CMD_DONE) {
		status = status == CMD_NO ? CMD_DONE : status;
		goto out;
	}
	status = cmd_config_path(choice.config, config);
	if (status == CMD_DONE)
		status = cmd_in_force(config, choice.by, &force);
	if (status == CMD_DONE && !fetch_can())
		text_warnx("warning: this kernel cannot show other programs' "
			   "sockets, so what they have is unknown; that takes "
			   "pidfd_getfd(2), Linux 5.6");
	if (status == CMD_DONE)
		status = command->run(&choice, &force, config, data);
out:
	in_force_free(&force);
	choice_free(&choice);
	return status;
}

static void
say_absent(enum pick_kind kind, const char *name)
{
	if (kind == PICK_UNIT)
		text_warnx("no process of unit '%s' runs", name);
	else
		text_warnx("no program '%s' runs", name);
}

size_t
cmd_choice_absent(const struct live_choice *choice, const struct live *live)
{
	(void)cmd_flush();
	return pick_absent(
	    choice, live->processes, live->process_count, say_absent);
}

int
cmd_choice_failed(int error, const struct live *live)
{
	if (error == -ESRCH)
		text_warnx("there is no process %d", (int)live->missing);
	else
		text_warnx("cannot read the connections: %s", strerror(-error));
	return CMD_WRONG;
}
