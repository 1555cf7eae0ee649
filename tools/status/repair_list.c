/* SPDX-License-Identifier: ISC */
/*
 * repair_list: the lines that kashim apply prints.
 */
#include "status/repair_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "status/status.h"
#include "term/terminal.h"
#include "term/text.h"

#define TITLE_COLUMNS      40
#define TITLE_MAX          256
#define CONNECTION_COLUMNS 38
#define CONNECTION_MAX     (STATUS_ENDPOINT_MAX * 2 + 16)
#define VALUE_COLUMNS      11
#define VALUE_MAX          (STATUS_KEEPALIVE_MAX + KEEPALIVE_TEXT_MAX)
#define RULE_LEAST         8 /* columns of its name, on a terminal */
#define RULE_MAX           512

static int
compare_cookies(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

void
repair_list_next(struct repair_list *list)
{
	list->sorted = list->count;
	if (list->count > 0)
		qsort(list->cookies, list->count, sizeof(*list->cookies),
		    compare_cookies);
}

bool
repair_list_has(const struct repair_list *list, uint64_t cookie)
{
	return list->sorted > 0 &&
	       bsearch(&cookie, list->cookies, list->sorted,
		   sizeof(*list->cookies), compare_cookies) != NULL;
}

/* "300s/30s/5", with "+120s" behind it for a user timeout, or "off". */
static void
format_value(const struct keepalive *have, char text[VALUE_MAX])
{
	int32_t user_timeout_ms = have->value[KEEPALIVE_USER_TIMEOUT];
	char user_timeout[KEEPALIVE_TEXT_MAX];
	size_t length;

	if (!status_keepalive(have, text))
		snprintf(text, VALUE_MAX, "on");
	if ((have->set & 1u << KEEPALIVE_USER_TIMEOUT) == 0 ||
	    user_timeout_ms == 0)
		return;
	keepalive_format(
	    KEEPALIVE_USER_TIMEOUT, user_timeout_ms, "", user_timeout);
	length = strlen(text);
	snprintf(text + length, VALUE_MAX - length, "+%s", user_timeout);
}

static void
format_connection(const struct live_socket *socket, char text[CONNECTION_MAX])
{
	char local[STATUS_ENDPOINT_MAX], remote[STATUS_ENDPOINT_MAX];
	const struct diag_socket *ends = &socket->socket;

	status_endpoint(&ends->local, ends->local_port, local);
	if (socket->direction == LIVE_LISTENER) {
		snprintf(text, CONNECTION_MAX, "%s listens", local);
		return;
	}
	status_endpoint(&ends->remote, ends->remote_port, remote);
	snprintf(text, CONNECTION_MAX, "%s %s %s", local,
	    status_arrow(socket->direction), remote);
}

static void
print_title(struct repair_list *list, const struct process *process)
{
	static const struct process nobody;
	char name[TITLE_MAX], unit[TITLE_MAX];

	if (process == NULL)
		process = &nobody;
	if (list->count == 0)
		printf("  %-*s %*s  %-*s RULE\n", CONNECTION_COLUMNS,
		    "CONNECTION", VALUE_COLUMNS, "BEFORE", VALUE_COLUMNS,
		    "AFTER");
	else if (process->pid == list->titled.pid &&
		 process->start == list->titled.start)
		return;
	list->titled = *process;
	if (process->pid == 0) {
		puts("process not known");
		return;
	}
	text_fit(process_program(process), TITLE_COLUMNS, name, sizeof(name));
	text_fit(process->unit, TITLE_COLUMNS, unit, sizeof(unit));
	printf("%s, process %d%s%s\n", name, (int)process->pid,
	    *unit != '\0' ? ", " : "", unit);
}

/* On a terminal, what fits behind the columns used; else all of it. */
static void
format_rule(const struct repair_list *list, const struct live_socket *socket,
    size_t used, char text[RULE_MAX])
{
	size_t columns = RULE_MAX;
	struct image_rule rule;

	*text = '\0';
	if (socket->rule == MATCH_NONE ||
	    !image_rule(list->image, (uint32_t)socket->rule, &rule))
		return;
	if (isatty(STDOUT_FILENO) &&
	    used + RULE_LEAST <= terminal_columns(stdout))
		columns = terminal_columns(stdout) - used;
	text_fit(image_string(list->image, rule.name), columns, text, RULE_MAX);
}

static int
print_line(struct repair_list *list, const struct live_socket *socket,
    const char *value)
{
	char connection[CONNECTION_MAX], line[CONNECTION_MAX + 3 * VALUE_MAX];
	char rule[RULE_MAX];
	uint64_t *more;
	int used;

	print_title(list, socket->process);
	format_connection(socket, connection);
	used = snprintf(line, sizeof(line), "  %-*s %-*s ", CONNECTION_COLUMNS,
	    connection, VALUE_COLUMNS * 2 + 2, value);
	format_rule(list, socket, (size_t)used, rule);
	if (*rule == '\0')
		printf("  %-*s %s\n", CONNECTION_COLUMNS, connection, value);
	else
		printf("%s%s\n", line, rule);

	more = reallocarray(list->cookies, list->count + 1, sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	list->cookies = more;
	more[list->count++] = socket->socket.cookie;
	return 0;
}

int
repair_list_changed(struct repair_list *list, const struct live_socket *socket,
    const struct repair *repair)
{
	char had[VALUE_MAX], has[VALUE_MAX], value[VALUE_MAX * 2 + 2];

	if (repair->late)
		snprintf(had, sizeof(had), "late timer");
	else
		format_value(&repair->before, had);
	format_value(&repair->after, has);
	snprintf(value, sizeof(value), "%*s  %-*s", VALUE_COLUMNS, had,
	    VALUE_COLUMNS, has);
	return print_line(list, socket, value);
}

int
repair_list_refused(struct repair_list *list, const struct live_socket *socket,
    const char *reason)
{
	char value[VALUE_MAX];

	if (repair_list_has(list, socket->socket.cookie))
		return 0;
	snprintf(value, sizeof(value), "%*s", VALUE_COLUMNS, reason);
	return print_line(list, socket, value);
}

void
repair_list_free(struct repair_list *list)
{
	free(list->cookies);
	list->cookies = NULL;
	list->sorted = 0;
	list->count = 0;
}
