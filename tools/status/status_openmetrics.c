/* SPDX-License-Identifier: ISC */
/*
 * status_openmetrics: counts by program, rule and verdict, and never by
 * address, so that their number stays small. OpenMetrics 1.0, of which only
 * gauges and counters are used: the samples of both are the same in the
 * Prometheus text format, which node_exporter's textfile collector reads. There
 * a counter is one without a type, since its family has "_total" in its name.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "status/status.h"
#include "term/text.h"

/* What a connection adds. */
struct sample {
	const char *program; /* UTF-8 */
	int rule;            /* in the image, or MATCH_NONE */
	enum live_verdict verdict;
	uint32_t unanswered;
	bool has_left;
	int64_t left_ms;
	bool kept;
	int64_t data_ms; /* since data went, -1: not known */
	uint32_t survived_ms;
	uint32_t timeout_s; /* its rule's firewall-timeout; 0: none */
};

struct samples {
	struct sample *all; /* sorted */
	size_t count;
	char **programs; /* their names */
	size_t program_count;
	const struct image *image;
};

static int
compare(const void *left, const void *right)
{
	const struct sample *a = left, *b = right;
	int program = strcmp(a->program, b->program);

	if (program != 0)
		return program;
	if (a->rule != b->rule)
		return a->rule < b->rule ? -1 : 1;
	return (int)a->verdict - (int)b->verdict;
}

/*
 * The name of a process for a label; NULL if memory is out. Without the
 * permission to look, a process has only the name that it gave itself, and
 * there may be any number of these: they all are "".
 */
static const char *
name_program(struct samples *samples, const struct process *process)
{
	char utf8[3 * (NAME_MAX + 1)] = "";
	char *name;

	if (process && process->name_count > 0)
		text_utf8(process_program(process), utf8, sizeof(utf8));
	name = strdup(utf8);
	if (name)
		samples->programs[samples->program_count++] = name;
	return name;
}

static void
free_samples(struct samples *samples)
{
	for (size_t i = 0; i < samples->program_count; i++)
		free(samples->programs[i]);
	free(samples->programs);
	free(samples->all);
}

/* Returns 0 or -ENOMEM; the caller frees them in any case. */
static int
make_samples(const struct status *status, struct samples *samples)
{
	const struct process *process = NULL;
	const char *program = NULL;

	*samples = (struct samples){
	    .image = status->image,
	    .count = status->count,
	    .all = calloc(status->count + 1, sizeof(*samples->all)),
	    .programs = calloc(status->count + 1, sizeof(char *)),
	};
	if (!samples->all || !samples->programs)
		return -ENOMEM;
	for (size_t i = 0; i < status->count; i++) {
		const struct live_socket *socket = status->connections[i];
		struct sample *sample = &samples->all[i];
		struct image_rule rule;

		if (!program || socket->process != process)
			program = name_program(samples, socket->process);
		if (!program)
			return -ENOMEM;
		process = socket->process;
		sample->program = program;
		sample->rule = socket->rule;
		sample->verdict = socket->verdict;
		if (status_probe_ms(socket) >= 0)
			sample->unanswered = socket->socket.unanswered;
		sample->kept = status_is_kept(status, socket);
		sample->data_ms = status_data_silence_ms(socket);
		sample->survived_ms = socket->survived_ms;
		if (status_rule(status, socket, &rule))
			sample->timeout_s = rule.timeout_s;
		sample->has_left =
		    status_left_ms(status, socket, &sample->left_ms);
	}
	qsort(samples->all, samples->count, sizeof(*samples->all), compare);
	return 0;
}

static void
print_type(FILE *out, const char *name, const char *type, const char *about)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, about, name, type);
}

static void
print_family(FILE *out, const char *name, const char *unit, const char *about)
{
	print_type(out, name, "gauge", about);
	if (*unit)
		fprintf(out, "# UNIT %s %s\n", name, unit);
}

