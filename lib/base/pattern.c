/* SPDX-License-Identifier: ISC */
/*
 * pattern: does a shell pattern match a name? No recursion, no memory.
 */
#include "base/pattern.h"

#include <stddef.h>
#include <string.h>

static bool
between(unsigned char c, unsigned char first, unsigned char last)
{
	return first <= c && c <= last;
}

static bool
is_alpha(unsigned char c)
{
	return between(c, 'a', 'z') || between(c, 'A', 'Z');
}

static bool
is_punct(unsigned char c)
{
	return between(c, '!', '~') && !is_alpha(c) && !between(c, '0', '9');
}

/* The classes of the C locale; their own, because ctype(3) has the host's. */
static bool
in_class(const char *name, size_t len, unsigned char c)
{
	const bool digit = between(c, '0', '9');
	const struct {
		const char *name;
		bool in;
	} classes[] = {
	    {"alnum", is_alpha(c) || digit},
	    {"alpha", is_alpha(c)},
	    {"blank", c == ' ' || c == '\t'},
	    {"cntrl", c < ' ' || c == 0x7f},
	    {"digit", digit},
	    {"graph", between(c, '!', '~')},
	    {"lower", between(c, 'a', 'z')},
	    {"print", between(c, ' ', '~')},
	    {"punct", is_punct(c)},
	    {"space", c == ' ' || between(c, '\t', '\r')},
	    {"upper", between(c, 'A', 'Z')},
	    {"xdigit", digit || between(c, 'a', 'f') || between(c, 'A', 'F')},
	};

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		if (strlen(classes[i].name) == len &&
		    memcmp(classes[i].name, name, len) == 0)
			return classes[i].in;
	}
	return false;
}

/* "[:alpha:]" at p: how long it is, or 0 if there is none. */
static size_t
class_length(const char *p)
{
	size_t len = 2;

	if (p[0] != '[' || p[1] != ':')
		return 0;
	while (between((unsigned char)p[len], 'a', 'z'))
		len++;
	return p[len] == ':' && p[len + 1] == ']' ? len + 2 : 0;
}

/* One member of a list; *p goes behind it. '\0' if the pattern ends. */
static unsigned char
take_member(const char **p)
{
	if (**p == '\\' && (*p)[1] != '\0')
		(*p)++;
	if (**p == '\0')
		return '\0';
	return (unsigned char)*(*p)++;
}

/*
 * Is c in the list behind a "[" at p? *end is where the pattern goes on, or
 * NULL if the list has no end: then the "[" stands for itself.
 */
static bool
in_list(const char *p, unsigned char c, const char **end)
{
	bool inverted = *p == '!' || *p == '^', found = false, first = true;

	p += inverted;
	*end = NULL;
	while (first || *p != ']') {
		size_t len = class_length(p);
		unsigned char low, high;

		first = false;
		if (len > 0) {
			found = found || in_class(p + 2, len - 4, c);
			p += len;
			continue;
		}
		low = high = take_member(&p);
		if (low == '\0')
			return false;
		if (p[0] == '-' && p[1] != ']' && p[1] != '\0') {
			p++;
			high = take_member(&p);
		}
		found = found || between(c, low, high);
	}
	*end = p + 1;
	return found != inverted;
}

bool
pattern_element_matches(const char **p, unsigned char c)
{
	const char *end;
	bool found;

	switch (**p) {
	case '?':
		(*p)++;
		return true;
	case '[':
		found = in_list(*p + 1, c, &end);
		if (end == NULL)
			break;
		*p = end;
		return found;
	case '\\':
		/* Alone at the end it matches nothing. */
		if ((*p)[1] == '\0')
			return false;
		(*p)++;
		break;
	default:
		break;
	}
	return (unsigned char)*(*p)++ == c;
}

bool
pattern_matches(const char *pattern, const char *name)
{
	const char *star = NULL, *back = NULL;

	/* After a mismatch only the last star has to take one byte more. */
	for (;;) {
		if (*pattern == '*') {
			star = ++pattern;
			back = name;
			continue;
		}
		if (*name == '\0')
			return *pattern == '\0';
		if (*pattern != '\0' &&
		    pattern_element_matches(&pattern, (unsigned char)*name)) {
			name++;
			continue;
		}
		if (star == NULL)
			return false;
		pattern = star;
		name = ++back;
	}
}
