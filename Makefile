# Larder's one makefile: no recursion, objects out of the tree, silent unless V=1.
#
#   make                 build everything            make check    everything below
#   make deps            install what is missing     make lint     layers, format, calls, headers
#   make run             serve on 127.0.0.1:8080     make unit     unit tests (ASan+UBSan, TSan)
#   make demo            the same with a stand-in    make e2e      end to end, real web servers
#                        Hub, for trying it out      make browser  the page, in Chromium
#   make install         DESTDIR=, PREFIX=           make fuzz     every fuzzer, FUZZ_SECONDS each
#   make deb             a Debian package            make check-systemd  it, in a Debian that boots
#   make fmt             format the C sources        make bench    figures beside other tools
#   make analyze         gcc -fanalyzer, clang-tidy, cppcheck
#   make check-container build the image and run it as an engine would (root)
#
# BUILD=release|debug|asan|tsan picks the flavour of `all`, `run` and `demo`; CC=gcc|clang the
# compiler. The tests pick their own.

# As many jobs as there are processors, unless -j says otherwise.
MAKEFLAGS += --no-builtin-rules --no-print-directory -j$(shell nproc)
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:

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
UNITDIR ?= $(PREFIX)/lib/systemd/system
WEB_GROUP ?= www-data
VAR ?= $(or $(LARDER_VAR),var)
FUZZ_SECONDS ?= 30
PYTHON ?= python3
VENV := build/venv

# --- flags -------------------------------------------------------------------------------

# Asked for when first needed, so that `make deps run` may install them first.
PACKAGES := fcgi libcurl libxxhash libevent libevent_pthreads json-c libcrypto libseccomp libsodium libsystemd sqlite3 libpcre2-8 libcmark-gfm
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell pkg-config --cflags $(PACKAGES)))$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := $$(shell pkg-config --libs $(PACKAGES)))$(PKG_LIBS)

WARN := -Wall -Wextra -Wpedantic -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wundef -Wvla -Wwrite-strings -Wcast-qual -Wcast-align -Wpointer-arith \
	-Wredundant-decls -Wformat=2 -Wdouble-promotion -Wconversion -Wno-sign-conversion \
	-Wswitch-enum -Wimplicit-fallthrough -Wdate-time
WARN_gcc := -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wjump-misses-init
WARN_clang := -Wthread-safety -Wcomma -Wassign-enum -Wconditional-uninitialized
HARDEN := -fno-common -fvisibility=hidden -fstack-protector-strong -fstack-clash-protection -fPIE
ifneq ($(filter x86_64 i686,$(shell uname -m)),)
HARDEN += -fcf-protection
endif
HARDEN_gcc := -ftrivial-auto-var-init=zero
HARDEN_clang :=
family = $(if $(findstring clang,$(1)),clang,gcc)

OPT_release := -O2 -g -D_FORTIFY_SOURCE=3 -Wnull-dereference
OPT_debug := -O0 -g3
OPT_asan := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
OPT_tsan := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
OPT_fuzz := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=all

CPPFLAGS_ALL = -I. -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DLARDER_VERSION='"$(VERSION)"' $(CPPFLAGS)
# $(1) flavour, $(2) compiler
cflags = -std=c17 $(WARN) $(WARN_$(call family,$(2))) $(HARDEN) $(HARDEN_$(call family,$(2))) \
	$(OPT_$(1)) -pthread $(CFLAGS)
ldflags = -pie -Wl,-z,relro,-z,now -pthread $(filter -fsanitize%,$(OPT_$(1))) $(LDFLAGS)

# --- what there is -------------------------------------------------------------------------

