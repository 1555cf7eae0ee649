# SPDX-License-Identifier: ISC
# kashim: GNU make. Everything that is built goes to build/. "make help"
# lists the targets; V=1 shows the commands. What is for tests alone is in
# test/rules.mk.

# Where things go, and are looked for. kashim.conf is in SYSCONFDIR, and what
# "kashim reload" publishes in LOCALSTATEDIR/cache/kashim: all that is installed
# on a machine has to agree on these two.
PREFIX        ?= /usr/local
BINDIR        ?= $(PREFIX)/bin
LIBDIR        ?= $(PREFIX)/lib
MANDIR        ?= $(PREFIX)/share/man
DOCDIR        ?= $(PREFIX)/share/doc/kashim
BASHDIR       ?= $(PREFIX)/share/bash-completion/completions
# Where systemd looks, wherever the rest is.
TMPFILESDIR   ?= $(if $(filter /usr,$(PREFIX)),/usr,/usr/local)/lib/tmpfiles.d
UNITDIR       ?= $(if $(filter /usr,$(PREFIX)),/usr,/usr/local)/lib/systemd/system
SYSCONFDIR    ?= /etc
LOCALSTATEDIR ?= /var
DESTDIR       ?=

# They stand in commands of a shell, in texts and in LD_PRELOAD.
WRONG := $(shell printf '%s\n' $(foreach place,PREFIX BINDIR LIBDIR MANDIR \
    DOCDIR BASHDIR TMPFILESDIR UNITDIR SYSCONFDIR LOCALSTATEDIR DESTDIR, \
    '$(place)=$(subst ','\'',$($(place)))') | \
    grep -m 1 -vxE '([A-Z]*=/|DESTDIR=)[A-Za-z0-9_.+/-]*')
$(if $(WRONG),$(error $(WRONG) has to be a path of letters, digits and _.+-/; \
    all but DESTDIR are absolute))
unexport CDPATH

CC          ?= cc
PKG_CONFIG  ?= pkg-config
CFLAGS      ?= -O2 -g
WARNINGS    := -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes \
	       -Wmissing-prototypes -Wwrite-strings
VERSION     := 0.2.0
BUILD       := build

# $(call say,WHAT): a short line in place of the command behind it.
# $(call say,WHAT,FILE...): a line for each file.
V   ?= 0
Q   := $(if $(filter 1,$(V)),,@)
say  = $(if $(Q),@printf '  %-4s %s\n' $(foreach file, \
       $(or $(2),$(@:$(BUILD)/%=%)),$(1) $(file)))

# In a 32-bit program stat(2) would fail on large inodes and late times. Not
# elsewhere: it renames open() and others, and libc.h knows the plain names.
LARGE_FILES := $(if $(filter 4,$(shell echo __SIZEOF_LONG__ | \
	       $(CC) -E -P - 2>/dev/null)), \
	       -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64)
# -fexceptions: pthread_cancel(3) unwinds through the hooks' frames.
ALL_CFLAGS  := -std=gnu11 -D_GNU_SOURCE $(LARGE_FILES) \
	       -DKASHIM_VERSION='"$(VERSION)"' -DKASHIM_LIBDIR='"$(LIBDIR)"' \
	       -DKASHIM_BINDIR='"$(BINDIR)"' \
	       -DKASHIM_DOCDIR='"$(DOCDIR)"' \
	       -DKASHIM_SYSCONFDIR='"$(SYSCONFDIR)"' \
	       -DKASHIM_LOCALSTATEDIR='"$(LOCALSTATEDIR)"' \
	       -fPIC -fvisibility=hidden -fexceptions -ffunction-sections \
	       $(WARNINGS) $(CFLAGS)
HARDENED    := -Wl,-z,defs -Wl,-z,relro -Wl,-z,now -Wl,--as-needed \
	       -Wl,--gc-sections

# $(call objects,FOLDER...): of all sources there.
objects      = $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(addsuffix /*.c,$(1))))
# In the parser object alone: what keeps its host safe from it.
SAFE_OBJS   := $(addprefix $(BUILD)/lib/config/,config_object.o arena.o)
# record last: its table is large, and what lies before it in .bss shares a
# page with .data.
RECORD      := $(BUILD)/lib/apply/record.o
SHIM_OBJS   := $(filter-out $(RECORD),$(call objects,lib/base lib/image \
	       lib/apply lib/shim)) $(RECORD)
PARSER_OBJS := $(call objects,lib/base lib/image lib/compile lib/config)
LIB_OBJS    := $(filter-out $(SAFE_OBJS),$(call objects,lib/base lib/image \
	       lib/compile lib/config lib/apply))
CMD_OBJS    := $(filter $(BUILD)/tools/cmd/cmd% $(BUILD)/tools/cmd/kashim.o, \
	       $(call objects,tools/cmd))
# The programs for the kernel take clang, and libbpf 1.0 or later; without, all
# but kashim attach is as with them.
BPF_CLANG   ?= clang
BPF_FLAGS   := -target bpf -mcpu=v3 -std=gnu11 -O2 -g -ffreestanding \
	       -fdebug-prefix-map=$(CURDIR)=. -Wall -Wextra -Ilib \
	       $(addprefix -I/usr/include/,$(shell $(CC) -print-multiarch \
	       2>/dev/null))
BPF         := $(shell echo 'char one[LIBBPF_MAJOR_VERSION > 0 ? 1 : -1];' | \
	       $(BPF_CLANG) $(BPF_FLAGS) -include linux/bpf.h \
	       -include bpf/bpf_helpers.h -include bpf/libbpf_version.h \
	       -x c -c - -o /dev/null 2>/dev/null && echo yes)
BPF_OBJS    := $(addprefix $(BUILD)/lib/bpf/,connections.o bounded.o)
ABSENT      := $(addprefix $(BUILD)/tools/kernel/,$(if $(BPF), \
	       kernel_absent.o,kernel_program.o kernel_attached.o \
	       kernel_fields.o))
TOOL_OBJS   := $(filter-out $(ABSENT),$(call objects,tools/*)) $(LIB_OBJS) \
	       $(if $(BPF),$(BPF_OBJS))
# Before glibc 2.34 threads are in a library of their own.
TOOL_LIBS   := -lconfuse -lmnl -lelf -ljansson -lseccomp -lm -pthread \
	       $(if $(BPF),-lbpf)

.PHONY: all all-library help install install-library uninstall dist deb rpm \
	clean always
.DELETE_ON_ERROR:

all: all-library $(BUILD)/kashim

# For programs of another word size than the command's.
all-library: $(BUILD)/libkashim.so $(BUILD)/libkashim-config.so

help:
	@echo 'make             build the library and the command in build/'
	@echo 'make install     to $$(DESTDIR)$$(PREFIX); PREFIX is $(PREFIX)'
	@echo 'make uninstall   take that away again'
	@echo 'make setup-build install what building needs'
	@echo 'make setup       install what building and all tests need'
	@echo 'make demo        show in 40 s what kashim does'
	@echo 'make check       all tests that this machine has the tools for:'
	@echo '  audit          what the library calls and exports; includes'
	@echo '  unit           unit tests'
	@echo '  preload        programs under the library, on loopback'
	@echo '  command        the command against real processes'
	@echo '  e2e            real programs through a firewall in namespaces'
	@echo '  lint           formatting, clang-tidy, cppcheck, shellcheck'
	@echo '  fuzz           libFuzzer, for a fixed count; FUZZ_RUNS=20000'
	@echo '  asan           unit tests and programs with AddressSanitizer'
	@echo '  ubsan          with UndefinedBehaviorSanitizer'
	@echo '  tsan           programs with ThreadSanitizer'
	@echo '  builds         32-bit, musl, aarch64: all read one image'
	@echo 'make dist        the tarball; deb, rpm: packages made of it'
	@echo 'make packages    tests the packages, in a tree of debootstrap(8)'
	@echo 'make image       builds the image of conf/containers, and runs it'
	@echo 'make releases    the demo and all tests on four releases of Debian'
	@echo 'make kernels     kashim attach on the kernels of these, in qemu'
	@echo 'make bench       what it costs, beside others; a few minutes'
	@echo 'make coverage    a table of the lines and branches that are run'
	@echo 'make format      format the sources'
	@echo 'make clean       remove build/'

# Where the headers of these are, if they are in directories of their own, as
# libmnl's on SUSE.
PACKAGES := libconfuse libmnl libelf jansson libseccomp
CPPFLAGS_OF_PACKAGES := $(shell for package in $(PACKAGES); do \
	       $(PKG_CONFIG) --cflags-only-I $$package; done 2>/dev/null)

quoted = '$(subst ','\'',$(1))'
SETUP = BUILD=$(call quoted,$(BUILD)) CC=$(call quoted,$(CC)) \
	CPPFLAGS=$(call quoted,$(CPPFLAGS) $(CPPFLAGS_OF_PACKAGES)) \
	CFLAGS=$(call quoted,$(CFLAGS)) LDFLAGS=$(call quoted,$(LDFLAGS)) \
	sh test/setup.sh

# What was made with another compiler, other flags or for other places is made
# anew: the file holds them.
COMPILED_WITH := $(CC) $(ALL_CFLAGS) $(CPPFLAGS) $(CPPFLAGS_OF_PACKAGES) : \
	       $(LDFLAGS) : $(BPF_CLANG) $(BPF)
$(BUILD)/flags: always
	@mkdir -p $(@D)
	@command -v $(firstword $(CC)) >/dev/null || \
	    $(SETUP) look build
	@printf '%s\n' $(call quoted,$(COMPILED_WITH)) | cmp -s - $@ || \
	    printf '%s\n' $(call quoted,$(COMPILED_WITH)) >$@

# Where a header is missing, this says what to install.
$(BUILD)/needed: test/needs test/setup.sh $(BUILD)/flags
	@$(SETUP) look build
	@touch $@

$(call objects,tools/* lib/config): | $(BUILD)/needed

$(BUILD)/%.o: %.c Makefile $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(ALL_CFLAGS) $(CPPFLAGS) $(CPPFLAGS_OF_PACKAGES) -Ilib \
	    -Itools -MMD -MP -c -o $@ $<

# What clang makes of the programs for the kernel is bytes in the command; for
# kernels without bpf_loop(), once more.
$(BUILD)/lib/bpf/bounded.o: BPF_FLAGS += -DBPF_BOUNDED=1
$(BPF_OBJS): lib/bpf/connections.bpf.c Makefile $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,BPF)
	$(Q)$(BPF_CLANG) $(BPF_FLAGS) -MMD -MP -MT $@ -MF $(@:.o=.d) -c \
	    -o $(@:.o=.bpf.o) $<
	$(Q){ echo 'const unsigned char kernel_$(*F)[] = {' && \
	    od -An -v -tx1 $(@:.o=.bpf.o) | sed 's/ \(..\)/0x\1,/g' && \
	    echo '};' && echo 'const unsigned long kernel_$(*F)_size =' \
	    'sizeof(kernel_$(*F));'; } >$(@:.o=.c)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $(@:.o=.c)

# Their names are for the linker: --wrap, .symver.
$(addprefix $(BUILD)/lib/shim/,real.o loader.o string.o): ALL_CFLAGS += -fno-lto

# A host may have functions of these names: see lib/base/libc.h.
WRAPPED := $(shell sed -n 's/^\tX.\([a-z0-9_]*\), .*/-Wl,--wrap=\1/p' lib/base/libc.h)

# Two segments and not four: each costs every program's start a mmap(2). Where
# there is a libdl.so, what loader.c needs is in it, and nowhere else.
$(BUILD)/libkashim.so: $(SHIM_OBJS) lib/shim/libkashim.map
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) -shared -o $@ $(LDFLAGS) $(SHIM_OBJS) -Wl,-soname,libkashim.so \
	    -Wl,--version-script=lib/shim/libkashim.map $(WRAPPED) $(HARDENED) \
	    -Wl,-z,noseparate-code \
	    -Wl,--no-as-needed -ldl

# -Bsymbolic: our malloc is ours, however the object was loaded.
$(BUILD)/libkashim-config.so: $(PARSER_OBJS)
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) -shared -o $@ $(PARSER_OBJS) -Wl,-soname,libkashim-config.so \
	    -Wl,-Bsymbolic $(HARDENED) \
	    $(LDFLAGS) -lconfuse

