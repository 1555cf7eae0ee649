/* SPDX-License-Identifier: ISC */
/*
 * kashim probe: after how much silence the path to a service forgets a
 * connection (probe.h). It needs no rights, and sends no data.
 */
#include "cmd/cmd.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/lateness.h"
#include "cmd/cmd_probe.h"
#include "config/config_value.h"
#include "probe/probe.h"
#include "probe/probe_report.h"
#include "probe/probe_rule.h"
#include "term/span.h"
#include "term/terminal.h"
#include "term/text.h"

#define FROM_MS     30000
#define TO_MS       8100000
#define CONNECTIONS 15
#define RATE        5
#define RATE_MAX    100
#define TIME_MAX_MS (UINT64_C(7) * 86400000)

static const char help[] =
    "Usage: kashim probe [OPTION...] HOST PORT\n"
    "Measures after how much silence the path to a TCP service forgets a "
    "connection,\n"
    "with a few connections that send no data, and says which "
    "firewall-timeout fits.\n"
    "\n"
    "  -f, --from=T         the shortest silence (30s)\n"
    "  -t, --to=T           the longest (135min)\n"
    "  -n, --connections=N  that are silent, besides one with keepalive "
    "(15)\n"
    "  -R, --rate=N         opens so many in a second at most (5)\n"
    "  -p, --precise        narrow it down to a hundredth, or a second\n"
    "  -j, --json           print JSON\n"
    "  -l, --listen=PORT    be the other side: listen, and send nothing\n"
    "  -r, --rule=NAME      does this rule fit? HOST and PORT are those of "
    "its live\n"
    "                       connections, if they are left out\n"
    "  -u, --unit=UNIT      the same of this systemd unit's connections\n"
    "  -c, --config=FILE    use FILE instead of KASHIM_CONFIG or\n"
    "                       " CONFIG_FILE "\n"
    "  -h, --help           show this text\n"
    "\n"
    "Exit status: 0 if it is known now, or all was survived; 1 if it can't be "
    "known,\n"
    "or the rule does not fit; 2 for wrong use, a bad configuration, or no "
    "connection;\n"
    "130 if it was interrupted.\n"
    "\n"
    "Examples:\n"
    "  kashim probe 10.20.0.5 3300\n"
    "  kashim probe --to 1h --precise db.example.com 5432\n"
    "  kashim probe --listen 7000\n"
    "  sudo kashim probe --unit backup-agent\n";

struct request {
	struct plan_settings settings;
	bool json;
	uint32_t listen;      /* 0: no */
	const char *rule;     /* --rule, NULL if not given */
	struct choice choice; /* --unit, --config */
};

/* Ends the line of show(). */
static bool shown;

static void
show(const struct probe_progress *progress)
{
	char passed[SPAN_TEXT_MAX], longest[SPAN_TEXT_MAX];
	char survived[SPAN_TEXT_MAX];
	/* One line, which a terminal does not wrap. */
	int columns = (int)terminal_columns(stderr) - 1;
	char line[3 * SPAN_TEXT_MAX + 80];

	span_format((uint64_t)progress->passed_ms / 1000, passed);
	span_format(
	    (uint64_t)(progress->longest_ms + 59999) / 60000 * 60, longest);
	span_format((uint64_t)progress->survived_ms / 1000, survived);
	snprintf(line, sizeof(line),
	    "%s of %s at most, survived: %s, connections: %u%s", passed,
	    longest, survived, progress->alive,
	    progress->lost ? ", narrowing down" : "");
	fprintf(stderr, "\r\033[K%.*s", columns, line);
	fflush(stderr);
	shown = true;
}

static void
end_show(void)
{
	if (shown)
		fputs("\r\033[K", stderr);
	shown = false;
}

/* Options as the configuration has its values: with the same messages. */
static int
take_value(const char *option, const char *text, uint32_t max, uint32_t *number,
    int64_t *time_ms)
{
	static const struct config_range range = {
	    1000, TIME_MAX_MS, false, "1s to 168h"};
	char message[CONFIG_MESSAGE_MAX];
	struct config_report report = {.message = message};
	const struct config_value value = {
	    .report = &report,
	    .at = {.file = "probe"},
	    .key = option,
	    .text = text,
	};
	uint64_t ms = 0;
	int error = time_ms ? config_value_duration(&value, &range, &ms)
	                    : config_value_number(&value, max, number);

	if (error < 0) {
		text_warnx("%s", message);
		return CMD_WRONG;
	}
	if (time_ms)
		*time_ms = (int64_t)ms;
	return CMD_DONE;
}

