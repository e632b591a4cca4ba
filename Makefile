# `make` alone says what there is to make.

PYTHON ?= python3
CARGO ?= cargo
PREFIX ?= /usr/local
DESTDIR ?=

# Cargo.lock decides, not the day of the build.
CARGO_FLAGS ?= --locked

build := $(CURDIR)/build
target := $(abspath $(or $(CARGO_TARGET_DIR),target))
release := $(target)/release

# All features but `fips`, which takes CMake and Go to build.
every_feature := aws-lc-rs,local-unwrapper,rayon

# The tools, and a second environment that has the wheel besides: no tool sees another libseal.
tools := .venv/bin/python
tools_ready := .venv/ready
python := build/venv/bin/python
python_ready := build/venv/ready

# What the bench compares with is in a third one; a quick bench makes do without.
ifeq ($(BENCH),quick)
bench_python := $(python)
bench_python_ready := $(python_ready)
else
bench_python := build/bench/venv/bin/python
bench_python_ready := build/bench/venv/ready
endif

version := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
# While the major version is 0, each minor version may break the ABI.
abi := $(basename $(version))
started := $(shell date +%s)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
MAKEFLAGS += --no-builtin-rules --no-print-directory

heading = @printf '\n=== %s\n' '$(1)'

.PHONY: help
help:  ## List the targets
	@awk -F ':.*  ## ' '/^[a-z][a-z-]*:.*  ## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ---- What most people come for

.PHONY: demo
demo: lib $(python_ready)  ## Seal a file in C, unseal it in Python through a KMS
	$(call heading,Demo)
	@$(python) -m examples.demo.demo --library $(release) --build $(build)/c --bare-python $(tools)

.PHONY: check
check: fmt-check lint test-rust test-c test-python types test-independent interop test-readme test-demo test-firmware  ## Run every test
	@seconds=$$(($$(date +%s) - $(started))); \
	printf '\nmake check: all passed in %d min %d s\n' $$((seconds / 60)) $$((seconds % 60))

.PHONY: build
build: lib wheel  ## Build the C library and the Python wheel

# The crypto provider of the C library: rustcrypto is portable, aws-lc-rs and fips are for servers.
PROVIDER ?= rustcrypto
providers := rustcrypto aws-lc-rs fips

.PHONY: lib
lib: system  ## Build the C library, static and shared; PROVIDER=aws-lc-rs for one on AWS-LC
	$(call heading,C library)
	$(if $(filter $(PROVIDER),$(providers)),,$(error PROVIDER is one of: $(providers)))
	$(CARGO) build $(CARGO_FLAGS) --release -p libseal-c $(addprefix --features=,$(filter-out rustcrypto,$(PROVIDER)))
	@[ "$$(uname)" != Linux ] || ffi-c/hide_symbols.sh $(release)/libseal.a $(release)/libseal.a

include ffi-c/cross.mk

.PHONY: wheel
wheel: build/wheels/ready  ## Build the Python wheel in build/wheels

.PHONY: install
install: | $(release)/libseal.a  ## Install the C library: header, libraries, pkg-config; PREFIX=, DESTDIR=
	install -d '$(DESTDIR)$(PREFIX)/include' '$(DESTDIR)$(PREFIX)/lib/pkgconfig'
	install -m 644 include/libseal.h '$(DESTDIR)$(PREFIX)/include/'
	install -m 644 $(release)/libseal.a '$(DESTDIR)$(PREFIX)/lib/'
	install -m 755 $(release)/libseal.so '$(DESTDIR)$(PREFIX)/lib/libseal.so.$(version)'
	ln -sf libseal.so.$(version) '$(DESTDIR)$(PREFIX)/lib/libseal.so.$(abi)'
	ln -sf libseal.so.$(abi) '$(DESTDIR)$(PREFIX)/lib/libseal.so'
	@printf '%s\n' "$$pkg_config" > $(release)/libseal.pc
	install -m 644 $(release)/libseal.pc '$(DESTDIR)$(PREFIX)/lib/pkgconfig/'

define pkg_config
prefix=$(PREFIX)
includedir=$${prefix}/include
libdir=$${prefix}/lib

Name: libseal
Description: Seal data offline with a public RSA key
Version: $(version)
Cflags: -I$${includedir}
Libs: -L$${libdir} -lseal
Libs.private: -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc
endef
export pkg_config

