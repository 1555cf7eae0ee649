/* SPDX-License-Identifier: ISC */
/*
 * supervise_filter: what a policy needs to be notified of, and that the
 * filter notifies that and no more: a small machine of our own runs its code.
 */
#include "supervise/supervise_filter.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "config_files.h"

static const struct needs_case {
	const char *text;
	bool accepts, options;
} NEEDS[] = {
    {"rule a { idle = 5 }", false, true},
    {"rule a { action = ignore }", false, false},
    {"rule a { idle = 5 app-settings = tighten }", false, true},
    /* A listener may get its port, and so its rule, late. */
    {"rule a { idle = 5 app-settings = respect }", false, true},
    {"rule a { idle = 5 app-settings = respect direction = connect }", false,
	false},
    {"rule a { idle = 5 app-settings = respect direction = connect "
     "destination = { \"10.0.0.0/8\" } port = { \"1\" } }",
	false, false},
    /* So may a connection, if any rule looks at the source. */
    {"rule b { action = ignore source = { \"10.0.0.0/8\" } "
     "direction = connect } "
     "rule a { idle = 5 app-settings = respect direction = connect }",
	false, true},
    {"rule b { action = ignore source = { \"10.0.0.0/8\" } "
     "direction = connect }",
	false, false},
    {"rule b { action = ignore source = { \"10.0.0.0/8\" } "
     "direction = accept }",
	true, false},
    {"rule b { action = ignore destination = { \"10.0.0.0/8\" } }", true,
	false},
    {"rule b { action = ignore port = { \"1\" } }", false, false},
    {"rule a { idle = 5 direction = connect destination = { \"10.0.0.0/8\" } "
     "}",
	false, true},
};

START_TEST(needs)
{
	const struct needs_case *expected = &NEEDS[_i];
	char message[CONFIG_MESSAGE_MAX] = "";
	struct supervise_needs got;
	struct image image;
	uint8_t *bytes;

	file_write("a.conf", expected->text);
	ck_assert_msg(config_load(file_path("a.conf"), NULL, NULL, &bytes,
			  &image.size, message) == 0,
	    "%s: %s", expected->text, message);
	image.bytes = bytes;
	got = supervise_needs(&image);
	ck_assert_msg(got.accepts == expected->accepts &&
			  got.options == expected->options,
	    "%s: accepts %d, options %d", expected->text, got.accepts,
	    got.options);
	free(bytes);
}
END_TEST

/* What the code says to a call; the instructions that libseccomp uses. */
static uint32_t
run_filter(const struct sock_fprog *program, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (unsigned int at = 0; at < program->len; at++) {
		const struct sock_filter *code = &program->filter[at];
		bool jump;

		switch (code->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			ck_assert_uint_le(code->k, sizeof(*data) - sizeof(a));
			memcpy(&a, (const char *)data + code->k, sizeof(a));
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= code->k;
			continue;
		case BPF_RET | BPF_K:
			return code->k;
		case BPF_JMP | BPF_JA:
			at += code->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			jump = a == code->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			jump = a >= code->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			jump = a > code->k;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			jump = (a & code->k) != 0;
			break;
		default:
			ck_abort_msg("instruction %#x", code->code);
		}
		at += jump ? code->jt : code->jf;
	}
	ck_abort_msg("no end");
}

enum when {
	NEVER,
	ALWAYS,
	FOR_OPTIONS,
	FOR_ACCEPTS,
};

/* Above an int, whatever is in the register counts not. */
#define JUNK 0xabcd00000000ull

