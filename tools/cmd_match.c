/* SPDX-License-Identifier: ISC */
/*
 * kashim match: which rule decides for a connection, what it sets, and where
 * each value was written. It asks match.h, as the shim does, and changes
 * nothing.
 */
#include "cmd.h"

#include <err.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "config.h"
#include "image.h"
#include "match.h"

/* Rules that are named because they would decide if more were known. */
#define NOTES_MAX   8
#define NOTE_INDENT 6
#define COLUMNS_MAX 79

#define ORIGIN_TEXT_MAX 256
#define VALUE_TEXT_MAX  24
#define SPAN_TEXT_MAX   64

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

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* A time as people say it: 450 is "7 min 30 s". */
static void
format_span(uint64_t seconds, char text[SPAN_TEXT_MAX])
{
	static const struct {
		const char *name;
		uint64_t seconds;
	} units[] = {{"h", 3600}, {"min", 60}, {"s", 1}};
	size_t length = 0;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		uint64_t n = seconds / units[i].seconds;

		seconds %= units[i].seconds;
		if (n == 0 && (length > 0 || units[i].seconds > 1))
			continue;
		length += (size_t)snprintf(text + length,
		    SPAN_TEXT_MAX - length, "%s%llu %s", length ? " " : "",
		    (unsigned long long)n, units[i].name);
	}
}

static void
format_value(
    enum keepalive_option option, int32_t value, char text[VALUE_TEXT_MAX])
{
	switch (option) {
	case KEEPALIVE_SWITCH:
		snprintf(text, VALUE_TEXT_MAX, "%s", value ? "on" : "off");
		break;
	case KEEPALIVE_COUNT:
		snprintf(text, VALUE_TEXT_MAX, "%d", value);
		break;
	case KEEPALIVE_USER_TIMEOUT:
		if (value % 1000 != 0) {
			snprintf(text, VALUE_TEXT_MAX, "%d ms", value);
			break;
		}
		value /= 1000;
		/* fall through */
	default:
		snprintf(text, VALUE_TEXT_MAX, "%d s", value);
	}
}

static void
format_origin(const struct image *image, const struct image_rule *rule,
    const struct image_origin *origin, char text[ORIGIN_TEXT_MAX])
{
	const char *file = base_name(image_string(image, origin->file));
	char from[ORIGIN_TEXT_MAX / 2];

	switch (origin->kind) {
	case ORIGIN_RULE:
		snprintf(from, sizeof(from), "the rule");
		break;
	case ORIGIN_DEFAULT:
		snprintf(from, sizeof(from), "default");
		break;
	case ORIGIN_TIMEOUT:
		snprintf(from, sizeof(from), "from firewall-timeout %u s",
		    rule->timeout_s);
		break;
	case ORIGIN_PROFILE:
		snprintf(from, sizeof(from), "from profile %s",
		    image_string(image, rule->profile));
		break;
	default:
		text[0] = '\0';
		return;
	}
	snprintf(text, ORIGIN_TEXT_MAX, "%s, %s:%u", from, file, origin->line);
}

static void
print_options(const struct image *image, const struct image_rule *rule)
{
	static const struct {
		enum keepalive_option option;
		const char *name;
	} options[] = {
	    {KEEPALIVE_SWITCH, "SO_KEEPALIVE"},
	    {KEEPALIVE_IDLE, "TCP_KEEPIDLE"},
	    {KEEPALIVE_INTERVAL, "TCP_KEEPINTVL"},
	    {KEEPALIVE_COUNT, "TCP_KEEPCNT"},
	    {KEEPALIVE_USER_TIMEOUT, "TCP_USER_TIMEOUT"},
	};

	for (size_t i = 0; i < KEEPALIVE_OPTIONS; i++) {
		enum keepalive_option option = options[i].option;
		char value[VALUE_TEXT_MAX] = "-";
		char origin[ORIGIN_TEXT_MAX] = "not set: the kernel's own";

		if (rule->options & (1u << option)) {
			format_value(option, rule->value[option], value);
			format_origin(
			    image, rule, &rule->origin[option], origin);
		}
		printf("%-17s %-8s %s\n", options[i].name, value, origin);
	}
}

/* The kernel's value for sockets on which nothing was set, as tcp(7) says. */
static uint64_t
kernel_value(const char *name, uint64_t fallback)
{
	char path[PATH_MAX];
	unsigned int value;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", name);
	file = fopen(path, "re");
	if (!file)
		return fallback;
	if (fscanf(file, "%u", &value) == 1)
		fallback = value;
	fclose(file);
	return fallback;
}

