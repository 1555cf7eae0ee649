/* SPDX-License-Identifier: ISC */
/*
 * image: the policy as one flat block of bytes, its accessors and its check.
 *
 * The image holds offsets from its start and never pointers, in fixed-width
 * fields of the machine's byte order, so that 32-bit and 64-bit programs read
 * the same bytes. Every accessor checks its bounds: a damaged image gives "no
 * rule", "" or 0, and never a crash. Nothing here allocates, locks, or
 * changes errno; all of it is async-signal-safe.
 *
 * Two things are made of numbers in ascending order, of 32 bits for IPv4 and
 * ports, of 128 bits for IPv6: keys. Both need only a key's rank, which is
 * how many of them are not above it.
 *
 * What a rule names in a field: keys at which "inside" and "outside" change
 * places. A value is inside if its rank is odd.
 *
 * A table: keys that cut the space of values into intervals, followed by a
 * cell for each interval, one more than there are keys. A value's cell is the
 * one that has the number of its rank.
 *
 * A step is a set of rules and the way to the first of them that matches: the
 * rules themselves if they are few, or a table. Its cells refer to steps for
 * the next field or, for the port, are rules. Steps form chains: what is
 * found for a prefix may be followed by what holds for a wider prefix around
 * it. The lowest rule of all wins. docs/DESIGN.md says why it is so.
 */
#ifndef KASHIM_IMAGE_H
#define KASHIM_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/options.h"

#define IMAGE_MAGIC     0x4b53484du /* "KSHM" */
#define IMAGE_VERSION   3u          /* of the layout */
#define IMAGE_RULES_MAX 131072u

enum direction {
	DIRECTION_CONNECT = 1, /* our program sent the SYN */
	DIRECTION_ACCEPT = 2,  /* our program received it */
	DIRECTION_BOTH = 3,    /* in a rule only */
};

enum action {
	ACTION_KEEPALIVE = 0, /* set the rule's options */
	ACTION_IGNORE = 1,    /* leave the connection as the program made it */
};

enum app_settings {
	APP_OVERRIDE = 0, /* the rule holds against the program's own calls */
	APP_TIGHTEN = 1,  /* the shorter time wins */
	APP_RESPECT = 2,  /* the program's later call wins */
};

/* What a look-up goes by, in this order. */
enum image_field {
	FIELD_SOURCE,
	FIELD_DESTINATION,
	FIELD_PORT,
	FIELDS,
};

/* Which fields a rule restricts: a bit each. */
enum matcher {
	MATCHER_SOURCE = 1u << FIELD_SOURCE,
	MATCHER_DESTINATION = 1u << FIELD_DESTINATION,
	MATCHER_PORT = 1u << FIELD_PORT,
	MATCHER_PROGRAM = 1u << FIELDS,
	MATCHER_FIELDS = MATCHER_PROGRAM - 1, /* all but the program */
};

/*
 * What is known of a connection. Before listen(2) on a wildcard address it is
 * the port alone; where the kernel chooses our address, all but the source.
 */
enum image_known {
	KNOWN_ALL,
	KNOWN_BUT_SOURCE,
	KNOWN_PORT,
	KNOWNS,
};

/* The fields that are known: of enum matcher, or'ed. */
static inline uint32_t
image_known_fields(enum image_known known)
{
	switch (known) {
	case KNOWN_ALL:
		return MATCHER_FIELDS;
	case KNOWN_BUT_SOURCE:
		return MATCHER_DESTINATION | MATCHER_PORT;
	default:
		return MATCHER_PORT;
	}
}

/* The widths of keys: IPv4 and ports, IPv6. */
enum image_width {
	WIDTH_32,
	WIDTH_128, /* two u64, the high one first */
	WIDTHS,
};

/*
 * Keys, in ascending order. If they are more than a block, the last key of each
 * whole block stands in front of them, these again as keys of which there may
 * be more than a block, and so on: a search reads one block for each level.
 */
