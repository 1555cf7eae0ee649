/* SPDX-License-Identifier: ISC */
/*
 * status: what kashim status says of the connections of live.h, in whatever
 * form: which of them count, how many there are of each verdict, when the
 * next probe goes out, how long the firewall still knows a connection, and
 * what differs from its rule. It reads no socket.
 */
#ifndef KASHIM_STATUS_H
#define KASHIM_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "host/generation.h"
#include "image/image.h"
#include "kernel/kernel.h"
#include "live/live.h"

/* Which policy a program goes by, if it has the library. */
struct status_policy {
	bool known;
	bool without; /* it has not the library; neither: that can't be told */
	bool silent;  /* it did not answer: it may have the library, or not */
	struct generation generation;
};

/* Who gives a connection what its rule says, now and from now on: bits. */
enum status_by {
	STATUS_LIBRARY = 1, /* libkashim.so, with a policy, is in its process */
	STATUS_SUPERVISOR = 2, /* kashim run --supervise */
	/*
	 * kashim attach: its socket was made in a control group that is
	 * attached now. A connection that is older than that was given nothing.
	 */
	STATUS_KERNEL = 4,
	STATUS_UNSURE = 8, /* one of those that are not set, perhaps */
};

/* What is attached to the kernel. */
struct status_attached {
	struct kernel_attached kernel;
	int in_force; /* its rules are those that programs have: 1, 0; else it
	                 can't be told */
	uint32_t generation; /* of those, if they are published; else 0 */
};

struct status {
	const struct live *live;
	const struct image *image; /* the rules; NULL: none */
	const char *config;        /* the file that they are from */
	time_t time;               /* when this was read */
	bool older;    /* that file was changed since, and is not in force */
	bool chosen;   /* not all processes were asked for, but some */
	size_t absent; /* units and programs asked for that do not run */
	/* The connections, in the order of live; listeners are none. */
	const struct live_socket **connections;
	size_t count;
	size_t verdicts[LIVE_VERDICTS]; /* how many connections have each */
	/*
	 * Those that have not what their rule asks for, or of which that is not
	 * known. An unknown one is not among them if it is certain that no rule
	 * asks for anything.
	 */
	size_t uncovered;
	/*
	 * Those that keepalive has kept alive: without data for longer than
	 * their rule's firewall-timeout, but heard of since.
	 */
	size_t kept;
	/*
	 * Those that have what their rule says, which is not enough: the next
	 * probe may come when the firewall has forgotten them.
	 */
	size_t late;
	/*
	 * Listeners without what their rule says, so that what they accept
	 * does not inherit it; in programs with the library these are none,
	 * since that sets it after accept(2).
	 */
	size_t unready;
	/* As many as live has processes; NULL: not read. */
	struct status_policy *policies;
	/* What is attached, unless that can't be told (by others than root). */
	bool attached_known;
	char attached_error[KERNEL_TEXT_MAX]; /* why root can't; or "" */
	struct status_attached *attached;
	size_t attached_count;
	/* As many as live has sockets: enum status_by; NULL: not read. */
	uint8_t *by;
};

/*
 * Fills in what is from connections on, out of live and image; the rest is the
 * caller's. Returns 0, and the caller gives *status back with status_free(),
 * or -ENOMEM.
 */
int status_sort_out(struct status *status);

/*
 * Fills in policies, for all processes with connections or with a listener that
 * has not what its rule says, and takes out of unready what the library sees
 * to. Returns 0 or -ENOMEM. status_policy.c
 */
int status_read_policies(struct status *status);

/*
 * Fills in what is attached, and by, for all connections and for listeners
 * without what their rule says, and takes out of unready what the kernel sees
 * to. After status_read_policies(). Returns 0 or -ENOMEM. status_by.c
 */
int status_read_by(struct status *status);

/* Who looks after a socket: enum status_by. */
unsigned int
status_by(const struct status *status, const struct live_socket *socket);

