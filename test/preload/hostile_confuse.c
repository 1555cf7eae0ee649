/* SPDX-License-Identifier: ISC */
/*
 * A host that is linked to libconfuse itself, and has a parse of its own
 * before our start-up, around it, and after it. It has a malloc of its own too:
 * what libconfuse and the parser take must go back where it came from.
 */
#include "host.h"

#include <dlfcn.h>

#include "hostile_confuse.h"
#include "hostile_pool.h"

#define LOOPBACK                                                 \
	"# a comment\n"                                          \
	"rule none { destination = 10.0.0.1 program = \"x\" }\n" \
	"rule lo { destination = { \"127.0.0.0/8\", \"::1\" }\n" \
	" idle = 300 interval = 30 count = 5 }\n"

void *
malloc(size_t size)
{
	return pool_take(size);
}

void
free(void *block)
{
	pool_check(block);
}

void *
calloc(size_t count, size_t size)
{
	return pool_take(count * size);
}

void *
realloc(void *block, size_t size)
{
	return pool_move(block, pool_take(size), size);
}

static void
must_connect(bool policy)
{
	int listener = host_raw_listener("127.0.0.1");
	struct host_addr to = host_addr("127.0.0.1", host_port(listener));
	int fd = CALL(socket(AF_INET, SOCK_STREAM, 0));

	MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
	if (policy)
		EXPECT(fd, 300, 30, 5, 0, 1);
	else
		host_expect(__FILE__, __LINE__, fd, host_defaults());
	close(fd);
	close(listener);
}

/* All that an early parse took down, unchanged. */
static void
must_have_parsed(cfg_t *cfg)
{
	cfg_t *one, *two;

	MUST(cfg != NULL);
	if (cfg == NULL)
		return;
	MUST(strcmp(confuse_own_string, "mine") == 0);
	MUST(strcmp(cfg_getstr(cfg, "connect"), "yes") == 0);
	MUST(strcmp(cfg_getstr(cfg, "after"), "it") == 0);
	MUST(cfg_size(cfg, "rule") == 2);
	one = cfg_getnsec(cfg, "rule", 0);
	two = cfg_getnsec(cfg, "rule", 1);
	MUST(strcmp(cfg_title(one), "one") == 0);
	MUST(cfg_size(one, "names") == 2 && cfg_getint(one, "number") == 1);
	MUST(strcmp(cfg_getnstr(one, "names", 1), "b") == 0);
	MUST(strcmp(cfg_title(two), "two") == 0);
	MUST(cfg_size(two, "names") == 1 && cfg_getint(two, "number") == 2);
}

static void
must_parse(void)
{
	cfg_t *cfg;

	/* After a mistake, and after a good one, in either order. */
	MUST(confuse_parse("rule one { names = {'a', }}}") == NULL);
	confuse_connected = -2;
	cfg = confuse_parse(
	    "own = 'mine' rule one { names = {a, b} number = 1 }\n"
	    "connect = 'yes' after = it\n"
	    "rule two { names = {c} number = 2 }");
	must_have_parsed(cfg);
	MUST(confuse_connected == 0);
	cfg_free(cfg);
}

static void
linked_as(bool policy)
{
	if (confuse_parsed != NULL)
		MUST(confuse_connected == 0);
	must_connect(policy);
	if (confuse_parsed != NULL) {
		must_have_parsed(confuse_parsed);
		must_connect(policy);
		must_parse();
		/* It holds a variable that the parse before has freed. */
		cfg_free(confuse_parsed);
	}
	must_parse();
	must_connect(policy);
	free(confuse_own_string);
	MUST(dlerror() == NULL);
	MUST(dlsym(RTLD_DEFAULT, "cfg_parse") == (void *)cfg_parse);
}

static void
linked(void)
{
	linked_as(true);
}

static void
linked_no_policy(void)
{
	linked_as(false);
}

static const struct host_case CASES[] = {
    {"linked", LOOPBACK, linked},
    {"linked-broken-file", "rule { \"", linked_no_policy},
    {"early", LOOPBACK, linked},
    {"early-broken-file", "rule r { idle = \"3", linked_no_policy},
    {"early-missing-include", "include(\"none\")\n" LOOPBACK, linked_no_policy},
    {"early-no-file", NULL, linked_no_policy},
};

int
main(int argc, char **argv)
{
	return host_main(argc, argv, CASES, ARRAY_LEN(CASES));
}
