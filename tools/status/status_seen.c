/* SPDX-License-Identifier: ISC */
/*
 * status_seen: what a look saw of each connection, for the next one. The peer's
 * keepalive probes move neither the clock of data nor that of acknowledgements
 * in struct tcp_info, only the number of segments. The next look may be another
 * run's: then a file holds it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/trust.h"
#include "image/cache.h"
#include "status/status.h"

struct status_segments {
	uint64_t cookie;
	uint32_t segments;
	uint32_t sent;
	bool moved;       /* a segment was seen to come in, */
	int64_t moved_ms; /* at this time */
	/* Silence: it surely began at... */
	int64_t quiet_ms;
	/* ...and this side broke it, after so long, without an answer yet. */
	bool broken;
	int64_t broken_ms;
	int64_t survived_ms;
};

static int
compare(const void *left, const void *right)
{
	const struct status_segments *a = left, *b = right;

	return (a->cookie > b->cookie) - (a->cookie < b->cookie);
}

/*
 * What this look says of silence. It lasted until the last look began, at the
 * least. What this side sends may be lost on the way; that it was not, its
 * answer tells.
 */
static void
look_for_silence(const struct status_seen *seen,
    const struct status_segments *before, struct status_segments *now,
    int64_t now_ms)
{
	int64_t silent_ms = seen->time_ms - before->quiet_ms;

	now->quiet_ms = before->quiet_ms;
	now->broken = before->broken;
	now->broken_ms = before->broken_ms;
	now->survived_ms = before->survived_ms;
	if (before->segments != now->segments) {
		if (now->broken)
			silent_ms = now->broken_ms;
		if (silent_ms > now->survived_ms)
			now->survived_ms = silent_ms;
		now->quiet_ms = now_ms;
		now->broken = false;
	} else if (before->sent != now->sent && !now->broken) {
		now->broken = true;
		now->broken_ms = silent_ms;
	}
}

/*
 * What is known of one now. It came in after the last look, at the latest. The
 * count of an MPTCP connection may be of another subflow than it was: that
 * says nothing of silence.
 */
static void
compare_looks(const struct status_seen *seen, bool mptcp,
    struct status_segments *now, int64_t now_ms)
{
	const struct status_segments *before =
	    seen->count == 0 ? NULL
			     : bsearch(now, seen->all, seen->count,
				   sizeof(*seen->all), compare);

	now->quiet_ms = now_ms;
	if (!before)
		return;
	if (!mptcp)
		look_for_silence(seen, before, now, now_ms);
	now->moved = before->moved || before->segments != now->segments;
	now->moved_ms = before->segments != now->segments ? seen->time_ms
	                                                  : before->moved_ms;
}

/* More than 49 days, or what a damaged file makes of it, are as many. */
static uint32_t
at_most(int64_t ms)
{
	return ms < 0 ? 0 : ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

int
status_see(struct status_seen *seen, struct live *live, int64_t begun_ms,
    int64_t now_ms)
{
	struct status_segments *all = calloc(live->count + 1, sizeof(*all));

	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < live->count; i++) {
		struct live_socket *socket = &live->sockets[i];

		all[i].cookie = socket->socket.cookie;
		all[i].segments = socket->socket.segments;
		all[i].sent = socket->socket.segments_sent;
		compare_looks(seen, socket->socket.mptcp, &all[i], now_ms);
		socket->survived_ms = at_most(all[i].survived_ms);
		socket->moved_known = all[i].moved;
		socket->moved_ms = at_most(now_ms - all[i].moved_ms);
	}
	qsort(all, live->count, sizeof(*all), compare);
	free(seen->all);
	*seen = (struct status_seen){
	    .all = all, .count = live->count, .time_ms = begun_ms};
	return 0;
}

/* The time and the cookies are of this boot. */
#define BOOT_MAX 40

