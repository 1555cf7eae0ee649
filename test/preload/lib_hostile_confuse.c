/* SPDX-License-Identifier: ISC */
/*
 * A library that is linked to libconfuse as well: its constructor, which runs
 * before ours, parses a text, and connects in the middle of that.
 */
#include "hostile_confuse.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT cfg_t *confuse_parsed;
EXPORT int confuse_connected = -2;
EXPORT char *confuse_own_string;

/* libconfuse's validate callback. */
static int
connects(cfg_t *cfg, cfg_opt_t *opt)
{
	struct sockaddr_in sa = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sa);
	int listener = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0), fd;

	(void)cfg;
	(void)opt;
	if (bind(listener, (struct sockaddr *)&sa, sizeof(sa)) == 0 &&
	    syscall(SYS_listen, listener, 8) == 0 &&
	    getsockname(listener, (struct sockaddr *)&sa, &len) == 0) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		confuse_connected =
		    connect(fd, (struct sockaddr *)&sa, sizeof(sa));
		syscall(SYS_close, fd);
	}
	syscall(SYS_close, listener);
	return 0;
}

/* libconfuse's error function: there is a text that is meant to be wrong. */
static void
say_nothing(cfg_t *cfg, const char *format, va_list args)
{
	(void)cfg;
	(void)format;
	(void)args;
}

EXPORT cfg_t *
confuse_parse(const char *text)
{
	cfg_opt_t inside[] = {
	    CFG_STR_LIST("names", NULL, CFGF_NONE),
	    CFG_INT("number", 0, CFGF_NONE),
	    CFG_END(),
	};
	cfg_opt_t top[] = {
	    CFG_SIMPLE_STR("own", &confuse_own_string),
	    CFG_STR("connect", NULL, CFGF_NONE),
	    CFG_STR("after", "not read", CFGF_NONE),
	    CFG_SEC("rule", inside, CFGF_MULTI | CFGF_TITLE),
	    CFG_END(),
	};
	cfg_t *cfg = cfg_init(top, CFGF_NONE);

	cfg_set_error_function(cfg, say_nothing);
	cfg_set_validate_func(cfg, "connect", connects);
	if (cfg_parse_buf(cfg, text) == CFG_SUCCESS)
		return cfg;
	cfg_free(cfg);
	return NULL;
}

__attribute__((constructor)) static void
confuse_start(int argc, char **argv)
{
	if (argc == 3 && strncmp(argv[2], "early", 5) == 0)
		confuse_parsed = confuse_parse(
		    "own = 'mine'\n"
		    "rule one { names = {'a', \"b\"} number = 1 }\n"
		    "connect = yes after = 'it'\n"
		    "rule two { names = {'c'} number = 2 }\n");
}
