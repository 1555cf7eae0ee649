/* SPDX-License-Identifier: ISC */
/*
 * proc: the files of a process in /proc, and what their texts mean (proc(5)).
 * All that is read of another process there is read through this.
 *
 * Whatever takes the process's memory may hold the reader up: look.h says what
 * that is, and has the reader for it.
 *
 * A process is given by its number or, to be certain that all is of the same
 * one, by a descriptor of its open directory. For our own files, and for a path
 * of proc_path(), that may be AT_FDCWD. All descriptors are close-on-exec. A
 * process that is gone is -ESRCH.
 */
#ifndef KASHIM_PROC_H
#define KASHIM_PROC_H

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* For names of at most 40 bytes. */
#define PROC_PATH_MAX 64

/* The path of a process's file; name "" is its directory. */
void proc_path(pid_t pid, const char *name, char path[PROC_PATH_MAX]);

/* Opens a file with these flags of open(2). Returns a descriptor or -errno. */
int proc_open(pid_t pid, const char *name, int flags);
int proc_open_at(int dir, const char *name, int flags);

/*
 * Reads a file, as much of it as size has room for with a NUL behind. Returns
 * the length or -errno; text ends with a NUL if the file could be opened.
 * Allocates nothing.
 */
ssize_t proc_read(pid_t pid, const char *name, char *text, size_t size);
ssize_t proc_read_at(int dir, const char *name, char *text, size_t size);

/* The same for a link. If it can't be read, text is "". */
ssize_t proc_link_at(int dir, const char *name, char *text, size_t size);

/* For what is longer, and read by parts: fclose(3), closedir(3). 0 or -errno.
 */
int proc_stream_at(int dir, const char *name, FILE **stream);
int proc_list_at(int dir, const char *name, DIR **list);

/*
 * The next process in /proc, which the kernel lists by their numbers, or thread
 * in the directory task. 0 at the end.
 */
pid_t proc_next(DIR *list);

/* The inode of the socket that a link of the directory fd names; 0: none. */
uint64_t proc_socket_at(int dir, const char *name);

/*
 * A field of /proc/PID/stat, from 3 on, the state, as proc(5) counts them. The
 * process's name before it may hold anything, also blanks and brackets. NULL if
 * there is none.
 */
const char *proc_stat_field(const char *text, int number);

/*
 * A field of /proc/PID/status, such as "\nUid:": what follows, "" if there is
 * none. (The kernel writes a newline in the process's name as "\n".)
 */
const char *proc_status_field(const char *text, const char *name);

/* The process of a thread, and its effective user. Returns 0 or -EIO. */
int proc_status_ids(const char *text, pid_t *process, uid_t *effective);

/*
 * Takes the mark off the path of a file that has lost its name, " (deleted)".
 * Returns true if there was one.
 */
bool proc_cut_deleted(char *path);

/* A line of /proc/PID/maps. */
struct proc_mapping {
	uint64_t from, to, inode;
	char rights[5];
	bool deleted;
	char *path; /* "" if none; without the mark */
	char line[PATH_MAX + 128];
};

/*
 * Reads the next line. What is too long to be the name of a file is passed
 * over. Returns false at the end, or after an error (ferror(3)).
 */
bool proc_next_mapping(FILE *maps, struct proc_mapping *mapping);

#endif
