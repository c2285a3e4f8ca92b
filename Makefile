# SPDX-FileCopyrightText: The certauto authors
# SPDX-License-Identifier: MIT
#
# make            ./certauto, static, as it is released       (make help: the rest)
#
# One tree builds several flavours, each in a folder of its own below build/:
#   musl   static-pie, small, hardened: the release            make
#   glibc  for a debugger, valgrind or faketime                make CC=gcc
#   asan   gcc with ASan and UBSan; the unit tests use it      make asan
#   fuzz   clang with libFuzzer                                make fuzz
# Sources are found by pattern: a new file needs no line here.

VERSION = 0.1.0

# ---- Settings: may be given on the command line

PREFIX       ?= /usr
DESTDIR      ?=
SYSCONFDIR   ?= /etc
FUZZ_SECONDS ?= 60
# What starts services there, of which "make install" brings the unit or script: systemd openrc procd busybox none
INIT         ?= $(or $(and $(wildcard $(DESTDIR)$(SYSCONFDIR)/rc.common),procd),$(and $(wildcard \
                $(DESTDIR)/sbin/openrc-run),openrc),$(and $(wildcard $(DESTDIR)/lib/systemd/system),systemd),$(and \
                $(wildcard $(DESTDIR)$(SYSCONFDIR)/init.d/rcS),busybox),systemd)
# WERROR=1   warnings are errors
# RELEASE=1  no second versions of libraries
# CROSS=aarch64-linux-gnu-  builds build/musl-aarch64-linux-gnu/release/certauto, with
#            Debian's cross compiler (gcc-aarch64-linux-gnu, libc6-dev-arm64-cross)
# EXTRA_CFLAGS, EXTRA_LDFLAGS  are added
# V=1        shows the commands

# Flags of single rooms: CFLAGS_NAME for src/NAME.c. The one is passed for every certificate of a run, the other by every
# byte of a bundle of CAs.
CFLAGS_state_parse = -O2
CFLAGS_codec = -O2

# ---- Limits that "make sizes" asserts, in bytes (1.25 MiB with everything; those of the parts add up to it)

LIMIT_TOTAL     = 1310720
LIMIT_LIBRARIES = 890880
LIMIT_OWN       = 327680
LIMIT_HOOKS     = 92160

# ---- Flavours

ifndef FLAVOUR
FLAVOUR := $(if $(filter command line,$(origin CC)),glibc,musl)
endif
HOSTCC = gcc
BUILD  = build/$(FLAVOUR)$(CROSS:%-=-%)
VENDOR = $(BUILD)/vendor

SECTIONS   = -ffunction-sections -fdata-sections
HARDENED   = -fPIE -fstack-protector-strong
# Tried on x86_64, i386, arm and aarch64 only.
HARDENED  += $(if $(filter mips% riscv%,$(CROSS)),,-fstack-clash-protection)
SANITIZERS = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
GC         = -Wl,--gc-sections -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack

# OPTIMISE goes to the libraries as well, INSTRUMENT to our own code only.
ifeq ($(FLAVOUR),musl)
COMPILER  = $(VENDOR)/bin/cc
OPTIMISE  = -Os $(SECTIONS) $(HARDENED) -fno-asynchronous-unwind-tables -fno-unwind-tables
LDFLAGS   = -static-pie $(GC) $(if $(CROSS),,-Wl,-z,pack-relative-relocs)
LIBRARIES = musl
# Our own code is small before it is fast, and linked as one: gcc finds what is the same, called once, or not at all.
# Every buffer on its stack is guarded; where foreign bytes are taken apart, as in the libraries, the protector is the
# strong one. The hooks stay apart, so that "make sizes" can tell them.
OUTER      = answer codec config_read declaration exec hook_server http key lua_% names net% options state_parse verify x509_% zone
INSTRUMENT = $(if $(filter hooks_data,$(*F)),,-Oz -flto -fno-shrink-wrap --param=max-inline-insns-auto=0 \
             $(if $(filter $(OUTER),$(*F)),,-fstack-protector))
