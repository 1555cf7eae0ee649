# SPDX-License-Identifier: ISC
# kashim: GNU make. Everything that is built goes to build/. "make help"
# lists the targets.

PREFIX  ?= /usr/local
LIBDIR  ?= $(PREFIX)/lib
MANDIR  ?= $(PREFIX)/share/man
DOCDIR  ?= $(PREFIX)/share/doc/kashim
DESTDIR ?=

CC          ?= cc
PKG_CONFIG  ?= pkg-config
CFLAGS      ?= -O2 -g
WARNINGS    := -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes \
	       -Wmissing-prototypes -Wwrite-strings
VERSION     := 0.1.0
BUILD       := build

# -fexceptions: pthread_cancel(3) unwinds through the hooks' frames.
ALL_CFLAGS  := -std=gnu11 -D_GNU_SOURCE -DKASHIM_VERSION='"$(VERSION)"' \
	       -DKASHIM_LIBDIR='"$(LIBDIR)"' -fPIC -fvisibility=hidden \
	       -fexceptions -ffunction-sections $(WARNINGS) $(CFLAGS)
HARDENED    := -Wl,-z,defs -Wl,-z,relro -Wl,-z,now -Wl,--as-needed \
	       -Wl,--gc-sections

SHIM_OBJS   := $(addprefix $(BUILD)/lib/,addr.o keepalive.o record.o \
	       trace.o real.o image.o match.o cache.o policy.o apply.o apply_trace.o shim.o)
RULES_OBJS  := $(addprefix $(BUILD)/lib/,addr.o image.o build.o \
	       $(patsubst lib/%.c,%.o,$(filter-out lib/config_object.c, \
	       $(wildcard lib/config*.c) $(wildcard lib/build_*.c))))
PARSER_OBJS := $(RULES_OBJS) $(BUILD)/lib/config_object.o \
	       $(BUILD)/lib/arena.o
TOOL_OBJS   := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tools/*.c)) \
	       $(RULES_OBJS) $(BUILD)/lib/match.o $(BUILD)/lib/cache.o

UNIT_TESTS  := $(patsubst test/unit/%.c,$(BUILD)/test/%, \
	       $(wildcard test/unit/test_*.c))
UNIT_OBJS   := $(RULES_OBJS) $(addprefix $(BUILD)/lib/,match.o cache.o \
	       keepalive.o trace.o record.o)
HOSTS       := $(patsubst test/preload/%.c,$(BUILD)/test/%, \
	       $(filter-out test/preload/lib_%,$(wildcard test/preload/*.c)))
SANITIZED_HOSTS := $(addprefix $(BUILD)/test/,sockets promises)
FUZZERS     := $(patsubst test/fuzz/%.c,$(BUILD)/test/%, \
	       $(wildcard test/fuzz/fuzz_*.c))
FUZZ_RUNS   ?= 20000

.PHONY: all check audit unit preload e2e asan ubsan tsan sanitized \
	fuzz fuzzers coverage builds demo setup install uninstall format lint clean help
.DELETE_ON_ERROR:

all: $(BUILD)/libkashim.so $(BUILD)/libkashim-config.so $(BUILD)/kashim

help:
	@echo 'make             build the library and the command in build/'
	@echo 'make check       install what is needed, build, run all tests'
	@echo 'make demo        the same, then show in 40 s what kashim does'
	@echo 'make install     to $$(DESTDIR)$$(PREFIX); PREFIX is $(PREFIX)'
	@echo 'make uninstall   take that away again'
	@echo 'make setup       only install what building and testing need'
	@echo 'make unit        unit tests'
	@echo 'make preload     programs under the library, on loopback'
	@echo 'make e2e         real programs through a firewall in namespaces'
	@echo 'make lint        formatting, clang-tidy, cppcheck, shellcheck'
	@echo 'make format      format the sources'
	@echo 'make clean       remove build/'

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(CPPFLAGS) -Ilib -MMD -MP -c -o $@ $<

$(BUILD)/libkashim.so: $(SHIM_OBJS) lib/libkashim.map
	$(CC) -shared -o $@ $(SHIM_OBJS) -Wl,-soname,libkashim.so \
	    -Wl,--version-script=lib/libkashim.map $(HARDENED) $(LDFLAGS) -ldl

# -Bsymbolic: our malloc is ours, however the object was loaded.
$(BUILD)/libkashim-config.so: $(PARSER_OBJS)
	$(CC) -shared -o $@ $(PARSER_OBJS) -Wl,-Bsymbolic $(HARDENED) \
	    $(LDFLAGS) -lconfuse

$(BUILD)/kashim: $(TOOL_OBJS)
	$(CC) -pie -o $@ $(TOOL_OBJS) $(HARDENED) $(LDFLAGS) -lconfuse

# Tests.

$(BUILD)/test/fuzz_%: $(BUILD)/test/fuzz/fuzz_%.o $(UNIT_OBJS)
	$(CC) -fsanitize=fuzzer -o $@ $^ $(LDFLAGS) -lconfuse

$(BUILD)/test/test_%: $(BUILD)/test/unit/test_%.o $(UNIT_OBJS)
	$(CC) -o $@ $^ $(LDFLAGS) -lconfuse \
	    $$($(PKG_CONFIG) --libs check)

# The programs under test know nothing of kashim, and export what they have.
$(BUILD)/test/%: test/preload/%.c Makefile
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(CFLAGS) -pthread \
	    -rdynamic -MMD -MP -o $@ $< $(filter %.so,$^) \
	    -Wl,-rpath,'$$ORIGIN' -ldl

$(BUILD)/test/lib_%.so: test/preload/lib_%.c Makefile
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(CFLAGS) -shared -fPIC \
	    -MMD -MP -o $@ $<

$(BUILD)/test/promises: $(BUILD)/test/lib_early.so

$(BUILD)/test/watch: test/e2e/watch.c Makefile
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(CFLAGS) -MMD -MP \
	    -o $@ $< -lpcap

setup:
	sh test/setup.sh

# What setup installs is needed to build, so the build is a make of its own.
check: setup
	$(MAKE) unit
	$(MAKE) preload
	$(MAKE) e2e

audit: all
	CC='$(CC)' sh test/audit.sh $(BUILD) $(SHIM_OBJS)

unit: all $(UNIT_TESTS)
	sh test/unit/run $(BUILD)

preload: all $(HOSTS)
	sh test/preload/run $(BUILD)

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
asan ubsan: SANITIZED := unit sanitized
tsan: SANITIZED := sanitized
# The library is in front of the sanitizer's own, and may be.
asan: export ASAN_OPTIONS := verify_asan_link_order=0
asan ubsan tsan:
	$(MAKE) BUILD=$(BUILD)/$@ LDFLAGS=-fsanitize=$(SANITIZER) \
	    CFLAGS='-O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all \
	    -fsanitize=$(SANITIZER)' $(SANITIZED)

sanitized: all $(SANITIZED_HOSTS)
	set -e; for host in $(SANITIZED_HOSTS); do \
	    printf '%s: ' "$${host##*/}"; "$$host" $(abspath $(BUILD)); done

