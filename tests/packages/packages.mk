# The Python tools that make and check packages, apart from those that `make check` needs: they are large.

packaging := build/packages/bin/python
packaging_ready := build/packages/ready

$(packaging_ready): tests/packages/requirements.txt
	$(call heading,Tools for packages)
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "venv is missing; install it: sudo apt-get install -y python3-venv" >&2; exit 1; }
	rm -rf build/packages
	$(PYTHON) -m venv build/packages
	$(packaging) -m pip install --disable-pip-version-check --quiet -r tests/packages/requirements.txt
	@touch $@
