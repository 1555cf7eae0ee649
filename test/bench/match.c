/* SPDX-License-Identifier: ISC */
/*
 * How long a look-up takes, by the shape of the policy, the number of its
 * rules and the kind of query; how long it takes to build the image, and how
 * large that is. "match [SHAPE [RULES]]"; without arguments, all.
 *
 * first, last, none: one query over and over, so all of it is in the
 * processor's cache; the first rule decides, the last one, no rule. worst:
 * the slowest, so measured, of many queries that the policy's own values make
 * up. random: 65536 such queries in turn, so that little is in the cache.
 * Each figure is the median of many rounds, in ns; the spread is that of the
 * rounds, from the 10th to the 90th of a hundred.
 */
#include "image/match.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compile/build.h"
#include "quantile.h"

#define QUERIES 65536u
#define ROUNDS  21
#define TRIED   4000u
#define LIST    32

struct policy {
	struct rule *rules;
	struct prefix *prefixes; /* LIST sources, LIST destinations each */
	struct port_range *ports;
	uint32_t count;
	uint8_t family;
};

static uint64_t random_state = 1;

static uint32_t
below(uint32_t limit)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1;
	return (uint32_t)((random_state >> 33) % limit);
}

static uint32_t
random_value(void)
{
	uint32_t high = below(65536);

	return high << 16 | below(65536);
}

