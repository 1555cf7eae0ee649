/* SPDX-License-Identifier: ISC */
/*
 * probe_link: one TCP connection that is silent, and is asked now and then
 * (probe_link.h). Nothing is ever written to it or read from it.
 */
#include "probe/probe_link.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/keepalive.h"

#define CONNECT_MS 10000

/* For LINK_KEPT. */
#define OUTAGE_S 60

/* include/net/tcp_states.h; the C library's header is not for linux/tcp.h. */
enum {
	STATE_ESTABLISHED = 1,
	STATE_SYN_SENT = 2,
	STATE_CLOSE_WAIT = 8,
};

static int
set(int fd, int level, int name, const void *value, socklen_t length)
{
	return (int)syscall(SYS_setsockopt, fd, level, name, value, length);
}

static int
get(int fd, int level, int name, void *value, socklen_t *length)
{
	return (int)syscall(SYS_getsockopt, fd, level, name, value, length);
}

static const struct keepalive_calls CALLS = {set, get};

void
link_close(struct probe_link *link)
{
	if (link->state != LINK_ENDED)
		close(link->fd);
	link->state = LINK_ENDED;
}

static void
switch_off(struct probe_link *link)
{
	const struct keepalive off = {.set = 1u << KEEPALIVE_SWITCH};

	(void)keepalive_set(&CALLS, link->fd, &off);
}

/* Is keepalive on, although nobody here has asked for it? */
static bool
is_set(int fd)
{
	int on = 0;
	socklen_t length = sizeof(on);

	return get(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &length) == 0 && on;
}

