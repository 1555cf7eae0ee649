/* SPDX-License-Identifier: ISC */
/*
 * supervise_scan: looks through the descriptors of a supervised process.
 */
#include "supervise/supervise_scan.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apply/apply_facts.h"
#include "apply/record.h"
#include "base/addr.h"
#include "host/kernel_calls.h"
#include "host/proc.h"
#include "supervise/supervise_clock.h"
#include "supervise/supervise_socket.h"
#include "supervise/supervise_target.h"

#define PORTS     (UINT16_MAX + 1)
#define SEEN      65536
#define DEPTH_MAX 4
#define PLACES    16384
#define JOBS      64
#define THREADS   8
/* How much longer than a look the rest after it is. */
#define REST 20
/* So many entries are looked at before the clock is. */
#define STEP 8

/* A bit for each port where the program accepts, or did. */
static uint8_t ports[PORTS / 8];
static bool has_ports;

/*
 * Inodes of sockets that were looked at. The kernel counts them up, so that
 * two that share a place here are seldom there at the same time; if they are,
 * one is looked at again. Those that may still listen are not among them.
 */
static uint64_t seen[SEEN];
static bool waiting; /* see scan_took_waiting() */

/* A process that is to be looked at, with its descendants. */
struct job {
	int pidfd;
	pid_t process;
	pid_t threads[THREADS]; /* whose children count, too */
	int thread_count;
};

/* One of them. */
struct place {
	pid_t process;
	pid_t parent;
	int depth;
};

/* The look that is going on. */
static struct {
	bool going_on;
	struct job job;
	struct place places[PLACES]; /* still to be looked at: a stack */
	unsigned int place_count;
	struct place here;
	int directory; /* /proc/HERE/fd; -1 if that is done */
	char entries[4096];
	ssize_t at, end;
	FILE *children; /* of the thread that was asked last; NULL if done */
	int threads_asked;
	int64_t used_us;
} look = {.directory = -1};

static struct job jobs[JOBS]; /* those that come after it */
static unsigned int job_count;
static int64_t rest_until_ms;

static bool
is_of_interest(uint16_t port)
{
	return (ports[port / 8] & 1u << port % 8) != 0;
}

static bool
local_port(int fd, uint16_t *port)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	struct addr addr;

	return getsockname(fd, (struct sockaddr *)&sa, &len) == 0 &&
	       addr_from_sockaddr(&sa, len, &addr, port) == 0 && *port != 0;
}

bool
scan_add_listener(int listener)
{
	uint16_t port;

	if (!local_port(listener, &port))
		return false;
	ports[port / 8] |= (uint8_t)(1u << port % 8);
	has_ports = true;
	return true;
}

/* Is fd a connection to a port where the program accepts? */
static bool
is_accepted(int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	uint16_t port;

	if (!local_port(fd, &port) || !is_of_interest(port))
		return false;
	return getpeername(fd, (struct sockaddr *)&sa, &len) == 0;
}

void
scan_settle(const struct borrowed_socket *borrowed)
{
	if (has_ports && !borrowed_is_on_record(borrowed) &&
	    is_accepted(borrowed->fd))
		(void)apply_now(&borrowed->apply,
		    &(struct apply_event){
			.call = APPLY_CALLED, .fd = borrowed->fd});
}

/*
 * A listener from elsewhere, which gets its rule if it has none yet. Returns
 * whether it need not be looked at again: nobody waits there who came before.
 */
static bool
settle_listener(const struct borrowed_socket *borrowed)
{
	const int fd = borrowed->fd;
	uint16_t port;

	if ((record_is_made(fd) && !record_is_endless(fd)) ||
	    !local_port(fd, &port))
		return true;
	if (record_decided_in(fd) == 0)
		(void)apply_now(&borrowed->apply,
		    &(struct apply_event){.call = APPLY_INHERITED, .fd = fd});
	if (!is_of_interest(port)) {
		(void)scan_add_listener(fd);
		/* What it accepted may have been passed over. */
		memset(seen, 0, sizeof(seen));
		waiting = true;
	}
	if (!record_is_endless(fd) &&
	    apply_facts_waiting(&borrowed->apply.calls, fd) == 0)
		return true;
	waiting = true;
	return false;
}

/* May fd still become a listener? */
static bool
may_listen(int fd)
{
	struct sockaddr_storage sa;
	socklen_t sa_len = sizeof(sa);
	int type;
	socklen_t len = sizeof(type);

	return getpeername(fd, (struct sockaddr *)&sa, &sa_len) < 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	       type == SOCK_STREAM;
}

/* Returns whether that is all for this socket. */
static bool
look_at(pid_t process, int fd)
{
	struct target *target = target_find(process);
	struct borrowed_socket borrowed;
	bool done = true;

	if (target == NULL || !borrowed_begin(&borrowed, target, fd))
		return true;
	if (apply_facts_listens(&borrowed.apply.calls, borrowed.fd)) {
		done = settle_listener(&borrowed);
	} else {
		scan_settle(&borrowed);
		done = !may_listen(borrowed.fd);
	}
	borrowed_end(&borrowed);
	return done;
}