static int
check(const struct request *request, int arguments)
{
	const struct plan_settings *settings = &request->settings;

	bool by_rule = request->rule || request->choice.live.unit_count > 0;

	if (arguments != (request->listen ? 0 : 2) &&
	    !(by_rule && arguments == 0)) {
		warnx(request->listen ? "with --listen there is no host"
				      : "probe needs a host and a port");
		return CMD_WRONG;
	}
	if (request->listen && by_rule) {
		warnx("--listen has no use for a rule or a unit");
		return CMD_WRONG;
	}
	if (settings->to_ms < settings->from_ms) {
		warnx("--to is before --from");
		return CMD_WRONG;
	}
	if (settings->connections < PLAN_CONNECTIONS_MIN) {
		warnx("probe needs %d connections", PLAN_CONNECTIONS_MIN);
		return CMD_WRONG;
	}
	return CMD_DONE;
}

/* As cmd_file_argument(): CMD_NO after --help. */
static int
parse(int argc, char *argv[], struct request *request)
{
	static const struct option options[] = {
	    {"from", required_argument, NULL, 'f'},
	    {"to", required_argument, NULL, 't'},
	    {"connections", required_argument, NULL, 'n'},
	    {"rate", required_argument, NULL, 'R'},
	    {"precise", no_argument, NULL, 'p'},
	    {"json", no_argument, NULL, 'j'},
	    {"listen", required_argument, NULL, 'l'},
	    {"rule", required_argument, NULL, 'r'},
	    {"unit", required_argument, NULL, 'u'},
	    {"config", required_argument, NULL, 'c'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	struct plan_settings *settings = &request->settings;
	int opt, status = CMD_DONE;

	while (status == CMD_DONE &&
	       (opt = getopt_long(
		    argc, argv, "f:t:n:R:pjl:r:u:c:h", options, NULL)) != -1) {
		switch (opt) {
		case 'f':
			status = take_value(
			    "--from", optarg, 0, NULL, &settings->from_ms);
			break;
		case 't':
			status = take_value(
			    "--to", optarg, 0, NULL, &settings->to_ms);
			break;
		case 'n':
			status = take_value("--connections", optarg,
			    PLAN_CONNECTIONS_MAX, &settings->connections, NULL);
			break;
		case 'R':
			status = take_value(
			    "--rate", optarg, RATE_MAX, &settings->rate, NULL);
			break;
		case 'p':
			settings->precise = true;
			break;
		case 'j':
			request->json = true;
			break;
		case 'l':
			status = take_value("--listen", optarg, UINT16_MAX,
			    &request->listen, NULL);
			break;
		case 'r':
			request->rule = optarg;
			break;
		case 'u':
		case 'c':
			if (choice_take(&request->choice, opt, optarg) != 0)
				status = CMD_WRONG;
			break;
		case 'h':
			fputs(help, stdout);
			return CMD_NO;
		default:
			return cmd_wrong_use(argv[0]);
		}
	}
	if (status == CMD_DONE && check(request, argc - optind) != CMD_DONE)
		return cmd_wrong_use(argv[0]);
	return status;
}

static void
say_listening(uint16_t port)
{
	printf("listening at port %u; probe it from the other side; a signal, "
	       "such as Ctrl-C, ends it\n",
	    port);
	(void)cmd_flush();
}

/* Says why nothing came of it. Returns CMD_WRONG. */
static int
failed(const char *what, int error)
{
	if (error == -EPERM)
		text_warnx("something in this process sets keepalive on its "
			   "sockets, so none is silent: run it without that "
			   "(LD_PRELOAD, kashim run)");
	else
		text_warnx("%s: %s", what, strerror(-error));
	return CMD_WRONG;
}

static void
write_time(FILE *out, int64_t ms)
{
	char value[REPORT_VALUE_MAX];

	if (ms % 1000)
		fprintf(out, "%lldms", (long long)ms);
	else
		fputs(report_value((uint32_t)(ms / 1000), value), out);
}

/* The command that goes on behind what was survived. */
static void
write_again(FILE *out, const struct request *request,
    const struct probe_result *result, const struct target *target)
{
	const struct plan_settings *settings = &request->settings;
	int64_t from_ms = result->bracket.survived_ms / 1000 * 1000;

	if (from_ms < settings->from_ms)
		from_ms = settings->from_ms;
	fprintf(out, "kashim probe --from ");
	write_time(out, from_ms);
	if (settings->to_ms != TO_MS) {
		fprintf(out, " --to ");
		write_time(out, settings->to_ms);
	}
	if (settings->connections != CONNECTIONS)
		fprintf(out, " --connections %u", settings->connections);
	if (settings->rate != RATE)
		fprintf(out, " --rate %u", settings->rate);
	fprintf(out, "%s%s %s %s", settings->precise ? " --precise" : "",
	    request->json ? " --json" : "", target->host, target->port);
}

static int
report(const struct request *request, const struct probe_result *result,
    const struct target *target)
{
	static const int statuses[] = {
	    [PROBE_FORGETS] = CMD_DONE,
	    [PROBE_SURVIVES] = CMD_DONE,
	    [PROBE_SERVICE_CLOSES] = CMD_NO,
	    [PROBE_NEVER_SILENT] = CMD_NO,
	    [PROBE_INCONSISTENT] = CMD_NO,
	    [PROBE_OUTAGE] = CMD_NO,
	    [PROBE_UNANSWERED] = CMD_NO,
	    [PROBE_INTERRUPTED] = CMD_INTERRUPTED,
	};
	char *again = NULL;
	size_t size;
	FILE *stream = open_memstream(&again, &size);
	struct report all = {
	    .result = result,
	    .host = target->host,
	    .rule_name = target->rule_name,
	};
	int error = 0, status = statuses[result->verdict];

	if (target->rule_name) {
		all.timeout_s = target->rule.timeout_s;
		all.fit = rule_fit(&target->rule, result, lateness_hz());
		if (all.fit == RULE_TOO_LATE || all.fit == RULE_IGNORES)
			status = CMD_NO;
	}
	if (stream) {
		write_again(stream, request, result, target);
		fclose(stream);
	}
	all.again = again ? again : "";
	if (request->json)
		error = report_json(stdout, &all);
	else
		report_text(stdout, &all, terminal_columns(stdout));
	free(again);
	return error < 0 ? failed("probe", error) : status;
}

static int
probe(const struct request *request, const struct target *target)
{
	const struct addrinfo hints = {
	    .ai_family = AF_UNSPEC,
	    .ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_ADDRCONFIG,
	};
	bool draws = terminal_draws(stderr);
	struct addrinfo *addresses;
	struct probe_result result;
	char what[NI_MAXHOST];
	int error = getaddrinfo(target->host, target->port, &hints, &addresses);

	snprintf(what, sizeof(what), "%s port %s", target->host, target->port);
	if (error != 0) {
		text_warnx("%s: %s", what, gai_strerror(error));
		return CMD_WRONG;
	}
	error = probe_run(
	    &request->settings, addresses, draws ? show : NULL, &result);
	freeaddrinfo(addresses);
	end_show();
	return error == -EINTR ? CMD_INTERRUPTED
	       : error < 0     ? failed(what, error)
	                       : report(request, &result, target);
}

/* By its arguments, or by a rule or unit. */
static int
probe_target(const struct request *request, char **arguments)
{
	struct target target = {.host = arguments[0]};
	int status = CMD_DONE;

	if (target.host)
		target.port = arguments[1];
	if (request->rule || request->choice.live.unit_count > 0)
		status =
		    cmd_probe_target(&request->choice, request->rule, &target);
	if (status == CMD_DONE)
		status = probe(request, &target);
	free(target.rule_name);
	return status;
}

static int
listen_at(uint16_t port)
{
	int error = probe_listen(port, say_listening);

	return error < 0 ? failed("listen", error) : CMD_DONE;
}

int
cmd_probe(int argc, char *argv[])
{
	struct request request = {
	    .settings = {FROM_MS, TO_MS, CONNECTIONS, RATE, false}};
	int status = parse(argc, argv, &request);

	if (status == CMD_DONE)
		status = request.listen ? listen_at((uint16_t)request.listen)
		                        : probe_target(&request, argv + optind);
	else if (status == CMD_NO)
		status = CMD_DONE;
	choice_free(&request.choice);
	return status;
}