int
link_open(struct probe_link *link, const struct sockaddr *address,
    socklen_t length, int64_t now_ms)
{
	int error;

	*link = (struct probe_link){
	    .state = LINK_ENDED,
	    .opened_ms = now_ms,
	    .looked_ms = now_ms,
	};
	link->fd = (int)syscall(SYS_socket, address->sa_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	if (link->fd < 0)
		return -errno;
	link->state = LINK_CONNECTING;
	if (syscall(SYS_connect, link->fd, address, length) == 0 ||
	    errno == EINPROGRESS) {
		/* What kashim attach sets may be taken off. */
		if (is_set(link->fd))
			switch_off(link);
		if (!is_set(link->fd))
			return 0;
		error = -EPERM;
	} else {
		error = -errno;
	}
	link_close(link);
	return error;
}

static int
take_error(int fd)
{
	int error = 0;
	socklen_t length = sizeof(error);

	(void)get(fd, SOL_SOCKET, SO_ERROR, &error, &length);
	return error;
}

/* The next silence begins, between the last look and now. */
static void
begin_silence(
    struct probe_link *link, const struct tcp_info *info, int64_t now_ms)
{
	link->before_ms = link->looked_ms;
	link->since_ms = now_ms;
	link->in = info->tcpi_segs_in;
	link->out = info->tcpi_segs_out;
}

/*
 * What the kernel measured may be that of a SYN that was lost. Else it is the
 * better one.
 */
static void
note_rtt(struct probe_link *link, uint32_t rtt_us)
{
	if (link->rtt_us == 0 || rtt_us < link->rtt_us)
		link->rtt_us = rtt_us;
}

static enum link_event
look_at_connecting(
    struct probe_link *link, const struct tcp_info *info, int64_t now_ms)
{
	if (info->tcpi_state == STATE_SYN_SENT &&
	    now_ms - link->opened_ms < CONNECT_MS)
		return LINK_NOTHING;
	if (info->tcpi_state != STATE_ESTABLISHED &&
	    info->tcpi_state != STATE_CLOSE_WAIT) {
		link->error = take_error(link->fd);
		if (link->error == 0)
			link->error = ETIMEDOUT;
		link_close(link);
		return LINK_FAILED;
	}
	begin_silence(link, info, now_ms);
	note_rtt(link, info->tcpi_rtt);
	link->lossy = info->tcpi_total_retrans > 0;
	link->state = LINK_SILENT;
	return LINK_CONNECTED;
}

/* How the connection ended, if it did. */
static enum silence_end
end_of(const struct probe_link *link, const struct tcp_info *info)
{
	int error;

	if (info->tcpi_state == STATE_ESTABLISHED)
		return SILENCE_SURVIVED;
	error = take_error(link->fd);
	if (info->tcpi_state == STATE_CLOSE_WAIT)
		return SILENCE_CLOSED;
	/* Others than ETIMEDOUT are what a router said to the probes. */
	if (error != ECONNRESET && error != EPIPE)
		return SILENCE_UNANSWERED;
	return link->state == LINK_ASKED ? SILENCE_REFUSED : SILENCE_RESET;
}

/* The silence that is over now. */
static struct silence
silence_of(const struct probe_link *link, enum silence_end end, int64_t now_ms)
{
	bool asked = link->state == LINK_ASKED;
	int64_t rtt_ms = link->rtt_us / 1000 + 1;
	int64_t first_ms =
	    asked && link->sent_ms[0] ? link->sent_ms[0] : now_ms;
	int64_t last_ms = asked && link->sent_ms[1] ? link->sent_ms[1] : now_ms;

	return (struct silence){
	    .end = end,
	    .least_ms =
		(asked ? link->asked_ms : link->looked_ms) - link->since_ms,
	    .first_ms = first_ms - link->before_ms + rtt_ms,
	    .last_ms = last_ms - link->before_ms + rtt_ms,
	};
}

/* When its probes were sent. */
static void
note_probes(
    struct probe_link *link, const struct tcp_info *info, int64_t now_ms)
{
	if (info->tcpi_segs_out == link->out) {
		if (!link->sent_ms[0])
			link->unsent_ms = now_ms;
		return;
	}
	if (!link->sent_ms[0])
		link->sent_ms[0] = now_ms;
	link->sent_ms[1] = now_ms;
	link->out = info->tcpi_segs_out;
}

static enum link_event
look_at_open(struct probe_link *link, const struct tcp_info *info,
    int64_t now_ms, struct silence *silence)
{
	enum silence_end end = end_of(link, info);

	if (link->state == LINK_ASKED)
		note_probes(link, info, now_ms);
	if (end == SILENCE_SURVIVED && info->tcpi_segs_in == link->in)
		return LINK_NOTHING;
	*silence = silence_of(link, end, now_ms);
	if (end != SILENCE_SURVIVED) {
		link_close(link);
		return LINK_FINISH;
	}
	if (link->state == LINK_ASKED) {
		if (info->tcpi_segs_out - link->asked_out > 1)
			link->lossy = true;
		else
			note_rtt(
			    link, (uint32_t)(now_ms - link->unsent_ms) * 1000);
		switch_off(link);
		link->state = LINK_SILENT;
	}
	begin_silence(link, info, now_ms);
	return LINK_HEARD;
}

enum link_event
link_look(struct probe_link *link, int64_t now_ms, struct silence *silence)
{
	struct tcp_info info = {0};
	socklen_t length = sizeof(info);
	enum link_event event = LINK_NOTHING;

	if (link->state == LINK_ENDED)
		return LINK_NOTHING;
	if (get(link->fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0)
		event = link->state == LINK_CONNECTING
		            ? look_at_connecting(link, &info, now_ms)
		            : look_at_open(link, &info, now_ms, silence);
	link->looked_ms = now_ms;
	return event;
}

int
link_interval_s(const struct probe_link *link)
{
	int rtts_s = (int)(3 * (uint64_t)link->rtt_us / 1000000) + 1;

	return rtts_s < 20 ? rtts_s : 20;
}

/* TCP_KEEPIDLE comes last, and sends the first probe at once. */
static void
switch_on(struct probe_link *link, int idle_s, int interval_s, int count)
{
	const struct keepalive on = {
	    .set = 1u << KEEPALIVE_IDLE | 1u << KEEPALIVE_INTERVAL |
	           1u << KEEPALIVE_COUNT | 1u << KEEPALIVE_SWITCH,
	    .value =
		{
		    [KEEPALIVE_IDLE] = idle_s,
		    [KEEPALIVE_INTERVAL] = interval_s,
		    [KEEPALIVE_COUNT] = count,
		    [KEEPALIVE_SWITCH] = 1,
		},
	};

	(void)keepalive_set(&CALLS, link->fd, &on);
}

void
link_ask(struct probe_link *link, int interval_s, int64_t now_ms)
{
	link->asked_ms = link->unsent_ms = now_ms;
	link->asked_out = link->out;
	link->sent_ms[0] = link->sent_ms[1] = 0;
	link->state = LINK_ASKED;
	switch_on(link, 1, interval_s, LINK_PROBES);
}

void
link_keep(struct probe_link *link, int idle_s)
{
	link->state = LINK_KEPT;
	switch_on(link, idle_s, idle_s, OUTAGE_S / idle_s);
}
