/* SPDX-License-Identifier: ISC */
/*
 * A host that exports functions and data with the names that libconfuse and
 * the library have inside: none of its functions may ever be called, and none
 * of its data changed. The dynamic linker would bind to them gladly.
 */
#include "host.h"

#include <dlfcn.h>

#define LOOPBACK                                                 \
	"rule lo { destination = { \"127.0.0.0/8\", \"::1\" }\n" \
	" idle = 300 interval = 30 count = 5 }\n"

#define FUNCTIONS(X)                    \
	/* libconfuse */                \
	X(cfg_init)                     \
	X(cfg_parse)                    \
	X(cfg_parse_fp)                 \
	X(cfg_parse_buf)                \
	X(cfg_free)                     \
	X(cfg_free_value)               \
	X(cfg_error)                    \
	X(cfg_getopt)                   \
	X(cfg_getnopt)                  \
	X(cfg_setopt)                   \
	X(cfg_title)                    \
	X(cfg_opt_name)                 \
	X(cfg_opt_size)                 \
	X(cfg_opt_getnsec)              \
	X(cfg_set_error_function)       \
	X(cfg_lexer_include)            \
	X(cfg_scan_fp_begin)            \
	X(cfg_scan_fp_end)              \
	X(cfg_yylex)                    \
	X(cfg_yyalloc)                  \
	X(cfg_yyfree)                   \
	X(cfg_yyrealloc)                \
	X(cfg_yyrestart)                \
	X(cfg_yylex_destroy)            \
	/* the private parser object */ \
	X(config_load)                  \
	X(config_file_read)             \
	X(config_text_tidy)             \
	X(config_level_take)            \
	X(config_rule_finish)           \
	X(config_policy_init)           \
	X(config_policy_add)            \
	X(config_report_error)          \
	X(config_explain)               \
	X(config_key_find)              \
	X(config_array_grow)            \
	X(kashim_config_load)           \
	X(kashim_config_release)        \
	X(arena_take)                   \
	X(arena_return)                 \
	X(build_image)                  \
	/* the library */               \
	X(addr_from_sockaddr)           \
	X(addr_format)                  \
	X(addr_parse)                   \
	X(image_check)                  \
	X(image_rule)                   \
	X(image_string)                 \
	X(image_matchers)               \
	X(match_rule)                   \
	X(match_scope)                  \
	X(match_groups)                 \
	X(keepalive_set)                \
	X(keepalive_get)                \
	X(keepalive_tighten)            \
	X(keepalive_option)             \
	X(record_clear)                 \
	X(record_rule)                  \
	X(record_set_rule)              \
	X(trace_start)                  \
	X(trace_text)                   \
	X(trace_to_log)                 \
	X(trace_to_file)                \
	X(real_symbol)                  \
	X(real_resolve)                 \
	X(real_dlopen)                  \
	X(policy_get)                   \
	X(apply_socket)                 \
	X(apply_connect)                \
	X(apply_accepted)               \
	X(apply_inherited)              \
	X(hook_socket)                  \
	X(hook_connect)                 \
	X(hook_accept)                  \
	X(shim_start)                   \
	X(give_up)

/* Also those with which a host switches libdontdie off. */
#define DATA(X)            \
	X(debug)           \
	X(use_keepalive)   \
	X(cfg_yyin)        \
	X(cfg_yyout)       \
	X(cfg_yylval)      \
	X(cfg_yytext)      \
	X(cfg_yyleng)      \
	X(cfg_yylineno)    \
	X(cfg_qstring)     \
	X(config_key_name) \
	X(arena)           \
	X(arena_size)      \
	X(records)         \
	X(reading)         \
	X(real_table)      \
	X(policy_state)    \
	X(policy_published)

#define FUNCTION(name)                                               \
	__attribute__((visibility("default"))) int name(void);       \
	int name(void)                                               \
	{                                                            \
		static const char TEXT[] =                           \
		    "the host's " #name " was called\n";             \
                                                                     \
		(void)!write(STDERR_FILENO, TEXT, sizeof(TEXT) - 1); \
		_exit(99);                                           \
	}
FUNCTIONS(FUNCTION)

#define PATTERN 0x5a5a5a5a5a5a5a5a

/* NOLINTBEGIN(bugprone-macro-parentheses): the names of objects */
#define VARIABLE(name)                                                 \
	extern __attribute__((visibility("default"))) uint64_t name[]; \
	uint64_t name[] = {PATTERN, PATTERN, PATTERN, PATTERN};
/* NOLINTEND(bugprone-macro-parentheses) */
DATA(VARIABLE)

static void
must_be_unchanged(void)
{
#define UNCHANGED(name)                                                    \
	for (size_t i = 0; i < ARRAY_LEN(name); i++)                       \
		MUST(((volatile uint64_t *)name)[i] == (uint64_t)PATTERN); \
	MUST(dlsym(RTLD_DEFAULT, #name) == (void *)name);
	DATA(UNCHANGED)

#define STILL_OURS(name) MUST(dlsym(RTLD_DEFAULT, #name) == (void *)name);
	FUNCTIONS(STILL_OURS)
}

static void
connect_and_accept(void)
{
	struct host_addr any = host_addr("127.0.0.1", 0), to;
	int own = CALL(socket(AF_INET, SOCK_STREAM, 0));
	int fd = CALL(socket(AF_INET, SOCK_STREAM, 0)), off = 0;

	MUST(CALL(bind(own, host_sa(&any), any.len)) == 0);
	MUST(CALL(listen(own, 8)) == 0);
	to = host_addr("127.0.0.1", host_port(own));
	MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
	CALL(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &off, sizeof(off)));
	EXPECT(fd, 300, 30, 5, 0, 1);
	EXPECT(CALL(accept(own, NULL, NULL)), 300, 30, 5, 0, 1);
}

static void
names(void)
{
	must_be_unchanged();
	connect_and_accept();
	must_be_unchanged();
}

/* The messages of a mistake go other ways through libconfuse. */
static void
names_of_mistakes(void)
{
	int listener = host_raw_listener("127.0.0.1");
	struct host_addr to = host_addr("127.0.0.1", host_port(listener));
	int fd = CALL(socket(AF_INET, SOCK_STREAM, 0));

	MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
	host_expect(__FILE__, __LINE__, fd, host_defaults());
	must_be_unchanged();
}

static const struct host_case CASES[] = {
    {"names", LOOPBACK, names},
    {"names-no-file", NULL, names_of_mistakes},
    {"names-broken-file", "rule {", names_of_mistakes},
    {"names-unknown-key", "rule r { idel = 3 }", names_of_mistakes},
    {"names-missing-include", "include(\"none\")\n" LOOPBACK,
	names_of_mistakes},
    {"names-open-string", "rule r { program = \"a\n", names_of_mistakes},
};

int
main(int argc, char **argv)
{
	return host_main(argc, argv, CASES, ARRAY_LEN(CASES));
}
