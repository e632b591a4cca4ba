# The Python wheel, and an environment that has it.

python := build/venv/bin/python
python_ready := build/venv/ready

wheel_sources := Cargo.toml Cargo.lock $(shell find core/Cargo.toml core/src py/Cargo.toml py/pyproject.toml py/src py/python \
    -type f -not -name '*.pyc' -not -name '*.so')

build/wheels/ready: $(wheel_sources) | $(tools_ready)
	$(call heading,Wheel)
	rm -rf build/wheels
	$(tools) -m maturin build $(CARGO_FLAGS) --release -m py/Cargo.toml --out build/wheels
	@touch $@

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
