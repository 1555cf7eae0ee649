/* SPDX-License-Identifier: ISC */
/*
 * source: which policy is in force, over all states of what is published, what
 * is compiled and the text, for root and for another user.
 */
#include "image/source.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/cache.h"
#include "policies.h"

#define USER 1234

enum state {
	FRESH, /* of a text: right */
	STALE, /* of a text: with a mistake */
	BROKEN,
	UNTRUSTED,
	ABSENT,
	STATES,
};

static const char *const STATE_NAMES[] = {
    "fresh", "stale", "broken", "untrusted", "absent"};

static char directory[64];
static char config[128];
static char compiled[256], published[256];

static void
setup(void)
{
	strcpy(directory, "/tmp/kashim-source.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_int_eq(chmod(directory, 0755), 0);
	ck_assert_int_eq(setenv(CACHE_ENVIRONMENT, directory, 1), 0);
	snprintf(config, sizeof(config), "%s/kashim.conf", directory);
	ck_assert_int_eq(cache_name(config, compiled, sizeof(compiled)), 0);
	ck_assert_int_eq(
	    shared_name(config, 0, published, sizeof(published)), 0);
}

static void
teardown(void)
{
	unlink(config);
	unlink(compiled);
	unlink(published);
	rmdir(directory);
	unsetenv(CACHE_ENVIRONMENT);
}

/* An image of the text as it is, or as it was a second ago. */
static struct image
make_image(enum state state, const char *name)
{
	struct rule rule = {.name = name, .direction = DIRECTION_BOTH};
	struct stat st = {0};
	struct build_source source = {.path = config};
	const struct build_input input = {
	    .rules = &rule,
	    .rule_count = 1,
	    .sources = &source,
	    .source_count = 1,
	};
	struct image image;
	uint8_t *bytes;

	(void)stat(config, &st);
	source.device = st.st_dev;
	source.inode = st.st_ino;
	source.size = (uint64_t)st.st_size;
	source.mtime_s = st.st_mtim.tv_sec - (state == STALE);
	source.mtime_ns = (uint32_t)st.st_mtim.tv_nsec;
	ck_assert_int_eq(build_image(&input, &bytes, &image.size), 0);
	image.bytes = bytes;
	return image;
}

static void
patch(const char *path, off_t at)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, "\xff\xff\xff\xff", 4, at), 4);
	close(fd);
}

static void
make_text(enum state state)
{
	FILE *file;

	unlink(config);
	if (state == ABSENT)
		return;
	file = fopen(config, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fclose(file), 0);
}

static void
make_compiled(enum state state)
{
	struct image image = make_image(state, "compiled");

	unlink(compiled);
	if (state != ABSENT)
		ck_assert_int_eq(
		    cache_write(compiled, image.bytes, image.size), 0);
	if (state == BROKEN)
		patch(compiled, image.size - 4);
	if (state == UNTRUSTED)
		ck_assert_int_eq(chmod(compiled, 0666), 0);
	free((void *)image.bytes);
}

/* The magic of the image in force. */
static void
break_published(void)
{
	struct shared shared;
	uint32_t half;

	ck_assert_int_eq(shared_map(published, &shared), 0);
	half = shared_current(&shared) & 1;
	patch(published, (off_t)(SHARED_PAGE + half * shared.half_size));
	shared_unmap(&shared);
}

static void
make_published(enum state state)
{
	struct image image = make_image(state, "published");
	struct shared_result result;

	unlink(published);
	if (state != ABSENT)
		ck_assert_int_eq(shared_publish(published, &image, &result), 0);
	if (state == BROKEN)
		break_published();
	if (state == UNTRUSTED)
		ck_assert_int_eq(chmod(published, 0666), 0);
	free((void *)image.bytes);
}

/* What was taken: the kind, and the name of the image's rule. */
struct taken {
	enum state text;
	enum source_kind kind;
	char name[16];
};

static int
take(void *data, enum source_kind kind, const struct image *image)
{
	struct taken *taken = data;
	struct image_rule rule;

	ck_assert(image_rule(image, 0, &rule));
	taken->kind = kind;
	snprintf(taken->name, sizeof(taken->name), "%s",
	    image_string(image, rule.name));
	return 0;
}

static int
read_text(const char *path, source_take_fn *use, void *data)
{
	static const int errors[STATES] = {
	    [STALE] = -EINVAL,
	    [BROKEN] = -ELIBACC,
	    [UNTRUSTED] = -EPERM,
	    [ABSENT] = -ENOENT,
	};
	struct taken *taken = data;
	struct image image;
	int error = errors[taken->text];

	ck_assert_str_eq(path, config);
	if (error < 0)
		return error;
	image = make_image(FRESH, "text");
	error = use(data, SOURCE_TEXT, &image);
	free((void *)image.bytes);
	return error;
}

/* The rules of source.h, one by one. */
static enum source_kind
expected(enum state shared, enum state image, enum state text)
{
	/* Where there is no file to compare with, an image counts as fresh. */
	if (text == ABSENT)
		return image == FRESH || image == STALE ? SOURCE_COMPILED
		                                        : SOURCE_NOTHING;
	if (shared == FRESH)
		return SOURCE_PUBLISHED;
	if (image == FRESH)
		return SOURCE_COMPILED;
	if (text == FRESH)
		return SOURCE_TEXT;
	if (image == STALE)
		return SOURCE_OLD_COMPILED;
	return shared == STALE ? SOURCE_OLD_PUBLISHED : SOURCE_NOTHING;
}

