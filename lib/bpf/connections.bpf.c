/* SPDX-License-Identifier: ISC */
/*
 * connections: the programs that the kernel runs for a control group. One runs
 * for each TCP connection: it looks its rule up and sets the options. The other
 * one runs for each setsockopt(2), if some rule holds against it. Compiled for
 * BPF and loaded by the command; nothing of it is in the library.
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
#include "bpf/owner.h"
#include "bpf/policy.h"

/* They are for this machine's processor, and clang may find no others. */
#if defined(__bpf__) && defined(_FEATURES_H)
#error "a header of the C library is included"
#endif

#define FAMILY_V6 10 /* AF_INET6 */

/* As much of a value as the kernel copies in any case: the smallest page. */
#define HOLD_COPY_MAX 4096

/*
 * No connection has one that has got no rule. BPF_BOUNDED: but those that the
 * program sets beforehand, which bpf_getsockopt() does not tell later; what a
 * listener has, its connections have.
 */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | (BPF_BOUNDED ? BPF_F_CLONE : 0));
	__type(key, int);
	__type(value, struct bpf_mark);
} marks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct bpf_counts);
} counters SEC(".maps");

/* At once: what interrupts it on this processor may count, too. */
static __always_inline void
count(enum bpf_counter counter)
{
	const uint32_t zero = 0;
	struct bpf_counts *counts = bpf_map_lookup_elem(&counters, &zero);

	if (counts)
		__sync_fetch_and_add(&counts->of[counter], 1);
}

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

