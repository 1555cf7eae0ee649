/* SPDX-License-Identifier: ISC */
/*
 * config_array: arrays that grow by one element at a time.
 */
#ifndef KASHIM_CONFIG_ARRAY_H
#define KASHIM_CONFIG_ARRAY_H

#include <stddef.h>

/*
 * Makes room for one more element behind the count that are in array, which
 * is NULL or came from here; the caller frees it. Returns it, perhaps moved,
 * or NULL if memory is out, and then the old one is still there.
 */
void *config_array_grow(void *array, size_t count, size_t element_size);

#endif
