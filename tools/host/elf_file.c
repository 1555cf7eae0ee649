/* SPDX-License-Identifier: ISC */
/*
 * elf_file: what an ELF file says of itself. Every size and offset comes from
 * the file and may be a lie: each is bounded before it is used.
 */
#include "host/elf_file.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/loader_name.h"

/* The kernel's own limit for all program headers, binfmt_elf.c. */
#define HEADERS_MAX 65536u
/* Far above what any linker writes. */
#define DYNAMIC_MAX  (64u << 10)
#define NOTES_MAX    (64u << 10)
#define SYMBOLS_MAX  (1u << 20)
#define VERSIONS_MAX 4096u

/* The type of Go's build id, in a note whose name is "Go". */
#define NOTE_GO_BUILDID 4
#define GO_SECTION      ".go.buildinfo"

struct reader {
	int fd;
	Elf *elf;
	uint64_t size;
	size_t headers;
	struct elf_file *file;
};

int
elf_file_open(const char *path)
{
	/* Opening a FIFO for reading waits for a writer without O_NONBLOCK. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return errno == ENXIO ? -EACCES : -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return -EACCES;
	}
	return fd;
}

/* Reads up to size bytes at offset. Returns how many, or -errno. */
static ssize_t
read_at(int fd, void *bytes, size_t size, uint64_t offset)
{
	ssize_t got;

	if (offset > INT64_MAX - size)
		return 0;
	do
		got = pread(fd, bytes, size, (off_t)offset);
	while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

/* A string in the file, cut to what fits; "" if there is none. */
static void
read_string(int fd, uint64_t offset, char *text, size_t size)
{
	ssize_t got = read_at(fd, text, size - 1, offset);

	text[got < 0 ? 0 : got] = '\0';
}

/*
 * libelf makes a table of all sections at once, and believes a section
 * number zero that says that there are 4 billion. Nothing that can be
 * executed has more than what the header itself can count.
 */
static int
check_sections(int fd)
{
	union {
		unsigned char ident[EI_NIDENT];
		Elf32_Ehdr e32;
		Elf64_Ehdr e64;
	} header = {{0}};
	ssize_t got = read_at(fd, &header, sizeof(header), 0);
	bool none;

	if (got < 0)
		return (int)got;
	if ((size_t)got < sizeof(header.e32) ||
	    memcmp(header.ident, ELFMAG, SELFMAG) != 0)
		return -ENOEXEC;
	if (header.ident[EI_CLASS] == ELFCLASS32)
		none = header.e32.e_shnum == 0 && header.e32.e_shoff != 0;
	else
		none = header.e64.e_shnum == 0 && header.e64.e_shoff != 0;
	return none ? -ENOEXEC : 0;
}

static int
start(struct reader *reader, int fd)
{
	struct stat st;
	int error;

	*reader = (struct reader){.fd = fd};
	if (fstat(fd, &st) < 0)
		return -errno;
	reader->size = (uint64_t)st.st_size;
	error = check_sections(fd);
	if (error < 0)
		return error;
	(void)elf_version(EV_CURRENT);
	reader->elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!reader->elf || elf_kind(reader->elf) != ELF_K_ELF ||
	    elf_getphdrnum(reader->elf, &reader->headers) < 0) {
		elf_end(reader->elf);
		return -ENOEXEC;
	}
	if (reader->headers > HEADERS_MAX / sizeof(Elf32_Phdr))
		reader->headers = HEADERS_MAX / sizeof(Elf32_Phdr);
	return 0;
}

/* A part of the file that lies in it as a whole; or NULL. */
static Elf_Data *
chunk(const struct reader *reader, uint64_t offset, uint64_t size, size_t max,
    Elf_Type type)
{
	if (size > max)
		size = max;
	if (size == 0 || offset > reader->size || size > reader->size - offset)
		return NULL;
	return elf_getdata_rawchunk(
	    reader->elf, (int64_t)offset, (size_t)size, type);
}

/* Where the loader will have mapped an address from. False: from nowhere. */
static bool
file_offset(const struct reader *reader, uint64_t address, uint64_t *offset)
{
	for (size_t i = 0; i < reader->headers; i++) {
		GElf_Phdr header;

		if (gelf_getphdr(reader->elf, (int)i, &header) &&
		    header.p_type == PT_LOAD && address >= header.p_vaddr &&
		    address - header.p_vaddr < header.p_filesz) {
			*offset = address - header.p_vaddr + header.p_offset;
			return true;
		}
	}
	return false;
}

/* As binfmt_elf.c: the name must end within the segment, and only there. */
static int
read_interpreter(struct reader *reader, const GElf_Phdr *header)
{
	char *name = reader->file->interpreter;
	ssize_t got;

	if (header->p_filesz < 2 || header->p_filesz > PATH_MAX)
		return -ENOEXEC;
	got = read_at(reader->fd, name, header->p_filesz, header->p_offset);
	if (got != (ssize_t)header->p_filesz || name[got - 1] != '\0') {
		*name = '\0';
		return got < 0 ? (int)got : -ENOEXEC;
	}
	return 0;
}

static void
read_notes(struct reader *reader, const GElf_Phdr *header)
{
	Elf_Data *data = chunk(reader, header->p_offset, header->p_filesz,
	    NOTES_MAX, header->p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
	size_t at = 0, name, description;
	GElf_Nhdr note;

	while (data &&
	       (at = gelf_getnote(data, at, &note, &name, &description)) > 0) {
		if (note.n_type == NOTE_GO_BUILDID && note.n_namesz == 4 &&
		    memcmp((const char *)data->d_buf + name, "Go", 3) == 0)
			reader->file->go = true;
	}
}

static void
check_needed(struct elf_file *file, const char *name)
{
	if (strncmp(name, "liburing.so", 11) == 0 ||
	    strncmp(name, "liburing-ffi.so", 15) == 0)
		file->io_uring = true;
	else if (strncmp(name, "libseccomp.so", 13) == 0)
		file->seccomp = true;
	else if (strncmp(name, "libasan.so", 10) == 0)
		file->asan = true;
	else if (strncmp(name, "libc.so.6", 9) == 0)
		file->libc = ELF_FILE_GLIBC;
	else if (strcmp(name, "libc.so") == 0 ||
		 strncmp(name, "libc.musl-", 10) == 0)
		file->libc = ELF_FILE_MUSL;
}

static void
read_dynamic(struct reader *reader, const GElf_Phdr *header)
{
	struct elf_file *file = reader->file;
	Elf_Data *data = chunk(
	    reader, header->p_offset, header->p_filesz, DYNAMIC_MAX, ELF_T_DYN);
	uint64_t strings = 0;
	bool have_strings = false;
	char name[NAME_MAX + 1];
	GElf_Dyn dyn;

	file->dynamic = true;
	for (int i = 0; data && gelf_getdyn(data, i, &dyn); i++) {
		if (dyn.d_tag == DT_NULL)
			break;
		if (dyn.d_tag == DT_STRTAB)
			have_strings =
			    file_offset(reader, dyn.d_un.d_ptr, &strings);
	}
	if (!have_strings)
		return;
	for (int i = 0; gelf_getdyn(data, i, &dyn); i++) {
		if (dyn.d_tag == DT_NULL)
			break;
		if (dyn.d_tag != DT_NEEDED && dyn.d_tag != DT_SONAME)
			continue;
		if (dyn.d_un.d_val > reader->size)
			continue;
		read_string(
		    reader->fd, strings + dyn.d_un.d_val, name, sizeof(name));
		if (dyn.d_tag == DT_NEEDED)
			check_needed(file, name);
		else
			snprintf(file->name, sizeof(file->name), "%s", name);
	}
}

/* A table of one type, and the strings that it refers to. */
struct table {
	Elf_Data *data;
	Elf_Data *strings;
	unsigned int entries; /* of versions, so far */
};

/* False if it is not there: the sections of a file may have been taken out. */
static bool
find_table(const struct reader *reader, uint32_t section_type, Elf_Type type,
    struct table *table)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header, strings;

	while ((section = elf_nextscn(reader->elf, section))) {
		if (gelf_getshdr(section, &header) &&
		    header.sh_type == section_type)
			break;
	}
	if (!section ||
	    !gelf_getshdr(elf_getscn(reader->elf, header.sh_link), &strings))
		return false;
	table->entries = 0;
	table->data =
	    chunk(reader, header.sh_offset, header.sh_size, SYMBOLS_MAX, type);
	table->strings = chunk(reader, strings.sh_offset, strings.sh_size,
	    SYMBOLS_MAX, ELF_T_BYTE);
	return table->data && table->strings;
}

/* A string of it, or NULL. */
static const char *
table_string(const struct table *table, uint32_t at)
{
	const char *strings = table->strings->d_buf;
	size_t size = table->strings->d_size;

	return at < size && memchr(strings + at, '\0', size - at) ? strings + at
	                                                          : NULL;
}

static int
each_symbol(const struct reader *reader, elf_file_name_fn *each, void *data)
{
	struct table table;
	GElf_Sym symbol;
	int result = 0;

	if (!find_table(reader, SHT_DYNSYM, ELF_T_SYM, &table))
		return 0;
	/* The first one is no symbol. */
	for (int i = 1; result == 0 && gelf_getsym(table.data, i, &symbol);
	     i++) {
		const char *name = table_string(&table, symbol.st_name);

		if (name)
			result = each(name, symbol.st_shndx == SHN_UNDEF,
			    GELF_ST_BIND(symbol.st_info) == STB_WEAK, data);
	}
	return result;
}

/*
 * An entry of a table of versions, which is a list within a list, each entry
 * with the distance to the next; they are the same in files of both word
 * sizes. Moves *at there, and says whether it is inside.
 */
static bool
table_entry(
    struct table *table, size_t *at, uint32_t by, void *entry, size_t size)
{
	if (table->entries++ == VERSIONS_MAX ||
	    by > table->data->d_size - *at ||
	    size > table->data->d_size - *at - by)
		return false;
	*at += by;
	memcpy(entry, (const char *)table->data->d_buf + *at, size);
	return true;
}

static int
each_needed_version(struct table *table, elf_file_name_fn *each, void *data)
{
	size_t at = 0;
	uint32_t next = 0;
	int result = 0;

	do {
		Elf64_Verneed need;
		Elf64_Vernaux version = {0};
		const char *file;
		size_t inner;

		if (!table_entry(table, &at, next, &need, sizeof(need)))
			break;
		next = need.vn_next;
		file = table_string(table, need.vn_file);
		if (!file || strcmp(file, "libc.so.6") != 0)
			continue;
		inner = at;
		version.vna_next = need.vn_aux;
		while (result == 0 && version.vna_next > 0 &&
		       table_entry(table, &inner, version.vna_next, &version,
			   sizeof(version))) {
			const char *name =
			    table_string(table, version.vna_name);

			if (name)
				result = each(name, true,
				    (version.vna_flags & VER_FLG_WEAK) != 0,
				    data);
		}
	} while (result == 0 && next > 0);
	return result;
}

static int
each_defined_version(struct table *table, elf_file_name_fn *each, void *data)
{
	size_t at = 0;
	uint32_t next = 0;
	int result = 0;

	do {
		Elf64_Verdef definition;
		/* The others of this list are those that it extends. */
		Elf64_Verdaux first;
		const char *name;
		size_t inner;

		if (!table_entry(
			table, &at, next, &definition, sizeof(definition)))
			break;
		next = definition.vd_next;
		inner = at;
		if (!table_entry(table, &inner, definition.vd_aux, &first,
			sizeof(first)))
			continue;
		name = table_string(table, first.vda_name);
		if (name)
			result = each(name, false, false, data);
	} while (result == 0 && next > 0);
	return result;
}

/* Go's linker leaves the note out when it is told to, and this never. */
static bool
has_go_section(const struct reader *reader)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header, strings;
	size_t names;
	char name[sizeof(GO_SECTION)];

	if (elf_getshdrstrndx(reader->elf, &names) < 0 ||
	    !gelf_getshdr(elf_getscn(reader->elf, names), &strings) ||
	    strings.sh_offset > reader->size)
		return false;
	while ((section = elf_nextscn(reader->elf, section))) {
		if (!gelf_getshdr(section, &header))
			continue;
		read_string(reader->fd, strings.sh_offset + header.sh_name,
		    name, sizeof(name));
		if (strcmp(name, GO_SECTION) == 0)
			return true;
	}
	return false;
}

