# make, make demo, make check: each does all of its own set-up. The building itself is CMake's, see CMakePresets.json.
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := all

# $(call build,PRESET,DIRECTORY[,CMAKE OPTIONS]): configures once, then builds; quiet unless something is wrong.
# One build at a time in a directory.
define build
@mkdir -p $(BUILD)/$(2)
@flock $(BUILD)/$(2)/.lock tools/quiet sh -c 'test -e $(BUILD)/$(2)/build.ninja || \
	cmake --preset $(1) -B $(BUILD)/$(2) $(3); cmake --build $(BUILD)/$(2)'
endef

.PHONY: all native x64 x86 setup-% check check-wine10 check-all demo bench bench-wine10 soak conformance install format lint clean fetch-apps

all: native x64
	@ln -sfn $(BUILD)/native/fvm fvm

native: setup-build
	$(call build,native,native)

x86: setup-build
	$(call build,windows-x86,x86)

x64: setup-build
	$(call build,windows-x64,x64)

setup-%:
	@tools/setup $*

fetch-apps: setup-demo
	@tools/fetch-apps

check:
	@tools/setup check
	@tools/check

# The tests on Wine 10, with 64-bit and with 32-bit programs, in a Debian tree that this makes; as root.
check-wine10:
	@tools/setup check
	@tools/check wine10

check-all:
	@tools/setup check
	@tools/check wine wine10

demo: setup-demo all fetch-apps
	@tools/demo

bench: setup-demo all fetch-apps
	@bench/bench.py

# The same on Wine 10, with 64-bit programs and then with 32-bit ones; as root.
bench-wine10: setup-demo all x86 fetch-apps
	@tools/wine10 bench
	@FVM_PROGRAMS=x86 tools/wine10 bench

# The whole number of cycles of the test that a host has afterwards what it had before.
soak: setup-check all
	SOAK=2000 /usr/bin/python3 -m pytest -q -s -p no:cacheprovider tests/test_border.py -k soak

# Wine's own tests outside and inside a VM. Takes minutes, needs a built copy of the tests and says how to get one.
conformance: setup-check all
	@tools/conformance

install: all
	install -D -m 755 $(BUILD)/native/fvm $(DESTDIR)$(PREFIX)/bin/fvm
	install -D -m 644 $(BUILD)/x64/fvm.exe $(DESTDIR)$(PREFIX)/lib/fvm/fvm.exe
	if [ -e docs/fvm.1 ]; then install -D -m 644 docs/fvm.1 $(DESTDIR)$(PREFIX)/share/man/man1/fvm.1; fi

format:
	@tools/lint --fix

lint: setup-check all
	@tools/lint

clean:
	rm -rf $(BUILD) fvm
