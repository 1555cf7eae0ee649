/* SPDX-License-Identifier: ISC */
/*
 * supervise_worker: serves the notifications of a supervised program.
 */
#include "supervise/supervise_worker.h"

#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apply/apply.h"
#include "apply/apply_facts.h"
#include "apply/record.h"
#include "base/addr.h"
#include "base/trace.h"
#include "supervise/supervise_accept.h"
#include "supervise/supervise_call.h"
#include "supervise/supervise_clock.h"
#include "supervise/supervise_later.h"
#include "supervise/supervise_queue.h"
#include "supervise/supervise_scan.h"
#include "supervise/supervise_socket.h"
#include "supervise/supervise_target.h"
#include "supervise/supervise_view.h"

/* How long requests alone are served while other things are due. */
#define TURN_MS 5

/* A request while it is worked at. */
struct work {
	int notify;
	const struct seccomp_notif *request;
	struct target *target;
	struct call call;
	struct borrowed_socket borrowed;
};

/* Does the thread still wait, so that all we know of it is right? */
static bool
is_valid(const struct work *work)
{
	return ioctl(work->notify, SECCOMP_IOCTL_NOTIF_ID_VALID,
		   &work->request->id) == 0;
}

/* Gets the socket that the call is for; what was read before is then valid. */
static bool
hold(struct work *work)
{
	if (!borrowed_begin(
		&work->borrowed, work->target, (int)work->call.args[0]))
		return false;
	if (is_valid(work))
		return true;
	borrowed_end(&work->borrowed);
	return false;
}

/* Reads the address that a call connects to. */
static bool
read_address(struct work *work, struct sockaddr_storage *sa, uint32_t *len)
{
	uint64_t address;

	return call_address(work->target, &work->call, &address, len) == 0 &&
	       *len >= sizeof(sa->ss_family) && *len <= sizeof(*sa) &&
	       target_read(work->target, address, sa, *len) == 0;
}

static void
serve_connect(struct work *work)
{
	struct apply_event event = {.call = APPLY_CONNECT};
	struct sockaddr_storage sa;
	uint32_t len;

	if (!read_address(work, &sa, &len))
		return;
	/* Who answers there may send a listener. */
	if (sa.ss_family == AF_UNIX) {
		if (is_valid(work))
			queue_watch_target(work->target);
		return;
	}
	if (addr_from_sockaddr(&sa, len, &event.to.addr, &event.to.port) < 0 ||
	    !hold(work))
		return;
	event.fd = work->borrowed.fd;
	if (apply_now(&work->borrowed.apply, &event))
		later_connected(&work->borrowed, work->target, &event.to);
	borrowed_end(&work->borrowed);
}

static void
serve_listen(struct work *work)
{
	bool queue;

	if (!hold(work))
		return;
	if (!apply_facts_listens(
		&work->borrowed.apply.calls, work->borrowed.fd))
		record_set_made(work->borrowed.fd, true);
	if (apply_now(&work->borrowed.apply,
		&(struct apply_event){
		    .call = APPLY_LISTEN, .fd = work->borrowed.fd}))
		later_listening(&work->borrowed, work->target);
	queue = record_has_queued(work->borrowed.fd);
	borrowed_end(&work->borrowed);
	if (queue)
		queue_watch_target(work->target);
}

static void
serve_accept(struct work *work)
{
	if (!hold(work))
		return;
	if (!view_listener_decides(work->borrowed.apply.view))
		accept_begun(&work->borrowed, work->target);
	borrowed_end(&work->borrowed);
}

/*
 * The program sets an option of ours. As under the preload, its call is made,
 * and the rule's value set again. Returns whether it was made, with success:
 * otherwise the kernel has to be asked by the program itself.
 */
static bool
serve_setsockopt(struct work *work)
{
	const uint64_t *args = work->call.args;
	int option = keepalive_option((int)args[1], (int)args[2]);
	struct apply_event event = {.call = APPLY_SETSOCKOPT};
	struct apply_decision decision;
	int value;
	bool made;

	/* The kernel wants an int, and takes no more of what is longer. */
	if (option < 0 || (int32_t)args[4] < (int32_t)sizeof(value) ||
	    target_read(work->target, args[3], &value, sizeof(value)) < 0 ||
	    !hold(work))
		return false;
	later_settle(&work->borrowed);
	scan_settle(&work->borrowed);
	event.fd = work->borrowed.fd;
	apply_look(&work->borrowed.apply, &event, &decision);
	made = setsockopt(work->borrowed.fd, (int)args[1], (int)args[2], &value,
		   sizeof(value)) == 0;
	if (made)
		apply_hold(&work->borrowed.apply, work->borrowed.fd, &decision,
		    (enum keepalive_option)option, value);
	borrowed_end(&work->borrowed);
	return made;
}