.PHONY: figures
figures: lib examples-rust $(python_ready)  ## Measure memory and overhead, into build/figures.md
	$(call heading,Figures)
	$(python) -m tests.figures.figures --release $(release)

.PHONY: bench
bench: system $(bench_python_ready)  ## Compare the speed with other libraries, into build/bench; BENCH=quick for less
	$(call heading,Bench)
	BENCH=$(BENCH) $(bench_python) -m tests.bench.driver --cargo='$(CARGO)' --cargo-flags='$(CARGO_FLAGS)' \
	    --target=$(target)/bench

.PHONY: firmware-report
firmware-report: firmware-tools $(addprefix lib-,$(firmware_targets)) $(python_ready)  ## Measure the library on microcontrollers, into build/firmware.md
	$(call heading,Firmware report)
	$(python) -m tests.firmware.report

# ---- The parts of `check`

.PHONY: fmt-check
fmt-check: system $(tools_ready)  ## Check the formatting
	$(call heading,Formatting)
	$(CARGO) fmt --all --check
	$(tools) -m ruff format --check py
	$(tools) -m ruff format --check --config tests/pyproject.toml examples tests

.PHONY: lint
lint: system $(tools_ready)  ## Run the linters
	$(call heading,Lints)
	$(CARGO) clippy $(CARGO_FLAGS) --workspace --all-targets --features $(every_feature) -- -D warnings
	$(CARGO) clippy $(CARGO_FLAGS) -p libseal-c --lib --no-default-features --profile firmware -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc $(CARGO_FLAGS) -p libseal --features $(every_feature) --no-deps
	$(tools) -m ruff check py
	$(tools) -m ruff check --config tests/pyproject.toml examples tests

.PHONY: test-rust
test-rust: system  ## Test the core, doctests included
	$(call heading,Rust tests)
	$(CARGO) test $(CARGO_FLAGS) -p libseal --features $(every_feature)
	$(CARGO) test $(CARGO_FLAGS) -p libseal --features local-unwrapper,rayon --lib --tests
	$(CARGO) test $(CARGO_FLAGS) -p libseal --no-default-features --features rustcrypto --lib --tests
	$(CARGO) test $(CARGO_FLAGS) -p libseal --no-default-features --features compact,std,local-unwrapper --lib --tests

.PHONY: test-c
test-c: system  ## Test the C library, and that its header is fresh
	$(call heading,C tests)
	$(CARGO) test $(CARGO_FLAGS) -p libseal-c
	$(CARGO) test $(CARGO_FLAGS) -p libseal-c --features aws-lc-rs --lib --test archive --test c --test library \
	    -- --skip seal_only

.PHONY: test-python
test-python: $(python_ready)  ## Test the wheel, in an environment of its own
	$(call heading,Python tests)
	$(python) -m pytest py/tests

.PHONY: types
types: $(python_ready)  ## Check the types of all Python, and the stubs against the wheel
	$(call heading,Types)
	cd py && ../$(python) -m mypy --strict
	$(python) -m mypy --config-file tests/pyproject.toml examples tests
	$(python) -m mypy.stubtest libseal
	PATH=$(dir $(abspath $(python))):$$PATH PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(python) -m pyright --verifytypes libseal

.PHONY: test-independent
test-independent: $(tools_ready)  ## Test the independent implementation, and the vectors with it
	$(call heading,Independent implementation)
	$(tools) -m pytest tests/independent

.PHONY: interop
interop: lib examples-rust $(python_ready)  ## Let each language unseal what each other sealed
	$(call heading,Interop)
	LIBSEAL_RELEASE=$(release) $(python) -m pytest tests/kms tests/interop

.PHONY: test-readme
test-readme: lib $(python_ready)  ## Run the code of the README
	$(call heading,README)
	$(CARGO) build $(CARGO_FLAGS) -p libseal
	LIBSEAL_RELEASE=$(release) $(python) -m pytest tests/readme

.PHONY: test-firmware
test-firmware:
	@missing=$$(PYTHON=$(PYTHON) tests/missing_packages.sh firmware); if [ -z "$$missing" ]; then $(MAKE) firmware; else \
	    echo "skipped: the firmware; to test it as well: sudo apt-get install -y $$missing"; fi

.PHONY: firmware
firmware: firmware-tools lib-all $(python_ready)  ## Run the library on microcontrollers and other machines, emulated
	$(call heading,Firmware)
	$(python) -m pytest tests/firmware