COMMON := $(wildcard common/*.c)
DAEMON := $(filter-out downloader/main.c,$(wildcard downloader/*.c))
FCGI := $(filter-out fcgi/main.c,$(wildcard fcgi/*.c))
CLI := $(filter-out cli/main.c,$(wildcard cli/*.c))
UNITS := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
PRELOADS := $(patsubst tests/preload/%.c,build/preload/%.so,$(wildcard tests/preload/*.c))
SOURCES := $(wildcard common/*.[ch] downloader/*.[ch] fcgi/*.[ch] cli/*.[ch] tests/unit/*.[ch] \
	tests/fuzz/*.[ch] tests/preload/*.[ch] tests/bench/*.[ch])
PROGRAMS := larderd larder-fcgi larder

.PHONY: all deps run demo check unit unit-asan unit-tsan e2e attack browser fuzz fuzz-replay bench bench-events bench-library bench-pages lint fmt analyze install uninstall man deb check-systemd check-container \
	clean help force
all: $(PROGRAMS:%=build/$(BUILD)-$(CC)/%)

# --- one set of rules for each flavour and compiler -----------------------------------------

# What a unit test takes out of our objects' hands, to let it fail (64-bit offsets: pwrite64).
WRAP_test_torture := pwrite64 ftruncate64 fsync fdatasync renameat renameat2 mkdirat linkat unlinkat \
	syscall file_clone clock_steady_ms loop_timer_arm store_put_file store_put_extents
WRAP_test_verify := direct_read
WRAP_test_lateness := clock_steady_ms loop_timer_new loop_timer_arm loop_timer_free
WRAP_test_heartbeat := service_watchdog_ms service_alive service_ready service_status loop_timer_new \
	loop_timer_arm loop_timer_free
WRAP_test_budget := clock_steady_ms
WRAP_test_hasher := file_give_back
WRAP_test_hub := hub_parse_tree
WRAP_test_journal := fdatasync file_give_back store_put_extents
WRAP_test_sse := clock_steady_ms clock_unix_ms loop_timer_arm
WRAP_test_localdir := file_clone file_link
WRAP_test_copy := file_clone file_link file_open file_read_at file_write_at
WRAP_test_queue_room := file_space file_write_at file_sync_data localdir_open_partial clock_unix_ms
WRAP_test_landing := file_give_back
WRAP_test_lanes := clock_steady_ms loop_timer_arm
WRAP_test_lanes_at_random := clock_steady_ms loop_timer_arm
WRAP_fuzz_app := rpc_call
WRAP_test_fetch := clock_steady_ms curl_multi_poll
wrap = $(foreach name,$(WRAP_$(1)),-Wl,--wrap=$(name))

# $(1) flavour, $(2) compiler; all it makes is in build/$(1)-$(2)/
define rules
$(1)-$(2)-obj = $$(patsubst %.c,build/$(1)-$(2)/%.o,$$(1))

build/$(1)-$(2)/larderd: $$(call $(1)-$(2)-obj,downloader/main.c $(DAEMON) $(COMMON))
build/$(1)-$(2)/larder-fcgi: $$(call $(1)-$(2)-obj,fcgi/main.c $(FCGI) $(COMMON))
build/$(1)-$(2)/larder: $$(call $(1)-$(2)-obj,cli/main.c $(CLI) $(COMMON))
$(PROGRAMS:%=build/$(1)-$(2)/%):
	$$(call say,LINK,$$@)
	$$(Q)$(2) $$(call ldflags,$(1)) -o $$@ $$^ $$(PKG_LIBS)

build/$(1)-$(2)/all.a: $$(call $(1)-$(2)-obj,$(COMMON) $(DAEMON) $(FCGI) $(CLI))
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && ar rcs $$@ $$^

build/$(1)-$(2)/unit/%: build/$(1)-$(2)/tests/unit/%.o build/$(1)-$(2)/all.a
	$$(call say,LINK,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(2) $$(call ldflags,$(1)) $$(call wrap,$$*) -o $$@ $$^ $$(PKG_LIBS) -lcmocka

build/$(1)-$(2)/%.o: %.c build/$(1)-$(2)/flags
	$$(call say,CC,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$(2) $$(CPPFLAGS_ALL) $$(call cflags,$(1),$(2)) $$(PKG_CFLAGS:-I%=-isystem %) \
		-MMD -MP -c -o $$@ $$<

# The contract is part of the program.
build/$(1)-$(2)/fcgi/api_contract.o: docs/openapi.json

# Objects are made again when the flags they were made with change.
build/$(1)-$(2)/flags: force
	$$(Q)mkdir -p $$(@D)
	$$(Q)echo '$(2) $$(subst ',,$$(CPPFLAGS_ALL)) $$(call cflags,$(1),$(2))' > $$@.new
	$$(Q)cmp -s $$@.new $$@ && rm $$@.new || mv $$@.new $$@

-include $$(wildcard build/$(1)-$(2)/*/*.d build/$(1)-$(2)/*/*/*.d)
endef
$(foreach compiler,$(sort gcc clang $(CC)),$(foreach flavour,release debug asan tsan fuzz,\
	$(eval $(call rules,$(flavour),$(compiler)))))

