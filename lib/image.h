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
 * How a look-up works. Each of source, destination and port is cut into
 * intervals at the edges of what the rules name. An interval refers to a set
 * of rules, those that name it; a further set holds the rules that leave the
 * field open. A rule matches if it is, for each field, in one of the two sets
 * (match.h). A set is a bit for each rule, in words of 64, of which only
 * those that are not zero are stored, behind a summary with a bit for each
 * word.
 */
#ifndef KASHIM_IMAGE_H
#define KASHIM_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "keepalive.h"

#define IMAGE_MAGIC     0x4b534831u /* "KSH1"; other byte order, other magic */
#define IMAGE_RULES_MAX 16384u

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

/* Which fields a rule restricts: a bit each. */
enum matcher {
	MATCHER_SOURCE = 1,
	MATCHER_DESTINATION = 2,
	MATCHER_PORT = 4,
	MATCHER_PROGRAM = 8,
};

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
	uint32_t name;
	uint32_t file;
	uint32_t line;
	uint32_t direction;    /* enum direction */
	uint32_t action;       /* enum action */
	uint32_t app_settings; /* enum app_settings */
	uint32_t matchers;     /* enum matcher, or'ed */
	uint32_t options;      /* as struct keepalive's set */
	int32_t value[KEEPALIVE_OPTIONS];
	struct image_origin origin[KEEPALIVE_OPTIONS];
	uint32_t timeout_s; /* firewall-timeout in force, 0 if none */
	uint32_t profile;   /* string, "" if none */
	uint32_t programs;  /* offset of u32 strings from the start */
	uint32_t program_count;
};

/* An interval ends where the next one starts. */
struct image_interval {
	uint64_t high; /* first key of the interval: 0 for IPv4 and ports */
	uint64_t low;
	uint32_t set; /* offset of its set from the start; 0 is empty */
	uint32_t zero;
};

struct image_table {
	uint32_t offset; /* of the intervals, sorted, the first at key 0 */
	uint32_t count;
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
};

enum image_field {
	FIELD_SOURCE,
	FIELD_DESTINATION,
	FIELD_PORT,
	FIELDS,
};

struct image_header {
	uint32_t magic;
	uint32_t size; /* of the whole image, bytes */
	uint32_t rule_count;
	uint32_t rules;   /* offset of struct image_rule[rule_count] */
	uint32_t strings; /* offset of the string table */
	uint32_t strings_size;
	uint32_t sources; /* offset of struct image_source[source_count] */
	uint32_t source_count;
	uint32_t flags;                /* enum image_flag, or'ed */
	uint32_t direction_set[2];     /* rules for connect, for accept */
	uint32_t open_set[FIELDS];     /* rules that leave the field open */
	struct image_table v4[FIELDS]; /* for the port: the only table */
	struct image_table v6[FIELDS]; /* for the port: empty */
};

/* An image in memory. The bytes need no alignment beyond 8. */
struct image {
	const uint8_t *bytes;
	uint32_t size; /* of the memory at bytes */
};

/*
 * Is this an image that image_* and match_* can use in full: header, every
 * rule, every interval and every set inside its bounds and well formed? The
 * gate for every image, built or mapped. Returns 0 or -EBADMSG.
 */
int image_check(const struct image *image);

/* How many rules, and how many 64-bit words a mask with a bit for each has. */
uint32_t image_rule_count(const struct image *image);
uint32_t image_words(const struct image *image);

/* Copies rule number index out. Returns false if there is none. */
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

/*
 * The set that the interval around the key refers to, for image_set_*;
 * 0, the empty set, if there is none.
 */
uint32_t image_find(const struct image *image, const struct image_table *table,
    uint64_t high, uint64_t low);

/* Word number n of a set's summary: bit b stands for its word 64 * n + b. */
uint64_t image_set_summary(const struct image *image, uint32_t set, uint32_t n);

/* Word number n of a set: bit b stands for rule 64 * n + b. */
uint64_t image_set_word(const struct image *image, uint32_t set, uint32_t n);

/* Copies the header out. Returns false if the image is shorter than one. */
bool image_header(const struct image *image, struct image_header *header);

#endif
