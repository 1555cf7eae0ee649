/* SPDX-License-Identifier: ISC */
/*
 * build: rules, as the configuration gives them, to the bytes of an image.
 *
 * It runs in the command, in the tests and in the private parser object, and
 * never in a hook: it allocates.
 */
#ifndef KASHIM_BUILD_H
#define KASHIM_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "image/image.h"

struct port_range {
	uint16_t first;
	uint16_t last; /* not below first */
};

struct origin {
	enum origin_kind kind;
	const char *file;
	uint32_t line;
};

/* A rule with all defaults and derivations worked in. */
struct rule {
	const char *name;
	const char *file;
	uint32_t line;
	enum direction direction;
	enum action action;
	enum app_settings app_settings;
	/* Matchers: an empty list leaves the field open. */
	struct prefix *sources;
	size_t source_count;
	struct prefix *destinations;
	size_t destination_count;
	struct port_range *ports;
	size_t port_count;
	const char **programs;
	size_t program_count;
	/* What to set; nothing for ACTION_IGNORE. */
	struct keepalive keepalive;
	struct origin origin[KEEPALIVE_OPTIONS];
	uint32_t timeout_s;  /* firewall-timeout in force, 0 if none */
	const char *profile; /* NULL if none */
};

/* A file that the rules were read from, as it was then. */
struct build_source {
	const char *path; /* absolute */
	uint64_t device;
	uint64_t inode;
	uint64_t size;
	int64_t mtime_s;
	uint32_t mtime_ns;
};

/* A whole policy. */
struct build_input {
	const struct rule *rules; /* in file order */
	size_t rule_count;
	const struct build_source *sources;
	size_t source_count;
	bool no_inherit; /* children are not to be preloaded */
	bool migrates;   /* see IMAGE_MIGRATES */
};

/*
 * Builds the image of a policy into memory from malloc(3) that the caller
 * frees. The result passes image_check().
 * Returns 0; -E2BIG for more than IMAGE_RULES_MAX rules or an image of more
 * than 4 GiB; -ENOMEM.
 */
int
build_image(const struct build_input *input, uint8_t **bytes, uint32_t *size);

#endif