# --- running -------------------------------------------------------------------------------

deps:
	$(Q)etc/deps.sh build run $(if $(filter check unit e2e browser fuzz bench lint fmt analyze,$(MAKECMDGOALS))$(CONTAINER_E2E),test) \
		$(if $(filter bench bench-events bench-library,$(MAKECMDGOALS)),bench) \
		$(if $(filter deb check-systemd,$(MAKECMDGOALS)),package) \
		$(if $(filter check-systemd,$(MAKECMDGOALS)),machine) \
		$(if $(filter check-container,$(MAKECMDGOALS)),container)
ifneq ($(filter deps,$(MAKECMDGOALS)),)
force: deps
AFTER_DEPS := | deps
endif

run demo: all
	$(Q)exec etc/run.sh build/$(BUILD)-$(CC) $(VAR) $(if $(filter demo,$@),--demo)

# --- checking ------------------------------------------------------------------------------

# What starts servers and browsers has the machine to itself, and takes a test for each core at a time; the rest may run
# side by side.
check: lint unit fuzz-replay e2e browser
ifneq ($(filter check,$(MAKECMDGOALS)),)
e2e: | lint unit fuzz-replay
browser: | e2e
endif

unit: unit-asan unit-tsan
unit-asan unit-tsan: unit-%: $(foreach unit,$(UNITS),build/%-gcc/unit/$(unit))
	$(Q)tests/unit/run.sh build/$*-gcc/unit

$(VENV)/ready: tests/requirements.txt $(AFTER_DEPS)
	$(call say,VENV,$(VENV))
	$(Q)$(PYTHON) -m venv --clear $(VENV)
	$(Q)$(VENV)/bin/pip install -q --no-deps -r tests/requirements.txt
	$(Q)touch $@

tests/e2e/js/node_modules/ready tests/browser/node_modules/ready: %/node_modules/ready: %/package-lock.json \
		$(AFTER_DEPS)
	$(call say,NPM,$*)
	$(Q)npm ci --silent --no-audit --no-fund --prefix $*
	$(Q)touch $@

# What a test puts between a program and the C library.
build/preload/%.so: tests/preload/%.c $(AFTER_DEPS)
	$(call say,PRELOAD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)gcc $(CPPFLAGS_ALL) -std=c17 $(WARN) $(WARN_gcc) -O1 -g -fPIC \
		-shared -pthread -o $@ $<

E2E_READY := $(VENV)/ready tests/e2e/js/node_modules/ready $(PRELOADS)
e2e: $(E2E_READY) $(foreach flavour,asan tsan release,$(PROGRAMS:%=build/$(flavour)-gcc/%))
	$(Q)$(VENV)/bin/python -m pytest -q -n auto tests/e2e $(PYTEST_ARGS)

# What somebody tries who means harm, behind each web server, and from a page of another site.
attack: $(E2E_READY) tests/browser/node_modules/ready $(PROGRAMS:%=build/asan-gcc/%) $(PROGRAMS:%=build/release-gcc/%)
	$(Q)$(VENV)/bin/python -m pytest -q -n auto tests/e2e/test_attack.py tests/browser -k "attack or hostile" $(PYTEST_ARGS)
browser: $(E2E_READY) tests/browser/node_modules/ready $(PROGRAMS:%=build/asan-gcc/%)
	$(Q)$(VENV)/bin/python -m pytest -q -n auto tests/browser $(PYTEST_ARGS)

build/fuzz/%: build/fuzz-clang/tests/fuzz/%.o build/fuzz-clang/all.a
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)clang $(subst fuzzer-no-link,fuzzer,$(call ldflags,fuzz)) $(call wrap,$*) -o $@ $^ $(PKG_LIBS)
fuzz: $(FUZZERS:%=build/fuzz/%)
	$(Q)tests/fuzz/run.sh build/fuzz $(FUZZ_SECONDS)
