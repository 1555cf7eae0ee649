# SPDX-License-Identifier: ISC
# kashim: GNU make. Everything that is built goes to build/. "make help"
# lists the targets.

# Where things go, and are looked for. kashim.conf is in SYSCONFDIR, and what
# "kashim reload" publishes in LOCALSTATEDIR/cache/kashim: all that is installed
# on a machine has to agree on these two.
PREFIX        ?= /usr/local
BINDIR        ?= $(PREFIX)/bin
LIBDIR        ?= $(PREFIX)/lib
MANDIR        ?= $(PREFIX)/share/man
DOCDIR        ?= $(PREFIX)/share/doc/kashim
BASHDIR       ?= $(PREFIX)/share/bash-completion/completions
TMPFILESDIR   ?= $(PREFIX)/lib/tmpfiles.d
SYSCONFDIR    ?= /etc
LOCALSTATEDIR ?= /var
DESTDIR       ?=

CC          ?= cc
PKG_CONFIG  ?= pkg-config
CFLAGS      ?= -O2 -g
WARNINGS    := -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes \
	       -Wmissing-prototypes -Wwrite-strings
VERSION     := 0.2.0
BUILD       := build

# In a 32-bit program stat(2) would fail on large inodes and late times. Not
# elsewhere: it renames open() and others, and libc.h knows the plain names.
LARGE_FILES := $(if $(filter 4,$(shell echo __SIZEOF_LONG__ | $(CC) -E -P -)), \
	       -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64)
# -fexceptions: pthread_cancel(3) unwinds through the hooks' frames.
ALL_CFLAGS  := -std=gnu11 -D_GNU_SOURCE $(LARGE_FILES) \
	       -DKASHIM_VERSION='"$(VERSION)"' -DKASHIM_LIBDIR='"$(LIBDIR)"' \
	       -DKASHIM_DOCDIR='"$(DOCDIR)"' \
	       -DKASHIM_SYSCONFDIR='"$(SYSCONFDIR)"' \
	       -DKASHIM_LOCALSTATEDIR='"$(LOCALSTATEDIR)"' \
	       -fPIC -fvisibility=hidden -fexceptions -ffunction-sections \
	       $(WARNINGS) $(CFLAGS)
HARDENED    := -Wl,-z,defs -Wl,-z,relro -Wl,-z,now -Wl,--as-needed \
	       -Wl,--gc-sections

APPLY_OBJS  := $(addprefix $(BUILD)/lib/,apply_common.o apply_connect.o \
	       apply_accept.o apply.o apply_trace.o)
# record last: its table is large, and what lies before it in .bss shares a
# page with .data.
SHIM_OBJS   := $(addprefix $(BUILD)/lib/,addr.o keepalive.o trace.o loader.o \
	       real.o image.o pattern.o match.o view.o trust.o cache.o shared.o \
	       memo.o program.o parser.o inherit.o policy_start.o policy.o shim.o) \
	       $(APPLY_OBJS) $(BUILD)/lib/record.o
RULES_OBJS  := $(addprefix $(BUILD)/lib/,addr.o image.o trust.o build.o \
	       $(patsubst lib/%.c,%.o,$(filter-out lib/config_object.c, \
	       $(wildcard lib/config*.c) $(wildcard lib/build_*.c))))
PARSER_OBJS := $(RULES_OBJS) $(BUILD)/lib/config_object.o \
	       $(BUILD)/lib/arena.o
