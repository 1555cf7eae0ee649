/* SPDX-License-Identifier: ISC */
/*
 * connections: the program that the kernel runs for each TCP connection of a
 * control group: it looks its rule up and sets the options. Compiled for BPF
 * and loaded by the command; nothing of it is in the library.
 */
#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/tcp.h>

#include <asm/socket.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/lookup.h"
#include "bpf/policy.h"

#define FAMILY_V6 10 /* AF_INET6 */

/* The address of one side of a connection; words are in wire order. */
static __always_inline void
take_address(struct key *key, bool v6, uint32_t v4, uint64_t high, uint64_t low)
{
	key->known = true;
	key->width = v6 ? WIDTH_128 : WIDTH_32;
	key->high = v6 ? bpf_be64_to_cpu(high) : 0;
	key->low = v6 ? bpf_be64_to_cpu(low) : bpf_ntohl(v4);
}

/*
 * Two words in the order in which they lie in memory. The context is read one
 * word at a time: a compiler that makes one access of two is refused.
 */
static __always_inline uint64_t
two_words(const volatile uint32_t *words)
{
	const uint64_t first = words[0], second = words[1];

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return second << 32 | first;
#else
	return first << 32 | second;
#endif
}

/* In the order of the list: SO_KEEPALIVE last, as keepalive_set() does. */
static __always_inline void
set_options(struct bpf_sock_ops *ctx, uint32_t number)
{
	const struct image_rule *rule;

	if (number >= IMAGE_RULES_MAX)
		return;
	rule = image_at(rule_offset(number));
	if (!rule)
		return;
#define SET(name, level, option, ...)                      \
	if ((rule->options & 1u << KEEPALIVE_##name) != 0) \
		(void)bpf_setsockopt(ctx, level, option,   \
		    (void *)&rule->value[KEEPALIVE_##name], sizeof(int32_t));
	KEEPALIVE_LIST(SET)
#undef SET
}

/*
 * A connection's source is known here, also where the kernel has just chosen
 * it, and no SYN is sent yet. What comes to a listener is looked up when its
 * handshake ends, so that it has the rules of now, whenever the listener was
 * made.
 */
SEC("sockops")
int
kashim_connections(struct bpf_sock_ops *ctx)
{
	struct search search = {.best = BPF_NO_RULE};
	struct key *local = &search.keys[FIELD_SOURCE];
	struct key *remote = &search.keys[FIELD_DESTINATION];
	bool v6, accepted;

	if (ctx->op != BPF_SOCK_OPS_TCP_CONNECT_CB &&
	    ctx->op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB)
		return 1;
	accepted = ctx->op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB;
	if (accepted) {
		local = &search.keys[FIELD_DESTINATION];
		remote = &search.keys[FIELD_SOURCE];
	}
	/* ::ffff:a.b.c.d is the IPv4 address, which stands there as well. */
	v6 = ctx->family == FAMILY_V6 &&
	     !(ctx->remote_ip6[0] == 0 && ctx->remote_ip6[1] == 0 &&
		 ctx->remote_ip6[2] == bpf_htonl(0xffff));
	take_address(local, v6, ctx->local_ip4, two_words(&ctx->local_ip6[0]),
	    two_words(&ctx->local_ip6[2]));
	take_address(remote, v6, ctx->remote_ip4,
	    two_words(&ctx->remote_ip6[0]), two_words(&ctx->remote_ip6[2]));
	search.keys[FIELD_PORT] = (struct key){.known = true,
	    .low = accepted ? ctx->local_port : bpf_ntohl(ctx->remote_port)};
	set_options(ctx, search_rule(&search, accepted));
	return 1;
}

/* The same look-up, for tests: nothing else can ask a program of this kind. */
SEC("syscall")
int
kashim_lookup(struct bpf_query *query)
{
	struct search search = {.best = BPF_NO_RULE};

	for (int field = FIELD_SOURCE; field <= FIELD_DESTINATION; field++) {
		const uint32_t *word =
		    (const uint32_t *)query->addresses[field];

		if (query->bits[field] == 0)
			continue;
		take_address(&search.keys[field], query->bits[field] == 128,
		    word[0], two_words(&word[0]), two_words(&word[2]));
	}
	search.keys[FIELD_PORT] =
	    (struct key){.known = true, .low = query->port};
	query->rule =
	    search_rule(&search, query->direction == DIRECTION_ACCEPT);
	return 0;
}

char licence[] SEC("license") = "Dual BSD/GPL";
