/* SPDX-License-Identifier: ISC */
/*
 * doctor_sockets: how the live connections of a process stand.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/in_force.h"
#include "doctor/doctor_sockets.h"
#include "live/live.h"

/* The first few are enough to see what is the matter. */
#define SHOWN 3

struct loading {
	const char *config;
	int fd; /* where the image goes */
	bool loaded;
};

static bool
write_all(int fd, const uint8_t *bytes, size_t size)
{
	while (size > 0) {
		ssize_t written = write(fd, bytes, size);

		if (written <= 0)
			return false;
		bytes += written;
		size -= (size_t)written;
	}
	return true;
}

/* It may run in a child. */
static void
load_here(void *data)
{
	struct loading *loading = data;
	struct in_force force;

	if (in_force_read(loading->config, true, &force) == 0)
		loading->loaded =
		    write_all(loading->fd, force.image.bytes, force.image.size);
	in_force_free(&force);
}

/*
 * With the rights of the process, which has chosen the name. If it may not read
 * its rules any more, as daemons that gave up their rights, we may, in its root
 * directory, but only those of the name that no process chooses.
 */
static int
load_as(const struct place *place, struct loading *loading)
{
	struct place ours;
	int error = doctor_as(place, load_here, loading, sizeof(*loading));

	if (error < 0 || loading->loaded ||
	    strcmp(place->config, CONFIG_FILE) != 0)
		return error;
	place_here(&ours);
	ours.root = place->root;
	return doctor_as(&ours, load_here, loading, sizeof(*loading));
}

/*
 * Reads the rules. The bytes come back through a file in memory, and are from
 * mmap(2).
 */
static int
load(const struct place *place, struct image *image)
{
	struct loading loading = {.config = place->config};
	struct stat st;
	void *bytes;
	int error;

	loading.fd = memfd_create("policy", MFD_CLOEXEC);
	if (loading.fd < 0)
		return -errno;
	error = load_as(place, &loading);
	if (error == 0 && !loading.loaded)
		error = -ENOENT;
	if (error == 0 && fstat(loading.fd, &st) < 0)
		error = -errno;
	if (error == 0) {
		bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE,
		    loading.fd, 0);
		if (bytes == MAP_FAILED)
			error = -errno;
		*image =
		    (struct image){.bytes = bytes, .size = (size_t)st.st_size};
	}
	close(loading.fd);
	return error;
}

static void
show(const struct live_socket *row, const struct image *image,
    struct findings *findings)
{
	char local[ADDR_TEXT_MAX], remote[ADDR_TEXT_MAX];
	struct image_rule rule;
	bool have_rule = row->rule != MATCH_NONE &&
	                 image_rule(image, (uint32_t)row->rule, &rule);

	addr_format(&row->socket.local, local);
	addr_format(&row->socket.remote, remote);
	findings_add(findings, FINDING_SOCKETS,
	    row->verdict == LIVE_UNKNOWN ? FINDING_UNKNOWN : FINDING_WARN,
	    "%s port %u to %s port %u: %s%s%s", local,
	    (unsigned)row->socket.local_port, remote,
	    (unsigned)row->socket.remote_port, live_verdict_name(row->verdict),
	    have_rule ? ", rule " : "",
	    have_rule ? image_string(image, rule.name) : "");
}

static void
check(const struct live *live, const struct image *image, pid_t pid,
    struct findings *findings)
{
	size_t counts[LIVE_VERDICTS] = {0}, all = 0, shown = 0, bad;
	size_t used = 0;
	char text[256] = "";

	for (size_t i = 0; i < live->count; i++) {
		const struct live_socket *row = &live->sockets[i];

		if (row->direction == LIVE_LISTENER)
			continue;
		counts[row->verdict]++;
		all++;
		if (row->verdict != LIVE_OK && row->verdict != LIVE_NO_RULE &&
		    shown++ < SHOWN)
			show(row, image, findings);
	}
	bad = counts[LIVE_DIFFERS] + counts[LIVE_OFF];
	if (all == 0) {
		findings_add(findings, FINDING_SOCKETS, FINDING_FINE,
		    "it has no TCP connections now");
		return;
	}
	for (int verdict = 0; verdict < LIVE_VERDICTS; verdict++) {
		if (counts[verdict] > 0)
			used +=
			    (size_t)snprintf(text + used, sizeof(text) - used,
				"%s %zu %s", used > 0 ? "," : "",
				counts[verdict], live_verdict_name(verdict));
	}
	findings_add(findings, FINDING_SOCKETS,
	    bad > 0 ? FINDING_WARN : FINDING_FINE, "%zu TCP connection%s:%s",
	    all, all == 1 ? "" : "s", text);
	if (bad > 0)
		findings_remedy(findings,
		    "'kashim status --pid %d' shows them all, 'kashim apply "
		    "--pid %d' mends them.",
		    (int)pid, (int)pid);
}

void
doctor_sockets(pid_t pid, const struct place *place, struct findings *findings)
{
	const struct live_choice choice = {.pids = &pid, .pid_count = 1};
	struct image image = {0};
	struct live live;
	int error = load(place, &image);

	/* Of what is wrong with the rules, another part has told. */
	if (error == -ENOENT)
		return;
	if (error < 0) {
		findings_add(findings, FINDING_SOCKETS, FINDING_UNKNOWN,
		    "how its connections stand can't be told: %s",
		    strerror(-error));
		return;
	}
	error = live_read(&choice, &image, &live);
	if (error == 0) {
		check(&live, &image, pid, findings);
		live_free(&live);
	} else if (error != -ESRCH) {
		findings_add(findings, FINDING_SOCKETS, FINDING_UNKNOWN,
		    "its connections can't be listed: %s", strerror(-error));
	}
	munmap((void *)image.bytes, image.size);
}
