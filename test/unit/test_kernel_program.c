/* SPDX-License-Identifier: ISC */
/*
 * What kernel_program.c loads, as clang has made it here: does it keep to what
 * older kernels than this machine's take? Each object is for kernels from one
 * version on.
 */
#include <gelf.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "test.h"

extern const unsigned char kernel_connections[], kernel_bounded[];
extern const unsigned long kernel_connections_size, kernel_bounded_size;

/*
 * check_max_stack_depth() in kernel/bpf/verifier.c, as 5.10 and 6.1 have it:
 * each frame of a chain of calls is rounded up. Who hands a function to a
 * helper counts as its caller.
 */
#define STACK_MAX  512 /* MAX_BPF_STACK */
#define FRAME_STEP 32
#define FRAMES_MAX 8 /* MAX_CALL_FRAMES */

#define FUNCTIONS_MAX 64
#define SIZE          sizeof(struct bpf_insn)

static const struct made {
	const unsigned char *bytes;
	const unsigned long *size;
	int32_t helper_max; /* include/uapi/linux/bpf.h */
	bool bounded;       /* before Linux 5.17, from 5.10 on */
} made[] = {
    {kernel_connections, &kernel_connections_size, BPF_FUNC_get_func_arg_cnt,
	false},
    {kernel_bounded, &kernel_bounded_size, BPF_FUNC_redirect_peer, true},
};

struct function {
	const char *name;
	size_t section;
	uint64_t at; /* where in it, in bytes */
	size_t count;
	const struct bpf_insn *insns;
};

struct object {
	Elf *elf;
	Elf_Data *symbols;
	size_t count;
	struct function functions[FUNCTIONS_MAX];
};

static Elf_Data *
section_data(const struct object *o, size_t number, GElf_Shdr *header)
{
	Elf_Scn *section = elf_getscn(o->elf, number);

	ck_assert_ptr_nonnull(gelf_getshdr(section, header));
	return elf_getdata(section, NULL);
}

static void
add_function(struct object *o, const GElf_Sym *symbol, size_t names)
{
	struct function *f = &o->functions[o->count++];
	const char *bytes;
	GElf_Shdr header;

	ck_assert_uint_lt(o->count, FUNCTIONS_MAX);
	bytes = section_data(o, symbol->st_shndx, &header)->d_buf;
	*f = (struct function){
	    .name = elf_strptr(o->elf, names, symbol->st_name),
	    .section = symbol->st_shndx,
	    .at = symbol->st_value,
	    .count = symbol->st_size / SIZE,
	    .insns = (const struct bpf_insn *)(bytes + symbol->st_value),
	};
}

static void
read_object(struct object *o, const struct made *from)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header = {0};
	GElf_Sym symbol;

	memset(o, 0, sizeof(*o));
	elf_version(EV_CURRENT);
	o->elf = elf_memory((char *)from->bytes, *from->size);
	while (header.sh_type != SHT_SYMTAB) {
		section = elf_nextscn(o->elf, section);
		ck_assert_ptr_nonnull(gelf_getshdr(section, &header));
	}
	o->symbols = elf_getdata(section, NULL);
	for (int n = 0; gelf_getsym(o->symbols, n, &symbol); n++) {
		if (GELF_ST_TYPE(symbol.st_info) == STT_FUNC)
			add_function(o, &symbol, header.sh_link);
	}
}

/* What is to be put into that instruction. False if it is as it is. */
static bool
relocation(const struct object *o, size_t section, uint64_t at, GElf_Sym *to)
{
	Elf_Scn *table = NULL;
	GElf_Shdr header;
	GElf_Rel entry;

	while ((table = elf_nextscn(o->elf, table))) {
		ck_assert_ptr_nonnull(gelf_getshdr(table, &header));
		if (header.sh_type != SHT_REL || header.sh_info != section)
			continue;
		for (int n = 0;
		     gelf_getrel(elf_getdata(table, NULL), n, &entry); n++) {
			if (entry.r_offset == at)
				return gelf_getsym(o->symbols,
				    (int)GELF_R_SYM(entry.r_info), to);
		}
	}
	return false;
}

static bool
is_call(const struct bpf_insn *insn, int kind)
{
	return insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == kind;
}

/*
 * Which function is called there, or handed to a helper; NULL if none is. How
 * clang writes both is in bpf_object__reloc_code() of libbpf.
 */
