/* SPDX-License-Identifier: ISC */
/*
 * supervise_worker: serves the notifications of a supervised program.
 */
#include "supervise_worker.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "addr.h"
#include "apply.h"
#include "supervise_call.h"
#include "supervise_socket.h"
#include "supervise_target.h"

/*
 * A request takes microseconds. If it takes this long, then because the
 * program's memory is on a device that does not answer; the alarm ends the
 * worker, and the guard answers.
 */
#define REQUEST_MAX_S 2

/* A request while it is worked at. */
struct work {
	int notify;
	const struct seccomp_notif *request;
	struct target *target;
	struct call call;
	struct apply apply;
	struct apply_host host;
	int fd; /* our own descriptor of the socket, or -1 */
	uint64_t cookie;
};

/* Does the thread still wait, so that all we know of it is right? */
static bool
is_valid(const struct work *work)
{
	return ioctl(work->notify, SECCOMP_IOCTL_NOTIF_ID_VALID,
		   &work->request->id) == 0;
}

/* Gets the socket that the call is for. Returns false if there is none. */
static bool
socket_begin(struct work *work)
{
	work->host.fd = (int)work->call.args[0];
	work->fd = target_descriptor(work->target, work->host.fd);
	if (work->fd < 0)
		return false;
	work->cookie = socket_cookie(work->fd);
	if (work->cookie == 0 || !is_valid(work))
		return false;
	socket_take_record(work->cookie, work->fd);
	return true;
}

static void
socket_end(struct work *work)
{
	if (work->fd < 0)
		return;
	if (work->cookie != 0)
		socket_keep_record(work->cookie, work->fd);
	close(work->fd);
	work->fd = -1;
}

/* Reads the address that a call connects to; only IP is of interest. */
static bool
read_address(struct work *work, struct sockaddr_storage *sa, uint32_t *len)
{
	uint64_t address;

	return call_address(work->target, &work->call, &address, len) == 0 &&
	       *len >= sizeof(sa->ss_family) && *len <= sizeof(*sa) &&
	       target_read(work->target, address, sa, *len) == 0 &&
	       (sa->ss_family == AF_INET || sa->ss_family == AF_INET6);
}

static void
serve_connect(struct work *work)
{
	struct sockaddr_storage sa;
	uint32_t len;

	if (!read_address(work, &sa, &len) || !socket_begin(work))
		return;
	apply_connect(&work->apply, work->fd, &sa, len);
}

static void
serve_listen(struct work *work)
{
	if (!socket_begin(work))
		return;
	apply_listen(&work->apply, work->fd);
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
	int value, rule;

	/* The kernel wants an int, and takes no more of what is longer. */
	if (option < 0 || (int32_t)args[4] < (int32_t)sizeof(value) ||
	    target_read(work->target, args[3], &value, sizeof(value)) < 0 ||
	    !socket_begin(work))
		return false;
	rule = apply_holding(&work->apply, work->fd);
	if (setsockopt(work->fd, (int)args[1], (int)args[2], &value,
		sizeof(value)) < 0)
		return false;
	apply_hold(
	    &work->apply, work->fd, rule, (enum keepalive_option)option, value);
	return true;
}

/* Returns whether the call was made in the program's place, with success. */
static bool
serve(struct work *work)
{
	const struct view *view;
	bool made = false;

	work->target = target_find((pid_t)work->request->pid);
	if (work->target == NULL ||
	    call_read(work->target, work->request, &work->call) < 0 ||
	    work->call.kind == CALL_NONE)
		return false;
	view = target_view(work->target);
	if (view == NULL)
		return false;
	work->apply.view = view;
	switch (work->call.kind) {
	case CALL_LISTEN:
		serve_listen(work);
		break;
	case CALL_SETSOCKOPT:
		made = serve_setsockopt(work);
		break;
	default:
		serve_connect(work);
	}
	socket_end(work);
	return made;
}

static void
answer(int notify, struct guard_page *page, bool made)
{
	struct seccomp_notif_resp response = {.id = page->request.id};

	if (made)
		(void)ioctl(notify, SECCOMP_IOCTL_NOTIF_SEND, &response);
	else
		guard_continue(notify, page->request.id);
}

static void
set_alarm(time_t after_s)
{
	const struct itimerval timer = {.it_value.tv_sec = after_s};

	setitimer(ITIMER_REAL, &timer, NULL);
}

void
worker_run(int notify, struct guard_page *page, void *data)
{
	const struct worker_policy *policy = data;

	if (target_start(&policy->image) < 0)
		return;
	while (!guard_is_gone()) {
		struct work work = {
		    .notify = notify,
		    .request = &page->request,
		    .apply.trace_path = policy->trace_path,
		    .apply.calls = {setsockopt, getsockopt},
		    .fd = -1,
		};

		work.apply.host = &work.host;
		memset(&page->request, 0, sizeof(page->request));
		if (ioctl(notify, SECCOMP_IOCTL_NOTIF_RECV, &page->request) < 0)
			continue;
		set_alarm(REQUEST_MAX_S);
		work.host.pid = (pid_t)page->request.pid;
		answer(notify, page, serve(&work));
		set_alarm(0);
	}
	memset(&page->request, 0, sizeof(page->request));
}