demo: setup
	$(MAKE) all $(BUILD)/test/watch
	sh test/e2e/demo $(BUILD)

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(LIBDIR) \
	    $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(MANDIR)/man5 \
	    $(DESTDIR)$(MANDIR)/man7 $(DESTDIR)$(MANDIR)/man8 \
	    $(DESTDIR)$(DOCDIR)
	install -m 755 $(BUILD)/kashim $(DESTDIR)$(PREFIX)/bin
	sed 's|^kashim_libdir=.*|kashim_libdir=$(LIBDIR)|' \
	    tools/kashim-wrapper >$(BUILD)/kashim-wrapper
	install -m 755 $(BUILD)/kashim-wrapper $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(BUILD)/libkashim.so $(BUILD)/libkashim-config.so \
	    $(DESTDIR)$(LIBDIR)
	install -m 644 docs/kashim.1 $(DESTDIR)$(MANDIR)/man1
	install -m 644 docs/kashim.conf.5 $(DESTDIR)$(MANDIR)/man5
	install -m 644 docs/libkashim.7 $(DESTDIR)$(MANDIR)/man7
	install -m 644 docs/kashim-wrapper.8 $(DESTDIR)$(MANDIR)/man8
	cp -R README COPYING conf $(DESTDIR)$(DOCDIR)
	test -n '$(DESTDIR)' || ldconfig

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/kashim \
	    $(DESTDIR)$(PREFIX)/bin/kashim-wrapper \
	    $(DESTDIR)$(LIBDIR)/libkashim.so \
	    $(DESTDIR)$(LIBDIR)/libkashim-config.so \
	    $(DESTDIR)$(MANDIR)/man1/kashim.1 \
	    $(DESTDIR)$(MANDIR)/man5/kashim.conf.5 \
	    $(DESTDIR)$(MANDIR)/man7/libkashim.7 \
	    $(DESTDIR)$(MANDIR)/man8/kashim-wrapper.8
	rm -rf $(DESTDIR)$(DOCDIR)
	test -n '$(DESTDIR)' || ldconfig

C_FILES  := $(wildcard lib/*.[ch] tools/*.[ch] test/*/*.[ch])
SH_FILES := $(shell grep -lE '^\#!/bin/sh' -r test tools .ci 2>/dev/null)

format:
	clang-format -i $(C_FILES)

lint:
	clang-format --dry-run -Werror $(C_FILES)
	clang-tidy --quiet $(filter %.c,$(C_FILES)) -- -std=gnu11 \
	    -D_GNU_SOURCE -DKASHIM_VERSION='""' -DKASHIM_LIBDIR='""' -Ilib
	cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 \
	    --enable=warning,performance,portability -D_GNU_SOURCE -Ilib \
	    lib tools test
	shellcheck -x $(SH_FILES)

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
