/* SPDX-License-Identifier: ISC */
/* cache: which image files are believed, which are fresh, how one is written.
 */
#include "image/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policies.h"

static char directory[64];
static char source_path[128];
static char image_path[128];

static void
write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	ck_assert_int_eq(fclose(file), 0);
}

static void
setup(void)
{
	strcpy(directory, "/tmp/kashim-cache.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(source_path, sizeof(source_path), "%s/kashim.conf", directory);
	ck_assert_int_eq(
	    cache_name(source_path, image_path, sizeof(image_path)), 0);
	write_text(source_path, "rule all { }\n");
}

static void
teardown(void)
{
	char other[160];

	snprintf(other, sizeof(other), "%s/more.conf", directory);
	unlink(other);
	unlink(source_path);
	unlink(image_path);
	rmdir(image_path);
	rmdir(directory);
}

/* An image made from the files at the count paths, as they are now. */
static void
write_image(const char *const *paths, size_t count)
{
	struct rule rule = {.name = "all", .direction = DIRECTION_BOTH};
	struct build_source sources[2];
	struct build_input input = {
	    .rules = &rule,
	    .rule_count = 1,
	    .sources = sources,
	    .source_count = count,
	};
	uint8_t *bytes;
	uint32_t size;

	for (size_t i = 0; i < count; i++) {
		struct stat st;

		ck_assert_int_eq(stat(paths[i], &st), 0);
		sources[i] = (struct build_source){
		    .path = paths[i],
		    .device = st.st_dev,
		    .inode = st.st_ino,
		    .size = (uint64_t)st.st_size,
		    .mtime_s = st.st_mtim.tv_sec,
		    .mtime_ns = (uint32_t)st.st_mtim.tv_nsec,
		};
	}
	ck_assert_int_eq(build_image(&input, &bytes, &size), 0);
	ck_assert_int_eq(cache_write(image_path, bytes, size), 0);
	free(bytes);
}

static void
write_usual(void)
{
	const char *const paths[] = {source_path};

	write_image(paths, 1);
}

START_TEST(name)
{
	char path[20];

	ck_assert_int_eq(cache_name("/etc/a.conf", path, sizeof(path)), 0);
	ck_assert_str_eq(path, "/etc/a.conf.policy");
	ck_assert_int_eq(cache_name("/etc/a.conf", path, 18), -ENAMETOOLONG);
}
END_TEST

START_TEST(round_trip)
{
	struct image image;
	struct stat st;

	write_usual();
	ck_assert_int_eq(stat(image_path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0644);
	ck_assert_int_eq(cache_read(image_path, &image), 0);
	ck_assert_uint_eq(image_rule_count(&image), 1);
	ck_assert(cache_is_fresh(&image, source_path));
	cache_release(&image);
	ck_assert_ptr_null(image.bytes);
}
END_TEST

/* Each way in which a source file can change. */
START_TEST(stale)
{
	struct image image;
	struct timespec times[2];
	struct stat st;
	char moved[160];

	write_usual();
	ck_assert_int_eq(cache_read(image_path, &image), 0);
	ck_assert_int_eq(stat(source_path, &st), 0);
	times[0] = times[1] = st.st_mtim;

	/* Other bytes, same length, same time but for a nanosecond. */
	times[1].tv_nsec ^= 1;
	ck_assert_int_eq(utimensat(AT_FDCWD, source_path, times, 0), 0);
	ck_assert(!cache_is_fresh(&image, source_path));
	times[1].tv_nsec ^= 1;
	ck_assert_int_eq(utimensat(AT_FDCWD, source_path, times, 0), 0);
	ck_assert(cache_is_fresh(&image, source_path));

	times[1].tv_sec -= 3600;
	ck_assert_int_eq(utimensat(AT_FDCWD, source_path, times, 0), 0);
	ck_assert(!cache_is_fresh(&image, source_path));
	times[1].tv_sec += 3600;

	/* Another length at the same time. */
	write_text(source_path, "rule all { }\n\n");
	ck_assert_int_eq(utimensat(AT_FDCWD, source_path, times, 0), 0);
	ck_assert(!cache_is_fresh(&image, source_path));

	/* Another file of the same length and time. */
	snprintf(moved, sizeof(moved), "%s.new", source_path);
	write_text(moved, "rule all { }\n");
	ck_assert_int_eq(utimensat(AT_FDCWD, moved, times, 0), 0);
	ck_assert_int_eq(rename(moved, source_path), 0);
	ck_assert(!cache_is_fresh(&image, source_path));

	/* None to be seen, as in a chroot. */
	ck_assert_int_eq(unlink(source_path), 0);
	ck_assert(cache_is_fresh(&image, source_path));
	cache_release(&image);
}
END_TEST

START_TEST(stale_include)
{
	char other[160];
	const char *const paths[] = {source_path, other};
	struct image image;

	snprintf(other, sizeof(other), "%s/more.conf", directory);
	write_text(other, "");
	write_image(paths, 2);
	ck_assert_int_eq(cache_read(image_path, &image), 0);
	ck_assert(cache_is_fresh(&image, source_path));
	write_text(other, "# more\n");
	ck_assert(!cache_is_fresh(&image, source_path));
	/* One of two gone is a change, not a chroot. */
	ck_assert_int_eq(unlink(other), 0);
	ck_assert(!cache_is_fresh(&image, source_path));
	cache_release(&image);
}
END_TEST

START_TEST(not_believed)
{
	struct image image;

	ck_assert_int_eq(cache_read(image_path, &image), -ENOENT);
	ck_assert_int_eq(mkdir(image_path, 0755), 0);
	ck_assert_int_eq(cache_read(image_path, &image), -EPERM);
	ck_assert_int_eq(rmdir(image_path), 0);
	ck_assert_int_eq(mkfifo(image_path, 0644), 0);
	ck_assert_int_eq(cache_read(image_path, &image), -EPERM);
	ck_assert_int_eq(unlink(image_path), 0);

	write_usual();
	ck_assert_int_eq(chmod(image_path, 0664), 0);
	ck_assert_int_eq(cache_read(image_path, &image), -EPERM);
	ck_assert_int_eq(chmod(image_path, 0646), 0);
	ck_assert_int_eq(cache_read(image_path, &image), -EPERM);
	ck_assert_int_eq(chmod(image_path, 0600), 0);
	ck_assert_int_eq(cache_read(image_path, &image), 0);
	cache_release(&image);
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(image_path, 1234, 0), 0);
		ck_assert_int_eq(cache_read(image_path, &image), -EPERM);
	}
}
END_TEST