/*
 * Writes their names, "library,kernel"; "nobody"; "-" if that can't be told.
 */
#define STATUS_BY_MAX 32
void status_by_format(unsigned int by, char text[STATUS_BY_MAX]);

/* The name of one of the bits. */
const char *status_by_name(enum status_by bit);

/* Is this a listener without what its rule says? */
bool status_is_unready(
    const struct status *status, const struct live_socket *socket);

/* The policy that a process goes by; NULL if it is not known to have one. */
const struct generation *
status_policy(const struct status *status, const struct process *process);

/*
 * How many processes keep the policy that they have until they start again,
 * while another one is published. Of those with connections.
 */
size_t status_policy_stuck(const struct status *status);

/* Is that not known since process does not answer? */
bool status_policy_silent(
    const struct status *status, const struct process *process);

/*
 * Puts the worst first: off, differs, unknown, ok, no rule. Otherwise the
 * order stays.
 */
void status_worst_first(struct status *status);

void status_free(struct status *status);

/*
 * Is every connection that should be covered known to be: is none uncovered,
 * and is all that was asked for there, and nothing of it hidden?
 */
bool status_is_covered(const struct status *status);

/* Copies out the rule of a connection. Returns false if none matches. */
bool status_rule(const struct status *status, const struct live_socket *socket,
    struct image_rule *rule);

/*
 * Which of the options that its rule names the connection has not as the rule
 * wants them: bits, as in struct keepalive's set. *want is what it wants. 0
 * if nothing is wanted or it is not known what is.
 */
uint32_t status_differences(const struct status *status,
    const struct live_socket *socket, struct keepalive *want);

/*
 * Milliseconds until the next keepalive probe, or -1 if none is planned: the
 * longer of what the kernel's timer says and what is left of idle (diag.h).
 */
int64_t status_probe_ms(const struct live_socket *socket);

/*
 * Milliseconds until the kernel sends anything by itself, or -1 if it plans
 * nothing: that probe; or data in flight, once more; or a probe of the peer's
 * closed window.
 */
int64_t status_next_ms(const struct live_socket *socket);

/*
 * Milliseconds since data went either way or anything was received, answers
 * to probes included; -1 if that is not known. Probes without an answer are
 * not counted: nobody knows how far they came. The peer's own probes count only
 * if they were seen to come in (status_see()): else the silence is at most
 * this.
 */
int64_t status_silence_ms(const struct live_socket *socket);

/*
 * Will the kernel send something before left_ms are over, however late its
 * timer runs out (lateness.h)?
 */
bool status_in_time(const struct live_socket *socket, int64_t left_ms);

/* Milliseconds since data went either way; -1 if that is not known. */
int64_t status_data_silence_ms(const struct live_socket *socket);

/* Is it one of those that are counted as kept? */
bool
status_is_kept(const struct status *status, const struct live_socket *socket);

/*
 * What a look saw of each connection: for the next one, which then knows of
 * segments that none of the kernel's clocks counts. All zero at first.
 */
struct status_seen {
	struct status_segments *all; /* by cookie */
	size_t count;
	int64_t time_ms; /* when it began, clock.h */
};

/*
 * Sets moved_known, moved_ms and survived_ms of the sockets of a new look,
 * which took from begun_ms to now_ms, from the last one, and notes the new one
 * in *seen, which the caller gives back with status_seen_free(). Returns 0 or
 * -ENOMEM. status_seen.c
 */
int status_see(struct status_seen *seen, struct live *live, int64_t begun_ms,
    int64_t now_ms);

/*
 * Reads into *seen what the file at path holds of another run's last look:
 * nothing if there is no such file, or if it is empty, of another boot or
 * version, or damaged. Never waits. Returns 0; -EBADF if it is no regular file;
 * -EPERM if it is not to be believed otherwise (trust.h); -EEXIST if it is
 * something else; or -errno.
 */