/*
 * When probes go out, and when a peer that answers none is given up: after
 * count probes; or, with TCP_USER_TIMEOUT, when the first probe falls due
 * behind that time (tcp_keepalive_timer() in net/ipv4/tcp_timer.c).
 */
static void
print_meaning(const struct image_rule *rule)
{
	static const struct {
		const char *name;
		uint64_t fallback;
	} own[] = {
	    [KEEPALIVE_IDLE] = {"tcp_keepalive_time", 7200},
	    [KEEPALIVE_INTERVAL] = {"tcp_keepalive_intvl", 75},
	    [KEEPALIVE_COUNT] = {"tcp_keepalive_probes", 9},
	};
	char idle[SPAN_TEXT_MAX], interval[SPAN_TEXT_MAX], dead[SPAN_TEXT_MAX];
	uint64_t value[3], limit_ms = 0, probes;
	bool kernels = false;

	for (int i = KEEPALIVE_IDLE; i <= KEEPALIVE_COUNT; i++) {
		if (rule->options & (1u << i)) {
			value[i] = (uint64_t)rule->value[i];
		} else {
			value[i] = kernel_value(own[i].name, own[i].fallback);
			kernels = true;
		}
	}
	if (rule->options & (1u << KEEPALIVE_USER_TIMEOUT))
		limit_ms = (uint64_t)rule->value[KEEPALIVE_USER_TIMEOUT];

	probes = value[KEEPALIVE_COUNT];
	if (limit_ms != 0)
		for (probes = 1; (value[KEEPALIVE_IDLE] +
				     probes * value[KEEPALIVE_INTERVAL]) *
				     1000 <
				 limit_ms;)
			probes++;

	format_span(value[KEEPALIVE_IDLE], idle);
	format_span(value[KEEPALIVE_INTERVAL], interval);
	format_span(
	    value[KEEPALIVE_IDLE] + probes * value[KEEPALIVE_INTERVAL], dead);
	printf("\nFirst probe after %s of silence, then every %s;\n"
	       "a peer that answers none is declared dead after %s.\n",
	    idle, interval, dead);
	if (limit_ms != 0)
		puts("TCP_USER_TIMEOUT decides on that in place of "
		     "TCP_KEEPCNT, and limits how long\n"
		     "sent data may wait for its acknowledgement.");
	if (kernels)
		puts("Where nothing is set, this host's "
		     "net.ipv4.tcp_keepalive_* was taken.");
}

static void
print_rule(const struct image *image, uint32_t index)
{
	static const char *const settings[] = {
	    [APP_OVERRIDE] = "override",
	    [APP_TIGHTEN] = "tighten",
	    [APP_RESPECT] = "respect",
	};
	struct image_rule rule;

	if (!image_rule(image, index, &rule))
		return;
	printf("%-17s %s (%s:%u, rule %u of %u)\n", "rule",
	    image_string(image, rule.name), image_string(image, rule.file),
	    rule.line, index + 1, image_rule_count(image));
	if (rule.action == ACTION_IGNORE) {
		printf("%-17s ignore: left alone\n", "action");
		return;
	}
	print_options(image, &rule);
	if (rule.app_settings < sizeof(settings) / sizeof(settings[0]))
		printf(
		    "%-17s %s\n", "app-settings", settings[rule.app_settings]);
	print_meaning(&rule);
}

static bool
set_has(const struct image *image, uint32_t set, uint32_t index)
{
	return image_set_word(image, set, index / 64) >> (index % 64) & 1;
}

/* Does the rule leave the field open, or name this address in it? */
static bool
names_address(const struct image *image, const struct image_header *header,
    enum image_field field, const struct addr *addr, uint32_t index)
{
	const struct image_table *table = &header->v6[field];
	uint64_t key[2] = {0, 0};
	int length = 16;

	if (addr->family == ADDR_V4) {
		table = &header->v4[field];
		length = 4;
	}
	for (int i = 0; i < length; i++) {
		uint64_t *half = &key[length == 4 || i >= 8];

		*half = *half << 8 | addr->bytes[i];
	}
	return set_has(image, header->open_set[field], index) ||
	       set_has(image, image_find(image, table, key[0], key[1]), index);
}

