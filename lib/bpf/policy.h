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

/* An image is no longer than that: a program's pointers reach not much further
 * (BPF_MAX_VAR_OFF in linux/bpf_verifier.h). */
#define BPF_IMAGE_MAX (UINT32_C(1) << 28)

/*
 * Whatever an offset says, it is masked, and so much lies behind the bytes that
 * a mask can reach.
 */
#define BPF_IMAGE_BEHIND 256u

#define BPF_NO_RULE UINT32_MAX /* as MATCH_NONE, see image/match.h */

struct bpf_policy {
	uint64_t mask;    /* a power of two, no less than the image, - 1 */
	uint32_t step[2]; /* of group 0: connect, accept */
	uint32_t rules;   /* offset of them */
	uint32_t steps;   /* that a look-up may take */
	uint32_t holds;   /* does a rule hold against setsockopt(2)? */
	uint32_t zero;
};

/* What a test asks: a connection, and the rule that it would get. */
struct bpf_query {
	uint32_t direction; /* enum direction */
	uint32_t port;
	uint32_t bits[2]; /* source, destination: 32, 128, or 0: not known */
	uint8_t addresses[2][16]; /* in wire order */
	uint32_t rule;            /* the answer: a number, or BPF_NO_RULE */
	uint32_t zero;
};

#endif
