/* SPDX-License-Identifier: ISC */
/*
 * live: the TCP connections and listeners of this host, each with its process
 * and its rule.
 *
 * It is read in this order: processes, the sockets of their network
 * namespaces, which descriptor of which process each socket is, and then each
 * socket's options, by a descriptor of our own for it. Everything may change
 * in between: fetch.h makes sure that it is the same socket.
 */
#include "live/live.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/fetch.h"
#include "live/direction.h"
#include "live/inodes.h"
#include "live/live_parts.h"
#include "live/pick.h"
#include "live/verdict.h"

static const struct keepalive_calls CALLS = {setsockopt, getsockopt};

/* Is it of a control group that is meant? */
static bool
is_inside(const struct reading *reading, const struct live_socket *socket)
{
	const struct live_choice *choice = reading->choice;

	return choice == NULL || choice->cgroups == NULL ||
	       bsearch(&socket->socket.cgroup, choice->cgroups,
		   choice->cgroup_count, sizeof(*choice->cgroups),
		   diag_compare_cgroups) != NULL;
}

/* Notes a connection that waits for a listener in the list to accept it. */
static int
take_waiting(struct reading *reading, const struct live_socket *socket,
    const struct live_socket *listener)
{
	struct live *live = reading->live;
	struct live_waiting *more;

	if (listener == NULL || (!reading->all && listener->process == NULL) ||
	    !is_inside(reading, listener))
		return 0;
	more = reallocarray(live->queue, live->waiting + 1, sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	live->queue = more;
	more[live->waiting++] = (struct live_waiting){
	    .cookie = socket->socket.cookie,
	    .listener = listener->socket.cookie,
	    .timer = socket->socket.timer,
	    .expires_ms = socket->socket.expires_ms,
	};
	return 0;
}

static int
find_directions(struct reading *reading)
{
	struct live *live = reading->live;
	struct directions directions;
	int error = directions_open(&directions, live->sockets, live->count,
	    reading->nets, reading->net_count);

	for (size_t i = 0; i < live->count && error == 0; i++) {
		struct live_socket *socket = &live->sockets[i];

		socket->direction = directions_find(&directions, socket);
		if (socket->socket.inode == 0 &&
		    socket->socket.state == TCP_ESTABLISHED)
			error = take_waiting(reading, socket,
			    directions_listener(&directions, socket));
	}
	directions_close(&directions);
	return error;
}

/* Leaves out what no process has, and what is not of a chosen one. */
static void
keep_chosen(struct reading *reading)
{
	struct live *live = reading->live;
	size_t kept = 0;

	for (size_t i = 0; i < live->count; i++) {
		const struct live_socket *socket = &live->sockets[i];

		if (socket->socket.inode == 0 ||
		    (!reading->all && socket->process == NULL) ||
		    !is_inside(reading, socket))
			continue;
		live->sockets[kept++] = *socket;
	}
	live->count = kept;
}

static int
compare_sockets(const void *a, const void *b)
{
	const struct live_socket *left = a, *right = b;

	if (left->process != right->process) {
		if (left->process == NULL || right->process == NULL)
			return left->process == NULL ? 1 : -1;
		return left->process < right->process ? -1 : 1;
	}
	if (left->fd != right->fd)
		return left->fd < right->fd ? -1 : 1;
	return (left->socket.cookie > right->socket.cookie) -
	       (left->socket.cookie < right->socket.cookie);
}

/*
 * Reads the options of a socket, if that is permitted. Returns 0; -ESTALE or
 * -ESRCH if it is not there any more; -errno for a lack of descriptors.
 */
static int
read_options(int pidfd, struct live_socket *socket)
{
	int fd = pidfd < 0
	             ? pidfd
	             : fetch_socket(pidfd, socket->fd, socket->socket.cookie);

	if (fd < 0)
		return fd == -ESTALE || fd == -ESRCH || process_is_lack(fd) ? fd
		                                                            : 0;
	socket->have_known = keepalive_get(&CALLS, fd, &socket->have) == 0;
	close(fd);
	return 0;
}

static int
find_verdicts(struct reading *reading, const struct image *image)
{
	struct live *live = reading->live;
	struct verdict verdict = {.image = image};
	const struct process *process = NULL;
	int pidfd = -ESRCH, error = 0;
	size_t kept = 0;

	for (size_t i = 0; i < live->count && error == 0; i++) {
		struct live_socket *socket = &live->sockets[i];

		if (socket->process != process) {
			if (pidfd >= 0)
				close(pidfd);
			process = socket->process;
			if (process != NULL)
				pidfd = process_open(process);
		}
		if (process != NULL)
			error = read_options(pidfd, socket);
		if (error == -ESTALE || error == -ESRCH) {
			live->gone++;
			error = 0;
			continue;
		}
		if (error == 0)
			error = verdict_find(&verdict, socket);
		live->sockets[kept++] = *socket;
	}
	live->count = kept;
	if (process != NULL && pidfd >= 0)
		close(pidfd);
	verdict_close(&verdict);
	return error;
}

static int
read_once(const struct live_choice *choice, const struct image *image,
    struct live *live)
{
	struct reading reading = {
	    .live = live,
	    .choice = choice,
	    .all = pick_is_all(choice),
	};
	pid_t missing;
	int error;

	*live = (struct live){0};
	error = pick_read(
	    choice, &live->processes, &live->process_count, &live->missing);
	if (error == 0)
		error = live_list_nets(&reading);
	if (error == 0)
		error = live_find_owners(&reading);
	if (error == 0)
		error = find_directions(&reading);
	if (error == 0) {
		keep_chosen(&reading);
		if (live->count > 0)
			qsort(live->sockets, live->count,
			    sizeof(*live->sockets), compare_sockets);
		error = find_verdicts(&reading, image);
	}
	free(reading.nets);
	inodes_free(&reading.inodes);
	free(reading.last);
	free(reading.strays);
	if (error < 0) {
		missing = live->missing;
		live_free(live);
		live->missing = missing;
	}
	return error;
}

/* Those without a process are the last, by their cookies. */
static size_t
first_unowned(const struct live *live)
{
	size_t i = live->count;

	while (i > 0 && live->sockets[i - 1].process == NULL)
		i--;
	return i;
}

/* Of those without a process, keeps the ones that had none before either. */
static void
drop_passing(struct live *live, const struct live *before)
{
	size_t kept = first_unowned(live), old = first_unowned(before);

	for (size_t i = kept; i < live->count; i++) {
		uint64_t cookie = live->sockets[i].socket.cookie;

		while (old < before->count &&
		       before->sockets[old].socket.cookie < cookie)
			old++;
		if (old < before->count &&
		    before->sockets[old].socket.cookie == cookie)
			live->sockets[kept++] = live->sockets[i];
		else
			live->gone++;
	}
	live->count = kept;
}

int
live_read(const struct live_choice *choice, const struct image *image,
    struct live *live)
{
	struct live before;
	int error = read_once(choice, image, live);

	/*
	 * One that was closed before its descriptor was looked for, or that a
	 * process has that began since, is not there, or has a process, when
	 * all is read once more.
	 */
	if (error < 0 || live->closed_count > 0 ||
	    first_unowned(live) == live->count)
		return error;
	before = *live;
	error = read_once(choice, image, live);
	if (error == 0)
		drop_passing(live, &before);
	live_free(&before);
	return error;
}

const struct live_socket *
live_find_listener(const struct live *live, const struct live_waiting *waiting)
{
	for (size_t i = 0; i < live->count; i++) {
		if (live->sockets[i].socket.cookie == waiting->listener)
			return &live->sockets[i];
	}
	return NULL;
}

bool
live_is_old(const struct image *image, const struct live_socket *listener,
    const struct live_waiting *waiting)
{
	struct image_rule rule;
	struct keepalive want;

	if (!live_wants(image, listener, &rule, &want) ||
	    (want.set & 1u << KEEPALIVE_SWITCH) == 0 ||
	    want.value[KEEPALIVE_SWITCH] == 0)
		return false;
	if (waiting->timer == DIAG_TIMER_NONE)
		return true;
	return waiting->timer == DIAG_TIMER_KEEPALIVE &&
	       (want.set & 1u << KEEPALIVE_IDLE) != 0 &&
	       waiting->expires_ms / 1000 >
	           (uint32_t)want.value[KEEPALIVE_IDLE];
}

void
live_free(struct live *live)
{
	free(live->sockets);
	free(live->processes);
	free(live->queue);
	*live = (struct live){0};
}