LDFLAGS  += -Oz -flto -flto-partition=one --param=max-inline-insns-auto=0
else ifeq ($(FLAVOUR),glibc)
COMPILER  = $(if $(filter command line,$(origin CC)),$(CC),$(HOSTCC))
OPTIMISE  = -O1 -g -fPIE -fstack-protector-strong
LDFLAGS   = -pie
LIBRARIES = glibc
else ifeq ($(FLAVOUR),asan)
COMPILER  = $(HOSTCC)
OPTIMISE  = -O1 -g -fPIE $(SANITIZERS)
LDFLAGS   = -pie
LIBRARIES = asan
# Tests may move this one's clock.
INSTRUMENT = -DCERTAUTO_TEST_CLOCK
else ifeq ($(FLAVOUR),fuzz)
# The libraries are those of glibc, not instrumented: it is our code that is fuzzed.
COMPILER   = clang
OPTIMISE   = -O1 -g -fPIE -fstack-protector-strong
INSTRUMENT = -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS    = -pie
LIBRARIES  = glibc
else
$(error no flavour $(FLAVOUR): musl glibc asan fuzz)
endif

WARNINGS = -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
           -Wwrite-strings -Wformat=2 -Wundef -Werror=implicit-function-declaration $(if $(filter 1,$(WERROR)),-Werror) \
           $(if $(findstring clang,$(COMPILER)),-Wno-format-nonliteral -Wno-string-concatenation)

# inih as it is compiled and as its header is read: one list for both.
INIH_FLAGS = -DINI_HANDLER_LINENO=1 -DINI_CALL_HANDLER_ON_NEW_SECTION=1 -DINI_ALLOW_NO_VALUE=1 \
             -DINI_ALLOW_MULTILINE=0 -DINI_ALLOW_INLINE_COMMENTS=0 -DINI_STOP_ON_FIRST_ERROR=0 \
             -DINI_USE_STACK=0 -DINI_ALLOW_REALLOC=1 -DINI_MAX_LINE=65537

CPPFLAGS = -D_GNU_SOURCE= -D_FILE_OFFSET_BITS=64 -Isrc -isystem $(VENDOR)/include \
           $(INIH_FLAGS) '-DMBEDTLS_CONFIG_FILE=<mbedtls_config.h>' \
           -DCERTAUTO_VERSION='"$(VERSION)"' -DCERTAUTO_BUILD_TIME=$(BUILD_TIME)
CFLAGS   = -std=c11 $(OPTIMISE) $(INSTRUMENT) $(WARNINGS)
# What -V says of the libraries.
CFLAGS_certauto = '-DCERTAUTO_LIBRARIES="$(shell sed 's/$$/\\n/' $(VENDOR)/versions | tr -d '\n')"'
# A group, because mbedTLS calls back into src/key.c, which tests have in an archive.
LDLIBS   = -L$(VENDOR)/lib -Wl,--start-group $(TESTED) -lcurl -linih -llua -lcjson -ldeflate -lmbedtls -Wl,--end-group -lm
COMPILE  = $(COMPILER) $(CPPFLAGS) $(CFLAGS) $(CFLAGS_$(*F)) $(EXTRA_CFLAGS) -MMD -MP
LINK     = $(COMPILER) $(CFLAGS) $(LDFLAGS) $(EXTRA_LDFLAGS)

# The build time is that of the sources, so that a build can be repeated.
BUILD_TIME := $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null),$(shell \
                find certauto.c src hooks -type f -printf '%Ts\n' 2>/dev/null | sort -n | tail -n 1),0)

# ---- Files