$(BUILD)/kashim: $(TOOL_OBJS)
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) -pie -o $@ $(TOOL_OBJS) $(HARDENED) $(LDFLAGS) $(TOOL_LIBS)
	$(if $(BPF),,@echo 'without kashim attach: no clang, or no libbpf 1.0')

include test/rules.mk

# The texts say /usr/local, /etc and /var: what is installed says where it is.
# In two steps, as one of these places may hold another one's name.
PLACED    := sed \
	     -e 's|/usr/local/lib|@LIBDIR@|g; s|/usr/local/bin|@BINDIR@|g' \
	     -e 's|/usr/local/share/doc/kashim|@DOCDIR@|g' \
	     -e 's|/usr/local|@PREFIX@|g' \
	     -e 's|/etc/kashim|@SYSCONFDIR@/kashim|g' \
	     -e 's|etc%kashim|$(subst /,%,$(SYSCONFDIR:/%=%))%kashim|g' \
	     -e 's|/var/cache/kashim|@LOCALSTATEDIR@/cache/kashim|g' \
	     $(foreach place,LIBDIR BINDIR DOCDIR PREFIX SYSCONFDIR \
	     LOCALSTATEDIR,-e 's|@$(place)@|$($(place))|g')
PUBLISHED := $(LOCALSTATEDIR)/cache/kashim
CONFIG    := $(DESTDIR)$(SYSCONFDIR)/kashim.conf
DOCS      := COPYING docs/kashim-status.schema.json

