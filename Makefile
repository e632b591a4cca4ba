# `make` alone says what there is to make.

PYTHON ?= python3
CARGO ?= cargo

# Cargo.lock decides, not the day of the build.
CARGO_FLAGS ?= --locked

build := $(CURDIR)/build
target := $(abspath $(or $(CARGO_TARGET_DIR),$(CARGO_BUILD_TARGET_DIR),target))

# make splits at blanks, and the shell at quotes.
without_odd = $(if $(findstring ',$(1))$(findstring ",$(1))$(findstring :,$(1))$(word 2,$(1)),\
    $(error move $(2) to a path without blanks, quotes and colons; it is $(1)))
$(call without_odd,$(CURDIR),the checkout)
$(call without_odd,$(CARGO_TARGET_DIR)$(CARGO_BUILD_TARGET_DIR),the target folder)

# What is built is for the machine that a target of make names, with the flags written here.
unexport CARGO_BUILD_TARGET CARGO_ENCODED_RUSTFLAGS
release := $(target)/release

# All features but `fips`, which takes CMake and Go to build.
every_feature := aws-lc-rs,local-unwrapper,rayon,tokio,x509

# Examples outside the workspace.
rust_aws := examples/rust-aws/Cargo.toml
rust_object_store := examples/rust-object-store/Cargo.toml

version := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
started := $(shell date +%s)
this_machine := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
MAKEFLAGS += --no-builtin-rules --no-print-directory

heading = @printf '\n=== %s\n' '$(1)'

include tests/tools.mk tests/packages/packages.mk tests/packages/reproducible.mk \
    core/crates.mk py/wheel.mk \
    ffi-c/library.mk ffi-c/cross.mk ffi-c/package/package.mk ffi-c/package/ecosystems.mk tests/c_packages/c_packages.mk \
    tests/measure/bench/bench.mk tests/engines/engines.mk tests/packages/release.mk \
    tests/wheels/wheels.mk

.PHONY: help
help:  ## List the targets
	@awk -F ':.*  ## ' '/^[a-z][a-z-]*:.*  ## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ---- What most people come for

.PHONY: demo
demo: lib $(python_ready)  ## Seal a file in C, unseal it in Python through a KMS
	$(call heading,Demo)
	@$(python) -m examples.demo.demo --library $(release) --build $(build)/c --bare-python $(tools)

.PHONY: walkthrough
walkthrough: lib $(python_ready)  ## Run examples/walkthrough against a KMS and S3 on this machine; PAGE=devices.md for that page
	$(call heading,Walk-through)
	@PATH=$(dir $(abspath $(python))):$(dir $(abspath $(tools))):$$PATH CPATH=$(CURDIR)/include LIBRARY_PATH=$(release) \
	    $(tools) -m tests.kms.ministack examples/walkthrough/walkthrough.sh examples/walkthrough/$(or $(PAGE),README.md)

# What is built once takes a fifth longer if cargo makes notes for the next time.
check: export CARGO_INCREMENTAL := 0

.PHONY: check
check: fmt-check lint test-rust test-c test-python types test-independent interop test-readme test-walkthrough test-demo test-firmware  ## Run every test
	@seconds=$$(($$(date +%s) - $(started))); \
	printf '\nmake check: all passed in %d min %d s\n' $$((seconds / 60)) $$((seconds % 60))

.PHONY: build
build: lib wheel  ## Build the C library and the Python wheel

.PHONY: lib
lib: $(if $(TARGET),lib-$(TARGET),lib-here)  ## Build the C library, static and shared; PROVIDER=aws-lc-rs for one on AWS-LC

.PHONY: lib-here
lib-here: rust-and-linker
	$(if $(SEAL_ONLY),$(error SEAL_ONLY=1 needs TARGET=))
	$(call heading,C library)
	@rm -f $(release)/libseal.provider
	$(CARGO) build $(CARGO_FLAGS) --release -p libseal-c $(addprefix --features=,$(filter-out rustcrypto,$(PROVIDER))) \
	    --target-dir $(target)
	@[ "$$(uname)" != Linux ] || ffi-c/hide_symbols.sh $(release)/libseal.a $(release)/libseal.a
	@echo $(PROVIDER) >$(release)/libseal.provider

.PHONY: wheel
wheel: build/wheels/ready  ## Build the Python wheel in build/wheels

.PHONY: figures
figures: lib examples-rust $(python_ready)  ## Measure memory and overhead, into build/figures.md
	$(call heading,Figures)
	$(python) -m tests.measure.figures.figures --release $(release)

.PHONY: fleet
fleet: $(python_ready)  ## Count the requests to the KMS that a fleet costs, into build/fleet.md; FLEET=quick for less
	$(call heading,Fleet)
	FLEET=$(FLEET) $(python) -m tests.measure.fleet.fleet

.PHONY: command-figures
command-figures: $(python_ready)  ## Measure the command `libseal` beside others, into build/command.md; COMMAND=quick for less
	$(call heading,Command)
	COMMAND=$(COMMAND) $(python) -m tests.measure.command.command --command $(dir $(abspath $(python)))libseal

.PHONY: bench
bench: system $(bench_python_ready)  ## Compare the speed with other libraries, into build/bench; BENCH=quick for less
	$(call heading,Bench)
	BENCH=$(BENCH) $(bench_python) -m tests.measure.bench.driver --cargo='$(CARGO)' --cargo-flags='$(CARGO_FLAGS)' \
	    --target=$(target)/bench

.PHONY: firmware-report
firmware-report: firmware-tools $(addprefix lib-,$(firmware_targets)) lib-small $(python_ready)  ## Measure the library on microcontrollers, into build/firmware.md
	$(call heading,Firmware report)
	$(python) -m tests.measure.firmware.report

# ---- The parts of `check`

.PHONY: fmt-check
fmt-check: system $(tools_ready)  ## Check the formatting
	$(call heading,Formatting)
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path $(rust_aws) --check
	$(CARGO) fmt --manifest-path $(rust_object_store) --check
	$(tools) -m ruff format --check py
	$(tools) -m ruff format --check --config tests/pyproject.toml examples tests

.PHONY: lint
lint: system $(tools_ready)  ## Run the linters
	$(call heading,Lints)
	$(CARGO) clippy $(CARGO_FLAGS) --workspace --all-targets \
	    --features libseal/aws-lc-rs,libseal/local-unwrapper,libseal/rayon,libseal/tokio,libseal/x509,libseal-c/aws-lc-rs -- -D warnings
	$(CARGO) clippy $(CARGO_FLAGS) -p libseal-c --lib --no-default-features --profile firmware -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc $(CARGO_FLAGS) -p libseal --features $(every_feature) --no-deps
	$(tools) -m ruff check py
	$(tools) -m ruff check --config tests/pyproject.toml examples tests

.PHONY: test-rust
test-rust: system  ## Test the core, doctests included
	$(call heading,Rust tests)
	$(CARGO) test $(CARGO_FLAGS) -p libseal --features $(every_feature)
	$(CARGO) test $(CARGO_FLAGS) -p libseal --features local-unwrapper,rayon,tokio --lib --tests
	$(CARGO) test $(CARGO_FLAGS) -p libseal --no-default-features --features rustcrypto --lib --tests
	$(CARGO) test $(CARGO_FLAGS) -p libseal --no-default-features --features compact,std,local-unwrapper --lib --tests
	$(CARGO) test $(CARGO_FLAGS) -p libseal --no-default-features --features compact,std --lib --tests

.PHONY: test-c
test-c: system  ## Test the C library, and that its headers are fresh
	$(call heading,C tests)
	$(CARGO) test $(CARGO_FLAGS) -p libseal-c
	$(CARGO) test $(CARGO_FLAGS) -p libseal-c --features aws-lc-rs --lib --test archive --test c --test install \
	    --test library -- --skip firmware

.PHONY: test-python
test-python: $(python_ready)  ## Test the wheel, in an environment of its own
	$(call heading,Python tests)
	$(python) -m pytest -n logical py/tests

.PHONY: types
types: $(python_ready)  ## Check the types of all Python, and the stubs against the wheel
	$(call heading,Types)
	cd py && ../$(python) -m mypy --strict
	$(python) -m mypy --config-file tests/pyproject.toml examples tests
	$(python) -m mypy.stubtest --mypy-config-file py/pyproject.toml libseal._libseal
	PATH=$(dir $(abspath $(python))):$$PATH PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(python) -m tests.public_types

.PHONY: test-independent
test-independent: $(tools_ready)  ## Test the independent implementation, and the vectors with it
	$(call heading,Independent implementation)
	$(tools) -m pytest tests/independent

.PHONY: interop
interop: lib examples-rust $(python_ready)  ## Let each language unseal what each other sealed, and count what the KMS is asked
	$(call heading,Interop)
	LIBSEAL_RELEASE=$(release) $(python) -m pytest tests/kms tests/interop tests/measure/fleet tests/measure/command

.PHONY: test-aws-sdk
test-aws-sdk: $(python_ready)  ## Test the example with the AWS SDK for Rust; not in `check`, it builds for minutes
	$(call heading,AWS SDK for Rust)
	$(CARGO) build $(CARGO_FLAGS) --manifest-path $(rust_aws) --target-dir $(target)/rust-aws
	LIBSEAL_RUST_AWS=$(target)/rust-aws/debug/libseal-rust-aws $(python) -m pytest tests/aws_sdk

engines: test-object-store

.PHONY: test-object-store
test-object-store: $(python_ready)  ## Test the example with the crate object_store; in `engines`
	$(call heading,object_store)
	$(CARGO) test $(CARGO_FLAGS) --manifest-path $(rust_object_store) --target-dir $(target)/rust-object-store
	LIBSEAL_RUST_OBJECT_STORE=$(target)/rust-object-store/debug/libseal-rust-object-store \
	    $(python) -m pytest tests/object_store

.PHONY: test-readme
test-readme: lib $(python_ready)  ## Run the code of the README
	$(call heading,README)
	$(CARGO) build $(CARGO_FLAGS) -p libseal
	LIBSEAL_RELEASE=$(release) $(python) -m pytest tests/readme

.PHONY: test-walkthrough
test-walkthrough: lib $(python_ready)  ## Run the commands of the walk-through, against a KMS on this machine
	$(call heading,Walk-through)
	$(CARGO) build $(CARGO_FLAGS) -p libseal
	LIBSEAL_RELEASE=$(release) $(python) -m pytest tests/walkthrough

.PHONY: test-firmware
test-firmware:
	@missing=$$(PYTHON=$(PYTHON) tests/missing_packages.sh firmware); if [ -z "$$missing" ]; then $(MAKE) firmware; else \
	    echo "skipped: the firmware; to test it as well: sudo apt-get install -y $$missing"; fi

.PHONY: firmware
firmware: firmware-tools lib-all lib-small $(python_ready)  ## Run the library on microcontrollers and other machines, emulated; DEVICES=all for every one
	$(call heading,Firmware)
	DEVICES=$(DEVICES) $(python) -m pytest tests/firmware
	@mkdir -p build/release
	@{ for target in $(firmware_targets); do \
	        printf 'libseal-c-%s-%s.tar.gz\t%s\texample, stack and secrets in QEMU\n' $(version) $$target $$target; done; \
	    for target in $(linux_targets); do \
	        printf 'libseal-c-%s-%s.tar.gz\t%s\ttests in C, run here or emulated\n' $(version) $$target $$target; done; \
	} >build/release/devices.tsv

.PHONY: test-demo
test-demo:
	@$(MAKE) demo LIBSEAL_DEMO_KEY=

# ---- Upkeep

.PHONY: fmt
fmt: system $(tools_ready)  ## Format everything
	$(CARGO) fmt --all
	$(CARGO) fmt --manifest-path $(rust_aws)
	$(CARGO) fmt --manifest-path $(rust_object_store)
	$(tools) -m ruff format py
	$(tools) -m ruff format --config tests/pyproject.toml examples tests

.PHONY: header
header: system  ## Generate the headers in include anew
	$(CARGO) run $(CARGO_FLAGS) -p libseal-header

.PHONY: vectors
vectors: $(tools_ready)  ## Generate tests/vectors anew
	$(tools) -m tests.independent.generate_vectors

.PHONY: clean
clean:  ## Delete all that was built
	$(CARGO) clean
	rm -rf build .venv
