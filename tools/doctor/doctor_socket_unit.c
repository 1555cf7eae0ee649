/* SPDX-License-Identifier: ISC */
/*
 * doctor_socket_unit: the TCP sockets of a .socket unit are opened by systemd,
 * which has settings of its own for keepalive (systemd.socket(5)). Says which
 * of them do what the rules ask for.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "config/config.h"
#include "doctor/doctor_exec.h"
#include "doctor/doctor_socket_unit.h"
#include "image/image.h"
#include "image/match.h"
#include "image/view.h"

#define SECTION "Socket"

/* The options that systemd has a setting for, in its order. */
static const struct {
	const char *key;
	enum keepalive_option option;
} settings[] = {
    {"KeepAliveTimeSec", KEEPALIVE_IDLE},
    {"KeepAliveIntervalSec", KEEPALIVE_INTERVAL},
    {"KeepAliveProbes", KEEPALIVE_COUNT},
};

#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

static const char *
last(const struct unit *unit, const char *key)
{
	const struct unit_setting *setting = unit_last(unit, SECTION, key);

	return setting ? setting->value : NULL;
}

/*
 * A port, "ADDRESS:PORT" or "[ADDRESS]:PORT" is a TCP socket. Anything else,
 * such as a path, is not: false.
 */
static bool
parse_stream(const char *text, struct match_query *query)
{
	char address[ADDR_TEXT_MAX] = "";
	const char *port = strrchr(text, ':');
	char *end;
	unsigned long number;

	*query = (struct match_query){.direction = DIRECTION_ACCEPT};
	if (strncmp(text, "vsock:", 6) == 0)
		return false;
	if (port) {
		size_t size = (size_t)(port - text);

		if (*text == '[' && size > 2 && text[size - 1] == ']') {
			text++;
			size -= 2;
		}
		if (size >= sizeof(address))
			return false;
		memcpy(address, text, size);
		if (addr_parse(address, &query->destination) != 0)
			return false;
	}
	port = port ? port + 1 : text;
	number = strtoul(port, &end, 10);
	if (port[strspn(port, "0123456789")] != '\0' || end == port ||
	    number < 1 || number > 65535)
		return false;
	query->port = (uint16_t)number;
	/* [::] and 0.0.0.0 are every address of this host: not known which. */
	if (addr_is_unspecified(&query->destination))
		query->destination = (struct addr){0};
	return true;
}

/* "5min 20s" in seconds, as systemd.time(7); -1 if it is none. */
static long
parse_seconds(const char *text)
{
	static const struct {
		const char *name;
		long seconds;
	} units[] = {{"", 1}, {"s", 1}, {"sec", 1}, {"second", 1},
	    {"seconds", 1}, {"m", 60}, {"min", 60}, {"minute", 60},
	    {"minutes", 60}, {"h", 3600}, {"hr", 3600}, {"hour", 3600},
	    {"hours", 3600}, {"d", 86400}, {"day", 86400}, {"days", 86400}};
	long sum = 0;

	while (*(text += strspn(text, " \t"))) {
		char *end;
		long number = strtol(text, &end, 10);
		size_t length = strspn(end, "abcdefghijklmnopqrstuvwxyz");
		size_t i = 0;

		if (end == text || number < 0 || number > 1000000)
			return -1;
		while (i < sizeof(units) / sizeof(units[0]) &&
		       (strlen(units[i].name) != length ||
			   strncmp(units[i].name, end, length) != 0))
			i++;
		if (i == sizeof(units) / sizeof(units[0]))
			return -1;
		sum += number * units[i].seconds;
		text = end + length;
	}
	return sum;
}

/* Do the unit's settings do already what the rule asks for? */
static bool
agrees(const struct unit *unit, const struct image_rule *rule)
{
	const char *on = last(unit, "KeepAlive");

	if (!on || !unit_yes(on))
		return false;
	for (size_t i = 0; i < SETTINGS; i++) {
		const char *value = last(unit, settings[i].key);

		if ((rule->options & (1u << settings[i].option)) != 0 &&
		    (!value || parse_seconds(value) !=
				   rule->value[settings[i].option]))
			return false;
	}
	return true;
}

/* The lines to write. */
static void
advise(const struct unit *unit, const struct image_rule *rule,
    struct findings *findings)
{
	char line[64];

	findings_remedy(findings, "'systemctl edit %s', write", unit->id);
	findings_remedy_line(findings, "[Socket]");
	findings_remedy_line(findings, "KeepAlive=yes");
	for (size_t i = 0; i < SETTINGS; i++) {
		if ((rule->options & (1u << settings[i].option)) == 0)
			continue;
		snprintf(line, sizeof(line), "%s=%d", settings[i].key,
		    (int)rule->value[settings[i].option]);
		findings_remedy_line(findings, line);
	}
	findings_remedy_line(findings, "and restart it.");
}

static void
check_rule(const struct unit *unit, const char *stream,
    const struct image *image, const struct image_rule *rule,
    struct findings *findings)
{
	const char *name = image_string(image, rule->name);

