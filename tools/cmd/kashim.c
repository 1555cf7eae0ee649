/* SPDX-License-Identifier: ISC */
/*
 * kashim: the administrator's command. This file owns the table of
 * subcommands and the general help; each subcommand is a file cmd_*.c.
 */
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "config/config_value.h"

#define NAME_MAX_LENGTH 32

struct command {
	const char *name; /* NULL: a heading for those below */
	int (*run)(int argc, char *argv[]);
	const char *summary;
};

/* In the order in which a newcomer needs them. */
static const struct command commands[] = {
    {NULL, NULL, "The configuration"},
    {"probe", cmd_probe, "measure when the firewall on the path forgets"},
    {"check", cmd_check, "tell whether it is right, and what in it is risky"},
    {"match", cmd_match, "explain what a connection would get, and why"},
    {"compile", cmd_compile, "write it down ready for use"},
    {"reload", cmd_reload, "have running programs follow it"},
    {NULL, NULL, "Programs"},
    {"doctor", cmd_doctor, "tell whether the preload works, and if not, why"},
    {"run", cmd_run, "run a program under the shim"},
    {"enable", cmd_enable, "preload the shim into a systemd service"},
    {"disable", cmd_disable, "take it out of the service again"},
    {"attach", cmd_attach, "have the kernel do it, for any program"},
    {"detach", cmd_detach, "take that away again"},
    {NULL, NULL, "Connections"},
    {"status", cmd_status, "show how the live connections stand"},
    {"apply", cmd_apply, "mend those that are open already"},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void
usage(FILE *out)
{
	fputs("Usage: kashim COMMAND [ARGUMENT...]\n"
	      "Gives the TCP connections of unmodified programs keepalive "
	      "timers, by rule.\n",
	    out);
	for (size_t i = 0; i < COMMANDS; i++)
		if (commands[i].name)
			fprintf(out, "  %-9s  %s\n", commands[i].name,
			    commands[i].summary);
		else
			fprintf(out, "%s\n", commands[i].summary);
	fputs("\n"
	      "  help       show this text, or that of one COMMAND\n"
	      "  --help     show this text\n"
	      "  --version  show the version\n"
	      "See 'kashim COMMAND --help', kashim(1), kashim.conf(5) and "
	      "libkashim(7).\n",
	    out);
}

/* The command of that name; NULL after a message. */
static const struct command *
find(const char *name)
{
	const char *names[COMMANDS], *nearest;
	size_t count = 0;

	for (size_t i = 0; i < COMMANDS; i++) {
		if (!commands[i].name)
			continue;
		if (strcmp(name, commands[i].name) == 0)
			return &commands[i];
		names[count++] = commands[i].name;
	}
	nearest = config_value_nearest(name, names, count);
	if (nearest)
		warnx("there is no command '%s', did you mean '%s'?", name,
		    nearest);
	else
		warnx("there is no command '%s'", name);
	return NULL;
}

/* argv[0] becomes "kashim NAME", so that getopt's messages are right. */
static int
run(const struct command *command, int argc, char *argv[])
{
	char name[NAME_MAX_LENGTH];

	snprintf(name, sizeof(name), "kashim %s", command->name);
	argv[0] = name;
	return command->run(argc, argv);
}

/* "help", and what asks for help on help. */
static bool
is_help(const char *word)
{
	return strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 ||
	       strcmp(word, "-h") == 0;
}

static int
dispatch(int argc, char *argv[])
{
	static char help_option[] = "--help";
	const struct command *command;

	if (argc < 2) {
		usage(stderr);
		return CMD_WRONG;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		puts("kashim " KASHIM_VERSION);
		return CMD_DONE;
	}
	if (strcmp(argv[1], "help") == 0 && argc > 2 && !is_help(argv[2])) {
		char *arguments[] = {NULL, help_option, NULL};

		command = find(argv[2]);
		return command ? run(command, 2, arguments)
		               : cmd_wrong_use("kashim");
	}
	if (is_help(argv[1])) {
		usage(stdout);
		return CMD_DONE;
	}
	if (argv[1][0] == '-') {
		warnx("there is no option '%s'", argv[1]);
		return cmd_wrong_use("kashim");
	}
	command = find(argv[1]);
	return command ? run(command, argc - 1, argv + 1)
	               : cmd_wrong_use("kashim");
}

int
main(int argc, char *argv[])
{
	int status = dispatch(argc, argv);
	int error = cmd_flush();

	if (error < 0) {
		warnx("cannot write the answer: %s", strerror(-error));
		return CMD_WRONG;
	}
	return status;
}
