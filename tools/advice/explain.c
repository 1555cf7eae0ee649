/* SPDX-License-Identifier: ISC */
/*
 * explain: what a rule does, in words.
 */
#include "advice/explain.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "advice/advice_timers.h"
#include "base/keepalive.h"
#include "base/lateness.h"
#include "term/span.h"

#define ORIGIN_TEXT_MAX 256
#define VALUE_TEXT_MAX  24

static void
format_origin(const struct image *image, const struct image_rule *rule,
    const struct image_origin *origin, char text[ORIGIN_TEXT_MAX])
{
	const char *file = basename(image_string(image, origin->file));
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
print_option(const struct image *image, const struct image_rule *rule,
    enum keepalive_option option)
{
	char value[KEEPALIVE_TEXT_MAX] = "-";
	char origin[ORIGIN_TEXT_MAX] = "not set: the kernel's own";

	if (rule->options & (1u << option)) {
		keepalive_format(option, rule->value[option], " ", value);
		format_origin(image, rule, &rule->origin[option], origin);
	}
	printf(
	    "%-17s %-8s %s\n", keepalive_about[option].constant, value, origin);
}

static void
print_options(const struct image *image, const struct image_rule *rule)
{
	print_option(image, rule, KEEPALIVE_SWITCH);
	for (unsigned int option = 0; option < KEEPALIVE_SWITCH; option++)
		print_option(image, rule, option);
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

/* What a socket has then, by the rule or by the kernel. */
struct timers {
	uint64_t idle_s;
	uint64_t interval_s;
	uint64_t count;
	uint64_t user_timeout_ms; /* 0: not set */
	bool kernels;             /* one of the others is the kernel's own */
};

static uint64_t
timer(const struct image_rule *rule, enum keepalive_option option,
    const char *name, uint64_t fallback, bool *kernels)
{
	if (rule->options & (1u << option))
		return (uint64_t)rule->value[option];
	*kernels = true;
	return kernel_value(name, fallback);
}

static struct timers
timers_of(const struct image_rule *rule)
{
	struct timers timers = {.kernels = false};

	timers.idle_s = timer(
	    rule, KEEPALIVE_IDLE, "tcp_keepalive_time", 7200, &timers.kernels);
	timers.interval_s = timer(rule, KEEPALIVE_INTERVAL,
	    "tcp_keepalive_intvl", 75, &timers.kernels);
	timers.count = timer(
	    rule, KEEPALIVE_COUNT, "tcp_keepalive_probes", 9, &timers.kernels);
	if (rule->options & (1u << KEEPALIVE_USER_TIMEOUT))
		timers.user_timeout_ms =
		    (uint64_t)rule->value[KEEPALIVE_USER_TIMEOUT];
	return timers;
}

/*
 * How long a peer that answers nothing keeps its connection: count probes,
 * the first of them at first_s; or, with TCP_USER_TIMEOUT, until the first
 * probe falls due behind that time. If the interval is the longer one, the
 * first probe may come anywhere between the two, and this is the most.
 */
static uint64_t
lasts_s(const struct timers *timers, uint64_t first_s)
{
	uint64_t limit_s = (timers->user_timeout_ms + 999) / 1000;
	uint64_t probes = 1;

	if (limit_s == 0)
		return first_s + timers->count * timers->interval_s;
	if (timers->interval_s > timers->idle_s)
		return (limit_s > first_s ? limit_s : first_s) +
		       timers->interval_s;
	while (first_s + probes * timers->interval_s < limit_s)
		probes++;
	return first_s + probes * timers->interval_s;
}

/*
 * When probes go out. After each, answered or not, the kernel looks again
 * only when the interval is over, and sends one if idle is over, too
 * (tcp_keepalive_timer() in net/ipv4/tcp_timer.c). So an interval longer than
 * idle is the time between any two probes.
 */
static void
print_meaning(const struct image_rule *rule)
{
	const struct timers timers = timers_of(rule);
	bool slow = timers.interval_s > timers.idle_s;
	char idle[SPAN_TEXT_MAX], interval[SPAN_TEXT_MAX], lasts[SPAN_TEXT_MAX];
	char late[SPAN_TEXT_MAX];
	int64_t late_s;

	span_format(timers.idle_s, idle);
	span_format(timers.interval_s, interval);
	span_format(
	    lasts_s(&timers, slow ? timers.interval_s : timers.idle_s), lasts);
	printf("\nFirst probe after %s of silence, then every %s%s\n", idle,
	    interval, slow ? "," : "");
	printf("%s. If none is, the connection ends after %s%s.\n",
	    slow ? "answered or not" : "until one is answered", lasts,
	    slow ? " at most" : "");
	late_s =
	    (lateness_ms(lateness_hz(), (int64_t)timers.idle_s * 1000) + 500) /
	    1000;
	span_format((uint64_t)late_s, late);
	if (late_s > 0)
		printf("This kernel's timers are coarse: the first probe may "
		       "come %s later.\n",
		    late);
	if (rule->timeout_s != 0 && timers.count > ADVICE_RETRANS &&
	    timers.interval_s >= ADVICE_RETRANS_S)
		printf("A firewall that is Linux forgets it %d s after its "
		       "fourth probe without an answer.\n",
		    ADVICE_RETRANS_S);
	if (slow)
		puts("The interval is longer than idle, and no two probes are "
		     "less than that apart.");
	if (timers.user_timeout_ms != 0)
		printf(
		    "%s decides on that in place of %s, and limits how long\n"
		    "sent data may wait for its acknowledgement.\n",
		    keepalive_about[KEEPALIVE_USER_TIMEOUT].constant,
		    keepalive_about[KEEPALIVE_COUNT].constant);
	if (timers.kernels)
		puts("Where nothing is set, this host's "
		     "net.ipv4.tcp_keepalive_* was taken.");
}

void
explain_rule(const struct image *image, uint32_t index)
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