struct image_keys {
	uint32_t offset; /* of the keys themselves */
	uint32_t count;
};

#define IMAGE_BLOCK_32  32u
#define IMAGE_BLOCK_128 8u

/* Where an option's value came from. */
enum origin_kind {
	ORIGIN_NONE = 0,    /* not set: the kernel's own */
	ORIGIN_RULE = 1,    /* written in the rule */
	ORIGIN_DEFAULT = 2, /* written at the top of the file */
	ORIGIN_TIMEOUT = 3, /* derived from a firewall-timeout */
	ORIGIN_PROFILE = 4, /* derived from a profile */
};

struct image_origin {
	uint32_t kind; /* enum origin_kind */
	uint32_t file; /* string */
	uint32_t line; /* of the key that it came from */
};

/* Strings are offsets into the string table, each ended by a NUL. */
struct image_rule {
	uint32_t matchers;                        /* enum matcher, or'ed */
	uint32_t direction;                       /* enum direction */
	struct image_keys inside[FIELDS][WIDTHS]; /* what it names */
	uint32_t name;
	uint32_t file;
	uint32_t line;
	uint32_t action;       /* enum action */
	uint32_t app_settings; /* enum app_settings */
	uint32_t options;      /* as struct keepalive's set */
	int32_t value[KEEPALIVE_OPTIONS];
	struct image_origin origin[KEEPALIVE_OPTIONS];
	uint32_t timeout_s; /* firewall-timeout in force, 0 if none */
	uint32_t profile;   /* string, "" if none */
	uint32_t programs;  /* offset of u32 strings */
	uint32_t program_count;
	uint32_t group; /* its struct image_group */
};

/* Of a group and one direction. */
struct image_root {
	/*
	 * For each of enum image_known, the steps that lead to the first rule
	 * that matches in the fields that are known, whatever it says of the
	 * others; 0: no rules.
	 */
	uint32_t step[KNOWNS];
	uint32_t all; /* first rule that matches everything */
	/* The first rule that restricts the field. */
	uint32_t named[FIELDS];
};

/*
 * The rules that name the same programs. Group 0 is always there and has those
 * that name none.
 */
struct image_group {
	uint32_t programs; /* offset of u32 strings */
	uint32_t program_count;
	uint32_t holds; /* 1: a rule holds against the program's own calls */
	uint32_t zero;
	struct image_root root[2]; /* connect, accept */
};

#define STEP_SURE (UINT32_C(1) << 31)

struct image_step {
	uint32_t first; /* the lowest rule in it */
	uint32_t next;  /* step that is to be looked at, too; 0: none */
	uint32_t field; /* enum image_field of its table, or FIELDS: none */
	/*
	 * Without a table: how many rules follow here, as u32 in ascending
	 * order; STEP_SURE is set in one that matches whatever is in the
	 * fields not looked at yet. With a table: the step for a value that
	 * is not known.
	 */
	uint32_t count_or_open;
	struct image_keys table[WIDTHS]; /* if field is not FIELDS */
};

/*
 * A file that the policy was made from. The image is fresh as long as all of
 * this agrees with what stat(2) says.
 */
struct image_source {
	uint64_t device;
	uint64_t inode;
	uint64_t size;
	int64_t mtime_s;
	uint32_t mtime_ns;
	uint32_t path; /* string */
};

/* For the whole policy. */
enum image_flag {
	IMAGE_NO_INHERIT = 1, /* children are not to be preloaded */
	/*
	 * When it was made, the kernel handed what waits for a listener that
	 * is closed to another one on the same port (SO_REUSEPORT,
	 * net.ipv4.tcp_migrate_req, ip-sysctl.rst in the kernel).
	 */
	IMAGE_MIGRATES = 2,
	IMAGE_FLAGS = IMAGE_NO_INHERIT | IMAGE_MIGRATES,
};

/* What a checksum is of, apart from itself and those behind it. */
enum image_part {
	IMAGE_START, /* the header and the groups: what a start looks at */
	IMAGE_ALL,   /* and all that is behind the header */
	IMAGE_PARTS,
};