START_TEST(damaged)
{
	struct image image;
	struct stat st;

	write_text(image_path, "");
	ck_assert_int_eq(cache_read(image_path, &image), -EBADMSG);
	write_text(image_path, "not an image at all, but long enough for one: "
			       "its header is a hundred bytes and a few more");
	ck_assert_int_eq(cache_read(image_path, &image), -EBADMSG);
	write_usual();
	ck_assert_int_eq(stat(image_path, &st), 0);
	ck_assert_int_eq(truncate(image_path, st.st_size - 1), 0);
	ck_assert_int_eq(cache_read(image_path, &image), -EBADMSG);
	ck_assert_int_eq(truncate(image_path, st.st_size), 0);
	ck_assert_int_eq(truncate(image_path, st.st_size + 1), 0);
	ck_assert_int_eq(cache_read(image_path, &image), -EBADMSG);
}
END_TEST

/* A large one is copied, too: who uses it is not hurt if it is cut short. */
START_TEST(large)
{
	struct random_policy policy;
	struct match_query query;
	struct image image, built;
	uint64_t state = 21;
	uint8_t *bytes;

	random_policy_make(&state, 1000, 4, &policy);
	ck_assert_int_eq(
	    test_build(policy.rules, 1000, &bytes, &built.size), 0);
	built.bytes = bytes;
	ck_assert_uint_gt(built.size, 100000);
	ck_assert_int_eq(cache_write(image_path, bytes, built.size), 0);

	ck_assert_int_eq(cache_read(image_path, &image), 0);
	ck_assert_uint_eq(image.size, built.size);
	ck_assert_int_eq(truncate(image_path, 0), 0);
	for (int n = 0; n < 1000; n++) {
		query = random_query(&state);
		ck_assert_int_eq(match_rule(&image, NULL, &query),
		    match_rule(&built, NULL, &query));
	}
	ck_assert_int_eq(image_check(&image), 0);
	cache_release(&image);
	random_policy_free(&policy);
	free(bytes);
}
END_TEST

/* What can't be written leaves the old one, and nothing else, there. */
START_TEST(write_fails)
{
	char missing[160];
	const uint8_t byte = 0;

	snprintf(missing, sizeof(missing), "%s/none/x", directory);
	ck_assert_int_eq(cache_write(missing, &byte, 1), -ENOENT);
	ck_assert_int_eq(mkdir(image_path, 0755), 0);
	ck_assert_int_eq(cache_write(image_path, &byte, 1), -EISDIR);
	ck_assert_int_eq(rmdir(image_path), 0);
	/* teardown()'s rmdir() tells if a temporary file stayed. */
	teardown();
	ck_assert_int_eq(access(directory, F_OK), -1);
	setup();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cache");
	TCase *tc = tcase_create("cache");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, name);
	tcase_add_test(tc, round_trip);
	tcase_add_test(tc, stale);
	tcase_add_test(tc, stale_include);
	tcase_add_test(tc, not_believed);
	tcase_add_test(tc, damaged);
	tcase_add_test(tc, large);
	tcase_add_test(tc, write_fails);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
