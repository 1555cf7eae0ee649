/* SPDX-License-Identifier: ISC */
/*
 * elf_file: the facts of programs that the compilers make here, and that no
 * damage to a file can crash the reader or keep it busy.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "host/elf_file.h"
#include "test.h"

static char directory[] = "/tmp/kashim-elf.XXXXXX";

static void
make_programs(void)
{
	static const char script[] =
	    "set -e\n"
	    "cd %s\n"
	    "cat >main.c <<'E'\n"
	    "#include <dlfcn.h>\n"
	    "int answer(void) { return 42; }\n"
	    "extern int maybe(void) __attribute__((weak));\n"
	    "#ifdef PLUGINS\n"
	    "#include <unistd.h>\n"
	    "int main(void) { return dlopen(\"x\", 1) && maybe && getpid(); }\n"
	    "#else\n"
	    "int main(void) { return 0; }\n"
	    "#endif\n"
	    "E\n"
	    "echo 'int io_uring_queue_init(void) { return 0; }' >uring.c\n"
	    "cc -shared -fPIC -Wl,-soname,liburing.so.2 -o liburing.so "
	    "uring.c\n"
	    "cc -shared -fPIC -Wl,-soname,libseccomp.so.2 -o libseccomp.so "
	    "uring.c\n"
	    "cc -o dynamic main.c\n"
	    "cc -no-pie -o fixed main.c\n"
	    "cc -static -o static main.c\n"
	    "cc -static-pie -o static-pie main.c\n"
	    "gcc -m32 -o m32 main.c\n"
	    "musl-gcc -o musl main.c\n"
	    "clang --target=aarch64-linux-gnu -fuse-ld=lld -nostdlib "
	    "-o aarch64 main.c -L/usr/aarch64-linux-gnu/lib -l:libc.so.6\n"
	    "cc -DPLUGINS -rdynamic -o plugins main.c -ldl\n"
	    "gcc -fsanitize=address -o asan main.c\n"
	    "cc -Wl,--no-as-needed -o uring main.c -L. -luring\n"
	    "cc -Wl,--no-as-needed -o seccomp main.c -L. -lseccomp\n"
	    "cc -DPLUGINS -shared -fPIC -Wl,-soname,libname.so.1 -o libname.so "
	    "main.c -ldl\n"
	    "printf 'GLIBC_2.99 { answer; };' >map\n"
	    "cc -shared -fPIC -nostdlib -Wl,-soname,libc.so.6,"
	    "--version-script=map -o libc.so main.c\n"
	    "echo 'int answer(void); int late(void) { return answer(); }' "
	    ">late.c\n"
	    "cc -shared -fPIC -o late.so late.c libc.so\n"
	    "cc -c -o object.o main.c\n"
	    "strip -s -o stripped dynamic\n"
	    "objcopy --remove-section=.note.go.buildid "
	    "/usr/bin/prometheus-node-exporter go-no-note\n"
	    "printf '#!/bin/sh\\n' >script\n"
	    "mkfifo fifo\n";
	char command[4096];

	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_int_lt(snprintf(command, sizeof(command), script, directory),
	    (int)sizeof(command));
	/* NOLINTNEXTLINE(cert-env33-c): the compilers are run by a script */
	ck_assert_int_eq(system(command), 0);
}

static void
remove_programs(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	/* NOLINTNEXTLINE(cert-env33-c): the compilers are run by a script */
	ck_assert_int_eq(system(command), 0);
}

static int
open_program(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return elf_file_open(*name == '/' ? name : path);
}