	if (rule->action == ACTION_IGNORE) {
		findings_add(findings, FINDING_SOCKETS, FINDING_FINE,
		    "ListenStream=%s: rule %s says ignore", stream, name);
		return;
	}
	if (agrees(unit, rule)) {
		findings_add(findings, FINDING_SOCKETS, FINDING_FINE,
		    "ListenStream=%s has what rule %s says", stream, name);
	} else {
		findings_add(findings, FINDING_SOCKETS, FINDING_FATAL,
		    "ListenStream=%s does not have what rule %s says", stream,
		    name);
		advise(unit, rule, findings);
	}
	if ((rule->options & (1u << KEEPALIVE_USER_TIMEOUT)) != 0)
		findings_add(findings, FINDING_SOCKETS, FINDING_NOTE,
		    "rule %s has a user-timeout, for which systemd has no "
		    "setting",
		    name);
}

/* The name that rules know the service's program by. */
static int
first_program(
    const char *program, const char *rest, const char *prefixes, void *data)
{
	const char *slash = strrchr(program, '/');

	(void)rest;
	(void)prefixes;
	snprintf(data, NAME_MAX + 1, "%s", slash ? slash + 1 : program);
	return 1;
}

/* Service=, or the unit of the same name; with Accept=yes its template. */
static void
find_program(const struct unit *unit, bool accept, char name[NAME_MAX + 1])
{
	const char *service = last(unit, "Service");
	const char *dot = strrchr(unit->id, '.');
	char own[NAME_MAX + 1];
	struct unit started;

	*name = '\0';
	snprintf(own, sizeof(own), "%.*s%s.service",
	    (int)(dot ? dot - unit->id : 0), unit->id, accept ? "@" : "");
	if (unit_read(unit->root, service ? service : own, &started) < 0)
		return;
	(void)doctor_exec(&started, first_program, name);
	unit_free(&started);
}

static void
check_stream(const struct unit *unit, const char *stream, const char *program,
    const struct image *image, struct findings *findings)
{
	const char *names[1] = {program};
	struct match_groups groups;
	struct match_query query;
	struct image_rule rule;
	uint32_t *numbers;
	int index;

	if (!parse_stream(stream, &query)) {
		findings_add(findings, FINDING_SOCKETS, FINDING_NOTE,
		    "ListenStream=%s is no TCP socket", stream);
		return;
	}
	numbers = calloc(image_group_count(image) + 1u, sizeof(*numbers));
	if (!numbers) {
		findings->error = -ENOMEM;
		return;
	}
	groups = match_groups(
	    image, names, *program ? 1 : 0, numbers, image_group_count(image));
	index = match_rule(image, &groups, &query);
	free(numbers);
	if (index == MATCH_NONE || !image_rule(image, (uint32_t)index, &rule)) {
		findings_add(findings, FINDING_SOCKETS, FINDING_WARN,
		    "ListenStream=%s: no rule matches all that it accepts",
		    stream);
		findings_remedy(findings,
		    "A .socket unit has one setting for all peers: only a rule "
		    "without source can decide. 'kashim match -d accept' shows "
		    "what one peer gets.");
		return;
	}
	check_rule(unit, stream, image, &rule, findings);
}

void
doctor_socket_unit(
    const struct unit *unit, const char *config, struct findings *findings)
{
	const struct unit_setting *setting = NULL;
	const char *accept_text = last(unit, "Accept");
	bool accept = accept_text && unit_yes(accept_text);
	char program[NAME_MAX + 1], message[CONFIG_MESSAGE_MAX];
	struct image image;
	uint8_t *bytes;
	int error =
	    config_load(config, NULL, NULL, &bytes, &image.size, message);

	if (error < 0) {
		findings_add(findings, FINDING_CONFIG,
		    error == -ENOENT ? FINDING_NO_RULES : FINDING_UNKNOWN, "%s",
		    message);
		findings_remedy(findings,
		    "Without rules there is nothing to derive settings from. "
		    "KeepAlive=yes, KeepAliveTimeSec=, KeepAliveIntervalSec= "
		    "and KeepAliveProbes= are those of systemd.socket(5).");
		return;
	}
	image.bytes = bytes;
	find_program(unit, accept, program);
	while ((setting = unit_next(unit, SECTION, "ListenStream", setting))) {
		char *stream = unit_expand(unit, setting->value);

		if (stream)
			check_stream(unit, stream, program, &image, findings);
		else
			findings->error = -ENOMEM;
		free(stream);
	}
	findings_add(findings, FINDING_UNIT, FINDING_NOTE,
	    accept ? "systemd opens the sockets and accepts the connections: "
		     "its settings, or the library in the service, which looks "
		     "at what it is handed when it starts"
		   : "systemd opens the sockets: its settings, or the library "
		     "in the service, which looks at what it is handed when "
		     "it starts");
	free(bytes);
}
