/* SPDX-License-Identifier: ISC */
/*
 * string: the functions of string.h that libkashim.so calls at a start, and
 * seldom otherwise. The C library has faster ones, but the loader has to look
 * each of them up in every program that starts, which takes longer than all
 * their work: 10 names are 4.5 of 47 us (docs/PERFORMANCE.md). They are local
 * to the library (libkashim.map). memcpy(3) is not here: hooks copy more with
 * it.
 */
#include <stddef.h>
#include <string.h>

/*
 * In a loop: or the compiler would see what the function is, and make it a call
 * of itself. Nothing is to be taken for unused by an optimizing linker either:
 * the compiler may call these by itself.
 */
#define AS_WRITTEN __asm__ volatile("")
#define OURS       __attribute__((used))

OURS void *
memmove(void *to, const void *from, size_t len)
{
	char *a = to;
	const char *b = from;

	for (size_t n = 0; n < len; n++) {
		const size_t i = a < b ? n : len - 1 - n;

		AS_WRITTEN;
		a[i] = b[i];
	}
	return to;
}

OURS int
memcmp(const void *one, const void *other, size_t len)
{
	const unsigned char *a = one, *b = other;

	for (size_t n = 0; n < len; n++) {
		AS_WRITTEN;
		if (a[n] != b[n])
			return a[n] - b[n];
	}
	return 0;
}

OURS size_t
strnlen(const char *text, size_t room)
{
	size_t len = 0;

	while (len < room && text[len] != '\0') {
		AS_WRITTEN;
		len++;
	}
	return len;
}

OURS size_t
strlen(const char *text)
{
	size_t len = 0;

	while (text[len] != '\0') {
		AS_WRITTEN;
		len++;
	}
	return len;
}

OURS int
strncmp(const char *one, const char *other, size_t len)
{
	for (size_t n = 0; n < len; n++) {
		const unsigned char a = (unsigned char)one[n];
		const unsigned char b = (unsigned char)other[n];

		AS_WRITTEN;
		if (a != b || a == '\0')
			return a - b;
	}
	return 0;
}

OURS int
strcmp(const char *one, const char *other)
{
	size_t n = 0;

	while (one[n] == other[n] && one[n] != '\0') {
		AS_WRITTEN;
		n++;
	}
	return (unsigned char)one[n] - (unsigned char)other[n];
}

OURS char *
strchr(const char *text, int wanted)
{
	for (;; text++) {
		AS_WRITTEN;
		if (*text == (char)wanted)
			return (char *)text;
		if (*text == '\0')
			return NULL;
	}
}

OURS char *
strrchr(const char *text, int wanted)
{
	for (size_t n = strlen(text) + 1; n-- > 0;) {
		AS_WRITTEN;
		if (text[n] == (char)wanted)
			return (char *)&text[n];
	}
	return NULL;
}

OURS size_t
strspn(const char *text, const char *set)
{
	size_t len = 0;

	while (text[len] != '\0' && strchr(set, text[len]) != NULL)
		len++;
	return len;
}

OURS size_t
strcspn(const char *text, const char *set)
{
	size_t len = 0;

	/* The set has the NUL, too. */
	while (strchr(set, text[len]) == NULL)
		len++;
	return len;
}

OURS char *
strstr(const char *text, const char *wanted)
{
	const size_t len = strlen(wanted);

	for (;; text++) {
		if (strncmp(text, wanted, len) == 0)
			return (char *)text;
		if (*text == '\0')
			return NULL;
	}
}