/* A label's value between its quotes; there are no newlines in it. */
static void
print_quoted(FILE *out, const char *value)
{
	fputc('"', out);
	for (const char *c = value; *c; c++) {
		if (*c == '"' || *c == '\\')
			fputc('\\', out);
		fputc(*c, out);
	}
	fputc('"', out);
}

/* The labels of a sample; with its verdict, if that is true. */
static void
print_labels(FILE *out, const struct samples *samples,
    const struct sample *sample, bool verdict)
{
	struct image_rule rule;
	const char *rule_name = "";

	if (samples->image && sample->rule != MATCH_NONE &&
	    image_rule(samples->image, (uint32_t)sample->rule, &rule))
		rule_name = image_string(samples->image, rule.name);
	fputs("{program=", out);
	print_quoted(out, sample->program);
	fputs(",rule=", out);
	print_quoted(out, rule_name);
	if (verdict) {
		fputs(",verdict=", out);
		print_quoted(out, live_verdict_name(sample->verdict));
	}
	fputs("} ", out);
}

/*
 * The end of the samples that have the labels of the one at begin: the same
 * program and rule, and if verdict is true, verdict.
 */
static size_t
group_end(const struct samples *samples, size_t begin, bool verdict)
{
	const struct sample *all = samples->all;
	size_t end = begin;

	while (end < samples->count &&
	       strcmp(all[end].program, all[begin].program) == 0 &&
	       all[end].rule == all[begin].rule &&
	       (!verdict || all[end].verdict == all[begin].verdict))
		end++;
	return end;
}

/* The metrics that have a value for each group of samples. */
enum {
	CONNECTIONS,
	UNANSWERED,
	LEFT_MS,
	KEPT,
	SILENCE_MS,
	SURVIVED_MS,
	TIMEOUT_MS,
	FAMILIES
};

static const struct family {
	const char *name;
	const char *unit;
	const char *about;
	bool verdict; /* is a label, too */
} families[FAMILIES] = {
    [CONNECTIONS] = {"kashim_connections", "",
	"Live TCP connections, by the rule that should apply and how they "
	"stand.",
	true},
    [UNANSWERED] = {"kashim_unanswered_probes", "",
	"Keepalive probes without an answer up to now, in all.", false},
    [LEFT_MS] = {"kashim_firewall_timeout_left_seconds", "seconds",
	"Time until the first of the connections has been silent for its "
	"rule's firewall-timeout.",
	false},
    [KEPT] = {"kashim_connections_kept_alive", "",
	"Connections without data for longer than their rule's "
	"firewall-timeout, of which something was heard since.",
	false},
    [SILENCE_MS] = {"kashim_data_silence_seconds", "seconds",
	"The longest time that one of the connections has been without data.",
	false},
    [SURVIVED_MS] = {"kashim_survived_silence_seconds", "seconds",
	"The longest silence that one of the connections is known to have "
	"survived: nothing was sent either way, and then something came in.",
	false},
    [TIMEOUT_MS] = {"kashim_firewall_timeout_seconds", "seconds",
	"The firewall-timeout of the rule.", false},
};

/* The value of a group of which it is not known: left out. */
#define UNKNOWN INT64_MIN

/* The values of a group: the samples from one to before another. */
static void
add_up(const struct sample *from, const struct sample *to,
    int64_t values[FAMILIES])
{
	memset(values, 0, FAMILIES * sizeof(*values));
	values[LEFT_MS] = values[SILENCE_MS] = UNKNOWN;
	values[SURVIVED_MS] = values[TIMEOUT_MS] = UNKNOWN;
	for (; from < to; from++) {
		values[CONNECTIONS]++;
		values[UNANSWERED] += from->unanswered;
		values[KEPT] += from->kept;
		if (from->has_left && (values[LEFT_MS] == UNKNOWN ||
					  from->left_ms < values[LEFT_MS]))
			values[LEFT_MS] = from->left_ms;
		if (from->data_ms >= 0 && from->data_ms > values[SILENCE_MS])
			values[SILENCE_MS] = from->data_ms;
		if (from->survived_ms > 0 &&
		    from->survived_ms > values[SURVIVED_MS])
			values[SURVIVED_MS] = from->survived_ms;
		if (from->timeout_s > 0)
			values[TIMEOUT_MS] = (int64_t)from->timeout_s * 1000;
	}
}