/* The address with these four bytes, and for IPv6 others around them. */
static struct addr
make_addr(uint8_t family, uint32_t value)
{
	struct addr addr = {.family = family};
	uint8_t *bytes = addr.bytes;

	if (family == ADDR_V6) {
		memcpy(bytes, "\x20\x01\x0d\xb8", 4);
		bytes += 6;
	}
	for (int i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(value >> (24 - 8 * i));
	return addr;
}

/* A prefix of len of the 32 bits. */
static struct prefix
make_prefix(uint8_t family, uint32_t value, unsigned int len)
{
	struct prefix prefix = {.len = (uint8_t)len};

	if (len < 32)
		value &= ~(UINT32_MAX >> len);
	prefix.addr = make_addr(family, value);
	if (family == ADDR_V6)
		prefix.len = (uint8_t)(len == 32 ? 128 : len + 48);
	return prefix;
}

static void
add_source(struct policy *p, uint32_t i, uint32_t value, unsigned int len)
{
	struct rule *rule = &p->rules[i];

	rule->sources = p->prefixes + (size_t)i * 2 * LIST;
	rule->sources[rule->source_count++] =
	    make_prefix(p->family, value, len);
}

static void
add_destination(struct policy *p, uint32_t i, uint32_t value, unsigned int len)
{
	struct rule *rule = &p->rules[i];

	rule->destinations = p->prefixes + ((size_t)i * 2 + 1) * LIST;
	rule->destinations[rule->destination_count++] =
	    make_prefix(p->family, value, len);
}

static void
add_ports(struct policy *p, uint32_t i, uint32_t first, uint32_t last)
{
	struct rule *rule = &p->rules[i];

	rule->ports = p->ports + i;
	rule->ports[rule->port_count++] =
	    (struct port_range){(uint16_t)first, (uint16_t)last};
}

static void
add_range(struct policy *p, uint32_t i)
{
	uint32_t a = below(65536), b = below(65536);

	add_ports(p, i, a < b ? a : b, a < b ? b : a);
}

/* A number of its own for each rule, without any order. */
static uint32_t
scatter(uint32_t i)
{
	return i * 2654435761u;
}

/* A host each. */
static void
shape_hosts(struct policy *p, uint32_t i)
{
	add_destination(p, i, scatter(i), 32);
}

/* Prefixes of all lengths, many inside each other, with a range of ports. */
static void
shape_nested(struct policy *p, uint32_t i)
{
	unsigned int len = 1 + below(32);

	add_destination(p, i, len < 16 ? below(65536) << 16 : scatter(i), len);
	add_range(p, i);
}

/* Nothing but ranges of ports. */
static void
shape_ports(struct policy *p, uint32_t i)
{
	uint32_t first = below(65536), len = below(64);

	add_ports(p, i, first, first + len < 65535 ? first + len : 65535);
}

/* What an administrator may have: a bit of everything. */
static void
shape_mixed(struct policy *p, uint32_t i)
{
	static const uint16_t PORTS[] = {22, 443, 1433, 1521, 3300, 5432};
	uint32_t kind = below(10), len = 16 + below(17);

	if (kind < 8)
		add_destination(p, i, random_value(), len);
	len = 16 + below(17);
	if (kind >= 5)
		add_source(p, i, random_value(), len);
	if (kind % 2 == 0)
		add_ports(p, i, PORTS[i % 6], PORTS[i % 6] + below(100));
	p->rules[i].direction = (enum direction)(1 + below(3));
}

/* Each of many hosts with each of many ports. */
static void
shape_matrix(struct policy *p, uint32_t i)
{
	uint32_t port = 1 + i / 1000 * 7;

	add_destination(p, i, scatter(i % 1000), 32);
	add_ports(p, i, port, port);
}

/* A source, a destination or a port each, in turn. */
static void
shape_in_turn(struct policy *p, uint32_t i)
{
	if (i % 3 == 0)
		add_source(p, i, scatter(i), 32);
	else if (i % 3 == 1)
		add_destination(p, i, scatter(i), 32);
	else
		add_range(p, i);
}

/* The same bits of the address for all, at all lengths, and many of each. */
static void
shape_deep(struct policy *p, uint32_t i)
{
	add_destination(p, i, 0x0a141e28, i % 33);
	add_source(p, i, 0x0a141e28, i / 33 % 33);
	add_range(p, i);
}

/* Wide and narrow prefixes on both sides, each with a range of ports. */
static void
shape_crossed(struct policy *p, uint32_t i)
{
	unsigned int len = 2 + below(30);

	add_destination(p, i, below(4096) << 20, len);
	len = 2 + below(30);
	add_source(p, i, below(4096) << 20, len);
	add_range(p, i);
}

/*
 * Up to port n, and from address n on, for a number n of the rule's own: all
 * rules are reached, and where none matches, half of them match in each field.
 */
static void
shape_stairs(struct policy *p, uint32_t i)
{
	uint32_t n = scatter(i) >> 16;

	add_ports(p, i, 0, n);
	/* From n on: the right-hand neighbour of each step to the left. */
	add_destination(p, i, n << 16, 16);
	for (uint32_t bit = 0; bit < 16; bit++) {
		if ((n >> bit & 1) == 0)
			add_destination(
			    p, i, (n >> bit | 1) << bit << 16, 16 - bit);
	}
}

/* Lists of their own on both sides: what no table can hold. */
static void
shape_lists(struct policy *p, uint32_t i)
{
	for (int n = 0; n < LIST; n++) {
		add_source(p, i, below(p->count) << 12, 32);
		add_destination(p, i, below(p->count) << 12, 32);
	}
}

static const struct shape {
	const char *name;
	void (*fill)(struct policy *policy, uint32_t i);
} SHAPES[] = {
    {"hosts", shape_hosts},
    {"nested", shape_nested},
    {"ports", shape_ports},
    {"mixed", shape_mixed},
    {"matrix", shape_matrix},
    {"in-turn", shape_in_turn},
    {"deep", shape_deep},
    {"crossed", shape_crossed},
    {"stairs", shape_stairs},
    {"lists", shape_lists},
};

static void *
allocate(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (memory == NULL) {
		perror("match");
		exit(EXIT_FAILURE);
	}
	return memory;
}

static void
make_policy(
    struct policy *p, const struct shape *shape, uint32_t count, uint8_t family)
{
	*p = (struct policy){
	    .rules = allocate(count, sizeof(*p->rules)),
	    .prefixes = allocate(count * 2 * LIST, sizeof(*p->prefixes)),
	    .ports = allocate(count, sizeof(*p->ports)),
	    .count = count,
	    .family = family,
	};
	random_state = 1;
	for (uint32_t i = 0; i < count; i++) {
		p->rules[i] = (struct rule){
		    .name = "rule",
		    .direction = DIRECTION_BOTH,
		    .keepalive = {.set = 1u << KEEPALIVE_SWITCH,
			.value[KEEPALIVE_SWITCH] = 1},
		};
		shape->fill(p, i);
	}
}

static struct addr
addr_in(const struct policy *p, const struct prefix *prefixes, size_t count)
{
	return count > 0 ? prefixes[below((uint32_t)count)].addr
	                 : make_addr(p->family, scatter(below(p->count)) + 1);
}

/* One that has the values of the rule in its fields. */
static struct match_query
query_of(const struct policy *p, uint32_t i)
{
	const struct rule *rule = &p->rules[i];
	const struct port_range *range = &rule->ports[0];

	return (struct match_query){
	    .direction = (rule->direction & DIRECTION_CONNECT) != 0
	                     ? DIRECTION_CONNECT
	                     : DIRECTION_ACCEPT,
	    .source = addr_in(p, rule->sources, rule->source_count),
	    .destination =
		addr_in(p, rule->destinations, rule->destination_count),
	    .port = rule->port_count == 0
	                ? 50000
	                : (uint16_t)(range->first +
				     below(range->last - range->first + 1u)),
	};
}

/* One whose fields have the values of one rule, or each of another. */
static struct match_query
any_query(const struct policy *p)
{
	struct match_query query = query_of(p, below(p->count));

	if (below(2) == 0)
		query.source = query_of(p, below(p->count)).source;
	if (below(2) == 0)
		query.destination = query_of(p, below(p->count)).destination;
	if (below(2) == 0)
		query.port = query_of(p, below(p->count)).port;
	return query;
}

static volatile int result;

static double
time_queries(const struct image *image, const struct match_query *queries,
    uint32_t count, uint32_t times)
{
	double start = now_ns(CLOCK_THREAD_CPUTIME_ID);

	for (uint32_t n = 0; n < times; n++)
		result = match_rule(image, NULL, &queries[n % count]);
	return (now_ns(CLOCK_THREAD_CPUTIME_ID) - start) / times;
}

static void
print_times(const char *what, const struct image *image,
    const struct match_query *queries, uint32_t count)
{
	double times[ROUNDS];

	for (int round = 0; round < ROUNDS; round++)
		times[round] = time_queries(
		    image, queries, count, count > 20000 ? count : 20000);
	printf(" %s %.0f (%.0f-%.0f)", what, quantile(times, ROUNDS, 0.5),
	    quantile(times, ROUNDS, 0.1), quantile(times, ROUNDS, 0.9));
}

/* The least of some short measurements is what noise changes least. */
static struct match_query
worst_query(const struct image *image, const struct match_query *queries)
{
	double worst = 0;
	uint32_t at = 0;

	for (uint32_t n = 0; n < TRIED; n++) {
		double least = 1e9;

		for (int round = 0; round < 5; round++) {
			double time = time_queries(image, &queries[n], 1, 40);

			least = time < least ? time : least;
		}
		if (least > worst) {
			worst = least;
			at = n;
		}
	}
	return queries[at];
}

static void
measure(const struct shape *shape, uint32_t count, uint8_t family)
{
	struct match_query *queries = allocate(QUERIES, sizeof(*queries));
	struct match_query one;
	struct policy policy;
	struct image image;
	uint8_t *bytes;
	double start;
	int error;

	make_policy(&policy, shape, count, family);
	start = now_ns(CLOCK_THREAD_CPUTIME_ID);
	error = build_image(
	    &(struct build_input){.rules = policy.rules, .rule_count = count},
	    &bytes, &image.size);
	if (error < 0) {
		printf("%s %u: %s\n", shape->name, count, strerror(-error));
		goto out;
	}
	image.bytes = bytes;
	printf("%-8s IPv%u %6u: built in %.0f ms, %u KiB;", shape->name, family,
	    count, (now_ns(CLOCK_THREAD_CPUTIME_ID) - start) / 1e6,
	    image.size / 1024);
	for (uint32_t n = 0; n < QUERIES; n++)
		queries[n] = any_query(&policy);
	one = query_of(&policy, 0);
	print_times("first", &image, &one, 1);
	one = query_of(&policy, count - 1);
	print_times("last", &image, &one, 1);
	one = (struct match_query){.direction = DIRECTION_CONNECT,
	    .source = make_addr(family, 0xfffffffe),
	    .destination = make_addr(family, 0xfffffffe),
	    .port = 65535};
	print_times("none", &image, &one, 1);
	one = worst_query(&image, queries);
	print_times("worst", &image, &one, 1);
	print_times("random", &image, queries, QUERIES);
	putchar('\n');
	fflush(stdout);
	free(bytes);
out:
	free(queries);
	free(policy.rules);
	free(policy.prefixes);
	free(policy.ports);
}

int
main(int argc, char **argv)
{
	static const uint32_t COUNTS[] = {10, 1000, 10000, 100000};
	const uint32_t only =
	    argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;

	for (size_t s = 0; s < sizeof(SHAPES) / sizeof(SHAPES[0]); s++) {
		if (argc > 1 && strcmp(argv[1], SHAPES[s].name) != 0)
			continue;
		for (size_t c = 0; c < sizeof(COUNTS) / sizeof(COUNTS[0]);
		     c++) {
			if (only != 0 && COUNTS[c] != only)
				continue;
			measure(&SHAPES[s], COUNTS[c], ADDR_V4);
			measure(&SHAPES[s], COUNTS[c], ADDR_V6);
		}
	}
	return 0;
}
