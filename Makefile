# Larder's one makefile: not recursive, objects out of the tree, silent unless V=1.
#
#   make                 build everything           make check   lint, unit, e2e, browser
#   make deps            install what is needed     make lint    layers, format, calls, headers
#   make run             serve on 127.0.0.1:8080    make fuzz    every fuzzer for FUZZ_SECONDS
#   make demo            the same with a stand-in Hub
#
# BUILD=release|debug|asan|tsan picks the flavour, CC=gcc|clang the compiler.

MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:

BUILD ?= release
ifeq ($(origin CC),default)
CC := gcc
endif
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),@:,@printf '  %-7s %s\n' $(1) $(2))

VERSION := 0.1.0
PREFIX ?= /usr
DESTDIR ?=
VAR ?= $(or $(LARDER_VAR),var)
FUZZ_SECONDS ?= 30
PYTHON ?= python3

OUT := build/$(BUILD)-$(notdir $(CC))

# --- flags -------------------------------------------------------------------------------

PACKAGES := fcgi libcurl libevent libevent_pthreads json-c libcrypto libsodium sqlite3 libpcre2-8
PKG_CFLAGS := $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
PKG_LIBS := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null)

WARN := -Wall -Wextra -Wpedantic -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wundef -Wvla -Wwrite-strings -Wcast-qual -Wcast-align -Wpointer-arith \
	-Wredundant-decls -Wformat=2 -Wnull-dereference -Wdouble-promotion -Wconversion \
	-Wno-sign-conversion -Wswitch-enum -Wimplicit-fallthrough -Wdate-time
WARN_gcc := -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wjump-misses-init
WARN_clang := -Wthread-safety -Wcomma -Wassign-enum -Wconditional-uninitialized
HARDEN := -fno-common -fvisibility=hidden -fstack-protector-strong -fstack-clash-protection -fPIE
ifneq ($(filter x86_64 i686,$(shell uname -m)),)
HARDEN += -fcf-protection
endif
HARDEN_gcc := -ftrivial-auto-var-init=zero
FAMILY := $(if $(findstring clang,$(CC)),clang,gcc)

OPT_release := -O2 -g -D_FORTIFY_SOURCE=3
OPT_debug := -O0 -g3 -Wno-null-dereference
OPT_asan := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=all -Wno-null-dereference
OPT_tsan := -O1 -g -fno-omit-frame-pointer -fsanitize=thread -Wno-null-dereference

CPPFLAGS_ALL := -I. -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DLARDER_VERSION='"$(VERSION)"' $(CPPFLAGS)
CFLAGS_ALL := -std=c17 $(WARN) $(WARN_$(FAMILY)) $(HARDEN) $(HARDEN_$(FAMILY)) $(OPT_$(BUILD)) \
	-pthread $(CFLAGS)
LDFLAGS_ALL := -pie -Wl,-z,relro,-z,now -pthread $(filter -fsanitize%,$(OPT_$(BUILD))) $(LDFLAGS)

# --- what there is -------------------------------------------------------------------------

COMMON := $(wildcard common/*.c)
DAEMON := $(filter-out downloader/main.c,$(wildcard downloader/*.c))
FCGI := $(filter-out fcgi/main.c,$(wildcard fcgi/*.c))
CLI := $(filter-out cli/main.c,$(wildcard cli/*.c))
UNITS := $(wildcard tests/unit/test_*.c)
FUZZERS := $(wildcard tests/fuzz/fuzz_*.c)
HEADERS := $(wildcard common/*.h downloader/*.h fcgi/*.h cli/*.h)

obj = $(patsubst %.c,$(OUT)/%.o,$(1))
PROGRAMS := $(OUT)/larderd $(OUT)/larder-fcgi $(OUT)/larder
UNIT_PROGRAMS := $(patsubst tests/unit/%.c,$(OUT)/unit/%,$(UNITS))

.PHONY: all deps run demo check unit e2e browser fuzz bench lint fmt install uninstall clean help
all: $(PROGRAMS)

$(OUT)/larderd: $(call obj,$(COMMON) $(DAEMON) downloader/main.c)
$(OUT)/larder-fcgi: $(call obj,$(COMMON) $(FCGI) fcgi/main.c)
$(OUT)/larder: $(call obj,$(COMMON) $(CLI) cli/main.c)
$(PROGRAMS):
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)

$(OUT)/%.o: %.c $(OUT)/flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(filter-out -I%,$(PKG_CFLAGS)) \
		$(patsubst -I%,-isystem %,$(filter -I%,$(PKG_CFLAGS))) -MMD -MP -c -o $@ $<

# Objects are made again when the flags they were made with change.
.PHONY: force
$(OUT)/flags: force
	$(Q)mkdir -p $(@D)
	$(Q)printf '%s\n' "$(CC) $(subst ",\",$(CPPFLAGS_ALL)) $(CFLAGS_ALL)" | cmp -s - $@ || \
		printf '%s\n' "$(CC) $(subst ",\",$(CPPFLAGS_ALL)) $(CFLAGS_ALL)" > $@

$(OUT)/unit/%: $(OUT)/tests/unit/%.o $(call obj,$(COMMON) $(DAEMON) $(FCGI) $(CLI))
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS) -lcmocka

.SECONDARY:
-include $(wildcard $(OUT)/*/*.d $(OUT)/*/*/*.d)