/* Returns whether the call was made in the program's place, with success. */
static bool
serve(struct work *work)
{
	work->target = target_find((pid_t)work->request->pid);
	if (work->target == NULL ||
	    call_read(work->target, work->request, &work->call) < 0)
		return false;
	switch (work->call.kind) {
	case CALL_NONE:
		break;
	case CALL_LISTEN:
		serve_listen(work);
		break;
	case CALL_ACCEPT:
		serve_accept(work);
		break;
	case CALL_SETSOCKOPT:
		return serve_setsockopt(work);
	default:
		serve_connect(work);
	}
	return false;
}

/* Says that the policy has become one for which the filter is too small. */
static void
say_outgrown(const struct worker_policy *policy)
{
	struct trace_line line;

	trace_start(&line, policy->program);
	trace_text(&line,
	    "the reload brought rules that look at who connects, or hold "
	    "against the program's own settings, as none did before: in this "
	    "program, which is supervised, that begins at its next start");
	if (policy->trace >= 0)
		trace_to_descriptor(&line, policy->trace);
	else
		trace_to_log(&line);
}

static void
answer(int notify, struct guard_page *page, bool made)
{
	struct seccomp_notif_resp response = {.id = page->request.id};

	if (made)
		(void)ioctl(notify, SECCOMP_IOCTL_NOTIF_SEND, &response);
	else
		guard_continue(notify, page->request.id);
	memset(&page->request, 0, sizeof(page->request));
}

/* When something is due that is not a request; CLOCK_NEVER. */
static int64_t
due_ms(void)
{
	int64_t due = later_due_ms();

	if (accept_due_ms() < due)
		due = accept_due_ms();
	if (queue_due_ms() < due)
		due = queue_due_ms();
	if (scan_due_ms() < due)
		due = scan_due_ms();
	return due;
}

/*
 * Does what is due, until there is a request. That comes first, but what is
 * due has its turn, too: each of the three for a slice of time. Nothing wakes
 * the worker while there is nothing to do. Returns false if the guard is gone.
 */
static bool
wait_for_request(int notify)
{
	static int64_t had_turn_ms;
	struct pollfd requests = {.fd = notify, .events = POLLIN};

	while (!guard_is_gone()) {
		const int64_t due = due_ms();
		int64_t now;

		/* For a request alone the kernel need not be asked twice. */
		if (due == CLOCK_NEVER)
			return true;
		now = clock_ms();
		if (poll(&requests, 1, due > now ? (int)(due - now) : 0) > 0 &&
		    (due > now || now - had_turn_ms < TURN_MS))
			return true;
		later_run();
		accept_run();
		queue_run();
		scan_run();
		had_turn_ms = clock_ms();
	}
	return false;
}

/*
 * No request was to be had: it was taken back, or the program is gone, which
 * the guard sees, too; but if it does not, this must be no endless loop.
 */
static void
end_with_program(int notify)
{
	struct pollfd end = {.fd = notify, .events = 0};

	if (poll(&end, 1, 0) > 0)
		_exit(0);
}

void
worker_run(int notify, struct guard_page *page, void *data)
{
	const struct worker_policy *policy = data;

	if (target_start(policy->force) < 0)
		return;
	borrowed_start(policy->trace);
	if (target_has_proc())
		queue_watch(policy->pidfd, policy->program);
	while (wait_for_request(notify)) {
		struct work work = {
		    .notify = notify, .request = &page->request};

		if (ioctl(notify, SECCOMP_IOCTL_NOTIF_RECV, &page->request) <
		    0) {
			end_with_program(notify);
			continue;
		}
		guard_taken(page);
		answer(notify, page, serve(&work));
		if (supervise_view_outgrew_filter())
			say_outgrown(policy);
	}
	accept_stop();
	queue_stop();
	scan_stop();
	target_stop();
	borrowed_stop();
}
