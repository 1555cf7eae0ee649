/* SPDX-License-Identifier: ISC */
/*
 * parser: has the private parser object (config_object.h) read the
 * configuration, and unloads it. For start-up, not for hooks.
 */
#ifndef KASHIM_PARSER_H
#define KASHIM_PARSER_H

#include "config/config.h"
#include "image/image.h"

/* Gets an image that passed image_check() and that is gone afterwards. */
typedef void parser_use_fn(void *data, const struct image *image);

/*
 * Reads the configuration file at config with the object that stands beside
 * library, and calls use with data and the image. library may be NULL.
 * Returns 0; or -errno and why, one line, at message: as config_load(), or
 * -ELIBACC if the object can't be loaded, or is of another version.
 */
int parser_read(const char *library, const char *config, parser_use_fn *use,
    void *data, char message[CONFIG_MESSAGE_MAX]);

#endif
