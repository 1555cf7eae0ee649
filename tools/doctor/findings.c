/* SPDX-License-Identifier: ISC */
/*
 * findings: the list, and the text of each made harmless.
 */
#include "doctor/findings.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "term/text.h"

void
findings_add(struct findings *findings, enum finding_topic topic,
    enum finding_severity severity, const char *format, ...)
{
	struct finding *more =
	    reallocarray(findings->list, findings->count + 1, sizeof(*more));
	va_list args;
	char *what;
	int length;

	if (!more) {
		findings->error = -ENOMEM;
		return;
	}
	findings->list = more;
	va_start(args, format);
	length = vasprintf(&what, format, args);
	va_end(args);
	if (length < 0) {
		findings->error = -ENOMEM;
		return;
	}
	text_make_harmless(what);
	findings->list[findings->count++] = (struct finding){
	    .topic = topic, .severity = severity, .what = what};
	if (severity > findings->worst)
		findings->worst = severity;
}

bool
findings_have(const struct findings *findings, enum finding_topic topic,
    enum finding_severity severity)
{
	for (size_t i = 0; i < findings->count; i++)
		if (findings->list[i].topic == topic &&
		    findings->list[i].severity == severity)
			return true;
	return false;
}

void
findings_remedy(struct findings *findings, const char *format, ...)
{
	va_list args;
	char *text;
	int length;

	if (findings->error < 0 || findings->count == 0)
		return;
	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	if (length < 0) {
		findings->error = -ENOMEM;
		return;
	}
	text_make_harmless(text);
	findings->list[findings->count - 1].remedy = text;
}

void
findings_remedy_line(struct findings *findings, const char *line)
{
	struct finding *last;
	char *text;

	if (findings->error < 0 || findings->count == 0)
		return;
	last = &findings->list[findings->count - 1];
	if (asprintf(&text, "%s%s%s", last->remedy ? last->remedy : "",
		last->remedy ? "\n" : "", line) < 0) {
		findings->error = -ENOMEM;
		return;
	}
	text_make_harmless(text + strlen(text) - strlen(line));
	free(last->remedy);
	last->remedy = text;
}

void
findings_ask_root(struct findings *findings)
{
	if (geteuid() != 0)
		findings_remedy(findings, "Ask again as root.");
}

/* A line for each: topic, severity, text, remedy, which have no TAB. */
void
findings_pack(const struct findings *findings, char *text, size_t size)
{
	FILE *stream = fmemopen(text, size, "w");

	for (size_t i = 0; stream && i < findings->count; i++) {
		const struct finding *finding = &findings->list[i];

		fprintf(stream, "%d\t%d\t%s\t%s\t", (int)finding->topic,
		    (int)finding->severity, finding->what,
		    finding->remedy ? finding->remedy : "");
	}
	if (stream && findings->error == 0)
		putc('.', stream);
	if (!stream || fclose(stream) != 0)
		*text = '\0';
}

void
findings_unpack(struct findings *findings, const char *text)
{
	int topic, severity, at;

	while (
	    sscanf(text, "%d%*1[\t]%d%*1[\t]%n", &topic, &severity, &at) == 2) {
		const char *what = text + at;
		int length = (int)strcspn(what, "\t");
		const char *remedy = what + length + 1;

		findings_add(findings, (enum finding_topic)topic,
		    (enum finding_severity)severity, "%.*s", length, what);
		length = (int)strcspn(remedy, "\t");
		if (length > 0)
			findings_remedy(findings, "%.*s", length, remedy);
		text = remedy + length + 1;
	}
	if (strcmp(text, ".") != 0)
		findings->error = -ENOMEM;
}

void
findings_free(struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		free(findings->list[i].what);
		free(findings->list[i].remedy);
	}
	free(findings->list);
	*findings = (struct findings){0};
}
