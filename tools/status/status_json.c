/* SPDX-License-Identifier: ISC */
/*
 * status_json: what docs/kashim-status.schema.json describes. Who changes one
 * changes the other, and the version if somebody's program could break.
 */
#include <errno.h>
#include <jansson.h>
#include <limits.h>

#include "status/status.h"
#include "term/text.h"

#define SCHEMA_VERSION 1
#define UTF8_MAX(n)    (3 * (n) + 1) /* each byte may become U+FFFD */

/*
 * jansson tells a failure by NULL, and takes NULL for what is to be put in as
 * a failure, so that one look at the whole is enough.
 */
static void
put(json_t *object, const char *key, json_t *value, bool *failed)
{
	if (json_object_set_new(object, key, value) != 0)
		*failed = true;
}

static json_t *
text(const char *from)
{
	char utf8[UTF8_MAX(PATH_MAX)];

	text_utf8(from, utf8, sizeof(utf8));
	return json_string(utf8);
}

static json_t *
seconds(int64_t ms)
{
	return json_real((double)ms / 1000);
}

static json_t *
seconds_or_null(int64_t ms)
{
	return ms < 0 ? json_null() : seconds(ms);
}

static json_t *
endpoint(const struct addr *addr, uint16_t port)
{
	char address[ADDR_TEXT_MAX];

	addr_format(addr, address);
	return json_pack("{s:s, s:i}", "address", address, "port", (int)port);
}

static json_t *
policy_of(
    const struct status *status, const struct process *process, bool *failed)
{
	static const char *const sources[] = {
	    [GENERATION_NOTHING] = "none",
	    [GENERATION_TEXT] = "text",
	    [GENERATION_COMPILED] = "compiled",
	    [GENERATION_PUBLISHED] = "published",
	};
	const struct generation *policy = status_policy(status, process);
	json_t *object;

	if (!policy)
		return json_null();
	object = json_object();
	put(object, "source", json_string(sources[policy->source]), failed);
	put(object, "generation",
	    policy->number ? json_integer(policy->number) : json_null(),
	    failed);
	put(object, "in_force",
	    policy->newest ? json_integer(policy->newest) : json_null(),
	    failed);
	put(object, "follows", json_boolean(policy->follows), failed);
	return object;
}

static json_t *
process_of(
    const struct status *status, const struct live_socket *socket, bool *failed)
{
	const struct process *process = socket->process;
	json_t *object;

	if (!process)
		return json_null();
	object = json_object();
	put(object, "pid", json_integer(process->pid), failed);
	put(object, "name", text(process_program(process)), failed);
	put(object, "unit", *process->unit ? text(process->unit) : json_null(),
	    failed);
	put(object, "uid", json_integer(process->uid), failed);
	put(object, "policy", policy_of(status, process, failed), failed);
	put(object, "fd",
	    socket->fd < 0 ? json_null() : json_integer(socket->fd), failed);
	return object;
}

#define JSON_NAME_MAX 24

/* "idle_s", "user_timeout_ms", "count"; and "enabled". */
static void
json_name(enum keepalive_option option, char name[JSON_NAME_MAX])
{
	static const char *const suffixes[] = {
	    [KEEPALIVE_SECONDS] = "_s",
	    [KEEPALIVE_MILLISECONDS] = "_ms",
	    [KEEPALIVE_NUMBER] = "",
	};
	const struct keepalive_about *about = &keepalive_about[option];

	if (option == KEEPALIVE_SWITCH) {
		snprintf(name, JSON_NAME_MAX, "enabled");
		return;
	}
	snprintf(
	    name, JSON_NAME_MAX, "%s%s", about->key, suffixes[about->unit]);
	for (char *c = name; *c; c++)
		if (*c == '-')
			*c = '_';
}

/* The switch comes first. */
static enum keepalive_option
json_option(unsigned int i)
{
	return i == 0 ? KEEPALIVE_SWITCH : i - 1;
}

/* Options as they are or should be: null for each that is not there. */
static json_t *
options(uint32_t set, const int32_t value[KEEPALIVE_OPTIONS], bool *failed)
{
	json_t *object = json_object();

	for (unsigned int i = 0; i < KEEPALIVE_OPTIONS; i++) {
		enum keepalive_option option = json_option(i);
		char name[JSON_NAME_MAX];
		json_t *is = json_null();

		if (set & (1u << option))
			is = option == KEEPALIVE_SWITCH
			         ? json_boolean(value[option] != 0)
			         : json_integer(value[option]);
		json_name(option, name);
		put(object, name, is, failed);
	}
	return object;
}

