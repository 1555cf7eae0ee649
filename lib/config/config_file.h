/* SPDX-License-Identifier: ISC */
/*
 * config_file: whether a configuration file is to be believed, and its bytes.
 * It holds a descriptor only while it reads.
 */
#ifndef KASHIM_CONFIG_FILE_H
#define KASHIM_CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "config/config_report.h"

/* For a file and all that it includes, together. */
#define CONFIG_FILE_MAX ((size_t)16 << 20)

/*
 * Reads the regular file at path whole, into memory from malloc(3) that the
 * caller frees and that has room for one byte more than st->st_size, its size.
 * *st is the file as it was then. Never waits, whatever path is.
 *
 * from is where an include asks for it, or NULL for the file that the caller
 * of config_load() named: mistakes are reported there.
 *
 * Returns 0; -EPERM if it is no regular file, not owned by root or the
 * effective user, or others can write it; -EFBIG if it has more than room
 * bytes; -EISDIR; or what open(2) or read(2) say. For an include all of these
 * are -EINVAL: something is wrong inside the including file.
 */
int
config_file_read(struct config_report *report, const struct config_place *from,
    const char *path, size_t room, char **bytes, struct stat *st);

/* Is there that setting of the kernel, a file below /proc/sys, and not 0? */
bool config_file_is_set(const char *path);

#endif