.PHONY: test-demo
test-demo:
	@$(MAKE) demo LIBSEAL_DEMO_KEY=

# ---- Upkeep

.PHONY: fmt
fmt: system $(tools_ready)  ## Format everything
	$(CARGO) fmt --all
	$(tools) -m ruff format py
	$(tools) -m ruff format --config tests/pyproject.toml examples tests

.PHONY: header
header: system  ## Generate include/libseal.h anew
	LIBSEAL_UPDATE_HEADER=1 $(CARGO) test -p libseal-c --test header

.PHONY: vectors
vectors: $(tools_ready)  ## Generate tests/vectors anew
	$(tools) -m tests.independent.generate_vectors

.PHONY: clean
clean:  ## Delete all that was built
	$(CARGO) clean
	rm -rf build .venv

# ---- What the targets above need

# The tests in C take more than building does.
check test-c: needed := tests

.PHONY: system
system:
	@command -v $(CARGO) >/dev/null || { \
	    echo "Rust is missing; install it: curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y" >&2; exit 1; }
	@$(CARGO) fmt --version >/dev/null 2>&1 && $(CARGO) clippy --version >/dev/null 2>&1 || { \
	    echo "rustfmt or clippy is missing; install them: rustup component add clippy rustfmt" >&2; exit 1; }
	@missing=$$(PYTHON=$(PYTHON) tests/missing_packages.sh $(needed)); test -z "$$missing" || { \
	    echo "system tools are missing; install them: sudo apt-get install -y $$missing" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "$(PYTHON) is older than 3.11; install a newer one and name it: make PYTHON=python3.12" >&2; exit 1; }

.PHONY: firmware-tools
firmware-tools:
	@missing=$$(PYTHON=$(PYTHON) tests/missing_packages.sh firmware); test -z "$$missing" || { \
	    echo "cross tools are missing; install them: sudo apt-get install -y $$missing" >&2; exit 1; }

# `make install` builds nothing as root if `make lib` went before.
$(release)/libseal.a:
	@$(MAKE) lib

.PHONY: examples-rust
examples-rust: system
	$(CARGO) build $(CARGO_FLAGS) --release -p libseal --features $(every_feature) --examples

$(tools_ready): tests/requirements.txt tests/constraints.txt | system
	$(call heading,Tools)
	rm -rf .venv
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --disable-pip-version-check --quiet \
	    -r tests/requirements.txt -c tests/constraints.txt
	@touch $@

wheel_sources := Cargo.toml Cargo.lock $(shell find core/Cargo.toml core/src py/Cargo.toml py/pyproject.toml py/src py/python \
    -type f -not -name '*.pyc' -not -name '*.so')

build/wheels/ready: $(wheel_sources) | $(tools_ready)
	$(call heading,Wheel)
	rm -rf build/wheels
	$(tools) -m maturin build $(CARGO_FLAGS) --release -m py/Cargo.toml --out build/wheels
	@touch $@

# Alone at first, which shows that the wheel needs nothing; then it gets sight of the tools.
$(python_ready): build/wheels/ready $(tools_ready)
	$(call heading,Wheel in a clean environment)
	rm -rf build/venv
	$(tools) -m venv --without-pip build/venv
	$(tools) -m pip --disable-pip-version-check --python $(python) install --no-index build/wheels/*.whl
	@cd build && venv/bin/python -I -c 'import libseal; print("libseal", libseal.__version__, libseal.__file__)'
	@$(tools) -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > \
	    "$$($(python) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/tools.pth"
	@touch $@

# One by one, so that what cannot be installed keeps nothing else out; the bench names it.
build/bench/venv/ready: build/wheels/ready tests/bench/requirements.txt tests/bench/constraints.txt
	$(call heading,What the bench compares with)
	rm -rf build/bench/venv
	$(PYTHON) -m venv build/bench/venv
	build/bench/venv/bin/python -m pip --disable-pip-version-check install --no-index build/wheels/*.whl
	@grep '^[a-z]' tests/bench/requirements.txt | while read -r requirement; do \
	    build/bench/venv/bin/python -m pip --disable-pip-version-check install --quiet \
	        -c tests/bench/constraints.txt "$$requirement" || echo "not installed: $$requirement"; done
	@touch $@