static const struct function *
callee(const struct object *o, const struct function *f, size_t n)
{
	const struct bpf_insn *insn = &f->insns[n];
	uint64_t at = f->at + n * SIZE;
	GElf_Sym symbol = {.st_shndx = f->section, .st_value = at};
	const bool moved = relocation(o, f->section, at, &symbol);
	GElf_Shdr header;

	section_data(o, symbol.st_shndx, &header);
	at = symbol.st_value;
	if (is_call(insn, BPF_PSEUDO_CALL))
		at += (insn->imm + INT64_C(1)) * (int64_t)SIZE;
	else if (moved && insn->code == (BPF_LD | BPF_IMM | BPF_DW) &&
		 (header.sh_flags & SHF_EXECINSTR) != 0)
		at += insn->imm;
	else
		return NULL;
	for (n = 0; n < o->count; n++) {
		if (o->functions[n].section == symbol.st_shndx &&
		    o->functions[n].at == at)
			return &o->functions[n];
	}
	ck_abort_msg("%s calls what is no function", f->name);
	return NULL;
}

/* How far down its instructions name its stack. */
static int
frame_size(const struct function *f)
{
	int lowest = -1;

	for (size_t n = 0; n < f->count; n++) {
		const struct bpf_insn *insn = &f->insns[n];
		const int class = BPF_CLASS(insn->code);
		int offset = 0;

		if (insn->code == (BPF_ALU64 | BPF_MOV | BPF_X) &&
		    insn->src_reg == BPF_REG_10) {
			ck_assert_uint_lt(n + 1, f->count);
			ck_assert_int_eq(
			    insn[1].code, BPF_ALU64 | BPF_ADD | BPF_K);
			ck_assert_int_eq(insn[1].dst_reg, insn->dst_reg);
			offset = insn[1].imm;
		} else if ((class == BPF_LDX && insn->src_reg == BPF_REG_10) ||
			   ((class == BPF_ST || class == BPF_STX) &&
			       insn->dst_reg == BPF_REG_10)) {
			offset = insn->off;
		}
		if (offset < lowest)
			lowest = offset;
	}
	return (-lowest + FRAME_STEP - 1) / FRAME_STEP * FRAME_STEP;
}

static void
check_chain(const struct object *o, const struct function *f,
    const char *callers, int frames, int stack)
{
	char chain[512];

	frames++;
	stack += frame_size(f);
	snprintf(chain, sizeof(chain), "%s %s", callers, f->name);
	ck_assert_msg(frames <= FRAMES_MAX, "%d frames:%s", frames, chain);
	ck_assert_msg(stack <= STACK_MAX, "%d bytes of stack:%s", stack, chain);
	for (size_t n = 0; n < f->count; n++) {
		const struct function *to = callee(o, f, n);

		if (to)
			check_chain(o, to, chain, frames, stack);
	}
}

START_TEST(stack)
{
	struct object o;
	int programs = 0;

	read_object(&o, &made[_i]);
	for (size_t n = 0; n < o.count; n++) {
		if (strncmp(o.functions[n].name, "kashim_", 7) == 0) {
			check_chain(&o, &o.functions[n], "", 0, 0);
			programs++;
		}
	}
	ck_assert_int_eq(programs, 3);
	elf_end(o.elf);
}
END_TEST

START_TEST(instructions)
{
	struct object o;
	int calls = 0;

	read_object(&o, &made[_i]);
	for (size_t n = 0; n < o.count; n++) {
		const struct function *f = &o.functions[n];

		for (size_t at = 0; at < f->count; at++) {
			const struct bpf_insn *insn = &f->insns[at];

			if (is_call(insn, 0)) {
				ck_assert_int_le(
				    insn->imm, made[_i].helper_max);
				calls++;
			}
			if (!made[_i].bounded)
				continue;
			/* Any other from 5.12 on, callbacks from 5.13 on. */
			if (BPF_CLASS(insn->code) == BPF_STX &&
			    BPF_MODE(insn->code) == BPF_ATOMIC)
				ck_assert_int_eq(insn->imm, BPF_ADD);
			ck_assert(is_call(insn, BPF_PSEUDO_CALL) ||
				  !callee(&o, f, at));
		}
	}
	ck_assert_int_ne(calls, 0);
	elf_end(o.elf);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("kernel_program");
	TCase *tests = tcase_create("old kernels");

	tcase_add_loop_test(tests, stack, 0, ARRAY_LEN(made));
	tcase_add_loop_test(tests, instructions, 0, ARRAY_LEN(made));
	suite_add_tcase(suite, tests);
	return test_main(suite);
}
