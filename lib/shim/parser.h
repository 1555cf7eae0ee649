/* SPDX-License-Identifier: ISC */
/*
 * parser: has the private parser object (config_object.h) read the
 * configuration, and unloads it. For start-up, not for hooks.
 */
#ifndef KASHIM_PARSER_H
#define KASHIM_PARSER_H

#include "config/config.h"
#include "image/source.h"

/*
 * Reads the configuration file at config with the object that stands beside
 * library, and calls take with data, SOURCE_TEXT and the image. library may be
 * NULL. Returns what that returned; or -errno and why, one line, at message: as
 * config_load(), or -ELIBACC if the object can't be loaded, or is of another
 * version.
 */
int parser_read(const char *library, const char *config, source_take_fn *take,
    void *data, char message[CONFIG_MESSAGE_MAX]);

#endif
