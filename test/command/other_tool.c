/* SPDX-License-Identifier: ISC */
/*
 * Another tool, with a program of its own on a control group: it counts the
 * connections that are begun there. "other_tool CGROUP multi|alone" attaches it
 * beside others, or so that no other may be there, prints "attached", and when
 * its standard input ends, prints the count.
 */
#include <bpf/bpf.h>
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define INSN(c, d, s, o, i)                                              \
	{                                                                \
		.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), \
		.imm = (i)                                               \
	}

int
main(int argc, char *argv[])
{
	int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "count", 4, 8, 1, NULL);
	int cgroup = argc == 3 ? open(argv[1], O_RDONLY | O_DIRECTORY) : -1;
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
	int program = bpf_prog_load(BPF_PROG_TYPE_SOCK_OPS, "other", "GPL",
	    insns, sizeof(insns) / sizeof(insns[0]), NULL);
	uint32_t zero = 0;
	uint64_t count = 0;
	char byte;

	if (argc != 3 || map < 0 || cgroup < 0 || program < 0)
		errx(2, "cannot begin");
	if (bpf_prog_attach(program, cgroup, BPF_CGROUP_SOCK_OPS,
		strcmp(argv[2], "multi") == 0 ? BPF_F_ALLOW_MULTI : 0) < 0)
		err(1, "%s", argv[1]);
	puts("attached");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	bpf_map_lookup_elem(map, &zero, &count);
	printf("%" PRIu64 "\n", count);
	bpf_prog_detach2(program, cgroup, BPF_CGROUP_SOCK_OPS);
	return 0;
}