static int
read_boot(char boot[BOOT_MAX])
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
	int error = 0;

	if (!file)
		return -errno;
	if (fscanf(file, "%39s", boot) != 1)
		error = -EIO;
	fclose(file);
	return error;
}

static bool
read_one(FILE *file, struct status_segments *one)
{
	int moved, broken;

	if (fscanf(file,
		"%" SCNu64 " %" SCNu32 " %" SCNu32 " %d %" SCNd64 " %" SCNd64
		" %d %" SCNd64 " %" SCNd64,
		&one->cookie, &one->segments, &one->sent, &moved,
		&one->moved_ms, &one->quiet_ms, &broken, &one->broken_ms,
		&one->survived_ms) != 9)
		return false;
	one->moved = moved != 0;
	one->broken = broken != 0;
	return true;
}

#define FORM "kashim-seen "

/*
 * What is empty, of another boot or version, or damaged, is as nothing. What
 * never was such a file would be lost when the next one takes its place.
 */
static int
read_all(struct status_seen *seen, FILE *file, size_t size, int64_t now_ms)
{
	char form[sizeof(FORM)] = "", boot[BOOT_MAX], of[BOOT_MAX];
	int64_t time_ms;
	size_t count;
	int error = read_boot(boot);

	if (error)
		return error;
	if (size > 0 &&
	    (!fgets(form, sizeof(form), file) || strcmp(form, FORM) != 0))
		return -EEXIST;
	if (fscanf(file, "1 %39s %" SCNd64 " %zu", of, &time_ms, &count) != 3 ||
	    strcmp(of, boot) != 0 || time_ms > now_ms || count > size)
		return 0;
	seen->all = calloc(count + 1, sizeof(*seen->all));
	if (!seen->all)
		return -ENOMEM;
	seen->time_ms = time_ms;
	for (seen->count = 0; seen->count < count; seen->count++)
		if (!read_one(file, &seen->all[seen->count])) {
			status_seen_free(seen);
			return 0;
		}
	return 0;
}

int
status_seen_read(struct status_seen *seen, const char *path, int64_t now_ms)
{
	/* Opening a FIFO for reading waits for a writer without O_NONBLOCK. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	struct stat st;
	int error = file ? 0 : -errno;

	*seen = (struct status_seen){0};
	if (!file) {
		if (fd >= 0)
			close(fd);
		return error == -ENOENT ? 0 : error;
	}
	if (fstat(fd, &st) < 0)
		error = -errno;
	else if (trust_file(&st) == TRUST_NO_FILE)
		error = -EBADF;
	else if (trust_file(&st) != TRUST_FULL)
		error = -EPERM;
	else
		error = read_all(seen, file, (size_t)st.st_size, now_ms);
	fclose(file);
	return error;
}

int
status_seen_write(const struct status_seen *seen, const char *path)
{
	char *text = NULL, boot[BOOT_MAX];
	size_t length;
	FILE *out;
	int error = read_boot(boot);

	if (error)
		return error;
	out = open_memstream(&text, &length);
	if (!out)
		return -ENOMEM;
	fprintf(out, FORM "1 %s %" PRId64 " %zu\n", boot, seen->time_ms,
	    seen->count);
	for (size_t i = 0; i < seen->count; i++) {
		const struct status_segments *one = &seen->all[i];

		fprintf(out,
		    "%" PRIu64 " %" PRIu32 " %" PRIu32 " %d %" PRId64
		    " %" PRId64 " %d %" PRId64 " %" PRId64 "\n",
		    one->cookie, one->segments, one->sent, one->moved,
		    one->moved_ms, one->quiet_ms, one->broken, one->broken_ms,
		    one->survived_ms);
	}
	error = fclose(out) == 0
	            ? cache_write(path, (const uint8_t *)text, (uint32_t)length)
	            : -ENOMEM;
	free(text);
	return error;
}

void
status_seen_free(struct status_seen *seen)
{
	free(seen->all);
	*seen = (struct status_seen){0};
}