PUT       := sh tools/package/put
# A plain su(1) keeps a PATH without it.
LDCONFIG  := PATH="$$PATH:/usr/sbin:/sbin" ldconfig

# What is the system's own is for root: others install below a PREFIX of theirs.
ROOT   := $(filter 0,$(shell id -u))
LOADER := $(if $(DESTDIR),,$(ROOT))
SYSTEM := $(or $(DESTDIR),$(ROOT))

# FROM:TO, each a text that is placed.
UNITS := $(notdir $(wildcard tools/package/*.service tools/package/*.timer))
TEXTS := $(foreach text,README docs/FLEET docs/NEWS docs/SECURITY, \
	 $(text):$(DOCDIR)/$(notdir $(text))) \
	 $(if $(SYSTEM),tools/package/tmpfiles.conf:$(TMPFILESDIR)/kashim.conf \
	 $(foreach unit,$(UNITS),tools/package/$(unit):$(UNITDIR)/$(unit))) \
	 $(foreach page,$(notdir $(wildcard docs/*.[1-8])), \
	 docs/$(page):$(MANDIR)/man$(subst .,,$(suffix $(page)))/$(page)) \
	 $(foreach file,$(shell find conf -type f), \
	 $(file):$(file:conf/%=$(DOCDIR)/examples/%))
LIBRARIES := $(addprefix $(LIBDIR)/,libkashim.so libkashim-config.so)
OTHERS := $(addprefix $(BINDIR)/,kashim kashim-wrapper) $(BASHDIR)/kashim \
	 $(addprefix $(DOCDIR)/,$(notdir $(DOCS))) \
	 $(foreach text,$(TEXTS),$(lastword $(subst :, ,$(text))))

install-library: all-library
	$(call say,INST,$(addprefix $(DESTDIR),$(LIBRARIES)))
	$(Q)$(PUT) -d $(DESTDIR)$(LIBDIR)
	$(Q)for file in $(notdir $(LIBRARIES)); do \
	    $(PUT) 755 $(BUILD)/$$file $(DESTDIR)$(LIBDIR)/$$file || exit; \
	done
	$(if $(LOADER),$(Q)$(LDCONFIG))

install: all install-library
	$(call say,INST,$(addprefix $(DESTDIR),$(OTHERS)))
	$(Q)$(PUT) -d $(sort $(addprefix $(DESTDIR),$(dir $(OTHERS))))
	$(Q)$(PUT) 755 $(BUILD)/kashim $(DESTDIR)$(BINDIR)/kashim
	$(Q)$(PUT) 755 tools/kashim-wrapper \
	    $(DESTDIR)$(BINDIR)/kashim-wrapper $(PLACED)
	$(Q)$(PUT) 644 tools/kashim.bash $(DESTDIR)$(BASHDIR)/kashim
	$(Q)for file in $(DOCS); do \
	    $(PUT) 644 $$file $(DESTDIR)$(DOCDIR)/$${file##*/} || exit; \
	done
	$(Q)for text in $(TEXTS); do \
	    $(PUT) 644 $${text%%:*} $(DESTDIR)$${text#*:} $(PLACED) || exit; \
	done
	$(if $(SYSTEM),$(Q)$(PUT) -d $(DESTDIR)$(PUBLISHED))

# Directories that are empty then go if they are ours: PREFIX and what is below
# it, without those that every system has; and these, wherever they are.
STANDARD := $(foreach prefix,/usr /usr/local,$(prefix) $(addprefix $(prefix)/, \
	 bin sbin lib lib64 share share/doc share/man)) \
	 /$(firstword $(subst /, ,$(PREFIX)))

# What was published stays, with its directory: programs that run have it
# mapped, and would never see what is published after the next install. The
# compiled policy goes: without kashim.conf it would be in force after the next
# install.
uninstall: OWN := $(wildcard $(DESTDIR)$(BINDIR)/kashim)
uninstall:
	$(call say,RM,$(addprefix $(DESTDIR),$(LIBRARIES) $(OTHERS)))
	$(Q)rm -f $(addprefix $(DESTDIR),$(LIBRARIES) $(OTHERS))
	$(if $(SYSTEM),$(Q)$(if $(OWN),rm -f $(CONFIG).policy,:))
	$(Q)for directory in $(PUBLISHED) \
	    $(patsubst %/,%,$(sort $(dir $(LIBRARIES) $(OTHERS)))); do \
	    while case "$$directory/" in \
	        $(addsuffix /|,$(STANDARD)) /) false ;; \
	        $(PREFIX)/*|$(DOCDIR)/*|$(TMPFILESDIR)/|$(UNITDIR)/|$(dir $(UNITDIR))|$(PUBLISHED)/) ;; \
	        *) false ;; \
	        esac && rmdir "$(DESTDIR)$$directory" 2>/dev/null; do \
	        directory=$${directory%/*}; \
	    done; \
	done
	$(if $(LOADER),$(Q)$(LDCONFIG))
	$(if $(SYSTEM),@for file in $(CONFIG) $(DESTDIR)$(PUBLISHED)/* \
	    $(DESTDIR)/etc/ld.so.conf.d/kashim.conf \
	    $(DESTDIR)/etc/systemd/system/*.d/zz-kashim.conf \
	    $(DESTDIR)/etc/systemd/system/*.wants/kashim-* \
	    $$(grep -ls 'libkashim[.]so' $(DESTDIR)/etc/ld.so.preload); do \
	    test ! -e "$$file" -a ! -L "$$file" || echo "left: $$file"; \
	done)
	@test -z "$$(ls $(DESTDIR)/sys/fs/bpf/kashim 2>/dev/null)" || \
	    echo "the kernel keeps the rules that 'kashim attach' gave it," \
	    "until $(DESTDIR)/sys/fs/bpf/kashim is removed, or the machine stops"
	@echo 'Where a link to kashim-wrapper stands in the place of a program,' \
	    'put the'
	@echo 'program back: mv PROGRAM.real PROGRAM'

# For others. What they make is in $(BUILD).
dist:
	sh tools/package/dist $(VERSION) $(BUILD)

deb: dist
	sh tools/package/deb $(VERSION) $(BUILD)

rpm: dist
	sh tools/package/rpm $(VERSION) $(BUILD)

clean:
	rm -rf $(BUILD)

-include $(shell find $(addprefix $(BUILD)/,lib tools test) -type f -name '*.d' \
    2>/dev/null)
