# The environment of the bench: the wheel, and the libraries that it is compared with. A quick bench
# compares with nothing that has to be installed.

bench := tests/measure/bench

ifeq ($(BENCH),quick)
bench_python := $(python)
bench_python_ready := $(python_ready)
else
bench_python := build/bench/venv/bin/python
bench_python_ready := build/bench/venv/ready
endif

# One by one, so that a library that cannot be installed does not keep out the others; the bench names it.
build/bench/venv/ready: build/wheels/ready $(bench)/requirements.txt $(bench)/constraints.txt
	$(call heading,What the bench compares with)
	rm -rf build/bench/venv
	$(PYTHON) -m venv build/bench/venv
	build/bench/venv/bin/python -m pip --disable-pip-version-check install --no-index build/wheels/*.whl
	@grep '^[a-z]' $(bench)/requirements.txt | while read -r requirement; do \
	    build/bench/venv/bin/python -m pip --disable-pip-version-check install --quiet \
	        -c $(bench)/constraints.txt "$$requirement" || echo "not installed: $$requirement"; done
	@touch $@