struct image_header {
	uint32_t magic;
	uint32_t version;
	uint32_t size;  /* of the whole image, bytes; a multiple of 8 */
	uint32_t flags; /* enum image_flag, or'ed */
	uint32_t rules; /* offset of struct image_rule[rule_count] */
	uint32_t rule_count;
	uint32_t groups; /* offset of struct image_group[group_count] */
	uint32_t group_count;
	uint32_t strings; /* offset of the string table, which ends with NUL */
	uint32_t strings_size;
	uint32_t sources; /* offset of struct image_source[source_count] */
	uint32_t source_count;
	uint64_t checksum[IMAGE_PARTS];
};

/* An image in memory. The bytes need no alignment. */
struct image {
	const uint8_t *bytes;
	uint32_t size; /* of the memory at bytes */
};

/* Do len bytes at the offset lie inside? */
static inline bool
image_inside(const struct image *image, uint64_t offset, uint64_t len)
{
	return offset <= image->size && len <= image->size - offset;
}

/* Copies len bytes at offset out, or zeroes if they are not all inside. */
static inline bool
image_read(const struct image *image, uint64_t offset, void *to, size_t len)
{
	if (!image_inside(image, offset, len)) {
		__builtin_memset(to, 0, len);
		return false;
	}
	__builtin_memcpy(to, image->bytes + offset, len);
	return true;
}

/*
 * May image_* and match_* be given this image? It looks at the header and at
 * the groups, so that a program's start does not take longer for a larger
 * policy, and that is enough: whatever the other bytes are, no accessor reads
 * outside, and every look-up ends.
 * Returns 0; -EPROTONOSUPPORT for an image of another version; -EPROTOTYPE
 * for one of a machine of the other byte order; -EBADMSG for what is no
 * image, or cut short, or damaged in this part.
 */
int image_check_header(const struct image *image);

/*
 * The same, and is every byte of it as it was built? It reads all of it.
 * Returns what image_check_header() does, and -EBADMSG if it was changed.
 */
int image_check(const struct image *image);

/* The checksum of a part, of an image whose header says where it is. */
uint64_t image_checksum(const struct image *image, enum image_part part);

/* Copies the header out. Returns false if the image is shorter than one. */
bool image_header(const struct image *image, struct image_header *header);

uint32_t image_rule_count(const struct image *image);
uint32_t image_group_count(const struct image *image);

/* Where rule number index lies; outside of all if there is none. */
uint64_t image_rule_offset(const struct image *image, uint32_t index);

/*
 * Copies rule number index out. Returns false if there is none, or if it says
 * what no rule can, as a time that the kernel would refuse.
 */
bool
image_rule(const struct image *image, uint32_t index, struct image_rule *rule);

/* Copies source number index out. Returns false if there is none. */
bool image_source(
    const struct image *image, uint32_t index, struct image_source *source);

/* The string at an offset; "" if that lies outside. Never NULL. */
const char *image_string(const struct image *image, uint32_t offset);

/* Program pattern number n of a rule; "" if there is none. */
const char *image_program(
    const struct image *image, const struct image_rule *rule, uint32_t n);

/* Copies group number index out. Returns false if there is none. */
bool image_group(
    const struct image *image, uint32_t index, struct image_group *group);

/* Program pattern number n of a group; "" if there is none. */
const char *image_group_program(
    const struct image *image, const struct image_group *group, uint32_t n);

/* What rule number index restricts: enum matcher, or'ed; 0 if there is none. */
uint32_t image_matchers(const struct image *image, uint32_t index);

/* How many of the keys are not above the key; 0 if they lie outside. */
uint32_t image_rank_32(
    const struct image *image, const struct image_keys *keys, uint32_t key);
uint32_t image_rank_128(const struct image *image,
    const struct image_keys *keys, uint64_t high, uint64_t low);

#endif