/* In seconds it is given in ms. */
static void
print_value(FILE *out, const char *unit, int64_t value)
{
	const int64_t size = value < 0 ? -value : value;

	if (*unit)
		fprintf(out, "%s%" PRId64 ".%03" PRId64 "\n",
		    value < 0 ? "-" : "", size / 1000, size % 1000);
	else
		fprintf(out, "%" PRId64 "\n", value);
}

static void
print_groups(FILE *out, const struct samples *samples, int which)
{
	const struct family *family = &families[which];
	const struct sample *all = samples->all;
	int64_t values[FAMILIES];

	print_family(out, family->name, family->unit, family->about);
	for (size_t begin = 0, end; begin < samples->count; begin = end) {
		end = group_end(samples, begin, family->verdict);
		add_up(all + begin, all + end, values);
		if (values[which] == UNKNOWN)
			continue;
		fputs(family->name, out);
		print_labels(out, samples, all + begin, family->verdict);
		print_value(out, family->unit, values[which]);
	}
}

static void
print_one(FILE *out, const char *name, const char *about, size_t value)
{
	print_family(out, name, "", about);
	fprintf(out, "%s %zu\n", name, value);
}

/* One that two look after counts for each. */
static void
print_by(FILE *out, const struct status *status)
{
	static const char name[] = "kashim_connections_looked_after";
	size_t count[STATUS_UNSURE + 1] = {0};
	struct image_rule rule;

	for (size_t i = 0; i < status->count; i++) {
		const struct live_socket *socket = status->connections[i];
		const unsigned int by = status_by(status, socket);

		if (!status_rule(status, socket, &rule) ||
		    rule.action == ACTION_IGNORE)
			continue;
		for (unsigned int bit = 1; bit < STATUS_UNSURE; bit <<= 1)
			count[bit] += (by & bit) != 0;
		count[STATUS_UNSURE] += by == STATUS_UNSURE;
		count[0] += by == 0;
	}
	print_family(out, name, "",
	    "Connections that a rule asks keepalive for, by who sees to that; "
	    "one that two look after counts for each.");
	for (unsigned int bit = 1; bit <= STATUS_UNSURE; bit <<= 1)
		fprintf(out, "%s{by=\"%s\"} %zu\n", name, status_by_name(bit),
		    count[bit]);
	fprintf(out, "%s{by=\"nobody\"} %zu\n", name, count[0]);
}

/* What is attached; without values if that can't be told. */
static void
print_attached(FILE *out, const struct status *status)
{
	enum { ATTACHED, GONE, INCOMPLETE, OLDER, STATES };
	static const struct {
		const char *name, *about;
	} states[STATES] = {
	    [ATTACHED] = {"kashim_attached_control_groups",
		"Control groups that \"kashim attach\" has attached, and those "
		"that are gone."},
	    [GONE] = {"kashim_attached_control_groups_gone",
		"Attached control groups that were removed since: nothing is "
		"reached by them any more."},
	    [INCOMPLETE] = {"kashim_attached_control_groups_incomplete",
		"Attached control groups where what holds the rules against "
		"programs is gone."},
	    [OLDER] = {"kashim_attached_control_groups_with_older_policy",
		"Attached control groups whose rules are not known to be those "
		"in force."},
	};
	size_t count[STATES] = {[ATTACHED] = status->attached_count};

	for (size_t n = 0; n < status->attached_count; n++) {
		const struct status_attached *is = &status->attached[n];

		count[GONE] += is->kernel.gone;
		count[INCOMPLETE] += !is->kernel.gone && is->kernel.incomplete;
		count[OLDER] += !is->kernel.gone && is->in_force != 1;
	}
	for (int state = 0; state < STATES; state++) {
		print_family(out, states[state].name, "", states[state].about);
		if (status->attached_known)
			fprintf(
			    out, "%s %zu\n", states[state].name, count[state]);
	}
}