TOOL_MODULES := $(patsubst %.c,$(BUILD)/%.o, \
	       $(filter-out tools/kashim.c tools/cmd%,$(wildcard tools/*.c)))
TOOL_OBJS   := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tools/*.c)) \
	       $(RULES_OBJS) $(addprefix $(BUILD)/lib/,pattern.o match.o \
	       view.o cache.o shared.o keepalive.o trace.o record.o) $(APPLY_OBJS)
# Before glibc 2.34 threads are in a library of their own.
TOOL_LIBS   := -lconfuse -lmnl -lelf -ljansson -lseccomp -pthread

UNIT_TESTS  := $(patsubst test/unit/%.c,$(BUILD)/test/%, \
	       $(wildcard test/unit/test_*.c))
# Those of lib/, and what they are linked with: it needs libconfuse alone.
LIBRARY_TESTS := $(filter-out $(patsubst tools/%.c,$(BUILD)/test/test_%, \
	       $(wildcard tools/*.c)),$(UNIT_TESTS))
LIBRARY_OBJS := $(RULES_OBJS) $(addprefix $(BUILD)/lib/,pattern.o match.o \
	       view.o memo.o cache.o shared.o keepalive.o trace.o record.o) $(APPLY_OBJS) \
	       $(filter $(BUILD)/tools/advice% $(BUILD)/tools/shadow%, \
	       $(TOOL_MODULES))
UNIT_OBJS   := $(LIBRARY_OBJS) $(TOOL_MODULES)
HOSTS       := $(patsubst test/preload/%.c,$(BUILD)/test/%, \
	       $(filter-out test/preload/lib_%,$(wildcard test/preload/*.c)))
# hostile_plain.c, built in ways that test_hostile.sh names.
PLAIN_gcc_asan   := gcc -fsanitize=address
PLAIN_gcc_tsan   := gcc -fsanitize=thread
PLAIN_clang_asan := clang -fsanitize=address
PLAIN_clang_tsan := clang -fsanitize=thread
PLAIN_now        := $(CC) -Wl,-z,now
PLAIN_static     := $(CC) -static-pie
PLAIN       := $(addprefix $(BUILD)/test/plain_,gcc_asan gcc_tsan \
	       clang_asan clang_tsan now static)
# Those that judge themselves and can be built with a sanitizer (promises has
# a malloc of its own).
PROGRAMS    := $(addprefix $(BUILD)/test/,sockets ways fastopen reloads \
	       handed reused remembered stress)
FUZZERS     := $(patsubst test/fuzz/%.c,$(BUILD)/test/%, \
	       $(wildcard test/fuzz/fuzz_*.c))
FUZZ_RUNS   ?= 20000

.PHONY: all all-library install-library dist deb rpm packages \
	bench check more audit unit unit-library preload command e2e fuzz \
	fuzzers programs asan ubsan tsan coverage builds demo setup install uninstall format lint \
	clean help always
.DELETE_ON_ERROR:

all: all-library $(BUILD)/kashim

# For programs of another word size than the command's.
all-library: $(BUILD)/libkashim.so $(BUILD)/libkashim-config.so

help:
	@echo 'make             build the library and the command in build/'
	@echo 'make check       install what is needed, build, run all tests'
	@echo 'make demo        the same, then show in 40 s what kashim does'
	@echo 'make install     to $$(DESTDIR)$$(PREFIX); PREFIX is $(PREFIX)'
	@echo 'make uninstall   take that away again'
	@echo 'make setup       only install what building and testing need'
	@echo 'make audit       what the library calls and exports; includes'
	@echo 'make unit        unit tests'
	@echo 'make preload     programs under the library, on loopback'
	@echo 'make command     the command against real processes'
	@echo 'make bench       what it costs, beside others; a few minutes'
	@echo 'make e2e         real programs through a firewall in namespaces'
	@echo 'make asan        unit tests and programs with AddressSanitizer'
	@echo 'make ubsan       with UndefinedBehaviorSanitizer'
	@echo 'make tsan        programs with ThreadSanitizer'
	@echo 'make fuzz        libFuzzer, for a fixed count; FUZZ_RUNS=20000'
	@echo 'make builds      32-bit, musl, aarch64: all read one image'
	@echo 'make coverage    a table of the lines and branches that are run'
	@echo 'make lint        formatting, clang-tidy, cppcheck, shellcheck'
	@echo 'make dist        the tarball; deb, rpm: packages made of it'
	@echo 'make packages    tests the packages, in a tree of debootstrap(8)'
	@echo 'make format      format the sources'
	@echo 'make clean       remove build/'

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(CPPFLAGS) -Ilib -Itools -MMD -MP -c -o $@ $<

# Their names are for the linker: --wrap, .symver.
$(BUILD)/lib/real.o $(BUILD)/lib/loader.o: ALL_CFLAGS += -fno-lto

# What is compiled in, and can be another one next time.
$(BUILD)/libdir: always
	@mkdir -p $(@D)
	@echo '$(LIBDIR) $(DOCDIR)' | cmp -s - $@ || echo '$(LIBDIR) $(DOCDIR)' >$@
$(BUILD)/tools/cmd.o $(BUILD)/tools/cmd_enable.o $(BUILD)/tools/example.o: $(BUILD)/libdir

# A host may have functions of these names: see lib/libc.h.
WRAPPED := $(shell sed -n 's/^\tX.\([a-z0-9_]*\), .*/-Wl,--wrap=\1/p' lib/libc.h)

# Two segments and not four: each costs every program's start a mmap(2). Where
# there is a libdl.so, what loader.c needs is in it, and nowhere else.
$(BUILD)/libkashim.so: $(SHIM_OBJS) lib/libkashim.map
	$(CC) -shared -o $@ $(LDFLAGS) $(SHIM_OBJS) -Wl,-soname,libkashim.so \
	    -Wl,--version-script=lib/libkashim.map $(WRAPPED) $(HARDENED) \
	    -Wl,-z,noseparate-code \
	    -Wl,--no-as-needed -ldl

# -Bsymbolic: our malloc is ours, however the object was loaded.
$(BUILD)/libkashim-config.so: $(PARSER_OBJS)
	$(CC) -shared -o $@ $(PARSER_OBJS) -Wl,-soname,libkashim-config.so \
	    -Wl,-Bsymbolic $(HARDENED) \
	    $(LDFLAGS) -lconfuse

$(BUILD)/kashim: $(TOOL_OBJS)
	$(CC) -pie -o $@ $(TOOL_OBJS) $(HARDENED) $(LDFLAGS) $(TOOL_LIBS)

# Tests.

$(BUILD)/test/fuzz_%: $(BUILD)/test/fuzz/fuzz_%.o $(UNIT_OBJS)
	$(CC) -fsanitize=fuzzer -o $@ $^ $(LDFLAGS) $(TOOL_LIBS)

$(LIBRARY_TESTS): $(BUILD)/test/%: $(BUILD)/test/unit/%.o $(LIBRARY_OBJS)
	$(CC) -o $@ $^ $(LDFLAGS) -lconfuse $$($(PKG_CONFIG) --libs check)

$(BUILD)/test/test_%: $(BUILD)/test/unit/test_%.o $(UNIT_OBJS)
	$(CC) -o $@ $^ $(LDFLAGS) $(TOOL_LIBS) \
	    $$($(PKG_CONFIG) --libs check)

# The programs under test know nothing of kashim, and export what they have.
$(BUILD)/test/%: test/preload/%.c Makefile
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(CFLAGS) -pthread \
	    -rdynamic -MMD -MP -o $@ $< $(filter %.so,$^) \
	    -Wl,-rpath,'$$ORIGIN' -ldl $(LDLIBS)

$(BUILD)/test/lib_%.so: test/preload/lib_%.c Makefile
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(CFLAGS) -shared -fPIC \
	    -Wl,-soname,$(@F) -MMD -MP -o $@ $< $(LDLIBS)

$(BUILD)/test/promises: $(BUILD)/test/lib_early.so

$(PLAIN): $(BUILD)/test/plain_%: test/preload/hostile_plain.c Makefile
	@mkdir -p $(@D)
	$(PLAIN_$*) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) -O1 -g -pthread \
	    -MMD -MP -o $@ $< -ldl

$(BUILD)/test/hostile: $(BUILD)/test/lib_hostile_early.so \
    $(BUILD)/test/lib_hostile_behind.so
$(BUILD)/test/hostile: LDLIBS := -lm
$(BUILD)/test/hostile_confuse: $(BUILD)/test/lib_hostile_confuse.so
$(BUILD)/test/hostile_confuse $(BUILD)/test/lib_hostile_confuse.so: \
    LDLIBS := -lconfuse

# Loaded by name, at run time.
$(BUILD)/test/unreachable: | $(BUILD)/test/lib_deepbind.so

$(BUILD)/test/bench_match: $(BUILD)/test/bench/match.o $(UNIT_OBJS)
	$(CC) -o $@ $^ $(LDFLAGS) $(TOOL_LIBS)

# For kashim run, which reaches them from outside.
$(BUILD)/test/%_static: test/preload/%.c Makefile
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(CFLAGS) -static -pthread \
	    -MMD -MP -o $@ $<

$(BUILD)/test/%_static32: test/preload/%.c Makefile
	@mkdir -p $(@D)
	$(CC) -m32 -idirafter /usr/include/$$($(CC) -dumpmachine) -std=gnu11 \
	    -D_GNU_SOURCE $(WARNINGS) $(CFLAGS) -static -pthread -MMD -MP \
	    -o $@ $<

# Static programs for the command to reach.
$(addprefix $(BUILD)/test/,holds supervised): $(BUILD)/test/%: \
    test/command/%.c Makefile
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(CFLAGS) -static -pthread \
	    -MMD -MP -o $@ $<

$(BUILD)/test/watch: test/e2e/watch.c Makefile
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(CFLAGS) -MMD -MP \
	    -o $@ $< -lpcap

setup:
	sh test/setup.sh

# What setup installs is needed to build, so the build is a make of its own.
check: setup
	$(MAKE) audit
	$(MAKE) unit
	$(MAKE) preload
	$(MAKE) command
	$(MAKE) e2e
	$(MAKE) more

# What takes other compilers. Each has a directory of its own, so that two run
# at a time.
more: all
	$(MAKE) -j 2 -O lint fuzz asan ubsan tsan builds

audit: all-library
	CC='$(CC)' sh test/audit.sh $(BUILD) $(SHIM_OBJS)

unit: all $(UNIT_TESTS)
	sh test/unit/run $(BUILD)

# For a build without the command: see test/builds/run.
unit-library: $(LIBRARY_TESTS)
	sh test/unit/run $(BUILD)

preload: all $(HOSTS) $(PLAIN) $(BUILD)/test/connects_static \
    $(BUILD)/test/lib_stack.so
	sh test/preload/run $(BUILD)

command: all $(addprefix $(BUILD)/test/,connects_static calls follow holds \
    supervised sockets_static ways_static fastopen_static test_unit \
    $(if $(filter x86_64,$(shell uname -m)),sockets_static32 ways_static32))
	sh test/command/run $(BUILD)

# Not in check: what it prints depends on the machine, and nothing fails.
bench: all $(BUILD)/test/calls $(BUILD)/test/cost $(BUILD)/test/bench_match
	sh test/bench/run $(BUILD)

$(BUILD)/test/cost: test/bench/cost.c Makefile
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(CFLAGS) -MMD -MP -o $@ $< \
	    -ldl

e2e: all $(BUILD)/test/watch
	sh test/e2e/run $(BUILD)

# What is built differently is a build of its own, below $(BUILD).

fuzzers: $(FUZZERS)

fuzz: all
	$(MAKE) BUILD=$(BUILD)/fuzz CC=clang LDFLAGS=-fsanitize=address,undefined \
	    CFLAGS='-O1 -g -fsanitize=fuzzer-no-link,address,undefined \
	    -fno-sanitize-recover=all' fuzzers
	sh test/fuzz/run $(BUILD) $(FUZZ_RUNS)

# Unit tests, and programs under a library that is built with the sanitizer
# too. Threads are only in the programs.
asan: SANITIZER := address
ubsan: SANITIZER := undefined
tsan: SANITIZER := thread
asan ubsan: SANITIZED := unit programs
tsan: SANITIZED := programs
# The library is in front of the sanitizer's own, and may be.
asan: export ASAN_OPTIONS := verify_asan_link_order=0
asan ubsan tsan:
	$(MAKE) BUILD=$(BUILD)/$@ LDFLAGS=-fsanitize=$(SANITIZER) \
	    CFLAGS='-O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all \
	    -fsanitize=$(SANITIZER)' $(SANITIZED)

programs: all $(PROGRAMS)
	set -e; for program in $(abspath $(PROGRAMS)); do \
	    printf '%s: ' "$${program##*/}"; "$$program" $(abspath $(BUILD)); \
	done

# Some hosts look at their own memory and descriptors, where the counters are
# seen: that they fail here means nothing. The compiler's runtime has to come
# early in the link, to have begun when the library's constructor runs, and
# behind one object that counts, for that to say how.
COUNTED := -O0 -g -fcoverage-mapping -fprofile-update=atomic -mllvm \
	   -runtime-counter-relocation \
	   -fprofile-instr-generate=$(abspath $(BUILD))/coverage/%m%c.profraw
coverage:
	mkdir -p $(BUILD)/coverage
	rm -f $(BUILD)/coverage/*.profraw
	echo 'extern int counts; int counts = 1; void count(void) { counts++; }' | \
	    clang $(COUNTED) -fvisibility=hidden -fPIC -x c -c - \
	    -o $(BUILD)/coverage/first.o
	-$(MAKE) -k BUILD=$(BUILD)/coverage CC=clang CFLAGS='$(COUNTED)' \
	    LDFLAGS="-fprofile-instr-generate $(BUILD)/coverage/first.o \
	    $$(clang --print-runtime-dir)/libclang_rt.profile-$$(uname -m).a" \
	    unit programs preload >$(BUILD)/coverage.log 2>&1
	sh test/coverage.sh $(BUILD)/coverage

builds: all
	MAKE='$(MAKE)' CC='$(CC)' sh test/builds/run $(BUILD)

demo:
	sh test/setup.sh demo
	$(MAKE) all $(BUILD)/test/watch
	sh test/e2e/demo $(BUILD)

# The texts say /usr/local, /etc and /var: what is installed says where it is.
# install(1) takes a file away before it writes the new one, as it must:
# programs run with it.
PLACED   := sed -e 's|/usr/local/lib|$(LIBDIR)|g' \
	    -e 's|/usr/local/bin|$(BINDIR)|g' \
	    -e 's|/usr/local/share/doc/kashim|$(DOCDIR)|g' \
	    -e 's|/usr/local|$(PREFIX)|g' \
	    -e 's|/etc/kashim|$(SYSCONFDIR)/kashim|g' \
	    -e 's|etc%kashim|$(subst /,%,$(SYSCONFDIR:/%=%))%kashim|g' \
	    -e 's|/var/cache/kashim|$(LOCALSTATEDIR)/cache/kashim|g'
PUBLISHED := $(DESTDIR)$(LOCALSTATEDIR)/cache/kashim
CONFIG   := $(DESTDIR)$(SYSCONFDIR)/kashim.conf
DOCS     := COPYING docs/kashim-status.schema.json

# What is the system's own is for root: others install below a PREFIX of theirs.
LOADER := test -z '$(DESTDIR)' -a "$$(id -u)" -eq 0
SYSTEM := test -n '$(DESTDIR)' -o "$$(id -u)" -eq 0

# FROM:TO, each a text that is placed.
TEXTS := README:$(DOCDIR)/README \
	 tools/package/tmpfiles.conf:$(TMPFILESDIR)/kashim.conf \
	 $(foreach page,$(notdir $(wildcard docs/*.[1-8])), \
	 docs/$(page):$(MANDIR)/man$(subst .,,$(suffix $(page)))/$(page)) \
	 $(foreach file,$(shell find conf -type f), \
	 $(file):$(file:conf/%=$(DOCDIR)/examples/%))
INSTALLED := $(addprefix $(BINDIR)/,kashim kashim-wrapper) \
	 $(addprefix $(LIBDIR)/,libkashim.so libkashim-config.so) \
	 $(BASHDIR)/kashim $(addprefix $(DOCDIR)/,$(notdir $(DOCS))) \
	 $(foreach text,$(TEXTS),$(lastword $(subst :, ,$(text))))

install-library: all-library
	install -d $(DESTDIR)$(LIBDIR)
	install -m 755 $(BUILD)/libkashim.so $(BUILD)/libkashim-config.so \
	    $(DESTDIR)$(LIBDIR)
	! $(LOADER) || ldconfig

install: all install-library
	install -d $(sort $(addprefix $(DESTDIR),$(dir $(INSTALLED))))
	install -m 755 $(BUILD)/kashim $(DESTDIR)$(BINDIR)
	$(PLACED) tools/kashim-wrapper | install -m 755 /dev/stdin \
	    $(DESTDIR)$(BINDIR)/kashim-wrapper
	install -m 644 tools/kashim.bash $(DESTDIR)$(BASHDIR)/kashim
	install -m 644 $(DOCS) $(DESTDIR)$(DOCDIR)
	set -e; for text in $(TEXTS); do \
	    $(PLACED) $${text%%:*} | \
	    install -m 644 /dev/stdin $(DESTDIR)$${text#*:}; \
	done
	! $(SYSTEM) || install -d $(PUBLISHED)

# Directories that are empty then go, up to PREFIX, but none that a system has
# of itself.
STANDARD := $(foreach prefix,/usr /usr/local,$(prefix) \
	 $(addprefix $(prefix)/,bin lib share share/doc share/man)) /opt \
	 /var/cache $(patsubst %/,%,$(dir $(PREFIX)))

# What was published stays, with its directory: programs that run have it
# mapped, and would never see what is published after the next install. The
# compiled policy goes: without kashim.conf it would be in force after the next
# install.
uninstall:
	rm -f $(addprefix $(DESTDIR),$(INSTALLED))
	! $(SYSTEM) || rm -f $(CONFIG).policy
	for directory in $(patsubst %/,%,$(sort $(dir $(INSTALLED)))) \
	    $(LOCALSTATEDIR)/cache/kashim; do \
	    until case ' $(STANDARD) ' in *" $$directory "*) ;; \
	        *) ! rmdir "$(DESTDIR)$$directory" 2>/dev/null ;; esac; do \
	        directory=$${directory%/*}; \
	    done; \
	done
	! $(LOADER) || ldconfig
	@for file in $(CONFIG) $(PUBLISHED)/* \
	    $(DESTDIR)/etc/systemd/system/*.d/zz-kashim.conf; do \
	    test ! -e "$$file" || echo "left: $$file"; \
	done

# For others. What they make is in $(BUILD).
dist:
	sh tools/package/dist $(VERSION) $(BUILD)

deb: dist
	sh tools/package/deb $(VERSION) $(BUILD)

rpm: dist
	sh tools/package/rpm $(VERSION) $(BUILD)

# TREES: of debootstrap(8), in place of one of this machine's release.
packages:
	sh test/package/run $(BUILD) $(TREES)

C_FILES  := $(wildcard lib/*.[ch] tools/*.[ch] test/*/*.[ch])
SH_FILES := $(shell grep -lE '^\#!/bin/sh' -r test tools .ci 2>/dev/null)

format:
	clang-format -i $(C_FILES)

lint:
	clang-format --dry-run -Werror $(C_FILES)
	printf '%s\n' $(filter %.c,$(C_FILES)) | \
	    xargs -P 2 -I {} clang-tidy --quiet {} -- -std=gnu11 \
	    -D_GNU_SOURCE -DKASHIM_VERSION='""' -DKASHIM_LIBDIR='""' \
	    -Ilib -Itools 2>/dev/null
	cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 \
	    --enable=warning,performance,portability -D_GNU_SOURCE -Ilib \
	    -Itools \
	    lib tools test
	shellcheck -x $(SH_FILES)

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -type f -name '*.d' 2>/dev/null)
