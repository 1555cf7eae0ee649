# SPDX-License-Identifier: ISC
# What is built for tests, and how they are run: a part of the Makefile.

UNIT_TESTS  := $(filter-out $(if $(BPF),,$(BUILD)/test/test_kernel_program), \
	       $(patsubst test/unit/%.c,$(BUILD)/test/%, \
	       $(wildcard test/unit/test_*.c)))
# Those of lib/, and what they are linked with: it needs libconfuse alone.
LIBRARY_TESTS := $(filter-out $(patsubst %.c,$(BUILD)/test/test_%, \
	       $(notdir $(wildcard tools/*/*.c))),$(UNIT_TESTS))
LIBRARY_OBJS := $(LIB_OBJS) $(call objects,tools/term tools/advice)
UNIT_OBJS   := $(filter-out $(CMD_OBJS),$(TOOL_OBJS))
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
# What unit tests are built with.
CHECK       := header:check.h command:pkg-config
FUZZERS     := $(patsubst test/fuzz/%.c,$(BUILD)/test/%, \
	       $(wildcard test/fuzz/fuzz_*.c))
FUZZ_RUNS   ?= 20000

# What "setup.sh have" does not find here, nothing that needs it is built with;
# its tests are skipped by name. $(call skipped,PART,WHY,NAMES): those lines.
skipped = printf 'skipped: $(1) %s: $(2)\n' $(notdir $(3)); \
	  echo 'all: 0 passed, 0 failed, $(words $(3)) skipped'

# One after the other: the second is to find what the first has installed.
ifneq ($(filter setup setup-build,$(MAKECMDGOALS)),)
.NOTPARALLEL:
endif

.PHONY: setup setup-build demo check audit unit unit-tests unit-library preload command \
	e2e lint fuzz fuzzers asan ubsan tsan programs builds bench coverage \
	packages image releases kernels format

$(BUILD)/test/fuzz_%: $(BUILD)/test/fuzz/fuzz_%.o $(UNIT_OBJS)
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) -fsanitize=fuzzer -o $@ $^ $(LDFLAGS) $(TOOL_LIBS)

$(LIBRARY_TESTS): $(BUILD)/test/%: $(BUILD)/test/unit/%.o $(LIBRARY_OBJS)
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) -o $@ $^ $(LDFLAGS) -lconfuse $$($(PKG_CONFIG) --libs check)

$(BUILD)/test/test_%: $(BUILD)/test/unit/test_%.o $(UNIT_OBJS)
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) -o $@ $^ $(LDFLAGS) $(TOOL_LIBS) \
	    $$($(PKG_CONFIG) --libs check)

# The programs under test know nothing of kashim, and export what they have.
$(BUILD)/test/%: test/preload/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(CFLAGS) -pthread \
	    -rdynamic -MMD -MP -o $@ $< $(filter %.so,$^) \
	    -Wl,-rpath,'$$ORIGIN' -ldl $(LDLIBS)

$(BUILD)/test/lib_%.so: test/preload/lib_%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(CFLAGS) -shared -fPIC \
	    -Wl,-soname,$(@F) -MMD -MP -o $@ $< $(LDLIBS)

$(BUILD)/test/promises: $(BUILD)/test/lib_early.so

$(BUILD)/test/overtaken: $(BUILD)/test/lib_overtaken.so

# It publishes policies itself.
$(BUILD)/test/accepts: $(BUILD)/test/preload/accepts.o $(LIB_OBJS)
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) -o $@ $^ $(LDFLAGS) -lconfuse

$(PLAIN): $(BUILD)/test/plain_%: test/preload/hostile_plain.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)! $(SETUP) have 'link:$(PLAIN_$*):' || \
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
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) -o $@ $^ $(LDFLAGS) $(TOOL_LIBS)

# The look-up in the kernel, if the command has it.
$(BUILD)/test/lookups: $(BUILD)/test/command/lookups.o $(UNIT_OBJS)
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) -o $@ $^ $(LDFLAGS) $(TOOL_LIBS) \
	    $$($(PKG_CONFIG) --libs check)

# For kashim run, which reaches them from outside.
$(BUILD)/test/%_static: test/preload/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(CFLAGS) -static -pthread \
	    -MMD -MP -o $@ $<

$(BUILD)/test/%_static32: test/preload/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)! $(SETUP) have 'link:$(CC):-m32,-static' || $(CC) -m32 -idirafter /usr/include/$$($(CC) -dumpmachine) -std=gnu11 \
	    -D_GNU_SOURCE $(WARNINGS) $(CFLAGS) -static -pthread -MMD -MP \
	    -o $@ $<

# Static programs for the command to reach.
$(addprefix $(BUILD)/test/,holds silent supervised): $(BUILD)/test/%: \
    test/command/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(CFLAGS) -static -pthread \
	    -MMD -MP -o $@ $<

$(BUILD)/test/passes: test/e2e/passes.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(CFLAGS) -static -MMD -MP \
	    -o $@ $<

$(BUILD)/test/watch: test/e2e/watch.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)! $(SETUP) have header:pcap.h || \
	    $(CC) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(CPPFLAGS) $(CFLAGS) \
	    -MMD -MP -o $@ $< $(LDFLAGS) -lpcap

setup:
	@$(SETUP) check

setup-build:
	@$(SETUP) build

# Installs nothing. All parts run, also behind one that fails.
check:
	@MAKE='$(MAKE)' V=$(V) sh test/check.sh $(BUILD)

audit: all-library
	@CC='$(CC)' sh test/audit.sh $(BUILD) $(SHIM_OBJS)

unit: all
	@if $(SETUP) have $(CHECK); then \
	    $(MAKE) --no-print-directory unit-tests && \
	    sh test/unit/run $(BUILD); \
	else $(call skipped,unit,no Check or no pkg-config,$(UNIT_TESTS)); fi

unit-tests: $(UNIT_TESTS)

# For a build without the command: see test/builds/run.
unit-library: $(LIBRARY_TESTS)
	@sh test/unit/run $(BUILD)

preload: all $(HOSTS) $(PLAIN) $(BUILD)/test/connects_static \
    $(BUILD)/test/lib_stack.so
	@sh test/preload/run $(BUILD)

command: all $(addprefix $(BUILD)/test/,connects_static calls follow holds \
    reloads silent supervised sockets_static ways_static fastopen_static \
    $(if $(filter x86_64,$(shell uname -m)),sockets_static32 ways_static32))
	@! $(SETUP) have $(CHECK) || \
	    $(MAKE) --no-print-directory $(BUILD)/test/test_unit \
	    $(if $(BPF),$(BUILD)/test/lookups)
	@sh test/command/run $(BUILD)

# Not in check: what it prints depends on the machine, and nothing fails.
bench: all $(addprefix $(BUILD)/test/,calls cost bench_match \
    $(if $(BPF),attached))
	@sh test/bench/run $(BUILD)

$(BUILD)/test/cost $(BUILD)/test/attached: $(BUILD)/test/%: test/bench/%.c \
    $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(CFLAGS) -MMD -MP -o $@ $< \
	    -ldl $(if $(BPF),-lbpf)

e2e: all $(BUILD)/test/watch $(BUILD)/test/passes
	@sh test/e2e/run $(BUILD)

# What is built differently is a build of its own, below $(BUILD).

fuzzers: $(FUZZERS)

fuzz: all
	@if $(SETUP) have link:clang:-fsanitize=fuzzer,address; then \
	    $(MAKE) --no-print-directory BUILD=$(BUILD)/fuzz CC=clang \
	        LDFLAGS=-fsanitize=address,undefined \
	        CFLAGS='-O1 -g -fsanitize=fuzzer-no-link,address,undefined \
	        -fno-sanitize-recover=all' fuzzers && \
	    sh test/fuzz/run $(BUILD) $(FUZZ_RUNS); \
	else $(call skipped,fuzz,no clang with libFuzzer,$(FUZZERS)); fi

# Unit tests, and programs under a library that is built with the sanitizer
# too. Threads are only in the programs.
asan: SANITIZER := address
ubsan: SANITIZER := undefined
tsan: SANITIZER := thread
asan ubsan: SANITIZED := unit programs
tsan: SANITIZED := programs
# The library is in front of the sanitizer's own, and may be.
asan: export ASAN_OPTIONS := verify_asan_link_order=0
# -k: the second also behind a first that fails.
asan ubsan tsan:
	@if $(SETUP) have 'link:$(CC):-fsanitize=$(SANITIZER)'; then \
	    $(MAKE) -k --no-print-directory BUILD=$(BUILD)/$@ \
	        LDFLAGS=-fsanitize=$(SANITIZER) \
	        CFLAGS='-O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all \
	        -fsanitize=$(SANITIZER)' $(SANITIZED); \
	else $(call skipped,$@,$(CC) has no such sanitizer,$(SANITIZED)); fi

programs: all $(PROGRAMS)
	@JOBS=1 sh test/preload/run $(BUILD) $(PROGRAMS)

# Some hosts look at their own memory and descriptors, where the counters are
# seen: that they fail here means nothing. The compiler's runtime has to come
# early in the link, to have begun when the library's constructor runs, and
# behind one object that counts, for that to say how.
COUNTED := -O0 -g -fcoverage-mapping -fprofile-update=atomic -mllvm \
	   -runtime-counter-relocation \
	   -fprofile-instr-generate=$(abspath $(BUILD))/coverage/%m%c.profraw
coverage:
	@mkdir -p $(BUILD)/coverage
	@rm -f $(BUILD)/coverage/*.profraw
	@echo 'extern int counts; int counts = 1; void count(void) { counts++; }' | \
	    clang $(COUNTED) -fvisibility=hidden -fPIC -x c -c - \
	    -o $(BUILD)/coverage/first.o
	-$(MAKE) -k BUILD=$(BUILD)/coverage CC=clang CFLAGS='$(COUNTED)' \
	    LDFLAGS="-fprofile-instr-generate $(BUILD)/coverage/first.o \
	    $$(clang --print-runtime-dir)/libclang_rt.profile-$$(uname -m).a" \
	    unit programs preload >$(BUILD)/coverage.log 2>&1
	@sh test/coverage.sh $(BUILD)/coverage

builds: all
	@MAKE='$(MAKE)' CC='$(CC)' sh test/builds/run $(BUILD)

demo:
	@$(SETUP) demo
	@$(MAKE) --no-print-directory all $(BUILD)/test/watch
	@sh test/e2e/demo $(BUILD)

C_FILES  := $(wildcard lib/*/*.[ch] tools/*/*.[ch] test/*/*.[ch])
SH_FILES := $(shell grep -lE '^\#!/bin/sh' -r test tools findings .ci 2>/dev/null)

format:
	clang-format -i $(C_FILES)

lint:
	@sh test/lint.sh $(C_FILES) $(SH_FILES)

# TREES: of debootstrap(8), in place of one of this machine's release.
packages:
	@sh test/package/run $(BUILD) $(TREES)

# The base is made below $(BUILD), and kept for the next time.
image: all $(BUILD)/test/connects_static
	@sh test/package/image.sh $(BUILD)

# Roots of four releases are made below $(BUILD), and kept for the next time.
releases:
	@sh test/releases/run $(BUILD) $(RELEASES)

# What kashim attach does on other kernels, in qemu. Both are kept as well.
kernels:
	@sh test/kernels/run $(BUILD) $(KERNELS)
