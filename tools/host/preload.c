/* SPDX-License-Identifier: ISC */
/*
 * preload: a value of LD_PRELOAD (preload.h).
 */
#include "host/preload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Moves *list to its next entry. Returns the length of that, 0: at its end. */
static size_t
next(const char **list)
{
	*list += strspn(*list, PRELOAD_SEPARATORS);
	return strcspn(*list, PRELOAD_SEPARATORS);
}

/* The file name of an entry. */
static const char *
file_name(const char *entry, size_t length)
{
	const char *slash = memrchr(entry, '/', length);

	return slash ? slash + 1 : entry;
}

static bool
is_ours(const char *entry, size_t length)
{
	const char *name = file_name(entry, length);

	return (size_t)(entry + length - name) == strlen(PRELOAD_LIBRARY) &&
	       strncmp(name, PRELOAD_LIBRARY, strlen(PRELOAD_LIBRARY)) == 0;
}

enum preload_order
preload_order(const char *entry, size_t length)
{
	static const struct {
		const char *begin; /* of the file name */
		enum preload_order order;
	} known[] = {
	    {"libasan.so", PRELOAD_IN_FRONT},
	    {"libproxychains", PRELOAD_IN_FRONT},
	    {"libtorsocks", PRELOAD_BEHIND},
	};
	const char *name = file_name(entry, length);
	const size_t size = (size_t)(entry + length - name);

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const size_t begin = strlen(known[i].begin);

		if (size >= begin && strncmp(name, known[i].begin, begin) == 0)
			return known[i].order;
	}
	return PRELOAD_ANYWHERE;
}

bool
preload_find(const char *list, char entry[PATH_MAX])
{
	size_t length;

	while (list && (length = next(&list)) > 0) {
		if (length < PATH_MAX && is_ours(list, length)) {
			snprintf(entry, PATH_MAX, "%.*s", (int)length, list);
			return true;
		}
		list += length;
	}
	return false;
}

int
preload_others(const char *list, const char *library, char **others, bool *ours)
{
	char *out = malloc(strlen(list) + 1);
	size_t used = 0, length;

	*others = NULL;
	*ours = false;
	if (!out)
		return -ENOMEM;
	while ((length = next(&list)) > 0) {
		if (is_ours(list, length) ||
		    (length == strlen(library) &&
			strncmp(list, library, length) == 0)) {
			*ours = true;
		} else {
			if (used > 0)
				out[used++] = ':';
			memcpy(out + used, list, length);
			used += length;
		}
		list += length;
	}
	out[used] = '\0';
	if (used == 0) {
		free(out);
		return 0;
	}
	*others = out;
	return 1;
}

size_t
preload_front(const char *others)
{
	const char *at = others;
	size_t front = 0, length;

	while ((length = next(&at)) > 0) {
		const bool in_front =
		    preload_order(at, length) == PRELOAD_IN_FRONT;

		at += length;
		if (in_front)
			front = (size_t)(at - others) + (*at == ':');
	}
	return front;
}

char *
preload_join(const char *library, const char *others)
{
	size_t front = others ? preload_front(others) : 0;
	const char *rest = others ? others + front : "";
	const bool apart = front > 0 && others[front - 1] != ':';
	char *list;

	return asprintf(&list, "%.*s%s%s%s%s", (int)front, others ? others : "",
		   apart ? ":" : "", library, *rest ? ":" : "", rest) < 0
	           ? NULL
	           : list;
}
