/* SPDX-License-Identifier: ISC */
/*
 * kashim match: which rule decides for a connection, what it sets, and where
 * each value was written. It asks match.h, as the shim does, and changes
 * nothing.
 */
#include "cmd/cmd.h"

#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "advice/explain.h"
#include "advice/missed.h"
#include "base/addr.h"
#include "config/config.h"
#include "image/image.h"
#include "image/match.h"
#include "kernel/reach.h"
#include "term/text.h"

static const char help[] =
    "Usage: kashim match [OPTION...] ADDRESS PORT\n"
    "Says which rule decides for a connection and what it sets. ADDRESS and "
    "PORT are\n"
    "the listening side's, whichever side the program is on.\n"
    "\n"
    "  -c, --config=FILE     use FILE instead of KASHIM_CONFIG or\n"
    "                        " CONFIG_FILE "\n"
    "  -d, --direction=D     connect (default): the program connects;\n"
    "                        accept: it listens\n"
    "  -s, --source=ADDRESS  the connecting side's address\n"
    "  -p, --program=NAME    the program's file name; may be repeated\n"
    "  -h, --help            show this text\n"
    "\n"
    "Exit status: 0 if a rule matches, 1 if none does, 2 for wrong use or a "
    "bad\n"
    "configuration.\n"
    "\n"
    "Examples:\n"
    "  kashim match 10.20.0.5 3300\n"
    "  kashim match --direction accept --source 172.16.4.9 192.0.2.1 3300\n"
    "  kashim match --program sm_agent 2001:db8:20::7 11000\n";

struct request {
	struct match_query query;
	const char **programs;
	unsigned int program_count;
};

/* The groups of the program; numbers is NULL without memory. */
static struct match_groups
find_groups(const struct image *image, const struct request *request,
    uint32_t **numbers)
{
	*numbers = calloc(image_group_count(image) + 1u, sizeof(**numbers));
	if (!*numbers)
		return (struct match_groups){0};
	return match_groups(image, request->programs, request->program_count,
	    *numbers, image_group_count(image) + 1u);
}

/* What the kernel does there, which has other rules. */
static void
explain_other(const struct kernel_attached *attached,
    const struct request *request, const char *name)
{
	struct image image;
	struct image_rule rule;
	struct match_groups groups;
	uint32_t *numbers;
	int index = MATCH_NONE;

	if (kernel_policy(attached, &image) < 0)
		return;
	groups = find_groups(&image, request, &numbers);
	if (numbers)
		index = match_rule(&image, &groups, &request->query);
	if (index != MATCH_NONE && image_rule(&image, (uint32_t)index, &rule))
		text_puts("the kernel has other rules in %s: rule %s decides "
			  "there%s",
		    name, image_string(&image, rule.name),
		    kernel_held(attached));
	else if (numbers)
		text_puts(
		    "the kernel has other rules in %s: none matches there%s",
		    name, kernel_held(attached));
	free(numbers);
	free((void *)image.bytes);
}

/* Where the kernel has rules of that file, as far as the caller may know. */
static void
explain_kernel(const char *config, const struct image *image,
    const struct request *request)
{
	struct kernel_attached *list;
	char name[PATH_MAX], text[KERNEL_TEXT_MAX];
	size_t count;

	if (kernel_list(&list, &count, text) < 0)
		count = 0;
	for (size_t n = 0; n < count; n++) {
		int same;

		if (list[n].gone || strcmp(list[n].config, config) != 0)
			continue;
		kernel_name(&list[n], name);
		same = reach_has(&list[n], image);
		if (same == 1)
			text_puts("the kernel goes by the same rules in %s%s",
			    name, kernel_held(&list[n]));
		else if (same == 0)
			explain_other(&list[n], request, name);
	}
	free(list);
}