/* Does a few entries of the directory. */
static void
look_at_some(void)
{
	for (int i = 0; i < STEP; i++) {
		const struct dirent64 *entry;
		uint64_t inode;

		if (look.at >= look.end) {
			look.at = 0;
			look.end = getdents64(
			    look.directory, look.entries, sizeof(look.entries));
		}
		if (look.end <= 0) {
			close(look.directory);
			look.directory = -1;
			return;
		}
		entry = (const struct dirent64 *)(const void *)(look.entries +
								look.at);
		look.at += entry->d_reclen;
		inode = proc_socket_at(look.directory, entry->d_name);
		if (inode == 0 || seen[inode % SEEN] == inode)
			continue;
		if (look_at(look.here.process, atoi(entry->d_name)))
			seen[inode % SEEN] = inode;
	}
}

static bool
is_alive(int pidfd)
{
	return kernel_pidfd_probe(pidfd) == 0;
}

/* Is it a child of parent, and not another one that has got its number? */
static bool
is_child(pid_t process, pid_t parent)
{
	char text[512];
	const char *field;

	if (proc_read(process, "stat", text, sizeof(text)) < 0)
		return false;
	field = proc_stat_field(text, 4);
	return field != NULL && atoi(field) == parent;
}

/* Notes a few children. */
static void
note_some_children(void)
{
	int child;

	for (int i = 0; i < STEP; i++) {
		if (fscanf(look.children, "%d", &child) != 1) {
			fclose(look.children);
			look.children = NULL;
			return;
		}
		if (look.place_count < PLACES)
			look.places[look.place_count++] = (struct place){
			    .process = child,
			    .parent = look.here.process,
			    .depth = look.here.depth + 1,
			};
	}
}

/* Opens the children of its next thread. Returns false if there is none. */
static bool
ask_next_thread(void)
{
	const int own = look.threads_asked++;
	pid_t thread = look.here.process;
	char name[32], path[PROC_PATH_MAX];

	if (look.here.depth >= DEPTH_MAX)
		return false;
	if (own > 0) {
		if (look.here.depth > 0 || own > look.job.thread_count)
			return false;
		thread = look.job.threads[own - 1];
	}
	snprintf(name, sizeof(name), "task/%d/children", (int)thread);
	proc_path(look.here.process, name, path);
	(void)proc_stream_at(AT_FDCWD, path, &look.children);
	return true;
}

/* If not, its sockets are not seen: it may become another program. */
static bool
has_rules(pid_t process)
{
	struct target *target = target_find(process);

	return target != NULL && target_view(target) != NULL;
}

static void
enter(const struct place *place)
{
	look.here = *place;
	look.at = look.end = 0;
	look.threads_asked = 0;
	look.directory = proc_open(place->process, "fd", O_DIRECTORY);
	/* Afterwards: what was opened is then that of the right process. */
	if (place->depth == 0 ? !is_alive(look.job.pidfd)
			      : !is_child(place->process, place->parent))
		look.here.process = 0;
	else if (has_rules(place->process))
		return;
	if (look.directory >= 0)
		close(look.directory);
	look.directory = -1;
}

/* Goes on a little. Returns false when the look is over. */
static bool
step(void)
{
	if (look.directory >= 0)
		look_at_some();
	else if (look.children != NULL)
		note_some_children();
	else if (look.here.process != 0 && ask_next_thread())
		return true;
	else if (look.place_count > 0)
		enter(&look.places[--look.place_count]);
	else
		return false;
	return true;
}

/* Begins with the job that has waited longest. */
static void
begin(void)
{
	look.job = jobs[0];
	memmove(jobs, jobs + 1, --job_count * sizeof(*jobs));
	look.going_on = true;
	look.used_us = 0;
	look.here.process = 0;
	look.place_count = 1;
	look.places[0] = (struct place){.process = look.job.process};
}

static void
end(void)
{
	close(look.job.pidfd);
	look.going_on = false;
}

bool
scan_ask(int pidfd, pid_t process, pid_t thread)
{
	struct job *job = jobs;

	while (job < jobs + job_count &&
	       (job->process != process || !is_alive(job->pidfd)))
		job++;
	if (job == jobs + JOBS)
		return false;
	if (job == jobs + job_count) {
		*job = (struct job){
		    .pidfd = fcntl(pidfd, F_DUPFD_CLOEXEC, 0),
		    .process = process,
		};
		if (job->pidfd < 0)
			return false;
		job_count++;
	}
	for (int i = 0; i < job->thread_count; i++) {
		if (job->threads[i] == thread)
			return true;
	}
	if (thread != process && job->thread_count < THREADS)
		job->threads[job->thread_count++] = thread;
	return true;
}

bool
scan_took_waiting(void)
{
	const bool was = waiting;

	waiting = false;
	return was;
}

int64_t
scan_due_ms(void)
{
	if (look.going_on)
		return 0;
	return job_count > 0 ? rest_until_ms : CLOCK_NEVER;
}

void
scan_run(void)
{
	/* Of the processor, not of the clock: others run, too. */
	const int64_t start = clock_used_us();
	int64_t used = 0;
	bool more = true;

	if (scan_due_ms() > clock_ms())
		return;
	if (!look.going_on)
		begin();
	while (more && used < CLOCK_SLICE_US) {
		more = step();
		used = clock_used_us() - start;
	}
	look.used_us += used;
	if (more)
		return;
	rest_until_ms = clock_ms() + look.used_us * REST / 1000;
	end();
}

void
scan_stop(void)
{
	if (look.directory >= 0)
		close(look.directory);
	look.directory = -1;
	if (look.children != NULL)
		fclose(look.children);
	look.children = NULL;
	if (look.going_on)
		end();
	while (job_count > 0)
		close(jobs[--job_count].pidfd);
}
