/* SPDX-License-Identifier: ISC */
/*
 * config_array: growth by doubling, without a place to keep the room in.
 */
#include "config/config_array.h"

#include <stdlib.h>

void *
config_array_grow(void *array, size_t count, size_t element_size)
{
	/* The room is the next power of two, so it is full at each of them. */
	if (count & (count - 1))
		return array;
	/* The text of a file bounds count, so the product can't overflow. */
	return realloc(array, (count ? 2 * count : 1) * element_size);
}
