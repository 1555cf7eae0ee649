/* SPDX-License-Identifier: ISC */
/*
 * policy: what the command and the programs in the kernel tell each other. An
 * image is in the value of the map "image"; where the look-up begins in it is a
 * constant, which the kernel's verifier knows.
 */
#ifndef KASHIM_BPF_POLICY_H
#define KASHIM_BPF_POLICY_H

#include <stdint.h>

#include "image/image.h"

/*
 * 1: what is compiled is for kernels without bpf_loop() (before Linux 5.17),
 * which lack other things, too: see where it stands.
 */
#ifndef BPF_BOUNDED
#define BPF_BOUNDED 0
#endif

/* An image is no longer than that: a program's pointers reach not much further
 * (BPF_MAX_VAR_OFF in linux/bpf_verifier.h). */
#define BPF_IMAGE_MAX (UINT32_C(1) << 28)

/*
 * Whatever an offset says, it is masked, and so much lies behind the bytes that
 * a mask can reach.
 */
#define BPF_IMAGE_BEHIND 256u

/*
 * BPF_BOUNDED: such a kernel has no values above 4 MiB, so an image is in
 * several, each with what lies behind it.
 */
#define BPF_IMAGE_PART (UINT32_C(1) << 20)

#define BPF_NO_RULE   UINT32_MAX /* as MATCH_NONE, see image/match.h */
#define BPF_NO_ANSWER (UINT32_MAX - 1)

/*
 * Where the kernel has what a program is called, in bytes; each kernel has it
 * elsewhere.
 */
struct bpf_fields {
	uint32_t task_mm;
	uint32_t mm_exe_file;
	uint32_t mm_saved_auxv;
	uint32_t mm_env_end;
	uint32_t file_dentry;
	uint32_t dentry_name;
	uint32_t auxv_execfn; /* of AT_EXECFN in a 64-bit saved_auxv */
	uint32_t zero;
};

struct bpf_policy {
	uint64_t mask;    /* a power of two, no less than the image, - 1 */
	uint32_t step[2]; /* of group 0: connect, accept */
	uint32_t rules;   /* offset of them */
	uint32_t steps;   /* that a look-up may take */
	uint32_t holds;   /* does a rule hold against setsockopt(2)? */
	/* The rest is zero if no rule names programs. */
	uint32_t patterns;   /* how many there are in the map of that name */
	uint64_t group_bits; /* of all groups */
	uint32_t groups;     /* offset of them */
	uint32_t zero;
	struct bpf_fields fields;
};

/*
 * Groups are bits of 64. One is for glibc's loader, which has the name of no
 * program (base/loader_name.h).
 */
#define BPF_GROUPS_MAX   63u
#define BPF_GROUP_LOADER 63u

/*
 * Some of the patterns (base/pattern.h) of a group, as an automaton. A pattern
 * takes a bit for each byte that it wants, and one behind. A bit is set as long
 * as what is before it matches what was read of the name.
 */
#define BPF_PATTERN_BITS 64u
#define BPF_PATTERNS_MAX 1024u

struct bpf_patterns {
	uint64_t first;     /* before the first byte */
	uint64_t stays;     /* where a star is: whatever the byte */
	uint64_t last;      /* where patterns end */
	uint64_t group;     /* the number of its bit */
	uint64_t next[256]; /* for each byte, from where it leads one further */
};

/* A longer name is not told from others. */
#define BPF_NAME_MAX 88u

struct bpf_name {
	char text[BPF_NAME_MAX]; /* zeroes behind it; "": none */
};

/*
 * Which program has connected a socket, or made it a listener: what the map
 * "owners" has of the socket; connections have that of their listener.
 */
struct bpf_owner {
	uint32_t complete; /* 1: it has no other names */
	uint32_t zero;
	struct bpf_name names[2]; /* as struct program, see shim/program.h */
};

/*
 * What is counted for a control group as long as it is attached, also over
 * reloads, in the map "counters". Each connection is one of the first three, or
 * a failure. One that is begun counts when its SYN is about to be sent, whether
 * that is answered or not; one that is accepted, when its handshake ends; of
 * MPTCP, each subflow.
 */
enum bpf_counter {
	BPF_CONNECTED,    /* begun, and got all that its rule says */
	BPF_ACCEPTED,     /* accepted, and got all that its rule says */
	BPF_WITHOUT_RULE, /* no rule matched, or one that ignores it */
	/*
	 * The kernel refused an option; or it had no memory to note what holds
	 * the rule, or which program has a listener; or BPF_NO_ANSWER.
	 */
	BPF_FAILED,
	BPF_HELD, /* setsockopt(2): the rule's value was put in its place */
	BPF_COUNTERS,
};

struct bpf_counts {
	uint64_t of[BPF_COUNTERS];
};

/* What the map "marks" has of a connection that has got a rule. */
struct bpf_mark {
	uint32_t accepted;              /* or it has connected */
	uint32_t given;                 /* options that a rule has set */
	uint32_t known;                 /* options that own has */
	int32_t own[KEEPALIVE_OPTIONS]; /* what the program has set */
};

/* What a test asks: the rule of a connection, by number, or BPF_NO_RULE. */
struct bpf_query {
	uint32_t direction; /* enum direction */
	uint32_t port;
	uint32_t bits[2]; /* source, destination: 32, 128, or 0: not known */
	uint8_t addresses[2][16]; /* in wire order */
	struct bpf_owner owner;
};

#endif
