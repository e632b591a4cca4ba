# The environment of the engines: Spark, Ray, Dask and their kind, the wheel, and the tools.

engines := build/engines/bin/python
engines_ready := build/engines/ready

# Apart from the wheel, so that another wheel does not install a gigabyte again.
build/engines/installed: tests/engines/requirements.txt tests/engines/constraints.txt | $(tools_ready)
	$(call heading,Engines)
	rm -rf build/engines
	$(tools) -m venv --without-pip build/engines
	$(tools) -m pip --disable-pip-version-check --python $(engines) install --quiet \
	    -r tests/engines/requirements.txt -c tests/engines/constraints.txt
	@$(tools) -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > \
	    "$$($(engines) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/tools.pth"
	@touch $@

$(engines_ready): build/wheels/ready build/engines/installed
	$(tools) -m pip --disable-pip-version-check --python $(engines) install --quiet --no-index --no-deps \
	    --force-reinstall build/wheels/*.whl
	@touch $@

.PHONY: engines
engines: engines-java $(engines_ready)  ## Run the tests on Spark, Ray and Dask, in an environment of their own
	$(call heading,Engines)
	$(engines) -m pytest tests/engines

# Spark runs on Java.
.PHONY: engines-java
engines-java:
	@missing=$$(PYTHON=$(PYTHON) tests/missing_packages.sh engines); test -z "$$missing" || { \
	    echo "system tools are missing; install them: sudo apt-get install -y $$missing" >&2; exit 1; }

.PHONY: engine-figures
engine-figures: engines-java $(engines_ready)  ## Measure jobs on Spark, Ray, Dask and others, into build/engines.md; ENGINES=quick for less
	$(call heading,Figures of the engines)
	ENGINES=$(ENGINES) $(engines) -m tests.measure.engines.engines