static void
look(enum state shared, enum state image, enum state text)
{
	static const char *const names[] = {
	    [SOURCE_NOTHING] = "",
	    [SOURCE_PUBLISHED] = "published",
	    [SOURCE_COMPILED] = "compiled",
	    [SOURCE_TEXT] = "text",
	    [SOURCE_OLD_COMPILED] = "compiled",
	    [SOURCE_OLD_PUBLISHED] = "published",
	};
	enum source_kind kind = expected(shared, image, text);
	struct taken taken = {.text = text};
	struct source source;

	source_find(
	    config, SOURCE_FOR_STARTING, read_text, take, &taken, &source);
	ck_assert_msg(source.kind == kind,
	    "published %s, compiled %s, text %s, user %u: %d in place of %d",
	    STATE_NAMES[shared], STATE_NAMES[image], STATE_NAMES[text],
	    (unsigned)geteuid(), (int)source.kind, (int)kind);
	ck_assert_str_eq(taken.name, names[kind]);
	ck_assert(kind == SOURCE_NOTHING || taken.kind == kind);
	ck_assert((source.shared.header != NULL) ==
		  (shared == FRESH || shared == STALE || shared == BROKEN));
	ck_assert((source.error != 0) ==
		  (kind == SOURCE_NOTHING || kind >= SOURCE_OLD_COMPILED));
	if (source.shared.header != NULL) {
		ck_assert_uint_eq(source.generation, 1);
		shared_unmap(&source.shared);
	}
}

START_TEST(order)
{
	enum state text = (enum state)_i;

	make_text(text);
	for (int image = 0; image < STATES; image++) {
		make_compiled((enum state)image);
		for (int shared = 0; shared < STATES; shared++) {
			make_published((enum state)shared);
			look((enum state)shared, (enum state)image, text);
			if (geteuid() != 0)
				continue;
			ck_assert_int_eq(seteuid(USER), 0);
			look((enum state)shared, (enum state)image, text);
			ck_assert_int_eq(seteuid(0), 0);
		}
	}
}
END_TEST

/* Programs that run follow what is published, fresh or not. */
START_TEST(running)
{
	enum state text = (enum state)_i;

	make_text(text);
	for (int image = 0; image < STATES; image++) {
		make_compiled((enum state)image);
		for (int shared = 0; shared < STATES; shared++) {
			enum source_kind kind = expected(
			    (enum state)shared, (enum state)image, text);
			struct taken taken = {.text = text};
			struct source source;

			make_published((enum state)shared);
			if (text != ABSENT && shared == FRESH)
				kind = SOURCE_PUBLISHED;
			else if (shared == FRESH || shared == STALE)
				kind = SOURCE_OLD_PUBLISHED;
			source_find(config, SOURCE_FOR_RUNNING, read_text, take,
			    &taken, &source);
			ck_assert_int_eq(source.kind, kind);
			if (source.shared.header != NULL)
				shared_unmap(&source.shared);
		}
	}
}
END_TEST

/* Who can't take one, for want of memory, say, goes on to the next. */
static int
take_no_shared(void *data, enum source_kind kind, const struct image *image)
{
	if (kind == SOURCE_PUBLISHED || kind == SOURCE_COMPILED)
		return -ENOMEM;
	return take(data, kind, image);
}

START_TEST(not_taken)
{
	struct taken taken = {.text = FRESH};
	struct source source;

	make_text(FRESH);
	make_compiled(FRESH);
	make_published(FRESH);
	source_find(config, SOURCE_FOR_STARTING, read_text, take_no_shared,
	    &taken, &source);
	ck_assert_int_eq(source.kind, SOURCE_TEXT);
	ck_assert_str_eq(taken.name, "text");
	shared_unmap(&source.shared);
}
END_TEST

/*
 * Two reloads while it is looked at: the second one writes to where it looks.
 * So it looks once more.
 */
static unsigned int looks;

static int
take_late(void *data, enum source_kind kind, const struct image *image)
{
	for (int i = 0; looks == 0 && i < 2; i++) {
		struct image newer = make_image(FRESH, "newer");
		struct shared_result result;

		ck_assert_int_eq(shared_publish(published, &newer, &result), 0);
		free((void *)newer.bytes);
	}
	looks++;
	return take(data, kind, image);
}

START_TEST(reload)
{
	struct taken taken = {.text = FRESH};
	struct source source;

	make_text(FRESH);
	make_published(FRESH);
	source_find(
	    config, SOURCE_FOR_STARTING, read_text, take_late, &taken, &source);
	ck_assert_int_eq(source.kind, SOURCE_PUBLISHED);
	ck_assert_uint_eq(source.generation, 3);
	ck_assert_uint_eq(looks, 2);
	ck_assert_str_eq(taken.name, "newer");
	shared_unmap(&source.shared);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("source");
	TCase *tc = tcase_create("source");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, order, 0, STATES);
	tcase_add_loop_test(tc, running, 0, STATES);
	tcase_add_test(tc, not_taken);
	tcase_add_test(tc, reload);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
