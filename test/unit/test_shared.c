/* SPDX-License-Identifier: ISC */
/* shared: what is published, what a reader finds, and what goes wrong. */
#include "image/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policies.h"

static char directory[64];
static char path[128];

static void
setup(void)
{
	strcpy(directory, "/tmp/kashim-shared.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	/* One level deeper: it is made if it is not there. */
	snprintf(path, sizeof(path), "%s/cache/x.shared", directory);
}

static void
teardown(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", directory);
	/* NOLINTNEXTLINE(cert-env33-c): of our own making */
	ck_assert_int_eq(system(command), 0);
}

/* An image of count rules with names of a letter and a number. */
static struct image
make_image(char letter, size_t count)
{
	struct rule *rules = calloc(count, sizeof(*rules));
	char(*names)[24] = calloc(count, sizeof(*names));
	struct image image;
	uint8_t *bytes;

	for (size_t i = 0; i < count; i++) {
		snprintf(names[i], sizeof(names[i]), "%c%zu", letter, i);
		rules[i] = (struct rule){.name = names[i],
		    .direction = DIRECTION_BOTH,
		    .keepalive = {.set = 1, .value = {letter}}};
	}
	ck_assert_int_eq(test_build(rules, count, &bytes, &image.size), 0);
	image.bytes = bytes;
	free(rules);
	free(names);
	return image;
}

static struct shared_result
publish(char letter, size_t count)
{
	struct image image = make_image(letter, count);
	struct shared_result result = {0};

	ck_assert_int_eq(shared_publish(path, &image, &result), 0);
	free((void *)image.bytes);
	return result;
}

/* The letter of the policy that a reader finds now; '-' if it is not sound. */
static char
letter_of(const struct shared *shared)
{
	uint32_t generation = shared_current(shared);
	struct image image = shared_image(shared, generation);
	struct image_rule rule;

	if (image_check(&image) < 0 || !image_rule(&image, 0, &rule))
		return '-';
	return image_string(&image, rule.name)[0];
}

START_TEST(follows)
{
	struct shared shared;
	struct shared_result result = publish('a', 1);

	ck_assert(result.new_file);
	ck_assert_uint_eq(result.generation, 1);
	ck_assert_int_eq(shared_map(path, &shared), 0);
	ck_assert_int_eq(letter_of(&shared), 'a');
	for (uint32_t i = 1; i < 7; i++) {
		char letter = "abcdefg"[i];

		result = publish(letter, i * 10);
		ck_assert(!result.new_file);
		ck_assert_uint_eq(result.generation, i + 1);
		ck_assert_uint_eq(shared_current(&shared), result.generation);
		ck_assert_int_eq(letter_of(&shared), letter);
	}
	shared_unmap(&shared);
	ck_assert_ptr_null(shared.header);
}
END_TEST

/* Behind the last number comes the first, and the halves still take turns. */
START_TEST(numbers)
{
	const uint32_t NUMBERS[] = {SHARED_LAST, 1, 2};
	struct shared_header *header;
	struct shared shared;
	int fd;

	publish('a', 1);
	publish('a', 1);
	fd = open(path, O_RDWR);
	header =
	    mmap(NULL, SHARED_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	ck_assert_int_eq(shared_map(path, &shared), 0);
	header->current = SHARED_LAST;
	header->begun = SHARED_LAST;
	for (size_t i = 1; i < ARRAY_LEN(NUMBERS); i++) {
		/* While the next one is written. */
		header->begun = NUMBERS[i];
		ck_assert(shared_intact(&shared, NUMBERS[i - 1]));
		header->begun = NUMBERS[i - 1];
		ck_assert_uint_eq(
		    publish((char)('a' + i), 1).generation, NUMBERS[i]);
		ck_assert_uint_eq(header->current, NUMBERS[i]);
		ck_assert_int_eq(letter_of(&shared), 'a' + (int)i);
		ck_assert(shared_intact(&shared, NUMBERS[i - 1]));
		ck_assert(i < 2 || !shared_intact(&shared, NUMBERS[i - 2]));
	}
	shared_unmap(&shared);
	/* Numbers that mean something else are not one of ours. */
	header->current = 0;
	ck_assert_int_eq(shared_map(path, &shared), -EBADMSG);
	header->current = UINT32_MAX;
	ck_assert_int_eq(shared_map(path, &shared), -EBADMSG);
	ck_assert(publish('d', 1).new_file);
	munmap(header, SHARED_PAGE);
}
END_TEST

/* A reader of one generation is safe until the next but one is begun. */
START_TEST(intact)
{
	struct shared shared;

	publish('a', 1);
	ck_assert_int_eq(shared_map(path, &shared), 0);
	ck_assert(shared_intact(&shared, 1));
	publish('b', 1);
	ck_assert(shared_intact(&shared, 1));
	ck_assert(shared_intact(&shared, 2));
	publish('c', 1);
	ck_assert(!shared_intact(&shared, 1));
	ck_assert(shared_intact(&shared, 2));
	shared_unmap(&shared);
}
END_TEST

/* One that does not fit: a new file, the old one stays for who has it. */
START_TEST(outgrown)
{
	struct shared shared, other;
	struct shared_result result;

	publish('a', 1);
	publish('b', 1);
	ck_assert_int_eq(shared_map(path, &shared), 0);
	result = publish('c', 5000);
	ck_assert(result.new_file);
	ck_assert_uint_eq(result.generation, 3);
	ck_assert_int_eq(letter_of(&shared), 'b');
	ck_assert_int_eq(shared_map(path, &other), 0);
	ck_assert_int_eq(letter_of(&other), 'c');
	/* Now there is room. */
	ck_assert(!publish('d', 5000).new_file);
	ck_assert_int_eq(letter_of(&other), 'd');
	ck_assert_int_eq(letter_of(&shared), 'b');
	shared_unmap(&other);
	shared_unmap(&shared);
}
END_TEST

static void
poke(off_t at, const void *bytes, size_t size)
{
	int fd = open(path, O_WRONLY);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, bytes, size, at), (ssize_t)size);
	close(fd);
}