# The corpora in the tree, once more: what has been found stays found.
fuzz-replay: $(FUZZERS:%=build/fuzz/%)
	$(Q)tests/fuzz/replay.sh build/fuzz

# BENCH_ARGS=--quick for a first look, --write-docs for docs/BENCHMARKS.md; run.py --help lists them.
bench: $(VENV)/ready $(PROGRAMS:%=build/release-gcc/%)
	$(Q)$(VENV)/bin/python tests/bench/run.py build/release-gcc $(BENCH_ARGS)

# Thousands of watchers of the event stream; tests/bench/events.py --help lists the options.
bench-events: $(VENV)/ready $(PROGRAMS:%=build/release-gcc/%)
	$(Q)$(VENV)/bin/python tests/bench/events.py build/release-gcc $(BENCH_ARGS)

# A library of ten thousand models; tests/bench/library.py --help lists the options.
bench-library: $(VENV)/ready $(PROGRAMS:%=build/release-gcc/%)
	$(Q)$(VENV)/bin/python tests/bench/library.py build/release-gcc $(BENCH_ARGS)

# What the pages cost a browser: their size, the first view, filtering, watching, an hour of events.
bench-pages: tests/browser/node_modules/ready
	$(Q)mkdir -p build
	$(Q)node tests/browser/bench.mjs build/bench-pages.json

# The image, built and run without an engine; CONTAINER_E2E=1 has the end-to-end tests run its programs, too, and PYTEST_ARGS
# picks some of them. Root's, and not part of `check`: it takes minutes, and hundreds of megabytes in build/container.
check-container: $(VENV)/ready $(if $(CONTAINER_E2E),$(E2E_READY)) $(AFTER_DEPS)
	$(Q)tests/container/build.sh build/container
	$(Q)$(VENV)/bin/python tests/container/check.py build/container $(CONTAINER_CHECKS)
	$(Q)$(if $(CONTAINER_E2E),tests/container/e2e.sh build/container $(PYTEST_ARGS))

# Both compilers build everything without a warning, then the rules no compiler knows.
lint: $(foreach compiler,gcc clang,$(PROGRAMS:%=build/release-$(compiler)/%) build/release-$(compiler)/all.a)
	$(Q)$(PYTHON) tests/lint/lint.py --cflags "$(PKG_CFLAGS)" build/release-gcc

fmt:
	$(Q)clang-format-14 -i $(SOURCES)

analyze:
	$(Q)for f in $(COMMON) $(DAEMON) $(FCGI) $(CLI); do \
		gcc $(CPPFLAGS_ALL) -std=c17 -O2 -fanalyzer -Wno-analyzer-malloc-leak \
			-Wno-analyzer-fd-leak $(PKG_CFLAGS) -c -o /dev/null $$f || exit 1; done
	$(Q)clang-tidy --quiet $(COMMON) $(DAEMON) $(FCGI) $(CLI) -- $(CPPFLAGS_ALL) -std=c17 $(PKG_CFLAGS)
	$(Q)cppcheck --quiet --std=c11 --enable=warning,performance,portability \
		--suppress=zerodivcond \
		--error-exitcode=1 -I. -D_GNU_SOURCE common downloader fcgi cli

# --- installing ----------------------------------------------------------------------------

SYSTEMD := larderd.service larder-fcgi.service larderd-control.socket larderd-events.socket larder-fcgi.socket \
	larder-backup.service larder-backup.timer
