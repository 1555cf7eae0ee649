/* SPDX-License-Identifier: ISC */
/*
 * probe: measures after how much silence the path to a TCP service forgets a
 * connection. It opens a few connections (probe_link.h) by a plan
 * (probe_plan.h), and one more that has keepalive all the time and tells an
 * outage, or a service that ends connections, from a path that forgets. It
 * sends no data.
 */
#ifndef KASHIM_PROBE_H
#define KASHIM_PROBE_H

#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "probe/probe_plan.h"
#include "probe/probe_silence.h"
#include "probe/probe_verdict.h"

struct probe_result {
	struct addr address;
	uint16_t port;
	uint32_t rtt_us;
	enum probe_verdict verdict;
	struct bracket bracket;
	enum silence_end control; /* how the one with keepalive ended */
	int64_t control_ms;       /* how old it was then */
	unsigned int opened;      /* silent connections */
	unsigned int refused;     /* of these: not opened, or ended in 2 s */
	bool lossy;
	int64_t took_ms;
};

/* What is known meanwhile. */
struct probe_progress {
	int64_t passed_ms;
	int64_t longest_ms; /* that it can take */
	int64_t survived_ms;
	unsigned int alive; /* silent connections */
	unsigned int lost;
};

/*
 * Runs until it is known, or until SIGINT, SIGTERM or SIGHUP. addresses are
 * tried until one connects. show, if it is not NULL, is called each second.
 * Returns 0; -EPERM if something in this process sets keepalive on its sockets;
 * or another -errno if no connection could be made, or memory is short.
 */
int probe_run(const struct plan_settings *settings,
    const struct addrinfo *addresses,
    void (*show)(const struct probe_progress *progress),
    struct probe_result *result);

/* How long probe_run() takes at the most, if the round trip is short. */
int64_t probe_longest_ms(const struct plan_settings *settings);

/*
 * Listens at the port, on all addresses, until SIGINT, SIGTERM or SIGHUP, and
 * never accepts: the kernel answers the probes. ready is called once it
 * listens. Returns 0 or -errno, also -EPERM as above.
 */
int probe_listen(uint16_t port, void (*ready)(uint16_t port));

#endif
