/* SPDX-License-Identifier: ISC */
/*
 * in_force: when what was read of a configuration, which may include a file and
 * be published, is no longer what would be read.
 */
#include "config/in_force.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/cache.h"
#include "test.h"

static char directory[64], config[128], included[128];
static char compiled[256], published[256];

static void
setup(void)
{
	strcpy(directory, "/tmp/kashim-in-force.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_int_eq(setenv(CACHE_ENVIRONMENT, directory, 1), 0);
	snprintf(config, sizeof(config), "%s/kashim.conf", directory);
	snprintf(included, sizeof(included), "%s/more.conf", directory);
	ck_assert_int_eq(cache_name(config, compiled, sizeof(compiled)), 0);
	ck_assert_int_eq(
	    shared_name(config, 0, published, sizeof(published)), 0);
}

static void
teardown(void)
{
	unlink(config);
	unlink(included);
	unlink(compiled);
	unlink(published);
	rmdir(directory);
	unsetenv(CACHE_ENVIRONMENT);
}

/* Of another size than before: a file's time is too coarse for a test. */
static void
write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

static void
remove_text(void)
{
	ck_assert_int_eq(unlink(config), 0);
}

static void
change_text(void)
{
	write_text(config, "include(\"more.conf\")\nrule b { idle = 200 }\n");
}

static void
spoil_text(void)
{
	write_text(config, "rule {");
}

static void
change_included(void)
{
	write_text(included, "interval = 10\n");
}

static void
write_image(bool publish)
{
	char message[CONFIG_MESSAGE_MAX];
	struct shared_result result;
	struct image image;
	uint8_t *bytes;

	ck_assert_int_eq(
	    config_load(config, NULL, NULL, &bytes, &image.size, message), 0);
	image.bytes = bytes;
	if (publish)
		ck_assert_int_eq(shared_publish(published, &image, &result), 0);
	else
		ck_assert_int_eq(
		    cache_write(compiled, image.bytes, image.size), 0);
	free(bytes);
}

static void
compile(void)
{
	write_image(false);
}

static void
publish(void)
{
	write_image(true);
}

static void
publish_anew(void)
{
	unlink(published);
	publish();
}

static void
withdraw(void)
{
	unlink(published);
}

static void
nothing(void)
{
}

/* What is done before it is read, and what afterwards. */
static const struct {
	void (*before)(void);
	void (*after)(void);
	enum source_for whom;
	bool current;
} CASES[] = {
    {nothing, nothing, SOURCE_FOR_STARTING, true},
    {nothing, compile, SOURCE_FOR_STARTING, true},
    {nothing, change_text, SOURCE_FOR_STARTING, false},
    {nothing, change_text, SOURCE_FOR_RUNNING, false},
    {nothing, remove_text, SOURCE_FOR_STARTING, false},
    {nothing, change_included, SOURCE_FOR_STARTING, false},
    {nothing, change_included, SOURCE_FOR_RUNNING, false},
    {nothing, publish, SOURCE_FOR_STARTING, false},
    {compile, nothing, SOURCE_FOR_STARTING, true},
    {compile, change_included, SOURCE_FOR_STARTING, false},
    {publish, nothing, SOURCE_FOR_STARTING, true},
    {publish, change_text, SOURCE_FOR_STARTING, false},
    {publish, withdraw, SOURCE_FOR_STARTING, false},
    /* Programs that run have it still. */
    {publish, nothing, SOURCE_FOR_RUNNING, true},
    {publish, change_text, SOURCE_FOR_RUNNING, true},
    {publish, spoil_text, SOURCE_FOR_RUNNING, true},
    {publish, publish, SOURCE_FOR_RUNNING, false},
    {publish, publish_anew, SOURCE_FOR_RUNNING, false},
    {publish, withdraw, SOURCE_FOR_RUNNING, false},
    /* When the mistake goes, it may be in a file that it doesn't know. */
    {spoil_text, nothing, SOURCE_FOR_STARTING, false},
};

START_TEST(current)
{
	const enum source_for whom = CASES[_i].whom;
	struct in_force force;

	write_text(included, "interval = 9\n");
	write_text(config, "include(\"more.conf\")\nrule a { }\n");
	CASES[_i].before();
	(void)in_force_read_for(config, whom, &force);
	CASES[_i].after();
	ck_assert_int_eq(
	    in_force_is_current(config, whom, &force), CASES[_i].current);
	in_force_free(&force);
}
END_TEST

/* A text that has changed since it was published. */
START_TEST(older)
{
	struct in_force force;

	change_included();
	write_text(config, "include(\"more.conf\")\nrule a { }\n");
	publish();
	change_text();
	ck_assert_int_eq(
	    in_force_read_for(config, SOURCE_FOR_RUNNING, &force), 0);
	ck_assert_int_eq(force.source.kind, SOURCE_OLD_PUBLISHED);
	ck_assert(in_force_is_current(config, SOURCE_FOR_RUNNING, &force));
	ck_assert(!in_force_is_current(config, SOURCE_FOR_STARTING, &force));
	for (int i = 0; i < 2; i++) {
		force.published[i].st_ino++;
		ck_assert(
		    !in_force_is_current(config, SOURCE_FOR_RUNNING, &force));
		force.published[i].st_ino--;
	}
	/* A reload that the file's time doesn't show. */
	publish();
	ck_assert_int_eq(stat(published, &force.published[0]), 0);
	force.published[1] = force.published[0];
	ck_assert(!in_force_is_current(config, SOURCE_FOR_RUNNING, &force));
	in_force_free(&force);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("in_force");
	TCase *tc = tcase_create("in_force");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, current, 0, (int)ARRAY_LEN(CASES));
	tcase_add_test(tc, older);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