/* What is no file of ours is not mapped, and the next publication mends it. */
START_TEST(refused)
{
	static const struct {
		off_t at;
		uint32_t value;
		int error;
	} CASES[] = {
	    {offsetof(struct shared_header, magic), 1, -EBADMSG},
	    {offsetof(struct shared_header, version), SHARED_VERSION + 1,
		-EPROTONOSUPPORT},
	    {offsetof(struct shared_header, half_size), 0, -EBADMSG},
	    {offsetof(struct shared_header, half_size), 1, -EBADMSG},
	    {offsetof(struct shared_header, half_size), UINT32_MAX - 4095,
		-EBADMSG},
	};
	struct shared shared;
	struct stat st;

	ck_assert_int_eq(shared_map(path, &shared), -ENOENT);
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		publish('a', 1);
		poke(CASES[i].at, &CASES[i].value, sizeof(uint32_t));
		ck_assert_int_eq(shared_map(path, &shared), CASES[i].error);
		ck_assert(publish('b', 1).new_file);
		ck_assert_int_eq(shared_map(path, &shared), 0);
		ck_assert_int_eq(letter_of(&shared), 'b');
		shared_unmap(&shared);
	}
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0644);
	ck_assert_int_eq(truncate(path, st.st_size - 1), 0);
	ck_assert_int_eq(shared_map(path, &shared), -EBADMSG);
	ck_assert_int_eq(truncate(path, 0), 0);
	ck_assert_int_eq(shared_map(path, &shared), -EBADMSG);
	ck_assert(publish('c', 1).new_file);
	ck_assert_int_eq(chmod(path, 0666), 0);
	ck_assert_int_eq(shared_map(path, &shared), -EPERM);
}
END_TEST