/* The family and the ends of a socket; remote_port in the host's order. */
#define SET_KEYS(search, accepted, family, from, local, remote, ...) \
	set_keys(search, accepted, (family) == FAMILY_V6,            \
	    &(from)->local##_ip4, &(from)->local##_ip6[0],           \
	    &(from)->remote##_ip4, &(from)->remote##_ip6[0], __VA_ARGS__)

static __always_inline void
set_keys(struct search *search, bool accepted, bool v6,
    const volatile uint32_t *local4, const volatile uint32_t *local6,
    const volatile uint32_t *remote4, const volatile uint32_t *remote6,
    uint32_t local_port, uint32_t remote_port)
{
	struct key *local = &search->keys[FIELD_SOURCE];
	struct key *remote = &search->keys[FIELD_DESTINATION];

	if (accepted) {
		local = &search->keys[FIELD_DESTINATION];
		remote = &search->keys[FIELD_SOURCE];
	}
	/* ::ffff:a.b.c.d is the IPv4 address, which stands there as well. */
	v6 = v6 && !(remote6[0] == 0 && remote6[1] == 0 &&
		       remote6[2] == bpf_htonl(0xffff));
	take_address(
	    local, v6, *local4, two_words(&local6[0]), two_words(&local6[2]));
	take_address(remote, v6, *remote4, two_words(&remote6[0]),
	    two_words(&remote6[2]));
	search->keys[FIELD_PORT] = (struct key){
	    .known = true, .low = accepted ? local_port : remote_port};
}

/* The rule of that number, if it sets something. */
static __always_inline const struct image_rule *
rule_to_set(uint32_t number)
{
	const struct image_rule *rule;

	if (number >= IMAGE_RULES_MAX)
		return NULL;
	rule = image_at(rule_offset(number));
	return rule && rule->action == ACTION_KEEPALIVE ? rule : NULL;
}

/* As keepalive.c has it; of SO_KEEPALIVE, a rule wants what is tightest. */
static __always_inline bool
tighter(int option, int32_t have, int32_t want)
{
	if (option == KEEPALIVE_USER_TIMEOUT)
		return have != 0 && (want == 0 || have < want);
	return option != KEEPALIVE_SWITCH && have < want;
}

/* What the program itself has set, into mark, if that can be told. */
static __always_inline void
learn(struct bpf_sock_ops *ctx, struct bpf_mark *mark, int option, int level,
    int name)
{
	int32_t have = 0;

	if (BPF_BOUNDED || option == KEEPALIVE_SWITCH ||
	    ((mark->known | mark->given) & 1u << option) != 0 ||
	    bpf_getsockopt(ctx, level, name, &have, sizeof(have)) != 0)
		return;
	mark->own[option] = have;
	mark->known |= 1u << option;
}

/*
 * In the order of the list: SO_KEEPALIVE last, as keepalive_set() does. mark is
 * NULL if no rule holds, or if there is no memory. Returns 0 if all were set.
 */
static __always_inline long
set_options(struct bpf_sock_ops *ctx, const struct image_rule *rule,
    struct bpf_mark *mark)
{
	const bool tightens = mark && rule->app_settings == APP_TIGHTEN;
	int32_t value;
	long failed = 0;

#define SET(id, level, name, ...)                                              \
	if ((rule->options & 1u << KEEPALIVE_##id) != 0) {                     \
		value = rule->value[KEEPALIVE_##id];                           \
		if (tightens) {                                                \
			learn(ctx, mark, KEEPALIVE_##id, level, name);         \
			if ((mark->known & 1u << KEEPALIVE_##id) != 0 &&       \
			    tighter(KEEPALIVE_##id, mark->own[KEEPALIVE_##id], \
				value))                                        \
				value = mark->own[KEEPALIVE_##id];             \
		}                                                              \
		failed |=                                                      \
		    bpf_setsockopt(ctx, level, name, &value, sizeof(value));   \
	}
	KEEPALIVE_LIST(SET)
#undef SET
	if (mark)
		mark->given |= rule->options;
	return failed;
}

/*
 * Remembers who it is for what comes later: of a listener, or of a hold.
 * Returns 0 if there was memory.
 */
static __always_inline int
remember(struct bpf_sock *sk, const struct bpf_owner *owner)
{
	struct bpf_owner *of =
	    bpf_sk_storage_get(&owners, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);

	if (!of)
		return 1;
	copy_owner(of, owner);
	return 0;
}

/*
 * Whose the connection is, or the listener. Returns 0, or 1 if there was no
 * memory to remember it.
 */
OWN_STACK int
find_groups(struct bpf_sock_ops *ctx, struct groups *groups)
{
	struct bpf_owner owner;
	struct bpf_sock *sk = ctx->sk;
	int failed = 0;

	if (!sk)
		return 0;
	if (ctx->op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB) {
		owner_groups(bpf_sk_storage_get(&owners, sk, NULL, 0), groups);
		return 0;
	}
	find_owner(&owner);
	if (policy.holds || ctx->op == BPF_SOCK_OPS_TCP_LISTEN_CB)
		failed = remember(sk, &owner);
	owner_groups(&owner, groups);
	return failed;
}

/*
 * Looks up the rule of a connection, and sets its options. Not inline: its
 * stack is not that of find_groups(). failed: something of it has failed
 * already.
 */
OWN_STACK int
give_rule(struct bpf_sock_ops *ctx, const struct groups *groups, long failed)
{
	const bool accepted = ctx->op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB;
	struct search search = {.best = BPF_NO_RULE};
	const struct image_rule *rule;
	struct bpf_mark *mark = NULL;
	uint32_t number;

	SET_KEYS(&search, accepted, ctx->family, ctx, local, remote,
	    ctx->local_port, bpf_ntohl(ctx->remote_port));
	number = search_rule(&search, accepted, groups);
	rule = rule_to_set(number);
	if (policy.holds && ctx->sk)
		mark = bpf_sk_storage_get(&marks, ctx->sk, NULL,
		    rule ? BPF_SK_STORAGE_GET_F_CREATE : 0);
	if (mark)
		mark->accepted = accepted;
	if (!rule) {
		count(number == BPF_NO_ANSWER ? BPF_FAILED : BPF_WITHOUT_RULE);
		return 0;
	}
	failed |= set_options(ctx, rule, mark);
	if (failed || (policy.holds && !mark))
		count(BPF_FAILED);
	else
		count(accepted ? BPF_ACCEPTED : BPF_CONNECTED);
	return 0;
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
	struct groups groups = {0};
	long failed = 0;

	if (ctx->op != BPF_SOCK_OPS_TCP_CONNECT_CB &&
	    ctx->op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB &&
	    (!policy.patterns || ctx->op != BPF_SOCK_OPS_TCP_LISTEN_CB))
		return 1;
	if (policy.patterns)
		failed = find_groups(ctx, &groups);
	if (ctx->op != BPF_SOCK_OPS_TCP_LISTEN_CB)
		give_rule(ctx, &groups, failed);
	else if (failed)
		count(BPF_FAILED);
	return 1;
}

/* An enum keepalive_option, or -1, as keepalive_option(). */
static __always_inline int
option_of(int level, int name)
{
#define IS(id, its_level, its_name, ...)                \
	if (level == (its_level) && name == (its_name)) \
		return KEEPALIVE_##id;
	KEEPALIVE_LIST(IS)
#undef IS
	return -1;
}

/* Does the kernel take it? Any number switches SO_KEEPALIVE. */
static __always_inline bool
is_taken(int option, int32_t value)
{
#define RANGE(id, level, name, key, unit, least, greatest) \
	if (option == KEEPALIVE_##id)                      \
		return value >= (least) && value <= (greatest);
	KEEPALIVE_KEYED(RANGE)
#undef RANGE
	return true;
}

/*
 * Of a connection that was begun when no rule named programs nobody knows who
 * it was: whoever has it now.
 */
OWN_STACK int
find_holder(struct bpf_sock *sk, struct groups *groups)
{
	const struct bpf_owner *of = bpf_sk_storage_get(&owners, sk, NULL, 0);
	struct bpf_owner owner;

	if (of) {
		owner_groups(of, groups);
	} else {
		find_owner(&owner);
		owner_groups(&owner, groups);
	}
	return 0;
}

/*
 * What the socket gets, of which the program sets one of the options to value:
 * the rule of now holds. Not inline: its stack is not that of find_holder().
 */
OWN_STACK int32_t
held(struct bpf_sock *sk, struct bpf_mark *mark, int option, int32_t value,
    const struct groups *groups)
{
	struct search search = {.best = BPF_NO_RULE};
	const struct image_rule *rule;

	option &= 7; /* for the verifier */
	if (option >= KEEPALIVE_OPTIONS)
		return value;
	mark->own[option] = value;
	mark->known |= 1u << option;
	if (sk->state == BPF_TCP_CLOSE || mark->given == 0)
		return value;
	SET_KEYS(&search, mark->accepted != 0, sk->family, sk, src, dst,
	    sk->src_port, bpf_ntohs(sk->dst_port));
	rule = rule_to_set(search_rule(&search, mark->accepted != 0, groups));
	if (!rule || rule->app_settings == APP_RESPECT ||
	    (rule->options & 1u << option) == 0 ||
	    (rule->app_settings == APP_TIGHTEN &&
		tighter(option, value, rule->value[option])))
		return value;
	return rule->value[option];
}

/* Is what the program sets remembered before the socket has a rule? */
static __always_inline uint64_t
is_learnt(const struct bpf_sock *sk)
{
	return BPF_BOUNDED && sk->protocol == IPPROTO_TCP &&
	               (sk->state == BPF_TCP_CLOSE ||
			   sk->state == BPF_TCP_LISTEN)
	           ? BPF_SK_STORAGE_GET_F_CREATE
	           : 0;
}

/*
 * A program of the control group calls setsockopt(2), on whatever socket. Where
 * a rule holds, the kernel gets the rule's value in place of the program's, if
 * it would take that; its answer is the program's. No socket has a mark but
 * those of TCP that have got a rule.
 */
SEC("cgroup/setsockopt")
int
kashim_hold(struct bpf_sockopt *ctx)
{
	const int option = option_of(ctx->level, ctx->optname);
	int32_t *value = ctx->optval, own, whole = 0;
	struct groups groups = {0};
	struct bpf_mark *mark;

	if (option >= 0 && ctx->optlen >= (int)sizeof(*value) && ctx->sk &&
	    (void *)(value + 1) <= ctx->optval_end &&
	    is_taken(option, *value)) {
		mark = bpf_sk_storage_get(
		    &marks, ctx->sk, NULL, is_learnt(ctx->sk));
		if (mark && policy.patterns)
			find_holder(ctx->sk, &groups);
		if (mark) {
			own = *value;
			*value = held(ctx->sk, mark, option, own, &groups);
			if (*value != own)
				count(BPF_HELD);
		}
		whole = sizeof(*value);
	}
	/*
	 * What is longer is not all here. 0: the kernel takes it from the
	 * program, as it would all else; but here other tools' programs may
	 * have changed it.
	 */
	if (ctx->optlen > HOLD_COPY_MAX)
		ctx->optlen = whole;
	return 1;
}

/* Whose the question is. Not inline, as find_holder(). */
OWN_STACK int
asked_groups(const struct bpf_query *query, struct groups *groups)
{
	struct bpf_owner owner;

	copy_owner(&owner, &query->owner);
	owner_groups(&owner, groups);
	return 0;
}

/*
 * The same look-up, for tests: of a struct bpf_query in place of a packet,
 * since this is the kind of program that every kernel lets a test run.
 */
SEC("tc")
int
kashim_lookup(struct __sk_buff *packet)
{
	const struct bpf_query *query = there(packet->data);
	struct search search = {.best = BPF_NO_RULE};
	struct groups groups = {0};

	if ((const void *)(query + 1) > there(packet->data_end))
		return 0;
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
	if (policy.patterns)
		asked_groups(query, &groups);
	return (int)search_rule(
	    &search, query->direction == DIRECTION_ACCEPT, &groups);
}

char licence[] SEC("license") = "Dual BSD/GPL";
