# The Python wheels, the sdist, and an environment that has the wheel of this machine.

python := build/venv/bin/python
python_ready := build/venv/ready

wheel_sources := Cargo.toml Cargo.lock $(shell find core/Cargo.toml core/src py/Cargo.toml py/pyproject.toml py/src py/python \
    -type f -not -name '*.pyc' -not -name '*.so')

wheel_targets := x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu x86_64-unknown-linux-musl aarch64-unknown-linux-musl
# Free-threaded Python has no stable ABI before 3.15, so this takes a wheel for each version.
free_threaded := python3.14t
free_threaded_targets := x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu

# On Linux, the wheel of this machine is one that is released: zig links it for a glibc of 2014, so that no
# newer one that happens to be here is needed.
wheel_target := $(filter $(this_machine),$(wheel_targets))

wheel_environment = PATH='$(abspath $(dir $(tools)))':"$$PATH" SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) \
    RUSTFLAGS='$(strip $(reproducible_rustflags))' CFLAGS='$(strip $(reproducible_cflags))'

# build_wheel TARGET FOLDER ARGUMENTS: zig is found in PATH.
define build_wheel
	$(call heading,Wheel$(if $(1), for $(1))$(if $(3), and $(free_threaded)))
	rm -rf $(2)
	$(wheel_environment) $(tools) -m maturin build $(CARGO_FLAGS) --release -m py/Cargo.toml --out $(2) \
	    $(if $(1),--target $(1) --zig --compatibility $(if $(findstring musl,$(1)),musllinux_1_2,manylinux2014)) $(3)
	$(tools) py/settle_sbom.py '$(CURDIR)' $(2)/*.whl
endef

build/wheels/ready: $(wheel_sources) | $(tools_ready) system
	$(call build_wheel,$(wheel_target),build/wheels)
	@touch $@

need_std = ls "$$(rustc --print target-libdir --target $(1))"/libstd-* >/dev/null 2>&1 || { \
    echo "Rust's library for $(1) is missing; install it: rustup target add $(1)" >&2; exit 1; }

# cargo knows what is fresh, but not that a later commit changes the times in the wheel.
.PHONY: $(wheel_targets:%=wheel-%)
$(wheel_targets:%=wheel-%): wheel-%: | $(tools_ready)
	@$(call need_std,$*)
	$(call build_wheel,$*,build/wheels-for/$*)

.PHONY: $(free_threaded_targets:%=free-threaded-wheel-%)
$(free_threaded_targets:%=free-threaded-wheel-%): free-threaded-wheel-%: | $(tools_ready)
	$(call build_wheel,$*,build/wheels-for/$*-free-threaded,--interpreter $(free_threaded))

.PHONY: wheels
wheels: $(wheel_targets:%=wheel-%) $(free_threaded_targets:%=free-threaded-wheel-%)  ## Build the wheels for Linux, glibc and musl, x86-64 and ARM, in dist
	@mkdir -p dist
	rm -f dist/*.whl
	cp build/wheels-for/*/*.whl dist

.PHONY: sdist
sdist: $(tools_ready)  ## Pack the sources of the Python package in dist
	$(call heading,Sources of the Python package)
	rm -f dist/libseal-$(version).tar.gz
	SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) $(tools) -m maturin sdist -m py/Cargo.toml --out dist

# The wheel is installed and imported before the environment can see the tools: it needs nothing else.
$(python_ready): build/wheels/ready $(tools_ready)
	$(call heading,Wheel in a clean environment)
	rm -rf build/venv
	$(tools) -m venv --without-pip build/venv
	$(tools) -m pip --disable-pip-version-check --python $(python) install --no-index build/wheels/*.whl
	@cd build && venv/bin/python -I -c 'import libseal; print("libseal", libseal.__version__, libseal.__file__)'
	@$(tools) -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > \
	    "$$($(python) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/tools.pth"
	@touch $@