static int
check_symbol(const char *name, bool imported, bool weak, void *data)
{
	struct elf_file *file = data;

	(void)weak;
	if (!imported)
		return 0;
	if (strncmp(name, "io_uring_", 9) == 0)
		file->io_uring = true;
	else if (strcmp(name, "dlopen") == 0 || strcmp(name, "dlmopen") == 0)
		file->plugins = true;
	return 0;
}

enum elf_file_libc
elf_file_loader_libc(const char *interpreter)
{
	const char *slash = strrchr(interpreter, '/');
	const char *name = slash ? slash + 1 : interpreter;

	if (strncmp(name, "ld-musl-", 8) == 0)
		return ELF_FILE_MUSL;
	if (loader_name_is_glibc(name))
		return ELF_FILE_GLIBC;
	return ELF_FILE_OTHER_LIBC;
}

/* Either may be a lie, so that their sum may be anything. */
static bool
is_behind_end(int fd, const GElf_Phdr *header)
{
	struct stat st;

	return fstat(fd, &st) == 0 &&
	       (header->p_offset > (uint64_t)st.st_size ||
		   header->p_filesz > (uint64_t)st.st_size - header->p_offset);
}

int
elf_file_read(int fd, struct elf_file *file)
{
	struct reader reader;
	GElf_Ehdr ehdr;
	int error = start(&reader, fd);

	*file = (struct elf_file){0};
	if (error < 0)
		return error;
	reader.file = file;
	if (!gelf_getehdr(reader.elf, &ehdr) ||
	    (ehdr.e_type != ET_EXEC && ehdr.e_type != ET_DYN) ||
	    reader.headers == 0) {
		error = -ENOEXEC;
		goto out;
	}
	file->bits = gelf_getclass(reader.elf) == ELFCLASS64 ? 64 : 32;
	file->big_endian = ehdr.e_ident[EI_DATA] == ELFDATA2MSB;
	file->machine = ehdr.e_machine;
	for (size_t i = 0; i < reader.headers && error == 0; i++) {
		GElf_Phdr header;

		if (!gelf_getphdr(reader.elf, (int)i, &header)) {
			error = -ENOEXEC;
			break;
		}
		if (header.p_type == PT_INTERP && !*file->interpreter)
			error = read_interpreter(&reader, &header);
		else if (header.p_type == PT_DYNAMIC)
			read_dynamic(&reader, &header);
		else if (header.p_type == PT_NOTE)
			read_notes(&reader, &header);
		else if (header.p_type == PT_LOAD)
			file->cut_short |= is_behind_end(fd, &header);
	}
	/* The loader that it asks for knows better than a name in a list. */
	if (*file->interpreter &&
	    elf_file_loader_libc(file->interpreter) != ELF_FILE_OTHER_LIBC)
		file->libc = elf_file_loader_libc(file->interpreter);
	else if (file->libc == ELF_FILE_NO_LIBC && *file->interpreter)
		file->libc = ELF_FILE_OTHER_LIBC;
	if (error == 0) {
		file->go = file->go || has_go_section(&reader);
		each_symbol(&reader, check_symbol, file);
	}
out:
	elf_end(reader.elf);
	return error;
}

