/* SPDX-License-Identifier: ISC */
/*
 * config_object: the private parser object, libkashim-config.so, as the shim
 * sees it. It alone is linked to libconfuse. The shim loads it at start-up,
 * has one file read, and unloads it.
 *
 * It allocates from memory of its own and never from the host's malloc, and
 * it catches the exit(3), abort(3) and assert(3) of what it links, so that
 * nothing in a configuration can end the host.
 */
#ifndef KASHIM_CONFIG_OBJECT_H
#define KASHIM_CONFIG_OBJECT_H

#include <stdint.h>

#define CONFIG_OBJECT_FILE "libkashim-config.so"
/* What it is linked to, and a host may be linked to as well. */
#define CONFIG_OBJECT_LIBCONFUSE "libconfuse.so.2"
#define CONFIG_OBJECT_LOAD       "kashim_config_load"
#define CONFIG_OBJECT_RELEASE    "kashim_config_release"

/*
 * As config_load() with nobody to look; the bytes stay the object's, until
 * release. -ENOMEM also if libconfuse gave up.
 */
typedef int config_object_load_fn(
    const char *path, uint8_t **bytes, uint32_t *size, char *message);

/* Gives all memory back, the bytes included. */
typedef void config_object_release_fn(void);

#endif