static json_t *
differences(
    const struct status *status, const struct live_socket *socket, bool *failed)
{
	struct keepalive want;
	uint32_t set = status_differences(status, socket, &want);
	json_t *array = json_array();
	int64_t due_ms;

	for (unsigned int i = 0; i < KEEPALIVE_OPTIONS; i++) {
		char name[JSON_NAME_MAX];

		json_name(json_option(i), name);
		if ((set & (1u << json_option(i))) &&
		    json_array_append_new(array, json_string(name)) != 0)
			*failed = true;
	}
	if (set == 0 && live_timer_is_late(status->image, socket, &due_ms) &&
	    json_array_append_new(array, json_string("timer")) != 0)
		*failed = true;
	return array;
}

static json_t *
rule_of(
    const struct status *status, const struct live_socket *socket, bool *failed)
{
	const struct image *image = status->image;
	struct image_rule rule;
	json_t *object;

	if (!status_rule(status, socket, &rule))
		return json_null();
	object = json_object();
	put(object, "name", text(image_string(image, rule.name)), failed);
	put(object, "file", text(image_string(image, rule.file)), failed);
	put(object, "line", json_integer(rule.line), failed);
	put(object, "action",
	    json_string(rule.action == ACTION_IGNORE ? "ignore" : "keepalive"),
	    failed);
	put(object, "options",
	    rule.action == ACTION_IGNORE
		? json_null()
		: options(rule.options, rule.value, failed),
	    failed);
	put(object, "firewall_timeout_s",
	    rule.timeout_s ? json_integer(rule.timeout_s) : json_null(),
	    failed);
	return object;
}

static json_t *
direction(enum live_direction is)
{
	switch (is) {
	case LIVE_OUT:
		return json_string("connect");
	case LIVE_IN:
		return json_string("accept");
	default:
		return json_null();
	}
}

/* null: nobody is known, but there may be somebody. */
static json_t *
looked_after_by(unsigned int by, bool *failed)
{
	json_t *array;

	if (by == STATUS_UNSURE)
		return json_null();
	array = json_array();
	for (unsigned int bit = 1; bit < STATUS_UNSURE; bit <<= 1)
		if ((by & bit) && json_array_append_new(array,
				      json_string(status_by_name(bit))) != 0)
			*failed = true;
	return array;
}

static json_t *
connection(
    const struct status *status, const struct live_socket *socket, bool *failed)
{
	const struct diag_socket *kernel = &socket->socket;
	const char *unknown = status_unknown(status, socket);
	int64_t probe_ms = status_probe_ms(socket);
	json_t *object = json_object();
	int64_t left_ms;

	put(object, "verdict", json_string(live_verdict_name(socket->verdict)),
	    failed);
	put(object, "reason", unknown ? json_string(unknown) : json_null(),
	    failed);
	put(object, "differs", differences(status, socket, failed), failed);
	put(object, "process", process_of(status, socket, failed), failed);
	put(object, "sharers", json_integer(socket->sharers), failed);
	put(object, "network_namespace",
	    socket->net ? json_integer((json_int_t)socket->net) : json_null(),
	    failed);
	put(object, "protocol", json_string(kernel->mptcp ? "mptcp" : "tcp"),
	    failed);
	put(object, "direction", direction(socket->direction), failed);
	put(object, "local", endpoint(&kernel->local, kernel->local_port),
	    failed);
	put(object, "remote", endpoint(&kernel->remote, kernel->remote_port),
	    failed);
	put(object, "state", json_string(status_state_name(kernel->state)),
	    failed);
	put(object, "options",
	    socket->have_known
		? options(socket->have.set, socket->have.value, failed)
		: json_null(),
	    failed);
	put(object, "next_probe_s", seconds_or_null(probe_ms), failed);
	put(object, "next_packet_s", seconds_or_null(status_next_ms(socket)),
	    failed);
	put(object, "unanswered_probes",
	    probe_ms < 0 ? json_null() : json_integer(kernel->unanswered),
	    failed);
	put(object, "silence_s", seconds_or_null(status_silence_ms(socket)),
	    failed);
	put(object, "data_silence_s",
	    seconds_or_null(status_data_silence_ms(socket)), failed);
	put(object, "rule", rule_of(status, socket, failed), failed);
	put(object, "looked_after_by",
	    looked_after_by(status_by(status, socket), failed), failed);
	put(object, "time_left_s",
	    status_left_ms(status, socket, &left_ms) ? seconds(left_ms)
						     : json_null(),
	    failed);
	return object;
}

