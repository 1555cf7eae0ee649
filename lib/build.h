/* SPDX-License-Identifier: ISC */
/*
 * build: rules, as the configuration gives them, to the bytes of an image.
 *
 * It runs in the command, in the tests and in the private parser object, and
 * never in a hook: it allocates.
 */
#ifndef KASHIM_BUILD_H
#define KASHIM_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "image.h"

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

/*
 * Builds the image of count rules, in their order, into memory from
 * malloc(3) that the caller frees. The result passes image_check().
 * Returns 0; -E2BIG for more than IMAGE_RULES_MAX rules or an image of more
 * than 4 GiB; -ENOMEM.
 */
int build_image(
    const struct rule *rules, size_t count, uint8_t **bytes, uint32_t *size);

#endif