static const struct {
	const char *name;
	int result;
	unsigned int bits;
	const char *machine;
	const char *interpreter; /* its last component */
	enum elf_file_libc libc;
	bool dynamic;
	const char *facts; /* g: Go, u: io_uring, s: seccomp, p: plug-ins,
	                      a: libasan */
} programs[] = {
    {"dynamic", 0, 64, "x86-64", "ld-linux-x86-64.so.2", ELF_FILE_GLIBC, true,
	""},
    {"fixed", 0, 64, "x86-64", "ld-linux-x86-64.so.2", ELF_FILE_GLIBC, true,
	""},
    {"stripped", 0, 64, "x86-64", "ld-linux-x86-64.so.2", ELF_FILE_GLIBC, true,
	""},
    {"static", 0, 64, "x86-64", "", ELF_FILE_NO_LIBC, false, ""},
    {"static-pie", 0, 64, "x86-64", "", ELF_FILE_NO_LIBC, true, ""},
    {"m32", 0, 32, "i386", "ld-linux.so.2", ELF_FILE_GLIBC, true, ""},
    {"musl", 0, 64, "x86-64", "ld-musl-x86_64.so.1", ELF_FILE_MUSL, true, ""},
    {"aarch64", 0, 64, "aarch64", "ld-linux-aarch64.so.1", ELF_FILE_GLIBC, true,
	""},
    {"plugins", 0, 64, "x86-64", "ld-linux-x86-64.so.2", ELF_FILE_GLIBC, true,
	"p"},
    {"asan", 0, 64, "x86-64", "ld-linux-x86-64.so.2", ELF_FILE_GLIBC, true,
	"a"},
    {"uring", 0, 64, "x86-64", "ld-linux-x86-64.so.2", ELF_FILE_GLIBC, true,
	"u"},
    {"seccomp", 0, 64, "x86-64", "ld-linux-x86-64.so.2", ELF_FILE_GLIBC, true,
	"s"},
    {"libname.so", 0, 64, "x86-64", "", ELF_FILE_GLIBC, true, "p"},
    {"/usr/bin/prometheus-node-exporter", 0, 64, "x86-64",
	"ld-linux-x86-64.so.2", ELF_FILE_GLIBC, true, "g"},
    {"go-no-note", 0, 64, "x86-64", "ld-linux-x86-64.so.2", ELF_FILE_GLIBC,
	true, "g"},
    {"object.o", -ENOEXEC, 0, NULL, NULL, ELF_FILE_NO_LIBC, false, ""},
    {"script", -ENOEXEC, 0, NULL, NULL, ELF_FILE_NO_LIBC, false, ""},
    {"/dev/null", -EACCES, 0, NULL, NULL, ELF_FILE_NO_LIBC, false, ""},
    {"fifo", -EACCES, 0, NULL, NULL, ELF_FILE_NO_LIBC, false, ""},
    {".", -EACCES, 0, NULL, NULL, ELF_FILE_NO_LIBC, false, ""},
    {"nothing", -ENOENT, 0, NULL, NULL, ELF_FILE_NO_LIBC, false, ""},
};

START_TEST(test_facts)
{
	struct elf_file elf;
	const char *base, *facts = programs[_i].facts;
	int fd = open_program(programs[_i].name);

	if (fd < 0) {
		ck_assert_int_eq(fd, programs[_i].result);
		return;
	}
	ck_assert_int_eq(elf_file_read(fd, &elf), programs[_i].result);
	close(fd);
	if (programs[_i].result != 0)
		return;
	ck_assert_uint_eq(elf.bits, programs[_i].bits);
	ck_assert_str_eq(elf_file_machine(&elf), programs[_i].machine);
	ck_assert(!elf.big_endian);
	ck_assert_int_eq(elf.dynamic, programs[_i].dynamic);
	base = strrchr(elf.interpreter, '/');
	ck_assert_str_eq(
	    base ? base + 1 : elf.interpreter, programs[_i].interpreter);
	ck_assert_int_eq(elf.libc, programs[_i].libc);
	ck_assert_int_eq(elf.go, strchr(facts, 'g') != NULL);
	ck_assert_int_eq(elf.io_uring, strchr(facts, 'u') != NULL);
	ck_assert_int_eq(elf.seccomp, strchr(facts, 's') != NULL);
	ck_assert_int_eq(elf.asan, strchr(facts, 'a') != NULL);
	if (*facts != 'g')
		ck_assert_int_eq(elf.plugins, strchr(facts, 'p') != NULL);
	ck_assert_str_eq(elf.name,
	    strcmp(programs[_i].name, "libname.so") == 0 ? "libname.so.1" : "");
}
END_TEST

struct seen {
	bool imported, weak, defined;
};

static int
see(const char *name, bool imported, bool weak, void *data)
{
	struct seen *seen = data;

	if (strcmp(name, "dlopen") == 0)
		seen->imported = imported && !weak;
	else if (strcmp(name, "maybe") == 0)
		seen->weak = imported && weak;
	else if (strcmp(name, "answer") == 0)
		seen->defined = !imported;
	return 0;
}

static int
stop(const char *name, bool imported, bool weak, void *data)
{
	(void)name;
	(void)imported;
	(void)weak;
	return ++*(int *)data == 3 ? 77 : 0;
}

START_TEST(test_symbols)
{
	struct seen seen = {0};
	int count = 0;
	int fd = open_program("plugins");

	ck_assert_int_eq(elf_file_symbols(fd, see, &seen), 0);
	ck_assert(seen.imported);
	ck_assert(seen.weak);
	ck_assert(seen.defined);
	ck_assert_int_eq(elf_file_symbols(fd, stop, &count), 77);
	ck_assert_int_eq(count, 3);
	close(fd);
	fd = open_program("static");
	count = 0;
	ck_assert_int_eq(elf_file_symbols(fd, stop, &count), 0);
	ck_assert_int_eq(count, 0);
	close(fd);
	fd = open_program("script");
	ck_assert_int_eq(elf_file_symbols(fd, stop, &count), -ENOEXEC);
	close(fd);
}
END_TEST

