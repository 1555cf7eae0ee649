/* SPDX-License-Identifier: ISC */
/*
 * cmd_unit: what enable and disable have in common (cmd_unit.h).
 */
#include "cmd/cmd_unit.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "config/config.h"
#include "term/text.h"

/* "/" becomes "", this system. */
static const char *
strip_root(char *root)
{
	size_t length = strlen(root);

	while (length > 0 && root[length - 1] == '/')
		root[--length] = '\0';
	return root;
}

int
cmd_unit_options(int argc, char *argv[], const char *help, bool enables,
    struct cmd_unit *options)
{
	static const struct option known[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"supervise", no_argument, NULL, 'S'},
	    {"kernel", no_argument, NULL, 'k'},
	    {"dry-run", no_argument, NULL, 'n'},
	    {"host", no_argument, NULL, 'H'},
	    {"root", required_argument, NULL, 'r'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	const char *letters = enables ? "c:SknHr:h" : "nHr:h";
	int opt;

	*options = (struct cmd_unit){.root = ""};
	while ((opt = getopt_long(argc, argv, letters,
		    known + (enables ? 0 : 3), NULL)) != -1) {
		switch (opt) {
		case 'c':
			options->config = optarg;
			break;
		case 'S':
			options->supervise = true;
			break;
		case 'k':
			options->kernel = true;
			break;
		case 'n':
			options->dry_run = true;
			break;
		case 'H':
			options->host = true;
			break;
		case 'r':
			options->root = strip_root(optarg);
			break;
		case 'h':
			fputs(help, stdout);
			return CMD_NO;
		default:
			return cmd_wrong_use(argv[0]);
		}
	}
	if (options->host) {
		if (argc == optind && !options->config && !options->supervise &&
		    !options->kernel)
			return CMD_DONE;
		text_warnx(
		    options->supervise ? "--host preloads, without --supervise"
		    : options->kernel
			? "--host preloads, without --kernel; the kernel has "
			  "'kashim attach --all'"
		    : argc == optind
			? "--host goes by " CONFIG_FILE ", without --config"
			: "--host is for all programs, and takes no unit");
		return cmd_wrong_use(argv[0]);
	}
	if (options->supervise && options->kernel) {
		text_warnx("--supervise or --kernel, not both");
		return cmd_wrong_use(argv[0]);
	}
	if (argc - optind != 1) {
		text_warnx("%s needs the name of one unit",
		    argv[0] + strlen("kashim "));
		return cmd_wrong_use(argv[0]);
	}
	options->name = argv[optind];
	return CMD_DONE;
}

int
cmd_unit_read(const char *root, const char *name, struct unit *unit)
{
	const char *in = *root ? " in " : "";
	int result = unit_read(root, name, unit);

	switch (result) {
	case 0:
		return CMD_DONE;
	case -EINVAL:
		text_warnx("'%s' cannot be the name of a unit", name);
		break;
	case -ENOENT:
		text_warnx("there is no unit '%s'%s%s", name, in, root);
		break;
	case -E2BIG:
		text_warnx("unit '%s'%s%s has too many aliases or drop-ins",
		    name, in, root);
		break;
	case -ELOOP:
		text_warnx(
		    "the aliases of '%s'%s%s go in a circle", name, in, root);
		break;
	case -ENOSYS:
		text_warnx("unit '%s'%s%s: an image cannot be looked into on "
			   "this kernel; that takes openat2(2), Linux 5.6",
		    name, in, root);
		break;
	default:
		text_warnx(
		    "unit '%s'%s%s: %s", name, in, root, strerror(-result));
	}
	return CMD_WRONG;
}

int
cmd_unit_not_ours(const char *root, const char *path)
{
	text_warnx("%s%s is not ours and stays as it is", root, path);
	return CMD_NO;
}

int
cmd_unit_failed(const char *root, const char *path, const char *what, int error)
{
	text_warnx("%s%s: cannot %s it: %s%s", root, path, what,
	    strerror(-error),
	    geteuid() != 0 && (error == -EACCES || error == -EPERM)
		? "; try it as root"
		: "");
	return CMD_WRONG;
}

void
cmd_unit_next(const char *root, const char *id)
{
	const char *at = strchr(id, '@');

	if (*root)
		return;
	fputs("It takes effect with: systemctl daemon-reload && systemctl "
	      "restart ",
	    stdout);
	if (unit_is_template(id))
		printf("'%.*s*%s'\n", (int)(at + 1 - id), id, at + 1);
	else
		puts(id);
}