int
elf_file_symbols(int fd, elf_file_name_fn *each, void *data)
{
	struct reader reader;
	int result = start(&reader, fd);

	if (result < 0)
		return result;
	result = each_symbol(&reader, each, data);
	elf_end(reader.elf);
	return result;
}

int
elf_file_versions(int fd, elf_file_name_fn *each, void *data)
{
	struct reader reader;
	struct table table;
	GElf_Ehdr ehdr;
	int result = start(&reader, fd);

	if (result < 0)
		return result;
	if (gelf_getehdr(reader.elf, &ehdr) &&
	    (ehdr.e_ident[EI_DATA] == ELFDATA2MSB) ==
		(__BYTE_ORDER == __BIG_ENDIAN)) {
		if (find_table(&reader, SHT_GNU_verneed, ELF_T_BYTE, &table))
			result = each_needed_version(&table, each, data);
		if (result == 0 &&
		    find_table(&reader, SHT_GNU_verdef, ELF_T_BYTE, &table))
			result = each_defined_version(&table, each, data);
	}
	elf_end(reader.elf);
	return result;
}

const char *
elf_file_machine(const struct elf_file *file)
{
	static char number[24];

	switch (file->machine) {
	case EM_X86_64:
		return file->bits == 64 ? "x86-64" : "x32";
	case EM_386:
		return "i386";
	case EM_AARCH64:
		return "aarch64";
	case EM_ARM:
		return "arm";
	case EM_PPC64:
		return file->big_endian ? "ppc64" : "ppc64le";
	case EM_S390:
		return file->bits == 64 ? "s390x" : "s390";
	case EM_RISCV:
		return file->bits == 64 ? "riscv64" : "riscv32";
	case EM_MIPS:
		return file->bits == 64 ? "mips64" : "mips";
	default:
		snprintf(number, sizeof(number), "machine %u", file->machine);
		return number;
	}
}