/* Does the rule match in all that is known? */
static bool
rule_reaches(const struct image *image, const struct image_header *header,
    uint32_t index, const struct match_query *query)
{
	bool accept = query->direction == DIRECTION_ACCEPT;
	uint32_t port_set =
	    image_find(image, &header->v4[FIELD_PORT], 0, query->port);

	return set_has(image, header->direction_set[accept], index) &&
	       names_address(image, header, FIELD_DESTINATION,
		   &query->destination, index) &&
	       (query->source.family == ADDR_NONE ||
		   names_address(
		       image, header, FIELD_SOURCE, &query->source, index)) &&
	       (set_has(image, header->open_set[FIELD_PORT], index) ||
		   set_has(image, port_set, index));
}

/* Prints text, broken at spaces, with what follows indented. */
static void
print_broken(const char *text)
{
	size_t column = 0;

	while (*text) {
		size_t word = strcspn(text, " ");

		if (column > 0 && column + 1 + word > COLUMNS_MAX)
			column = (size_t)printf("\n%*s", NOTE_INDENT, "") - 1;
		else if (column > 0)
			column += (size_t)printf(" ");
		printf("%.*s", (int)word, text);
		column += word;
		text += word;
		text += strspn(text, " ");
	}
	putchar('\n');
}

static void
print_note(
    const struct image *image, const struct image_rule *rule, uint32_t missing)
{
	const char *file = base_name(image_string(image, rule->file));
	bool source = missing & MATCHER_SOURCE;
	bool program = missing & MATCHER_PROGRAM;
	char *text = NULL;
	size_t size = 0;
	FILE *note = open_memstream(&text, &size);

	if (!note)
		return;
	fprintf(note, "note: rule %s (%s:%u) also asks for ",
	    image_string(image, rule->name), file, rule->line);
	if (source)
		fprintf(note, "a source%s", program ? " and " : "");
	if (program)
		fputs("program", note);
	for (uint32_t i = 0; program && i < rule->program_count; i++)
		fprintf(
		    note, "%s %s", i ? "," : "", image_program(image, rule, i));
	fprintf(note, ": give %s%s%s", source ? "--source" : "",
	    source && program ? " and " : "", program ? "--program" : "");
	if (fclose(note) == 0)
		print_broken(text);
	free(text);
}

/*
 * Names the rules before number end that were passed over only because the
 * source or the program is not known. mask is that of match_program().
 */
static void
print_notes(const struct image *image, const uint64_t *mask,
    const struct request *request, uint32_t end)
{
	struct image_header header;
	struct image_rule rule;
	uint32_t unknown = 0, notes = 0, missing;

	if (request->query.source.family == ADDR_NONE)
		unknown |= MATCHER_SOURCE;
	if (request->program_count == 0)
		unknown |= MATCHER_PROGRAM;
	if (unknown == 0 || !image_header(image, &header))
		return;
	for (uint32_t i = 0; i < end && image_rule(image, i, &rule); i++) {
		missing = rule.matchers & unknown;
		if (missing == 0 ||
		    !rule_reaches(image, &header, i, &request->query))
			continue;
		if (!(missing & MATCHER_PROGRAM) &&
		    !(mask[i / 64] >> (i % 64) & 1))
			continue;
		if (notes++ == 0)
			putchar('\n');
		if (notes <= NOTES_MAX)
			print_note(image, &rule, missing);
	}
	if (notes > NOTES_MAX)
		printf("note: and %u more rules\n", notes - NOTES_MAX);
}

static int
explain(const struct image *image, const struct request *request)
{
	uint64_t *mask = calloc(image_words(image) + 1u, sizeof(*mask));
	uint32_t end;
	int index;

	if (!mask) {
		warn("match");
		return CMD_WRONG;
	}
	match_program(image, request->programs, request->program_count, mask);
	index = match_rule(image, mask, &request->query);
	if (index == MATCH_NONE) {
		puts("no rule matches: left to the program and the kernel");
		end = image_rule_count(image);
	} else {
		print_rule(image, (uint32_t)index);
		end = (uint32_t)index;
	}
	print_notes(image, mask, request, end);
	free(mask);
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
			    base_name(optarg);
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
	char path[PATH_MAX], message[CONFIG_MESSAGE_MAX];
	uint8_t *bytes = NULL;
	struct image image;
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
	if (config_load(path, NULL, NULL, &bytes, &image.size, message) != 0) {
		fprintf(stderr, "%s\n", message);
		status = CMD_WRONG;
		goto out;
	}
	image.bytes = bytes;
	status = explain(&image, &request);
out:
	free(bytes);
	free(request.programs);
	return status;
}