SOURCES = certauto.c $(wildcard src/*.c)
OBJECTS = $(SOURCES:%.c=$(BUILD)/obj/%.o) $(BUILD)/obj/hooks_data.o
# All but main(), for the tests.
ARCHIVE = $(BUILD)/libcertauto.a
HOOKS   = $(sort $(shell find hooks -name '*.lua' 2>/dev/null))
MANUALS = $(wildcard man/*.[1-8])
# Files that name the version or the build time are compiled again when it changes.
DATED   = $(patsubst %.c,$(BUILD)/obj/%.o,$(shell grep -l -e CERTAUTO_VERSION -e CERTAUTO_BUILD_TIME $(SOURCES) 2>/dev/null))

UNIT_TESTS = $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/*_test.c))
FUZZERS    = $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/*_fuzz.c))
REPLAYS    = $(patsubst tests/fuzz/%.c,$(BUILD)/replay/%,$(wildcard tests/fuzz/*_fuzz.c))

# ---- The program

.DELETE_ON_ERROR:
.SECONDARY:

# A short line for each command, or the command itself.
quiet = $(if $(filter 1,$(V)),,@echo '  $(1)' $(patsubst $(BUILD)/%,%,$(2)) && )

# ./certauto is what is released; build/musl/certauto is the same with symbols.
ifeq ($(FLAVOUR),musl)
PROGRAM = $(if $(CROSS),$(BUILD)/release/certauto,certauto)
all: $(PROGRAM)

$(PROGRAM): $(BUILD)/certauto
	@mkdir -p $(@D)
	$(call quiet,STRIP,$@)$(CROSS)strip -o $@ $<
else
all: $(BUILD)/certauto
	@echo "built $<"
endif

$(BUILD)/certauto: $(OBJECTS)
	$(call quiet,LINK ,$@)$(LINK) -o $@ $(OBJECTS) -Wl,-Map=$(BUILD)/certauto.map $(LDLIBS)
ifeq ($(FLAVOUR),musl)
	@# A wrong specs file yields a dynamic program without a warning.
	@if readelf -lW $@ | grep -q INTERP || ! readelf -hW $@ | grep -q 'Type:.*DYN'; then \
	    echo "$@ is not a static-pie" >&2; rm -f $@; exit 1; fi
endif

$(BUILD)/obj/%.o: %.c $(BUILD)/vendor.stamp Makefile
	@mkdir -p $(@D)
	$(call quiet,CC   ,$<)$(COMPILE) -c -o $@ $<

$(BUILD)/obj/hooks_data.o: $(BUILD)/gen/hooks_data.c
	$(call quiet,CC   ,$<)$(COMPILE) -c -o $@ $<

# The list of hooks is a file too, so that a hook that goes away is noticed.
$(BUILD)/gen/hooks_data.c: src/embed.lua $(HOOKS) $(BUILD)/gen/hooks.list $(BUILD)/vendor.stamp
	$(call quiet,EMBED,hooks)$(VENDOR)/bin/lua src/embed.lua hooks $(HOOKS) >$@

$(BUILD)/gen/hooks.list: always
	@mkdir -p $(@D)
	@echo '$(HOOKS)' | cmp -s - $@ || echo '$(HOOKS)' >$@

$(DATED): $(BUILD)/gen/dated
$(BUILD)/gen/dated: always
	@mkdir -p $(@D)
	@echo '$(VERSION) $(BUILD_TIME)' | cmp -s - $@ || echo '$(VERSION) $(BUILD_TIME)' >$@

$(ARCHIVE): $(filter-out $(BUILD)/obj/certauto.o,$(OBJECTS))
	@rm -f $@
	$(call quiet,AR   ,$@)$(CROSS)gcc-ar rcsD $@ $^

# Libraries come out of a cache outside the tree; here is but a link to them.
# A release asks again, because what is there may be second versions.
ifeq ($(if $(filter 1,$(RELEASE)),,$(wildcard $(VENDOR)/versions)),)
$(shell rm -f $(BUILD)/vendor.stamp)
endif
$(BUILD)/vendor.stamp: vendor/build vendor/fetch vendor/Sources vendor/mbedtls_config.h
	@mkdir -p $(@D)
	@ln -sfn "$$(CC='$(if $(filter musl,$(FLAVOUR)),gcc,$(HOSTCC))' CROSS='$(CROSS)' INIH_FLAGS='$(INIH_FLAGS)' \
	    vendor/build $(LIBRARIES) '$(OPTIMISE)')" $(VENDOR)
	@test -f $(VENDOR)/versions
	@touch $@

-include $(OBJECTS:.o=.d) $(wildcard $(BUILD)/tests/*.d $(BUILD)/fuzz/*.d $(BUILD)/replay/*.d)

# ---- Tests

# A test that defines __wrap_NAME gets every call of NAME, also those of our own files.
wraps = $(patsubst __wrap_%,-Wl$(comma)--wrap=%,$(sort $(shell grep -o '__wrap_[A-Za-z0-9_]*' $<)))
comma = ,

$(BUILD)/tests/% $(BUILD)/fuzz/% $(BUILD)/replay/%: private TESTED = $(ARCHIVE)

$(BUILD)/tests/%: tests/unit/%.c $(ARCHIVE)
	@mkdir -p $(@D)
	$(call quiet,CC   ,$<)$(COMPILE) -Wno-missing-prototypes -Itests/unit -MT $@ -MF $@.d $(LDFLAGS) -o $@ $< $(wraps) $(LDLIBS) -lcmocka

$(BUILD)/fuzz/%: tests/fuzz/%.c $(ARCHIVE)
	@mkdir -p $(@D)
	$(call quiet,CC   ,$<)$(COMPILE) -Wno-missing-prototypes -MT $@ -MF $@.d -fsanitize=fuzzer $(LDFLAGS) -o $@ $< $(LDLIBS)

$(BUILD)/replay/%: tests/fuzz/%.c tests/fuzz/replay.c $(ARCHIVE)
	@mkdir -p $(@D)
	$(call quiet,CC   ,$<)$(COMPILE) -Wno-missing-prototypes -MT $@ -MF $@.d $(LDFLAGS) -o $@ $< tests/fuzz/replay.c $(LDLIBS)

flavour-tests: $(UNIT_TESTS) $(REPLAYS)
flavour-fuzzers: $(FUZZERS)

asan:
	+@$(MAKE) --no-print-directory FLAVOUR=asan all flavour-tests

# The unit tests alone: they need neither the program nor its libraries for musl.
# What was built is run, even when something was not.
unit:
	+@$(MAKE) --no-print-directory -k FLAVOUR=asan flavour-tests; built=$$?; tests/run unit && exit $$built

# The same without sanitizers, for what only valgrind sees.
valgrind:
	+@$(MAKE) --no-print-directory FLAVOUR=glibc flavour-tests
	tests/run valgrind

# These two are for those who have just come: what is missing is installed, or named, first.
test:
	@tests/packages build test
	+@$(MAKE) --no-print-directory all asan
	tests/run all

test-quick: all asan
	tests/run quick

test-services: all
	tests/run services

fuzz:
	+@$(MAKE) --no-print-directory FLAVOUR=fuzz flavour-fuzzers
	tests/run fuzz $(FUZZ_SECONDS)

bench: all
	@for script in tests/bench/*.sh; do \
	    if [ -x "$$script" ]; then CERTAUTO=$(CURDIR)/certauto "$$script" || exit 1; fi; done

# Beside the ACME clients that Debian installs: apt-get install lego uacme certbot acmetool acme-tiny lacme dehydrated
bench-acme: all
	CERTAUTO=$(CURDIR)/certauto tests/bench/acme

demo:
	@tests/packages build demo
	+@$(MAKE) --no-print-directory all
	CERTAUTO=$(CURDIR)/certauto tests/demo.sh

lint: $(BUILD)/vendor.stamp
	@TIDY_FLAGS="$(subst ",\",$(CPPFLAGS)) -DCERTAUTO_LIBRARIES='\"\"' -std=c11" tests/lint

format:
	clang-format -i $(SOURCES) $(wildcard src/*.h tests/unit/*.[ch] tests/fuzz/*.[ch])

# What each part adds to the program, out of the linker's map.
sizes: certauto
	@awk -v total=$$(stat -c %s certauto) -v limits='$(LIMIT_TOTAL) $(LIMIT_LIBRARIES) $(LIMIT_OWN) $(LIMIT_HOOKS)' \
	    -f tests/sizes.awk $(BUILD)/certauto.map

# ---- The rest

# What is built already is not built again: root may have another cache and another git.
install: $(if $(wildcard certauto),,all)
	install -D -m 755 certauto $(DESTDIR)$(PREFIX)/sbin/certauto
	@for page in $(MANUALS); do \
	    install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man$${page##*.} $$page || exit 1; done
	install -d -m 755 $(DESTDIR)$(SYSCONFDIR)/certauto $(DESTDIR)$(SYSCONFDIR)/certauto/hooks
	@# A configuration or a hook that is there is never overwritten.
	@if [ -f etc/certauto.ini ] && [ ! -e $(DESTDIR)$(SYSCONFDIR)/certauto/certauto.ini ]; then \
	    install -m 644 etc/certauto.ini $(DESTDIR)$(SYSCONFDIR)/certauto/certauto.ini; fi
	@for hook in etc/hooks/*/*.lua; do \
	    target=$(DESTDIR)$(SYSCONFDIR)/certauto/$${hook#etc/}; \
	    [ -e "$$target" ] || install -D -m 644 $$hook "$$target" || exit 1; done
	@set -e; case $(INIT) in \
	systemd) for unit in etc/*.service etc/*.timer; do \
	        install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/systemd/system $$unit; \
	        sed -i 's,/usr/sbin/certauto,$(PREFIX)/sbin/certauto,' $(DESTDIR)$(PREFIX)/lib/systemd/system/$${unit#etc/}; \
	    done ;; \
	openrc | procd | busybox) \
	    script=$(DESTDIR)$(SYSCONFDIR)/init.d/$(if $(filter busybox,$(INIT)),S50certauto,certauto); \
	    install -D -m 755 etc/certauto.$(INIT) $$script; \
	    sed -i 's,/usr/sbin/certauto,$(PREFIX)/sbin/certauto,' $$script ;; \
	none) ;; \
	*) echo 'INIT is one of systemd, openrc, procd, busybox, none' >&2; exit 1 ;; \
	esac

clean:
	rm -rf build certauto

help:
	@echo 'make                      ./certauto, the static program   (WERROR=1, RELEASE=1, CROSS=PREFIX-)'
	@echo 'make CC=gcc               build/glibc/certauto, for a debugger'
	@echo 'make asan                 build/asan/certauto and the unit tests, with sanitizers'
	@echo 'make test                 all tests; test-quick under a minute; test-services with real services'
	@echo 'make unit, valgrind       only the unit tests; ONLY=TEXT (here and above): only those whose name holds TEXT'
	@echo 'make lint, format         the rules of the house'
	@echo 'make sizes                what each part of the program weighs, against its limit'
	@echo 'make fuzz FUZZ_SECONDS=60 each fuzz target for so long'
	@echo 'make bench, demo          measure; watch it work; bench-acme: beside other ACME clients'
	@echo 'make install DESTDIR= PREFIX=/usr INIT=systemd|openrc|procd|busybox|none'
	@echo 'make deps                 install what building and testing need (Debian, as root)'
	@echo 'make clean, help'

deps:
	tests/packages build test

.PHONY: all always asan bench bench-acme clean demo deps flavour-fuzzers flavour-tests format fuzz help install lint \
        sizes test test-quick test-services unit valgrind
