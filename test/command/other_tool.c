/* SPDX-License-Identifier: ISC */
/*
 * Another tool, with a program of its own on a control group: it counts the
 * connections that are begun there. "other_tool CGROUP multi|alone" attaches it
 * beside others, or so that no other may be there, prints "attached", and when
 * its standard input ends, prints the count. With "setsockopt" behind that, it
 * is a program that makes each SO_PRIORITY 3.
 */
#include <bpf/bpf.h>
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define INSN(c, d, s, o, i)                                              \
	{                                                                \
		.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), \
		.imm = (i)                                               \
	}

#define AT(field) offsetof(struct bpf_sockopt, field)

int
main(int argc, char *argv[])
{
	int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "count", 4, 8, 1, NULL);
	int cgroup = argc >= 3 ? open(argv[1], O_RDONLY | O_DIRECTORY) : -1;
	struct bpf_insn insns[] = {
	    /* if (ctx->op == BPF_SOCK_OPS_TCP_CONNECT_CB) */
	    INSN(BPF_LDX | BPF_W | BPF_MEM, 2, 1, 0, 0),
	    INSN(BPF_JMP | BPF_JNE | BPF_K, 2, 0, 4,
		BPF_SOCK_OPS_TCP_CONNECT_CB),
	    /* ++*(uint64_t *)the map's value */
	    INSN(BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_VALUE, 0, map),
	    INSN(0, 0, 0, 0, 0),
	    INSN(BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, 1),
	    INSN(BPF_STX | BPF_DW | BPF_ATOMIC, 1, 2, 0, BPF_ADD),
	    INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1),
	    INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	struct bpf_insn priority[] = {
	    /* if (ctx->optname == SO_PRIORITY) */
	    INSN(BPF_LDX | BPF_W | BPF_MEM, 2, 1, AT(optname), 0),
	    INSN(BPF_JMP | BPF_JNE | BPF_K, 2, 0, 6, SO_PRIORITY),
	    /* if (ctx->optval + sizeof(int) <= ctx->optval_end) */
	    INSN(BPF_LDX | BPF_DW | BPF_MEM, 2, 1, AT(optval), 0),
	    INSN(BPF_LDX | BPF_DW | BPF_MEM, 3, 1, AT(optval_end), 0),
	    INSN(BPF_ALU64 | BPF_MOV | BPF_X, 4, 2, 0, 0),
	    INSN(BPF_ALU64 | BPF_ADD | BPF_K, 4, 0, 0, sizeof(int)),
	    INSN(BPF_JMP | BPF_JGT | BPF_X, 4, 3, 1, 0),
	    /* *(int *)ctx->optval = 3 */
	    INSN(BPF_ST | BPF_W | BPF_MEM, 2, 0, 0, 3),
	    INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1),
	    INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	const bool sets = argc == 4;
	const enum bpf_attach_type type =
	    sets ? BPF_CGROUP_SETSOCKOPT : BPF_CGROUP_SOCK_OPS;
	const struct bpf_prog_load_opts options = {
	    .sz = sizeof(options), .expected_attach_type = type};
	int program =
	    sets ? bpf_prog_load(BPF_PROG_TYPE_CGROUP_SOCKOPT, "other", "GPL",
		       priority, sizeof(priority) / sizeof(priority[0]),
		       &options)
		 : bpf_prog_load(BPF_PROG_TYPE_SOCK_OPS, "other", "GPL", insns,
		       sizeof(insns) / sizeof(insns[0]), NULL);
	uint32_t zero = 0;
	uint64_t count = 0;
	char byte;

	if (map < 0 || cgroup < 0 || program < 0)
		errx(2, "cannot begin");
	if (bpf_prog_attach(program, cgroup, type,
		strcmp(argv[2], "multi") == 0 ? BPF_F_ALLOW_MULTI : 0) < 0)
		err(1, "%s", argv[1]);
	puts("attached");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	bpf_map_lookup_elem(map, &zero, &count);
	printf("%" PRIu64 "\n", count);
	bpf_prog_detach2(program, cgroup, type);
	return 0;
}
