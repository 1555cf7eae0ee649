/* SPDX-License-Identifier: ISC */
/*
 * elf_file: what an ELF file says of itself (elf(5)), as far as it decides
 * whether a preload works. The only includer of libelf.
 *
 * Read is what the kernel and the loader look at, the program headers; of the
 * sections only the table of dynamic symbols. A file of any size costs a few
 * small reads, and is not mapped: were it cut short meanwhile, that would kill
 * the reader.
 */
#ifndef KASHIM_ELF_FILE_H
#define KASHIM_ELF_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

enum elf_file_libc {
	ELF_FILE_NO_LIBC, /* it needs none: static */
	ELF_FILE_GLIBC,
	ELF_FILE_MUSL,
	ELF_FILE_OTHER_LIBC, /* none of these, or not told */
};

struct elf_file {
	unsigned int bits; /* 64 or 32 */
	bool big_endian;
	uint16_t machine;           /* EM_X86_64 and so on, elf.h */
	bool dynamic;               /* has a dynamic section */
	char interpreter[PATH_MAX]; /* the loader that it asks for, or "" */
	char name[NAME_MAX + 1];    /* DT_SONAME, or "" */
	enum elf_file_libc libc;
	bool go;       /* made by the Go compiler */
	bool io_uring; /* linked to liburing, or imports of it */
	bool seccomp;  /* linked to libseccomp */
	bool asan;     /* linked to gcc's AddressSanitizer */
	bool plugins;  /* imports dlopen(3) or dlmopen(3) */
	/*
	 * A segment of it lies behind the end of the file: who maps it gets
	 * SIGBUS (mmap(2)).
	 */
	bool cut_short;
};

/*
 * Opens the regular file at path for the functions below, close-on-exec. A
 * FIFO or a device is not waited for. Returns a descriptor; -EACCES if it is
 * no regular file, as execve(2) says; or another -errno of open(2).
 */
int elf_file_open(const char *path);

/*
 * Reads the facts of the open file fd. Returns 0; -ENOEXEC if it is no ELF
 * file, or one that the kernel refuses; -ENOMEM; -errno of pread(2). Damage
 * behind the program headers is no error: what can't be read is not there.
 */
int elf_file_read(int fd, struct elf_file *file);

/* What is called with each name; data is the caller's. */
typedef int
elf_file_name_fn(const char *name, bool imported, bool weak, void *data);

/* elf_file_symbols() or elf_file_versions() */
typedef int elf_file_names_fn(int fd, elf_file_name_fn *each, void *data);

/*
 * Calls each for the name of every dynamic symbol that the file needs
 * (imported; weak if it can do without), and that it has (not imported).
 * Ends early when each returns non-zero. Returns what that returned; 0; or
 * as elf_file_read().
 */
elf_file_names_fn elf_file_symbols;

/*
 * The same for the versions of the C library's symbols, such as "GLIBC_2.34":
 * those that a file asks libc.so.6 for, and those that it defines. The loader
 * ends a program if one that is asked for, not weakly, is not there. None are
 * read of a file of the other byte order than ours.
 */
elf_file_names_fn elf_file_versions;

/*
 * The C library that a loader belongs to, by its file name: ld-linux*, ld64.so,
 * ld.so and ld-2.* are glibc's, ld-musl-* is musl's.
 */
enum elf_file_libc elf_file_loader_libc(const char *interpreter);

/* "x86-64", "i386", "aarch64"; "machine 258" for what has no name here. */
const char *elf_file_machine(const struct elf_file *file);

#endif