struct versions {
	bool imported, defined;
};

static int
see_version(const char *name, bool imported, bool weak, void *data)
{
	struct versions *versions = data;

	if (strcmp(name, "GLIBC_2.99") == 0) {
		ck_assert(!weak);
		if (imported)
			versions->imported = true;
		else
			versions->defined = true;
	}
	return 0;
}

START_TEST(test_versions)
{
	static const struct {
		const char *name;
		int result;
		bool imported, defined;
	} files[] = {
	    {"late.so", 0, true, false},
	    {"libc.so", 0, false, true},
	    {"libname.so", 0, false, false},
	    {"static", 0, false, false},
	    {"script", -ENOEXEC, false, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		struct versions versions = {false, false};
		int fd = open_program(files[i].name);

		ck_assert_int_eq(elf_file_versions(fd, see_version, &versions),
		    files[i].result);
		ck_assert_int_eq(versions.imported, files[i].imported);
		ck_assert_int_eq(versions.defined, files[i].defined);
		close(fd);
	}
}
END_TEST

static double
now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int
ignore(const char *name, bool imported, bool weak, void *data)
{
	(void)imported;
	(void)weak;
	*(size_t *)data += strlen(name);
	return 0;
}

/* Whatever is said of it, it has to be sound. */
static int
read_damaged(int fd)
{
	struct elf_file elf;
	size_t letters = 0;
	int result = elf_file_read(fd, &elf);

	if (result == 0) {
		ck_assert(elf.bits == 32 || elf.bits == 64);
		ck_assert_uint_lt(strnlen(elf.interpreter, PATH_MAX), PATH_MAX);
		ck_assert_uint_lt(
		    strnlen(elf.name, NAME_MAX + 1), NAME_MAX + 1);
		ck_assert_ptr_nonnull(elf_file_machine(&elf));
	} else {
		ck_assert_int_lt(result, 0);
	}
	(void)elf_file_symbols(fd, ignore, &letters);
	(void)elf_file_versions(fd, ignore, &letters);
	return result;
}

/* A copy in memory, to be damaged. */
static int
copy(const char *name, unsigned char **bytes, size_t *size)
{
	int from = open_program(name), fd = memfd_create(name, MFD_CLOEXEC);
	struct stat st;

	ck_assert_int_ge(from, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(from, &st), 0);
	*size = (size_t)st.st_size;
	*bytes = malloc(*size);
	ck_assert_ptr_nonnull(*bytes);
	ck_assert_int_eq(pread(from, *bytes, *size, 0), (ssize_t)*size);
	ck_assert_int_eq(pwrite(fd, *bytes, *size, 0), (ssize_t)*size);
	close(from);
	return fd;
}

static const char *const damaged[] = {
    "dynamic", "m32", "plugins", "musl", "late.so", "libc.so"};

START_TEST(test_each_byte)
{
	static const unsigned char masks[] = {0xff, 0x80, 0x01};
	unsigned char *bytes;
	size_t size, refused = 0;
	int fd = copy(damaged[_i], &bytes, &size);

	ck_assert_int_eq(read_damaged(fd), 0);
	for (size_t at = 0; at < size; at++) {
		for (size_t m = 0; m < ARRAY_LEN(masks); m++) {
			unsigned char byte = bytes[at] ^ masks[m];

			ck_assert_int_eq(pwrite(fd, &byte, 1, (off_t)at), 1);
			refused += read_damaged(fd) < 0;
		}
		ck_assert_int_eq(pwrite(fd, bytes + at, 1, (off_t)at), 1);
	}
	ck_assert_int_eq(read_damaged(fd), 0);
	/* Not all that is damaged can be seen, but the magic number can. */
	ck_assert_uint_ge(refused, 4 * ARRAY_LEN(masks));
	close(fd);
	free(bytes);
}
END_TEST

START_TEST(test_each_length)
{
	unsigned char *bytes;
	size_t size;
	int fd = copy(damaged[_i], &bytes, &size);

	while (size-- > 0) {
		ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
		if (read_damaged(fd) == 0)
			ck_assert_uint_ge(size, sizeof(Elf32_Ehdr));
	}
	close(fd);
	free(bytes);
}
END_TEST

/* Many at once, and words that are large, small or the file's own. */
START_TEST(test_random_damage)
{
	static const uint64_t words[] = {0, 1, 0x7fffffff, 0x80000000,
	    0xffffffff, 0x7fffffffffffffff, 0xffffffffffffffff, 0x1000};
	uint64_t state = 42 + (uint64_t)_i;
	unsigned char *bytes;
	size_t size;
	int fd = copy(damaged[_i], &bytes, &size);

	for (int round = 0; round < 5000; round++) {
		uint32_t changes = 1 + test_below(&state, 6);

		ck_assert_int_eq(pwrite(fd, bytes, size, 0), (ssize_t)size);
		while (changes-- > 0) {
			/* The headers are what decides. */
			uint32_t room = test_below(&state, 4) > 0
			                    ? 1024
			                    : (uint32_t)size - 8;
			uint32_t at = test_below(&state, room) & ~3u;
			uint64_t word =
			    words[test_below(&state, ARRAY_LEN(words))];

			size_t width = test_below(&state, 2) ? 8 : 4;

			ck_assert_int_eq(pwrite(fd, &word, width, (off_t)at),
			    (ssize_t)width);
		}
		(void)read_damaged(fd);
	}
	close(fd);
	free(bytes);
}
END_TEST

/* Sections that are counted outside of the header; also 4 billion of them. */
START_TEST(test_too_many_sections)
{
	static const uint32_t counts[] = {100000, UINT32_MAX};
	unsigned char *bytes;
	size_t size;
	int fd = copy("dynamic", &bytes, &size);
	Elf64_Ehdr header;
	Elf64_Shdr zero = {.sh_size = counts[_i]};
	double start = now_s();

	memcpy(&header, bytes, sizeof(header));
	header.e_shnum = 0;
	header.e_shoff = size;
	ck_assert_int_eq(
	    pwrite(fd, &header, sizeof(header), 0), (ssize_t)sizeof(header));
	ck_assert_int_eq(pwrite(fd, &zero, sizeof(zero), (off_t)size),
	    (ssize_t)sizeof(zero));
	ck_assert_int_eq(ftruncate(fd, (off_t)1 << 40), 0);
	ck_assert_int_eq(read_damaged(fd), -ENOEXEC);
	ck_assert(now_s() - start < 1);
	close(fd);
	free(bytes);
}
END_TEST

/* As the kernel has it: its name ends at the end of its segment. */
START_TEST(test_interpreter)
{
	unsigned char *bytes;
	size_t size;
	int fd = copy("dynamic", &bytes, &size);
	Elf64_Ehdr *header = (Elf64_Ehdr *)bytes;
	Elf64_Phdr *part = (Elf64_Phdr *)(bytes + header->e_phoff);

	while (part->p_type != PT_INTERP)
		part++;
	bytes[part->p_offset + part->p_filesz - 1] = 'x';
	ck_assert_int_eq(pwrite(fd, bytes, size, 0), (ssize_t)size);
	ck_assert_int_eq(read_damaged(fd), -ENOEXEC);
	close(fd);
	free(bytes);
}
END_TEST

/* Sections, strings and headers of gigabytes, in a file that has them. */
START_TEST(test_huge)
{
	unsigned char *bytes;
	size_t size;
	int fd = copy("plugins", &bytes, &size);
	Elf64_Ehdr *header = (Elf64_Ehdr *)bytes;
	Elf64_Phdr *programs_at = (Elf64_Phdr *)(bytes + header->e_phoff);
	Elf64_Shdr *sections = (Elf64_Shdr *)(bytes + header->e_shoff);
	double start = now_s();

	for (int i = 0; i < header->e_phnum; i++)
		if (programs_at[i].p_type != PT_INTERP)
			programs_at[i].p_filesz = (Elf64_Xword)6 << 30;
	for (int i = 1; i < header->e_shnum; i++)
		sections[i].sh_size = (Elf64_Xword)6 << 30;
	ck_assert_int_eq(pwrite(fd, bytes, size, 0), (ssize_t)size);
	ck_assert_int_eq(ftruncate(fd, (off_t)1 << 40), 0);
	ck_assert_int_eq(read_damaged(fd), 0);
	ck_assert(now_s() - start < 1);
	close(fd);
	free(bytes);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("elf_file");
	TCase *tc = tcase_create("elf_file");

	tcase_set_timeout(tc, 120);
	tcase_add_unchecked_fixture(tc, make_programs, remove_programs);
	tcase_add_loop_test(tc, test_facts, 0, ARRAY_LEN(programs));
	tcase_add_test(tc, test_symbols);
	tcase_add_test(tc, test_versions);
	tcase_add_loop_test(tc, test_each_byte, 0, ARRAY_LEN(damaged));
	tcase_add_loop_test(tc, test_each_length, 0, ARRAY_LEN(damaged));
	tcase_add_loop_test(tc, test_random_damage, 0, ARRAY_LEN(damaged));
	tcase_add_loop_test(tc, test_too_many_sections, 0, 2);
	tcase_add_test(tc, test_interpreter);
	tcase_add_test(tc, test_huge);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	return test_main(suite());
}