DOCS := README.md docs/openapi.json docs/page.png \
	$(filter-out docs/BENCHMARKS.md,$(wildcard docs/*.md))

# The units say where the programs are, and whose the sockets for the web server are: its group's.
install: $(PROGRAMS:%=build/$(BUILD)-$(CC)/%)
	$(Q)install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(UNITDIR) $(DESTDIR)/etc/larder \
		$(addprefix $(DESTDIR)$(PREFIX)/share/,larder doc/larder man/man1 man/man8 \
			bash-completion/completions zsh/vendor-completions fish/vendor_completions.d) \
		$(addprefix $(DESTDIR)$(PREFIX)/lib/,sysusers.d tmpfiles.d)
	$(Q)install -m 755 build/$(BUILD)-$(CC)/larder $(DESTDIR)$(PREFIX)/bin/
	$(Q)install -m 755 build/$(BUILD)-$(CC)/larderd build/$(BUILD)-$(CC)/larder-fcgi \
		$(DESTDIR)$(PREFIX)/sbin/
	$(Q)etc/install-pages.sh static $(DESTDIR)$(PREFIX)/share/larder/static
	$(Q)cp -R etc/nginx etc/caddy etc/lighttpd docs/monitoring $(DESTDIR)$(PREFIX)/share/larder/
	$(Q)cd $(DESTDIR)$(PREFIX)/share/larder && sed -i 's|/usr/share/larder/|$(PREFIX)/share/larder/|g' nginx/* caddy/* lighttpd/*
	$(Q)for unit in $(SYSTEMD); do \
		sed -e 's|/usr/\(s*bin\)/|$(PREFIX)/\1/|; s|=www-data$$|=$(WEB_GROUP)|' \
			-e 's|file:/usr/share|file:$(PREFIX)/share|' systemd/$$unit \
			>$(DESTDIR)$(UNITDIR)/$$unit && chmod 644 $(DESTDIR)$(UNITDIR)/$$unit || exit 1; done
	$(Q)install -m 644 systemd/larder.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/larder.conf
	$(Q)install -m 644 systemd/larder.tmpfiles $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/larder.conf
	$(Q)install -m 644 docs/man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	$(Q)install -m 644 docs/man/*.8 $(DESTDIR)$(PREFIX)/share/man/man8/
	$(Q)install -m 644 $(DOCS) $(DESTDIR)$(PREFIX)/share/doc/larder/
	$(Q)sed -i -E 's#\]\(docs/#](#g; s#\]\(etc/#](/etc/larder/#; s#\[([^]]*)\]\((LICENSE|ARCHITECTURE.md|CONTRIBUTING.md)\)#\1#g' \
		$(DESTDIR)$(PREFIX)/share/doc/larder/README.md
	$(Q)install -m 644 etc/completion/larder.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/larder
	$(Q)install -m 644 etc/completion/_larder $(DESTDIR)$(PREFIX)/share/zsh/vendor-completions/
	$(Q)install -m 644 etc/completion/larder.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/
	$(Q)[ -e $(DESTDIR)/etc/larder/larder.env ] || \
		install -m 640 etc/larder.env $(DESTDIR)/etc/larder/larder.env

# The configuration, the models and the state stay.
uninstall:
	$(Q)rm -f $(DESTDIR)$(PREFIX)/bin/larder $(DESTDIR)$(PREFIX)/sbin/larderd \
		$(DESTDIR)$(PREFIX)/sbin/larder-fcgi $(addprefix $(DESTDIR)$(UNITDIR)/,$(SYSTEMD)) \
		$(addprefix $(DESTDIR)$(PREFIX)/lib/,sysusers.d/larder.conf tmpfiles.d/larder.conf) \
		$(addprefix $(DESTDIR)$(PREFIX)/share/man/,man1/larder.1 man8/larderd.8 man8/larder-fcgi.8) \
		$(addprefix $(DESTDIR)$(PREFIX)/share/,bash-completion/completions/larder zsh/vendor-completions/_larder \
			fish/vendor_completions.d/larder.fish)
	$(Q)rm -rf $(DESTDIR)$(PREFIX)/share/larder $(DESTDIR)$(PREFIX)/share/doc/larder

# What the programs say of themselves, as pages.
man: $(PROGRAMS:%=build/release-gcc/%)
	$(Q)etc/make-man.py build/release-gcc docs/man

# The package in a Debian that boots: CHECK_ARGS="--e2e" runs the end-to-end tests in there.
check-systemd: deb
	$(Q)tests/systemd/check.sh build/deb build/machine $(CHECK_ARGS)

# A package for this Debian, in build/deb.
deb: $(AFTER_DEPS)
	$(Q)etc/make-deb.sh build/deb

clean:
	$(Q)rm -rf build

help:
	@sed -n '3,12s/^# \{0,1\}//p' Makefile