static const struct call_case {
	enum when when;
	uint32_t arch;
	int number;
	uint64_t args[6];
} CALLS[] = {
    {ALWAYS, 0, SYS_connect, {3}},
    {ALWAYS, 0, SYS_listen, {3}},
    {FOR_ACCEPTS, 0, SYS_accept, {3}},
    {FOR_ACCEPTS, 0, SYS_accept4, {3}},
    {NEVER, 0, SYS_sendto, {3, 0, 0, MSG_NOSIGNAL, 1}},
    {NEVER, 0, SYS_sendto, {3, 0, 0, 0, MSG_FASTOPEN}},
    {ALWAYS, 0, SYS_sendto, {3, 0, 0, MSG_FASTOPEN | MSG_NOSIGNAL}},
    {ALWAYS, 0, SYS_sendmsg, {3, 0, MSG_FASTOPEN}},
    {NEVER, 0, SYS_sendmsg, {3, 0, MSG_MORE, MSG_FASTOPEN}},
    {ALWAYS, 0, SYS_sendmmsg, {3, 0, 1, MSG_FASTOPEN}},
    {NEVER, 0, SYS_sendmmsg, {3, 0, MSG_FASTOPEN, 0}},
    {FOR_OPTIONS, 0, SYS_setsockopt, {3, SOL_SOCKET, SO_KEEPALIVE}},
    {FOR_OPTIONS, 0, SYS_setsockopt,
	{3, SOL_SOCKET | JUNK, SO_KEEPALIVE | JUNK}},
    {FOR_OPTIONS, 0, SYS_setsockopt, {3, SOL_TCP, TCP_KEEPIDLE}},
    {FOR_OPTIONS, 0, SYS_setsockopt, {3, SOL_TCP, TCP_KEEPINTVL}},
    {FOR_OPTIONS, 0, SYS_setsockopt, {3, SOL_TCP, TCP_KEEPCNT}},
    {FOR_OPTIONS, 0, SYS_setsockopt, {3, SOL_TCP, TCP_USER_TIMEOUT}},
    {NEVER, 0, SYS_setsockopt, {3, SOL_TCP, TCP_NODELAY}},
    {NEVER, 0, SYS_setsockopt, {3, SOL_SOCKET, TCP_KEEPIDLE}},
    {NEVER, 0, SYS_setsockopt, {3, SOL_TCP, SO_KEEPALIVE}},
    {NEVER, 0, SYS_getsockopt, {3, SOL_SOCKET, SO_KEEPALIVE}},
    {NEVER, 0, SYS_socket, {0}},
    {NEVER, 0, SYS_read, {3}},
    /* Of machines that are none of ours. */
    {NEVER, AUDIT_ARCH_PPC64LE, SYS_connect, {3}},
#ifdef __x86_64__
    {NEVER, 0, SYS_connect | 0x40000000, {3}}, /* x32 */
    {ALWAYS, AUDIT_ARCH_I386, 362, {3}},       /* connect */
    {ALWAYS, AUDIT_ARCH_I386, 363, {3}},       /* listen */
    {FOR_ACCEPTS, AUDIT_ARCH_I386, 364, {3}},  /* accept4 */
    {ALWAYS, AUDIT_ARCH_I386, 369, {3, 0, 0, MSG_FASTOPEN}},
    {NEVER, AUDIT_ARCH_I386, 369, {3}},
    {FOR_OPTIONS, AUDIT_ARCH_I386, 366, {3, SOL_TCP, TCP_KEEPIDLE}},
    {NEVER, AUDIT_ARCH_I386, 366, {3, SOL_TCP, TCP_NODELAY}},
    {ALWAYS, AUDIT_ARCH_I386, 102, {3}}, /* socketcall, SYS_CONNECT */
    {ALWAYS, AUDIT_ARCH_I386, 102, {4}},
    {FOR_ACCEPTS, AUDIT_ARCH_I386, 102, {5}},
    {FOR_ACCEPTS, AUDIT_ARCH_I386, 102, {18}},
    {FOR_OPTIONS, AUDIT_ARCH_I386, 102, {14}},
    {NEVER, AUDIT_ARCH_I386, 102, {11}}, /* SYS_SENDTO */
    {NEVER, AUDIT_ARCH_I386, 102, {1}},
    {NEVER, AUDIT_ARCH_I386, SYS_connect, {3}},
#endif
};

#if defined(__x86_64__)
#define OWN_ARCH AUDIT_ARCH_X86_64
#else
#define OWN_ARCH AUDIT_ARCH_AARCH64
#endif

START_TEST(calls)
{
	const struct supervise_needs wanted = {
	    .accepts = (_i & 1) != 0, .options = (_i & 2) != 0};
	struct sock_fprog program;

	ck_assert_int_eq(supervise_filter_make(&wanted, &program), 0);
	for (size_t i = 0; i < ARRAY_LEN(CALLS); i++) {
		const struct call_case *call = &CALLS[i];
		struct seccomp_data data = {
		    .nr = call->number,
		    .arch = call->arch != 0 ? call->arch : OWN_ARCH,
		};
		const bool notified =
		    call->when == ALWAYS ||
		    (call->when == FOR_OPTIONS && wanted.options) ||
		    (call->when == FOR_ACCEPTS && wanted.accepts);

		memcpy(data.args, call->args, sizeof(data.args));
		ck_assert_msg(
		    run_filter(&program, &data) ==
			(notified ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ALLOW),
		    "case %zu, accepts %d, options %d", i, wanted.accepts,
		    wanted.options);
	}
	free(program.filter);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("supervise_filter");
	TCase *tc = tcase_create("supervise_filter");

	files_begin();
	tcase_add_loop_test(tc, needs, 0, ARRAY_LEN(NEEDS));
	tcase_add_loop_test(tc, calls, 0, 4);
	suite_add_tcase(suite, tc);
	return files_end(test_main(suite));
}
