# What building and testing need from the machine: system packages, and the Python tools in .venv.

# No tool sees a libseal; py/wheel.mk makes a second environment for the wheel.
tools := .venv/bin/python
tools_ready := .venv/ready

# The tests in C need more packages than building does.
check test-c: needed := tests

# All that the C library is built with.
.PHONY: rust-and-linker
rust-and-linker:
	@command -v $(CARGO) >/dev/null || { \
	    echo "Rust is missing; install it: curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y" >&2; exit 1; }
	@missing=$$(tests/missing_packages.sh lib); test -z "$$missing" || { \
	    echo "a C compiler or linker is missing; install it: sudo apt-get install -y $$missing" >&2; exit 1; }

.PHONY: python-here
python-here:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "$(PYTHON) is older than 3.11; install a newer one and name it: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "venv is missing; install it: sudo apt-get install -y python3-venv" >&2; exit 1; }

.PHONY: system
system: rust-and-linker python-here
	@$(CARGO) fmt --version >/dev/null 2>&1 && $(CARGO) clippy --version >/dev/null 2>&1 || { \
	    echo "rustfmt or clippy is missing; install them: rustup component add clippy rustfmt" >&2; exit 1; }
	@missing=$$(PYTHON=$(PYTHON) tests/missing_packages.sh $(needed)); test -z "$$missing" || { \
	    echo "system tools are missing; install them: sudo apt-get install -y $$missing" >&2; exit 1; }

.PHONY: firmware-tools
firmware-tools:
	@missing=$$(PYTHON=$(PYTHON) tests/missing_packages.sh firmware); test -z "$$missing" || { \
	    echo "cross tools are missing; install them: sudo apt-get install -y $$missing" >&2; exit 1; }

$(tools_ready): tests/requirements.txt tests/constraints.txt | python-here
	$(call heading,Tools)
	rm -rf .venv
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --disable-pip-version-check --quiet \
	    -r tests/requirements.txt -c tests/constraints.txt
	@touch $@

.PHONY: examples-rust
examples-rust: system
	$(CARGO) build $(CARGO_FLAGS) --release -p libseal --features $(every_feature) --examples