/* Any bytes behind the header: no read goes outside, and no size does. */
START_TEST(garbage)
{
	uint64_t state = 1;
	struct shared shared;
	struct image image;

	for (int i = 0; i < 200; i++) {
		publish('a', 20);
		ck_assert_int_eq(shared_map(path, &shared), 0);
		for (int k = 0; k < 20; k++) {
			uint32_t value = (uint32_t)test_random(&state);

			poke((off_t)test_below(&state, 4) * 4 + 16, &value, 4);
			poke(SHARED_PAGE + test_below(&state, 4000), &value, 4);
			image = shared_image(&shared, shared_current(&shared));
			ck_assert_uint_le(image.size, shared.half_size);
			(void)image_check(&image);
		}
		shared_unmap(&shared);
		ck_assert_int_eq(unlink(path), 0);
	}
}
END_TEST

/* Killed, or out of space, after any part was written. */
START_TEST(torn)
{
	struct image image = make_image('c', 100);
	struct shared shared;
	uint32_t begun = 3;

	publish('a', 100);
	publish('b', 100);
	ck_assert_int_eq(shared_map(path, &shared), 0);
	for (uint32_t part = 0; part < image.size; part += 500) {
		poke(offsetof(struct shared_header, begun), &begun,
		    sizeof(begun));
		poke(SHARED_PAGE + shared.half_size, image.bytes, part);
		ck_assert_int_eq(letter_of(&shared), 'b');
		ck_assert(shared_intact(&shared, 2));
	}
	ck_assert_uint_eq(publish('d', 100).generation, 3);
	ck_assert_int_eq(letter_of(&shared), 'd');
	free((void *)image.bytes);
	shared_unmap(&shared);
}
END_TEST

/* No room for the new file: -EFBIG stands for ENOSPC here. */
START_TEST(no_space)
{
	struct image image = make_image('a', 1);
	const struct rlimit small = {16384, 16384};
	struct shared_result result;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &small);
		_exit(shared_publish(path, &image, &result) == -EFBIG ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	/* Nothing is left of it but the lock. */
	ck_assert_int_eq(access(path, F_OK), -1);
	free((void *)image.bytes);
}
END_TEST

static char mixed_letter;

static bool
all_of_one(const struct image *image)
{
	struct image_rule rule;
	char first = '\0';

	for (uint32_t i = 0; image_rule(image, i, &rule); i++) {
		char letter = image_string(image, rule.name)[0];

		if (first == '\0')
			first = letter;
		if (letter != first || rule.value[0] != letter) {
			mixed_letter = letter;
			return false;
		}
	}
	return first != '\0';
}

/*
 * A writer that never rests. What a reader finds intact is of one policy,
 * whole; what is not is often not, or the question would be useless.
 */
START_TEST(under_load)
{
	unsigned long whole = 0, void_reads = 0, torn_reads = 0;
	struct shared shared;
	int status;
	pid_t pid;

	publish('a', 300);
	ck_assert_int_eq(shared_map(path, &shared), 0);
	pid = fork();
	if (pid == 0) {
		struct image images[] = {make_image('a', 300),
		    make_image('b', 299), make_image('c', 301)};
		struct shared_result result;

		for (unsigned int i = 0; i < 500; i++) {
			if (shared_publish(path, &images[i % 3], &result) < 0)
				_exit(1);
		}
		_exit(0);
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		uint32_t generation = shared_current(&shared);
		struct image image = shared_image(&shared, generation);
		bool one;

		/* Now and then the reader loses the processor. */
		if ((whole + void_reads) % 7 == 0)
			usleep(300);
		one = all_of_one(&image);
		if (!shared_intact(&shared, generation)) {
			void_reads++;
			torn_reads += !one;
			continue;
		}
		whole++;
		ck_assert_msg(
		    one, "'%c' in generation %u", mixed_letter, generation);
	}
	ck_assert_int_eq(status, 0);
	ck_assert_uint_gt(whole, 100);
	ck_assert_uint_gt(void_reads, 0);
	ck_assert_uint_gt(torn_reads, 0);
	shared_unmap(&shared);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("shared");
	TCase *tc = tcase_create("shared");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, follows);
	tcase_add_test(tc, numbers);
	tcase_add_test(tc, intact);
	tcase_add_test(tc, outgrown);
	tcase_add_test(tc, refused);
	tcase_add_test(tc, garbage);
	tcase_add_test(tc, torn);
	tcase_add_test(tc, no_space);
	tcase_add_test(tc, under_load);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
