/* SPDX-License-Identifier: ISC */
/*
 * config: a configuration file to an image. The only includer of confuse.h.
 *
 * It runs in the command, in the tests and in the private parser object, and
 * never in a hook: it allocates and reads files. It writes to no descriptor
 * of its host, runs no program and looks up no name. Not reentrant.
 */
#ifndef KASHIM_CONFIG_H
#define KASHIM_CONFIG_H

#include <stdint.h>

#include "compile/build.h"
#include "image/image.h"

#ifndef KASHIM_SYSCONFDIR
#define KASHIM_SYSCONFDIR "/etc"
#endif
#define CONFIG_FILE        KASHIM_SYSCONFDIR "/kashim.conf"
#define CONFIG_MESSAGE_MAX 512

/*
 * Called with the rules as they were understood, and with the image that was
 * built from them. The rules are gone when it returns.
 */
typedef void config_look_fn(
    void *data, const struct build_input *policy, const struct image *image);

/*
 * Reads the file at path, an absolute path, with all that it includes, and
 * builds its image into memory from malloc(3) that the caller frees.
 *
 * Believed is only a regular file, owned by root or by the effective user,
 * that nobody else can write.
 *
 * Returns 0; else -errno, and no image, and one line at message, which has
 * room for CONFIG_MESSAGE_MAX bytes: "FILE:LINE: what is wrong, what would be
 * right" or "FILE: what is wrong ...". -ENOENT if there is no such file;
 * -EACCES if it can't be read; -EPERM if it is not to be believed; -EISDIR;
 * -EFBIG; -ENOMEM; -EINVAL for all that is wrong inside.
 *
 * look, if not NULL, is called once if the file is right: what is allowed but
 * hardly meant is for the command to find, and not for programs to load.
 */
int config_load(const char *path, config_look_fn *look, void *data,
    uint8_t **bytes, uint32_t *size, char message[CONFIG_MESSAGE_MAX]);

#endif
