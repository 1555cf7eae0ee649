/* SPDX-License-Identifier: ISC */
/*
 * Connections made by hand, with the rules that they are judged by, for the
 * tests of what is said about them.
 */
#ifndef KASHIM_TEST_STATUSES_H
#define KASHIM_TEST_STATUSES_H

#include <netinet/tcp.h>
#include <string.h>

#include "compile/build.h"
#include "status/status.h"
#include "test.h"

#define ALL_OPTIONS ((1u << KEEPALIVE_OPTIONS) - 1)

enum {
	RULE_BACKUP,  /* 450 s, 90 s, 5; firewall-timeout 900 s */
	RULE_IGNORE,  /* action = ignore */
	RULE_TIGHTEN, /* idle 300 s, user-timeout 90500 ms, tighten */
	RULES,
};

static inline void
make_rules(struct image *image)
{
	const struct rule rules[RULES] = {
	    [RULE_BACKUP] =
		{
		    .name = "backup",
		    .file = "/etc/kashim.conf",
		    .line = 4,
		    .direction = DIRECTION_BOTH,
		    .keepalive =
			{
			    .set =
				ALL_OPTIONS & ~(1u << KEEPALIVE_USER_TIMEOUT),
			    .value = {450, 90, 5, 0, 1},
			},
		    .timeout_s = 900,
		},
	    [RULE_IGNORE] =
		{
		    .name = "loop \"back\"",
		    .file = "/etc/kashim.conf",
		    .line = 9,
		    .direction = DIRECTION_BOTH,
		    .action = ACTION_IGNORE,
		},
	    [RULE_TIGHTEN] =
		{
		    .name = "a-rule-with-a-name-that-is-long",
		    .file = "/etc/kashim.conf",
		    .line = 12,
		    .direction = DIRECTION_BOTH,
		    .app_settings = APP_TIGHTEN,
		    .keepalive =
			{
			    .set = 1u << KEEPALIVE_SWITCH |
	                           1u << KEEPALIVE_IDLE |
	                           1u << KEEPALIVE_USER_TIMEOUT,
			    .value = {300, 0, 0, 90500, 1},
			},
		},
	};
	const struct build_source source = {.path = "/etc/kashim.conf"};
	const struct build_input input = {
	    .rules = rules,
	    .rule_count = RULES,
	    .sources = &source,
	    .source_count = 1,
	};
	uint8_t *bytes;

	ck_assert_int_eq(build_image(&input, &bytes, &image->size), 0);
	image->bytes = bytes;
}

/* A connection: established, its keepalive timer running. */
static inline struct live_socket
make_socket(const struct process *process, const char *local,
    const char *remote, const struct keepalive *have, int rule,
    enum live_verdict verdict)
{
	struct live_socket socket = {
	    .socket =
		{
		    .local_port = 40000,
		    .remote_port = 3300,
		    .state = TCP_ESTABLISHED,
		    .timer = DIAG_TIMER_KEEPALIVE,
		    .expires_ms = 400000,
		    .idle_ms = 50000,
		    .heard_ms = 50000,
		    .inode = 1,
		},
	    .net = 1,
	    .process = process,
	    .fd = 3,
	    .direction = LIVE_OUT,
	    .have_known = have != NULL,
	    .rule = rule,
	    .rule_known = true,
	    .verdict = verdict,
	};

	if (have)
		socket.have = *have;
	if (!have || !have->value[KEEPALIVE_SWITCH])
		socket.socket.timer = DIAG_TIMER_NONE;
	ck_assert_int_eq(addr_parse(local, &socket.socket.local), 0);
	ck_assert_int_eq(addr_parse(remote, &socket.socket.remote), 0);
	return socket;
}

static const struct process AGENT = {
    .pid = 4711,
    .uid = 7,
    .name = {"sm_agent"},
    .name_count = 1,
    .comm = "sm_agent",
    .unit = "backup-agent.service",
};
static const struct process EVIL = {
    .pid = 66,
    .name = {"busybox", "e\033[31m\"\\\xff"},
    .name_count = 2,
    .comm = "evil",
};
static const struct process CLOSED = {.pid = 5, .comm = "closed"};

static const struct keepalive GOOD = {ALL_OPTIONS, {450, 90, 5, 0, 1}};
static const struct keepalive OFF = {ALL_OPTIONS, {7200, 75, 9, 0, 0}};
static const struct keepalive LATE = {ALL_OPTIONS, {7200, 75, 9, 0, 1}};
static const struct keepalive TIGHT = {ALL_OPTIONS, {60, 75, 9, 2000, 1}};
/* An MPTCP socket tells no user timeout. */
static const struct keepalive MPTCP = {
    ALL_OPTIONS & ~(1u << KEEPALIVE_USER_TIMEOUT), {450, 90, 5, 0, 1}};

#endif