int
status_seen_read(struct status_seen *seen, const char *path, int64_t now_ms);

/* Writes it there, in place of what there is. Returns 0 or -errno. */
int status_seen_write(const struct status_seen *seen, const char *path);

void status_seen_free(struct status_seen *seen);

/*
 * Milliseconds until the firewall may forget the connection: what its rule's
 * firewall-timeout leaves after that silence. Less than 0 if it is past.
 * Returns false if the rule has no such key or the silence is not known.
 */
bool status_left_ms(const struct status *status,
    const struct live_socket *socket, int64_t *left_ms);

/* Why the verdict is LIVE_UNKNOWN, in words; NULL if it is another one. */
const char *
status_unknown(const struct status *status, const struct live_socket *socket);

/* Room for what status_remark() writes, with its NUL. */
#define STATUS_NOTE_MAX 512

/*
 * Writes in words what differs from the rule, what the rule asks for where
 * keepalive is off, or why the verdict is LIVE_UNKNOWN; "" for all others.
 * status_remark.c
 */
void status_remark(const struct status *status,
    const struct live_socket *socket, char note[STATUS_NOTE_MAX]);

/* The state of TCP, "established" and so on as in tcp(7); "?" */
const char *status_state_name(uint8_t state);

/* Who sent the SYN: "->" our side, "<-" the peer, "--" nobody knows. */
const char *status_arrow(enum live_direction direction);

/* Longest address with its port as text, with its NUL. */
#define STATUS_ENDPOINT_MAX (ADDR_TEXT_MAX + 8)

/* Writes "10.1.4.7:3300", "[2001:db8::7]:3300". Returns the length. */
size_t status_endpoint(
    const struct addr *addr, uint16_t port, char text[STATUS_ENDPOINT_MAX]);

/*
 * Writes "450s/90s/5", idle, interval and count, or "off". Returns false, and
 * writes nothing, if these are not known. text has room for
 * STATUS_KEEPALIVE_MAX bytes.
 */
#define STATUS_KEEPALIVE_MAX 64
bool status_keepalive(const struct keepalive *have, char *text);

/* The most columns of a bar, and room for it with its NUL. */
#define STATUS_BAR_COLUMNS 40
#define STATUS_BAR_MAX     (3 * STATUS_BAR_COLUMNS + 1)

/*
 * Draws the bar of --watch: left_ms of all_ms (more than 0) is left, less than
 * 0 as 0; the next packet goes out in next_ms, -1: none will. It is marked if
 * it comes in time. In block characters if the locale is UTF-8. status_bar.c
 */
void status_bar(int64_t left_ms, int64_t next_ms, int64_t all_ms,
    size_t columns, char text[STATUS_BAR_MAX]);

/* How something is to look on a terminal. */
struct status_look {
	bool coloured;
	bool bars; /* with a bar for the firewall-timeout */
	unsigned int columns;
	unsigned int rows; /* the most lines; 0: all */
};

/*
 * Prints the connections as a table for people, by process, and what they add
 * up to. status_table.c
 */
void status_table(
    FILE *out, const struct status *status, const struct status_look *look);

/*
 * Prints a line of words for each connection, for awk(1), below a heading.
 * status_list.c
 */
void status_list(FILE *out, const struct status *status);

/*
 * Prints what the connections add up to in one line, "17 connections: 12 ok,
 * 5 off", and a line for each thing that could not be looked at. Each line
 * begins with prefix. status_summary.c
 */
void status_summary(
    FILE *out, const struct status *status, const char *prefix, bool coloured);

/*
 * Prints it all as JSON, as docs/kashim-status.schema.json says. Returns 0
 * or -ENOMEM. status_json.c
 */
int status_json(FILE *out, const struct status *status);

/*
 * Prints counts as OpenMetrics text that is also right as the Prometheus text
 * format. Returns 0 or -ENOMEM. status_openmetrics.c
 */
int status_openmetrics(FILE *out, const struct status *status);

#endif
