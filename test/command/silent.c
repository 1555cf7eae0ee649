/* SPDX-License-Identifier: ISC */
/*
 * Hostile processes for the command to look at: they do nothing but leave
 * others without an answer.
 *
 * "serve DIRECTORY UID": a file system (fuse(4)) at DIRECTORY, mounted for
 * user UID, and open to all (allow_other, mount.fuse(8)), in which each name is
 * a file of 64 KB; the last letter says which. Nobody who reads one gets an
 * answer, nor who looks up "nowhere". It ends with SIGTERM, and with it every
 * wait.
 *
 * The others hold a TCP listener and a connection to it, on loopback:
 * "name FILE": has FILE mapped where the name is that it was started by.
 * "library FILE": has FILE, "libkashim.so", mapped as the library would be.
 * "policy FILE SHARED": the same with a FILE that it writes, in which it says
 * that it goes by the published policy SHARED, which it writes, too.
 * "locked FILE": has FILE mapped, and one thread waits to read it, by a way
 * that holds the lock of its memory, and another one for that lock. "plain -":
 * has nothing of that. They print their pid, and end with standard input.
 *
 * "connect FILE": connects again and again, to an address that lies in FILE.
 * "count N": connects N times, and prints how often keepalive was on.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#define SIZE 65536

static void
need(bool good, const char *what)
{
	if (!good) {
		perror(what);
		exit(98);
	}
}

static void
answer(int fuse, uint64_t unique, int error, const void *body, size_t size)
{
	char bytes[512];
	struct fuse_out_header head = {
	    .len = (uint32_t)(sizeof(head) + size),
	    .error = -error,
	    .unique = unique,
	};

	memcpy(bytes, &head, sizeof(head));
	if (size > 0)
		memcpy(bytes + sizeof(head), body, size);
	/* Whoever asked may be gone. */
	(void)!write(fuse, bytes, head.len);
}

static struct fuse_attr
attributes(uint64_t node)
{
	return (struct fuse_attr){
	    .ino = node,
	    .size = SIZE,
	    .mode = node == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0755,
	    .nlink = 1,
	};
}

static void
serve_one(int fuse, const struct fuse_in_header *in)
{
	const char *name = (const char *)(in + 1);
	/* No FUSE_ASYNC_READ: what was read ahead is waited for at once. */
	const struct fuse_init_out init = {
	    .major = FUSE_KERNEL_VERSION,
	    .minor = FUSE_KERNEL_MINOR_VERSION,
	    .max_readahead = 4096,
	    .max_write = 4096,
	};
	/* "page7" is another file than "page8": each wait is for a page. */
	const uint64_t node =
	    in->opcode == FUSE_LOOKUP ? 2 + (uint8_t)name[strlen(name) - 1] : 0;
	const struct fuse_entry_out entry = {
	    .nodeid = node,
	    .entry_valid = 3600,
	    .attr_valid = 3600,
	    .attr = attributes(node),
	};
	const struct fuse_attr_out attr = {
	    .attr_valid = 3600, .attr = attributes(in->nodeid)};
	const struct fuse_open_out opened = {.fh = 1};

	switch (in->opcode) {
	case FUSE_INIT:
		answer(fuse, in->unique, 0, &init, sizeof(init));
		break;
	case FUSE_LOOKUP:
		if (strcmp(name, "nowhere") != 0)
			answer(fuse, in->unique, 0, &entry, sizeof(entry));
		break;
	case FUSE_GETATTR:
		answer(fuse, in->unique, 0, &attr, sizeof(attr));
		break;
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		answer(fuse, in->unique, 0, &opened, sizeof(opened));
		break;
	case FUSE_READ:
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	case FUSE_FLUSH:
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
		answer(fuse, in->unique, 0, NULL, 0);
		break;
	default:
		answer(fuse, in->unique, ENOSYS, NULL, 0);
	}
}

/* Its end closes the descriptor, which ends the connection to the kernel. */
static void
serve(const char *directory, const char *uid)
{
	static char buffer[FUSE_MIN_READ_BUFFER + 65536]
	    __attribute__((aligned(8)));
	char options[128];
	int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	need(fuse >= 0, "/dev/fuse");
	snprintf(options, sizeof(options),
	    "fd=%d,rootmode=40000,user_id=%s,group_id=%s,allow_other", fuse,
	    uid, uid);
	need(mount("silent", directory, "fuse", MS_NOSUID | MS_NODEV,
		 options) == 0,
	    directory);
	printf("%d\n", (int)getpid());
	fflush(stdout);
	for (;;) {
		ssize_t got = read(fuse, buffer, sizeof(buffer));

		if (got < 0 && errno == ENODEV)
			break;
		if (got >= (ssize_t)sizeof(struct fuse_in_header))
			serve_one(fuse, (const void *)buffer);
	}
}

