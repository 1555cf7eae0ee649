/* SPDX-License-Identifier: ISC */
/*
 * doctor_sockets: how the live connections of a process stand.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache.h"
#include "doctor_parts.h"
#include "live.h"

/* The first few are enough to see what is the matter. */
#define SHOWN 3

/* Of what the configuration says now. */
static bool
load(const char *root, const char *config, struct image *image, bool *mapped)
{
	char path[2 * PATH_MAX], compiled[2 * PATH_MAX];
	char message[CONFIG_MESSAGE_MAX];
	uint8_t *bytes;

	snprintf(path, sizeof(path), "%s%s", root, config);
	*mapped = false;
	if (cache_name(path, compiled, sizeof(compiled)) == 0 &&
	    cache_read(compiled, image) == 0) {
		*mapped = *root || cache_is_fresh(image, path);
		if (*mapped)
			return true;
		cache_release(image);
	}
	if (config_load(path, NULL, NULL, &bytes, &image->size, message) < 0)
		return false;
	image->bytes = bytes;
	return true;
}

static void
show(const struct live_socket *row, const struct image *image,
    struct doctor *doctor)
{
	char local[ADDR_TEXT_MAX], remote[ADDR_TEXT_MAX];
	struct image_rule rule;
	bool have_rule = row->rule != MATCH_NONE &&
	                 image_rule(image, (uint32_t)row->rule, &rule);

	addr_format(&row->socket.local, local);
	addr_format(&row->socket.remote, remote);
	doctor_find(doctor, DOCTOR_SOCKETS,
	    row->verdict == LIVE_UNKNOWN ? DOCTOR_UNKNOWN : DOCTOR_WARN,
	    "%s port %u to %s port %u: %s%s%s", local,
	    (unsigned)row->socket.local_port, remote,
	    (unsigned)row->socket.remote_port, live_verdict_name(row->verdict),
	    have_rule ? ", rule " : "",
	    have_rule ? image_string(image, rule.name) : "");
}

static void
judge(const struct live *live, const struct image *image, pid_t pid,
    struct doctor *doctor)
{
	size_t counts[LIVE_VERDICTS] = {0}, all = 0, shown = 0, bad;

	for (size_t i = 0; i < live->count; i++) {
		const struct live_socket *row = &live->sockets[i];

		if (row->direction == LIVE_LISTENER)
			continue;
		counts[row->verdict]++;
		all++;
		if (row->verdict != LIVE_OK && row->verdict != LIVE_NO_RULE &&
		    shown++ < SHOWN)
			show(row, image, doctor);
	}
	bad = counts[LIVE_DIFFERS] + counts[LIVE_OFF];
	if (all == 0) {
		doctor_find(doctor, DOCTOR_SOCKETS, DOCTOR_FINE,
		    "it has no TCP connections now");
		return;
	}
	doctor_find(doctor, DOCTOR_SOCKETS, bad > 0 ? DOCTOR_WARN : DOCTOR_FINE,
	    "%zu TCP connection%s: %zu ok, %zu differ%s, %zu off, %zu without "
	    "a rule, %zu unknown",
	    all, all == 1 ? "" : "s", counts[LIVE_OK], counts[LIVE_DIFFERS],
	    counts[LIVE_DIFFERS] == 1 ? "s" : "", counts[LIVE_OFF],
	    counts[LIVE_NO_RULE], counts[LIVE_UNKNOWN]);
	if (bad > 0)
		doctor_remedy(doctor,
		    "'kashim status --pid %d' shows them all, 'kashim apply "
		    "--pid %d' mends them.",
		    (int)pid, (int)pid);
}

void
doctor_sockets(
    pid_t pid, const char *root, const char *config, struct doctor *doctor)
{
	const struct live_choice choice = {.pids = &pid, .pid_count = 1};
	struct image image = {0};
	struct live live;
	bool mapped;
	int error;

	if (!load(root, config, &image, &mapped))
		return;
	error = live_read(&choice, &image, &live);
	if (error == 0) {
		judge(&live, &image, pid, doctor);
		live_free(&live);
	} else if (error != -ESRCH) {
		doctor_find(doctor, DOCTOR_SOCKETS, DOCTOR_UNKNOWN,
		    "its connections can't be listed: %s", strerror(-error));
	}
	if (mapped)
		cache_release(&image);
	else
		free((void *)image.bytes);
}