static json_t *
summary(const struct status *status, bool *failed)
{
	static const struct {
		const char *name;
		enum live_verdict verdict;
	} verdicts[] = {
	    {"ok", LIVE_OK},
	    {"differs", LIVE_DIFFERS},
	    {"off", LIVE_OFF},
	    {"no_rule", LIVE_NO_RULE},
	    {"unknown", LIVE_UNKNOWN},
	};
	json_t *object = json_object();

	put(object, "covered", json_boolean(status_is_covered(status)), failed);
	put(object, "connections", json_integer((json_int_t)status->count),
	    failed);
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++)
		put(object, verdicts[i].name,
		    json_integer(
			(json_int_t)status->verdicts[verdicts[i].verdict]),
		    failed);
	put(object, "kept_alive", json_integer((json_int_t)status->kept),
	    failed);
	put(object, "too_late", json_integer((json_int_t)status->late), failed);
	put(object, "not_accepted",
	    json_integer((json_int_t)status->live->waiting), failed);
	put(object, "listeners_without_options",
	    json_integer((json_int_t)status->unready), failed);
	put(object, "processes_not_permitted",
	    json_integer((json_int_t)status->live->closed_count), failed);
	put(object, "namespaces_not_listed",
	    json_integer((json_int_t)status->live->hidden_nets), failed);
	return object;
}

static json_t *
counts(const struct kernel_attached *kernel, bool *failed)
{
	static const char *const names[BPF_COUNTERS] = {
	    [BPF_CONNECTED] = "connected",
	    [BPF_ACCEPTED] = "accepted",
	    [BPF_WITHOUT_RULE] = "no_rule",
	    [BPF_FAILED] = "failed",
	    [BPF_HELD] = "held",
	};
	json_t *object;

	if (!kernel->counted)
		return json_null();
	object = json_object();
	for (int n = 0; n < BPF_COUNTERS; n++)
		put(object, names[n],
		    json_integer((json_int_t)kernel->counts.of[n]), failed);
	return object;
}

static json_t *
attached(const struct status *status, bool *failed)
{
	json_t *array = json_array();

	if (!status->attached_known) {
		json_decref(array);
		return json_null();
	}
	for (size_t n = 0; n < status->attached_count; n++) {
		const struct status_attached *is = &status->attached[n];
		const struct kernel_attached *kernel = &is->kernel;
		json_t *object = json_object();

		put(object, "cgroup",
		    *kernel->path ? text(kernel->path) : json_null(), failed);
		put(object, "number", json_integer((json_int_t)kernel->cgroup),
		    failed);
		put(object, "gone", json_boolean(kernel->gone), failed);
		put(object, "incomplete", json_boolean(kernel->incomplete),
		    failed);
		put(object, "rules", json_integer(kernel->rules), failed);
		put(object, "configuration", text(kernel->config), failed);
		put(object, "in_force",
		    is->in_force < 0 ? json_null() : json_boolean(is->in_force),
		    failed);
		put(object, "generation",
		    is->generation ? json_integer(is->generation) : json_null(),
		    failed);
		put(object, "counts", counts(kernel, failed), failed);
		if (json_array_append_new(array, object) != 0)
			*failed = true;
	}
	return array;
}

/* A value on its way out, with what stands before each of its lines. */
struct lines {
	FILE *out;
	const char *indent;
};

static int
write_lines(const char *bytes, size_t size, void *data)
{
	const struct lines *lines = data;

	/* In a string a new line is written "\\n". */
	for (size_t i = 0; i < size; i++) {
		putc(bytes[i], lines->out);
		if (bytes[i] == '\n')
			fputs(lines->indent, lines->out);
	}
	/* A stream that fails is found by whoever closes it. */
	return 0;
}

/* Writes a value, and frees it. NULL is a failure. */
static void
write_value(FILE *out, json_t *value, const char *indent, bool *failed)
{
	struct lines lines = {.out = out, .indent = indent};

	if (json_dump_callback(value, write_lines, &lines,
		JSON_INDENT(2) | JSON_REAL_PRECISION(15) | JSON_ENCODE_ANY) !=
	    0)
		*failed = true;
	json_decref(value);
}

static void
write_member(FILE *out, const char *name, json_t *value, bool *failed)
{
	fprintf(out, "  \"%s\": ", name);
	write_value(out, value, "  ", failed);
	fputs(",\n", out);
}

/* One connection after the other: all of them at once would be much memory. */
int
status_json(FILE *out, const struct status *status)
{
	bool failed = false;

	fputs("{\n", out);
	write_member(out, "version", json_integer(SCHEMA_VERSION), &failed);
	write_member(out, "kashim", json_string(KASHIM_VERSION), &failed);
	write_member(
	    out, "time", json_integer((json_int_t)status->time), &failed);
	write_member(out, "configuration", text(status->config), &failed);
	write_member(out, "summary", summary(status, &failed), &failed);
	write_member(out, "attached", attached(status, &failed), &failed);
	fputs("  \"connections\": [", out);
	for (size_t i = 0; i < status->count && !failed; i++) {
		fputs(i == 0 ? "\n    " : ",\n    ", out);
		write_value(out,
		    connection(status, status->connections[i], &failed), "    ",
		    &failed);
	}
	fputs(status->count > 0 ? "\n  ]\n}\n" : "]\n}\n", out);
	return failed ? -ENOMEM : 0;
}