static struct sockaddr_in
listen_here(void)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	need(bind(listener, (void *)&address, sizeof(address)) == 0 &&
		 listen(listener, 128) == 0 &&
		 getsockname(listener, (void *)&address, &len) == 0,
	    "listener");
	return address;
}

static int
connect_to(const struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	need(connect(fd, (const void *)address, sizeof(*address)) == 0,
	    "connect");
	return fd;
}

/* Not faster than a program would. */
static int
count(int times)
{
	const struct sockaddr_in address = listen_here();
	int on, had = 0;
	socklen_t len = sizeof(on);

	for (int i = 0; i < times; i++) {
		int fd = connect_to(&address);

		need(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &len) == 0,
		    "getsockopt");
		had += on;
		close(fd);
		usleep(50000);
	}
	printf("%d\n", had);
	return 0;
}

static void *
map(const char *path, void *at, int protection, int flags)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *memory;

	need(fd >= 0, path);
	memory = mmap(at, SIZE, protection, flags, fd, 0);
	need(memory != MAP_FAILED, "mmap");
	close(fd);
	return memory;
}

/* Its stack ends there; so much of it is environment that nobody needs. */
static void
cover_name(const char *path)
{
	uintptr_t page = getauxval(AT_EXECFN) & ~(uintptr_t)4095;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	need(fd >= 0, path);
	/* NOLINTNEXTLINE(performance-no-int-to-ptr) */
	need(mmap((void *)page, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd,
		 0) != MAP_FAILED,
	    "mmap");
}

static void
write_file(const char *path, const void *bytes, size_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	need(fd >= 0 && ftruncate(fd, SIZE) == 0 &&
		 write(fd, bytes, size) == (ssize_t)size,
	    path);
	close(fd);
}

/* As status_note.h and shared.h have it. */
static void
say_published(const char *library, const char *shared)
{
	const uint32_t header[8] = {
	    0x4b534853, 1, 4096, 0, 7, 7, 0, 0}; /* generation 7 */
	struct {
		char magic[16];
		uint64_t shared;
		uint32_t start, passes, passed, zero;
	} note = {.magic = "kashim\1telltale", .start = 3};

	write_file(shared, header, sizeof(header));
	note.shared = (uintptr_t)map(shared, NULL, PROT_READ, MAP_SHARED);
	write_file(library, &note, sizeof(note));
	/* So that it has the page: the file may go. */
	*(volatile char *)map(
	    library, NULL, PROT_READ | PROT_WRITE, MAP_PRIVATE) = 'k';
}

static void *
read_own(void *memory)
{
	int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	char byte;

	usleep(100000);
	(void)!pread(fd, &byte, 1, (off_t)(uintptr_t)memory);
	return NULL;
}

static void *
want_lock(void *memory)
{
	usleep(300000);
	return mmap(memory, 4096, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

/* Whatever takes memory has to come before. */
static void
lock_memory(const char *path)
{
	char *memory = map(path, NULL, PROT_READ, MAP_PRIVATE);
	pthread_t thread;

	need(pthread_create(&thread, NULL, read_own, memory) == 0 &&
		 pthread_create(&thread, NULL, want_lock, memory + 4096) == 0,
	    "thread");
	usleep(500000);
}

int
main(int argc, char *argv[])
{
	struct sockaddr_in address;
	char line[64];

	need(argc >= 3, "argument");
	if (strcmp(argv[1], "serve") == 0) {
		need(argc == 4, "argument");
		serve(argv[2], argv[3]);
		return 0;
	}
	if (strcmp(argv[1], "count") == 0)
		return count(atoi(argv[2]));
	if (strcmp(argv[1], "connect") == 0) {
		void *nowhere = map(argv[2], NULL, PROT_READ, MAP_PRIVATE);

		for (;;)
			connect(socket(AF_INET, SOCK_STREAM, 0), nowhere,
			    sizeof(address));
	}
	if (getenv("SILENT_PADDING") == NULL) {
		static char padding[16384];

		memset(padding, 'x', sizeof(padding) - 1);
		setenv("SILENT_PADDING", padding, 1);
		execv(argv[0], argv);
	}
	address = listen_here();
	connect_to(&address);
	if (strcmp(argv[1], "library") == 0)
		map(argv[2], NULL, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	else if (strcmp(argv[1], "policy") == 0)
		say_published(argv[2], argv[3]);
	snprintf(line, sizeof(line), "%d\n", (int)getpid());
	if (strcmp(argv[1], "locked") == 0)
		lock_memory(argv[2]);
	need(write(STDOUT_FILENO, line, strlen(line)) > 0, "write");
	/* Last: its arguments and its environment are gone then. */
	if (strcmp(argv[1], "name") == 0)
		cover_name(argv[2]);
	while (read(STDIN_FILENO, line, sizeof(line)) > 0)
		continue;
	_exit(0);
}
