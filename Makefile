# SPDX-License-Identifier: Apache-2.0
#
# GNU make, by hand. `make` configures by itself. Several builds live side by side:
# B names the directory of one, CONFIGURE_ARGS what configure is told the first time:
#
#     make B=build/clang CONFIGURE_ARGS='CC=clang --enable-werror'
#
# Adding a source file or a test needs no change here.

B := build
CONFIGURE_ARGS :=
V := 0

CONFIG := $(if $(filter build,$(B)),config.mk,$(B)/config.mk)
Q := $(if $(filter 0,$(V)),@)
say = $(if $(filter 0,$(V)),@printf '%-9s%s\n' '$1' '$2')

.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

LAYERS := base sys conf ec2 core rpc ctl sim doc
# Users before what they use, as the linker wants it.
DAEMON_LAYERS := rpc core ec2 conf sys base
CTL_LAYERS := ctl sys base
SIM_LAYERS := sim sys base
# Everything but the programs themselves.
ALL_LAYERS := doc sim ctl $(DAEMON_LAYERS)

sources = $(wildcard src/$1/*.c)
objects = $(patsubst %.c,$(B)/%.o,$1)
library = $(if $(call sources,$1),$(B)/lib$1.a)
libraries = $(foreach l,$1,$(call library,$l))

PROGRAMS := $(patsubst src/%.c,$(B)/%,$(wildcard src/ec2workerd.c src/ec2workerctl.c src/ec2sim.c))
UNIT_TESTS := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/test_*.c))
SIM_TESTS := $(patsubst %.c,$(B)/%,$(wildcard tests/sim/sim_*.c))
# Manual pages: the text is written by hand, what is a row is filled in.
PAGES := $(patsubst %.in,$(B)/%,$(wildcard man/*.in))
# What makes a shell complete our command lines.
COMPLETIONS := $(addprefix $(B)/completion/,bash zsh fish)
FUZZERS := $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/fuzz_*.c))
TEST_TOOLS := $(patsubst %.c,$(B)/%,$(wildcard tests/tools/*.c))
# What tests put in the place of functions of libc, in programs as they are shipped.
PRELOADS := $(patsubst %.c,$(B)/%.so,$(wildcard tests/preload/*.c))
# Whatever else stands beside the tests is linked into those that use it.
TEST_HELPERS := $(filter-out tests/unit/test_% tests/sim/sim_%,$(wildcard tests/unit/*.c tests/sim/*.c))

# These run before anything is configured, and call make for what they need.
UNCONFIGURED := check check-faults check-faults-full check-system check-valgrind coverage demo lint analyze analyze-quick fuzz news clean distclean .venv/installed
ifneq ($(filter-out $(UNCONFIGURED),$(or $(MAKECMDGOALS),all)),)
include $(CONFIG)
endif

# Check may have been installed since: look once more before giving up.
ifneq ($(filter tests check-unit,$(if $(filter yes,$(HAVE_CHECK)),,$(MAKECMDGOALS))),)
ifneq ($(MAKE_RESTARTS),)
$(error check not found (Debian: check); tools/install-deps test installs it)
endif
.PHONY: look-again
$(CONFIG): look-again
endif

.PHONY: all
all: $(call libraries,$(LAYERS)) $(PROGRAMS) $(PAGES) $(COMPLETIONS)

configure: configure.ac
	$(call say,AUTOCONF,$@)
	$(Q)command -v autoconf >/dev/null || { echo 'autoconf not found; tools/install-deps build installs all that is missing' >&2; exit 1; }
	$(Q)rm -f $@ && autoconf -o $@ $<

# A build that is already configured keeps its arguments.
$(CONFIG): configure config.mk.in
	$(call say,CONFIG,$@)
	$(Q)mkdir -p $(@D)
	$(Q)cd $(@D) && if [ -x config.status ] && [ -z "$(CONFIGURE_ARGS)" ]; then \
		./config.status --quiet --recheck && ./config.status --quiet; \
	else $(CURDIR)/configure --quiet $(CONFIGURE_ARGS); fi
	$(Q)touch $@

# Ours are included in quotes only: src/sys/file.h must not hide <sys/file.h>.
ALL_CPPFLAGS = -iquote src -D_GNU_SOURCE -DHASH_FUNCTION=HASH_FNV -Duthash_malloc=xmalloc -DVERSION='"$(VERSION)"' \
	-DSYSCONFDIR='"$(sysconfdir)"' -DRUNSTATEDIR='"$(runstatedir)"' \
	-DLOCALSTATEDIR='"$(localstatedir)"' $(LIB_CFLAGS) $(BUILD_CPPFLAGS) $(CPPFLAGS)
ALL_CFLAGS = -std=c11 $(WARN_CFLAGS) $(HARDEN_CFLAGS) $(BUILD_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = $(HARDEN_LDFLAGS) $(BUILD_LDFLAGS) $(LDFLAGS)

$(B)/src/%.o: src/%.c $(CONFIG)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Some tests put functions of their own in the place of libc's: not the fortified ones.
$(B)/tests/%.o: tests/%.c $(CONFIG)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -Itests/unit -Itests/sim $(CHECK_CFLAGS) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -U_FORTIFY_SOURCE \
		-MMD -MP -c -o $@ $<

define archive
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^
endef

define layer_rule
$(B)/lib$1.a: $(call objects,$(call sources,$1))
	$$(archive)
endef
$(foreach l,$(LAYERS),$(if $(call sources,$l),$(eval $(call layer_rule,$l))))

$(B)/libtest.a: $(call objects,$(TEST_HELPERS))
	$(archive)

define link
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $(filter %.o %.a,$^) $1 $(LIBS)
endef

$(B)/ec2workerd: $(B)/src/ec2workerd.o $(call libraries,$(DAEMON_LAYERS))
	$(call link)
# The client knows the methods, and nothing of how they are done.
$(B)/ec2workerctl: $(B)/src/ec2workerctl.o $(call library,ctl) $(call objects,$(addprefix src/rpc/,spec.c args.c schema.c schema_status.c)) $(call libraries,sys base)
	$(call link)
$(B)/ec2sim: $(B)/src/ec2sim.o $(call libraries,$(SIM_LAYERS))
	$(call link)

# Not installed: it knows the rows of all, for man/ and ARCHITECTURE.md.
$(B)/docgen: $(B)/src/docgen.o $(call libraries,$(ALL_LAYERS))
	$(call link)

$(PAGES): $(B)/%: %.in $(B)/docgen
	$(call say,FILL,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(B)/docgen fill $< >$@

$(COMPLETIONS): $(B)/completion/%: $(B)/ec2workerctl
	$(call say,FILL,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(B)/ec2workerctl completion $* >$@

# The parts of committed documents that are made from rows; make lint compares them.
.PHONY: docs
docs: $(B)/docgen
	$(Q)for file in $$(grep -l '^<!-- docgen: ' *.md); do \
		$(B)/docgen fill $$file >$(B)/filled.md && cp $(B)/filled.md $$file || exit 1; \
	done

# The section of the coming version, from the commits since the last one.
.PHONY: news
news:
	$(Q)tools/news --write

TEST_LIBS := $(B)/libtest.a $(call libraries,$(ALL_LAYERS))
$(UNIT_TESTS) $(SIM_TESTS): $(B)/tests/%: $(B)/tests/%.o $(TEST_LIBS)
	$(call link,$(CHECK_LIBS))
# With --enable-fuzz libFuzzer brings the main program, without it ours replays files.
$(FUZZERS): $(B)/tests/%: $(B)/tests/%.o $(if $(FUZZ_LDFLAGS),,$(B)/tests/fuzz/replay.o) $(TEST_LIBS)
	$(call link,$(FUZZ_LDFLAGS))

$(TEST_TOOLS): $(B)/tests/%: $(B)/tests/%.o $(TEST_LIBS)
	$(call link)

# Alone, and without the sanitizers of the programs that they come into.
$(PRELOADS): $(B)/%.so: %.c $(CONFIG)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE $(WARN_CFLAGS) -O2 -fPIC -shared -o $@ $<

.PHONY: tests
tests: all $(UNIT_TESTS) $(SIM_TESTS) $(FUZZERS) $(TEST_TOOLS) $(PRELOADS)

BENCHES := $(patsubst %.c,$(B)/%,$(wildcard tests/bench/*.c))
$(BENCHES): $(B)/tests/bench/%: $(B)/tests/bench/%.o $(call libraries,sys base)
	$(call link)

.PHONY: bench
bench: $(PROGRAMS) $(BENCHES) .venv/installed
	$(Q)tests/bench/ec2sim.sh $(B)
	$(Q)BUILD_DIR=$(abspath $(B)) .venv/bin/python tests/integration/speed.py
	$(Q)BUILD_DIR=$(abspath $(B)) .venv/bin/python tests/integration/turns.py

# What is left behind, by the original and by us.
.PHONY: bench-leaks
bench-leaks: $(PROGRAMS) .venv/installed
	$(Q)BUILD_DIR=$(abspath $(B)) .venv/bin/python tests/integration/leaks.py

.PHONY: check-unit
check-unit: $(UNIT_TESTS)
	$(Q)tools/run-tests unit $(UNIT_TESTS)

# SIM_ARGS: --seeds N and what else a simulation takes.
.PHONY: check-sim
check-sim: $(SIM_TESTS)
	$(Q)TEST_ARGS='$(SIM_ARGS)' tools/run-tests sim $(SIM_TESTS)

# Each tests/mutations/NAME.sed breaks one rule in the source file that its first line names.
MUTANTS := $(patsubst %.sed,$(B)/%,$(wildcard tests/mutations/*.sed))
$(MUTANTS): $(B)/%: %.sed $(B)/tests/sim/sim_core.o $(TEST_LIBS)
	$(call say,MUTATE,$<)
	$(Q)mkdir -p $(@D)
	$(Q)source=$$(sed -n '1s/^# \([^:]*\):.*/\1/p' $<) && sed -f $< $$source >$@.c && \
		if cmp -s $$source $@.c; then echo "$<: changes nothing in $$source" >&2; exit 1; fi
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -w -c -o $@.o $@.c
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $@.o $(filter %.o %.a,$^) $(LIBS)
# The simulation notices all of them.
.PHONY: check-mutations
check-mutations: $(MUTANTS)
	$(Q)tools/check-mutations $(MUTANTS)

# Daemons that the kill sweep must find guilty.
GUILTY := $(patsubst %,$(B)/tests/mutations/%-daemon,record_at_the_answer new_token)
$(GUILTY): %-daemon: % $(B)/src/ec2workerd.o $(call libraries,$(DAEMON_LAYERS))
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $<.o $(filter %.o %.a,$^) $(LIBS)

# Every input of the corpus once.
.PHONY: check-fuzz
check-fuzz: $(FUZZERS)
	$(Q)tools/run-tests fuzz $(FUZZERS)

# PYTEST_ARGS: -k NAME and what else pytest takes.
.PHONY: check-integration
check-integration: all $(TEST_TOOLS) $(PRELOADS) .venv/installed
	$(Q)BUILD_DIR=$(abspath $(B)) tools/run-pytest tests/integration -m 'not faults' $(PYTEST_ARGS)

.PHONY: run-faults
run-faults: all $(GUILTY) $(PRELOADS) .venv/installed
	$(Q)BUILD_DIR=$(abspath $(B)) tools/run-pytest tests/integration -m faults $(PYTEST_ARGS)

.PHONY: run-system
run-system: all .venv/installed
	$(Q)BUILD_DIR=$(abspath $(B)) .venv/bin/python -m pytest $(PYTEST_ARGS) tests/system

.venv/installed: tests/requirements.txt
	$(call say,VENV,.venv)
	$(Q)rm -rf .venv
	$(Q)/usr/bin/python3 -m venv .venv
	$(Q).venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r $<
	$(Q)touch $@

# The whole at work, on a simulated EC2.
.PHONY: demo
demo:
	$(Q)tools/install-deps demo
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tools/demo $(B)

# Everything, with both compilers and with sanitizers, in builds of its own.
.PHONY: check
check:
	$(Q)tools/install-deps test
	$(Q)tools/check

# Dies at every system call of a launch, a stop, a start; simulates at length. 15 minutes at most.
.PHONY: check-faults
check-faults:
	$(Q)tools/install-deps test
	$(Q)tools/check faults

# All windows with all that can fail in them, and a million simulated launches. Hours.
.PHONY: check-faults-full
check-faults-full:
	$(Q)tools/install-deps test
	$(Q)FAULTS=full tools/check faults-full

# The installed units under a systemd of their own; as root.
.PHONY: check-system
check-system:
	$(Q)tools/install-deps system
	$(Q)tools/check system

.PHONY: lint
lint:
	$(Q)tools/install-deps lint
	$(Q)tools/lint

# Minutes; the quick one leaves out scan-build, which takes most of them.
.PHONY: analyze analyze-quick
analyze-quick: ANALYZE_ARGS := --quick
analyze analyze-quick:
	$(Q)tools/install-deps analyze
	$(Q)tools/analyze $(ANALYZE_ARGS)

# Looks for new inputs, FUZZ_SECONDS of processor time with each target, or with FUZZ_NAMES; what it
# finds stays in build/fuzz. Ends with the part of each parser that was reached.
FUZZ_SECONDS := 60
FUZZ_NAMES :=
.PHONY: fuzz
fuzz:
	$(Q)tools/install-deps fuzz
	$(Q)$(MAKE) --no-print-directory B=build/fuzz CONFIGURE_ARGS='CC=clang --enable-fuzz --enable-sanitizers' fuzzers
	$(Q)tools/fuzz build/fuzz $(FUZZ_SECONDS) $(FUZZ_NAMES)
.PHONY: fuzzers
fuzzers: $(FUZZERS)

# Which part of the lines and branches the tests run.
.PHONY: coverage
coverage:
	$(Q)tools/install-deps test
	$(Q)tools/coverage

# Unit tests and corpora under valgrind: reads of what was never written. Takes long.
.PHONY: check-valgrind
check-valgrind:
	$(Q)tools/install-deps test
	$(Q)$(MAKE) --no-print-directory B=build/valgrind CONFIGURE_ARGS='--enable-werror' -j$(shell nproc) tests
	$(Q)$(MAKE) --no-print-directory B=build/valgrind run-valgrind
.PHONY: run-valgrind
run-valgrind: export TEST_WRAPPER := tests/valgrind
run-valgrind: export TEST_TIMEOUT := 600
run-valgrind: $(UNIT_TESTS) $(FUZZERS)
	$(Q)tools/run-tests unit $(UNIT_TESTS)
	$(Q)tools/run-tests fuzz $(FUZZERS)

# from=to, in lists for installing and for removing.
PROGRAM_PLACES = $(foreach p,$(PROGRAMS),$p=$(if $(filter %d,$p),$(sbindir),$(bindir))/$(notdir $p))
UNIT_PLACES = $(foreach u,$(wildcard systemd/*.service systemd/*.socket),$u=$(systemdsystemunitdir)/$(notdir $u))
FILE_PLACES = $(foreach p,$(PAGES),$p=$(mandir)/man$(subst .,,$(suffix $p))/$(notdir $p)) \
	$(B)/completion/bash=$(datadir)/bash-completion/completions/ec2workerctl \
	$(B)/completion/zsh=$(datadir)/zsh/site-functions/_ec2workerctl \
	$(B)/completion/fish=$(datadir)/fish/vendor_completions.d/ec2workerctl.fish \
	systemd/ec2workerd.sysusers.conf=$(sysusersdir)/ec2workerd.conf \
	etc/ec2workerd.yaml=$(docdir)/examples/ec2workerd.yaml

.PHONY: install uninstall
install: all
	$(call say,INSTALL,$(DESTDIR)$(prefix))
	$(Q)for p in $(PROGRAM_PLACES); do \
		$(INSTALL) -D -m 755 "$${p%%=*}" "$(DESTDIR)$${p#*=}" || exit 1; \
	done
	$(Q)for p in $(FILE_PLACES); do \
		$(INSTALL) -D -m 644 "$${p%%=*}" "$(DESTDIR)$${p#*=}" || exit 1; \
	done
	@# The units are written for the places of a distribution.
	$(Q)for p in $(UNIT_PLACES); do \
		sed -e 's|/usr/sbin/ec2|$(sbindir)/ec2|' -e 's|/usr/bin/ec2|$(bindir)/ec2|' \
			-e 's|/etc/ec2workerd/|$(sysconfdir)/ec2workerd/|' "$${p%%=*}" | \
			$(INSTALL) -D -m 644 /dev/stdin "$(DESTDIR)$${p#*=}" || exit 1; \
	done
uninstall:
	$(Q)for p in $(PROGRAM_PLACES) $(FILE_PLACES) $(UNIT_PLACES); do rm -f "$(DESTDIR)$${p#*=}"; done

.PHONY: clean distclean
clean:
	$(Q)rm -rf $(B)
distclean:
	$(Q)rm -rf build .venv autom4te.cache configure config.mk config.log config.status

-include $(wildcard $(B)/src/*.d $(B)/src/*/*.d $(B)/tests/*/*.d)