static int
explain(const struct image *image, const struct request *request)
{
	uint32_t *numbers;
	const struct match_groups groups =
	    find_groups(image, request, &numbers);
	uint32_t end;
	int index;

	if (!numbers) {
		warn("match");
		return CMD_WRONG;
	}
	index = match_rule(image, &groups, &request->query);
	if (index == MATCH_NONE) {
		puts("no rule matches: left to the program and the kernel");
		end = image_rule_count(image);
	} else {
		explain_rule(image, (uint32_t)index);
		end = (uint32_t)index;
	}
	missed_rules(
	    image, &groups, &request->query, request->program_count > 0, end);
	free(numbers);
	return index == MATCH_NONE ? CMD_NO : CMD_DONE;
}

static int
parse_direction(const char *text, enum direction *direction)
{
	if (strcmp(text, "connect") == 0) {
		*direction = DIRECTION_CONNECT;
	} else if (strcmp(text, "accept") == 0) {
		*direction = DIRECTION_ACCEPT;
	} else {
		warnx("direction '%s': write connect or accept", text);
		return CMD_WRONG;
	}
	return CMD_DONE;
}

static int
parse_address(const char *what, const char *text, struct addr *addr)
{
	if (addr_parse(text, addr) == 0)
		return CMD_DONE;
	warnx("%s '%s': write it as 10.20.0.5 or 2001:db8::5", what, text);
	return CMD_WRONG;
}

static int
parse_port(const char *text, uint16_t *port)
{
	char *end;
	unsigned long value;

	value = strtoul(text, &end, 10);
	if (text[strspn(text, "0123456789")] != '\0' || end == text ||
	    value < 1 || value > 65535) {
		warnx("port '%s': write a number from 1 to 65535", text);
		return CMD_WRONG;
	}
	*port = (uint16_t)value;
	return CMD_DONE;
}

/*
 * Reads the command line. Returns CMD_DONE to go on, CMD_NO after --help, and
 * CMD_WRONG after a message.
 */
static int
parse(int argc, char *argv[], struct request *request, const char **file)
{
	static const struct option options[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"direction", required_argument, NULL, 'd'},
	    {"source", required_argument, NULL, 's'},
	    {"program", required_argument, NULL, 'p'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	struct match_query *query = &request->query;
	int opt, status = CMD_DONE;

	while (status == CMD_DONE && (opt = getopt_long(argc, argv, "c:d:s:p:h",
					  options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			*file = optarg;
			break;
		case 'd':
			status = parse_direction(optarg, &query->direction);
			break;
		case 's':
			status =
			    parse_address("source", optarg, &query->source);
			break;
		case 'p':
			request->programs[request->program_count++] =
			    basename(optarg);
			break;
		case 'h':
			fputs(help, stdout);
			return CMD_NO;
		default:
			return cmd_wrong_use(argv[0]);
		}
	}
	if (status != CMD_DONE)
		return status;
	if (argc - optind != 2) {
		warnx("match needs an address and a port");
		return cmd_wrong_use(argv[0]);
	}
	status = parse_address("address", argv[optind], &query->destination);
	if (status == CMD_DONE)
		status = parse_port(argv[optind + 1], &query->port);
	if (status == CMD_DONE && query->source.family != ADDR_NONE &&
	    query->source.family != query->destination.family) {
		warnx("source and address: one is IPv4, the other IPv6");
		status = CMD_WRONG;
	}
	return status;
}

int
cmd_match(int argc, char *argv[])
{
	struct request request = {.query.direction = DIRECTION_CONNECT};
	const char *file = NULL;
	char path[PATH_MAX];
	struct in_force force = {0};
	int status;

	request.programs = calloc((size_t)argc + 1, sizeof(char *));
	if (!request.programs) {
		warn("match");
		return CMD_WRONG;
	}
	status = parse(argc, argv, &request, &file);
	if (status != CMD_DONE) {
		status = status == CMD_NO ? CMD_DONE : status;
		goto out;
	}
	status = cmd_config_path(file, path);
	if (status != CMD_DONE)
		goto out;
	status = cmd_in_force(path, SOURCE_FOR_STARTING, &force);
	if (status == CMD_DONE)
		status = explain(&force.image, &request);
	if (status == CMD_DONE || status == CMD_NO)
		explain_kernel(path, &force.image, &request);
out:
	in_force_free(&force);
	free(request.programs);
	return status;
}