/*
 * A control group as a label: with a name that would have to be changed to be
 * one, and might be that of another one then, it is its number.
 */
static void
print_group(FILE *out, const struct kernel_attached *kernel)
{
	if (*kernel->path && text_is_harmless(kernel->path))
		print_quoted(out, kernel->path);
	else
		fprintf(out, "\"control group %" PRIu64 "\"", kernel->cgroup);
}

/* A sample of a counter for each control group that is there. */
static void
print_counter(FILE *out, const struct status *status, const char *name,
    const char *labels, enum bpf_counter which)
{
	for (size_t n = 0; n < status->attached_count; n++) {
		const struct kernel_attached *kernel =
		    &status->attached[n].kernel;

		if (kernel->gone || !kernel->counted)
			continue;
		fprintf(out, "%s_total{cgroup=", name);
		print_group(out, kernel);
		fprintf(
		    out, "%s} %" PRIu64 "\n", labels, kernel->counts.of[which]);
	}
}

static void
print_counters(FILE *out, const struct status *status)
{
	static const char connections[] = "kashim_attached_connections";
	static const char held[] = "kashim_attached_settings_held";
	static const char failures[] = "kashim_attached_failures";

	print_type(out, connections, "counter",
	    "Connections that the kernel gave what their rule says, when they "
	    "were made and when they were accepted, and those without a rule, "
	    "since \"kashim attach\".");
	print_counter(
	    out, status, connections, ",result=\"connected\"", BPF_CONNECTED);
	print_counter(
	    out, status, connections, ",result=\"accepted\"", BPF_ACCEPTED);
	print_counter(
	    out, status, connections, ",result=\"no rule\"", BPF_WITHOUT_RULE);
	print_type(out, held, "counter",
	    "What programs set themselves, in place of which the kernel took "
	    "what the rule says, since \"kashim attach\".");
	print_counter(out, status, held, "", BPF_HELD);
	print_type(out, failures, "counter",
	    "Connections and listeners for which the kernel could not do all "
	    "that their rule says, since \"kashim attach\".");
	print_counter(out, status, failures, "", BPF_FAILED);
}

int
status_openmetrics(FILE *out, const struct status *status)
{
	struct samples samples;
	int error = make_samples(status, &samples);

	for (int which = 0; !error && which < FAMILIES; which++)
		print_groups(out, &samples, which);
	free_samples(&samples);
	if (error)
		return error;
	print_one(out, "kashim_covered",
	    "Whether every connection that a rule matches is known to have "
	    "what the rule says.",
	    status_is_covered(status) ? 1 : 0);
	print_one(out, "kashim_listeners_without_options",
	    "Listeners that have not what their rule says.", status->unready);
	print_one(out, "kashim_processes_not_permitted",
	    "Processes that may not be looked into.",
	    status->live->closed_count);
	print_one(out, "kashim_namespaces_not_listed",
	    "Network namespaces whose connections could not be listed.",
	    status->live->hidden_nets);
	print_one(out, "kashim_policy_older_than_text",
	    "Whether the configuration was changed since the policy in force "
	    "was made of it.",
	    status->older ? 1 : 0);
	print_one(out, "kashim_processes_with_older_policy",
	    "Programs with connections that keep an older policy than the one "
	    "in force until they start again.",
	    status_policy_stuck(status));
	print_by(out, status);
	print_one(out, "kashim_attached_not_known",
	    "Whether it could not be told what \"kashim attach\" has attached.",
	    status->attached_known ? 0 : 1);
	print_attached(out, status);
	print_counters(out, status);
	print_family(out, "kashim_run_timestamp_seconds", "seconds",
	    "When this was read, in seconds since 1970.");
	fprintf(out, "kashim_run_timestamp_seconds %" PRId64 "\n",
	    (int64_t)status->time);
	print_family(out, "kashim_build_info", "",
	    "The version of kashim; the value is always 1.");
	fprintf(out, "kashim_build_info{version=\"%s\"} 1\n# EOF\n",
	    KASHIM_VERSION);
	return 0;
}
