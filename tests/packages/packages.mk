# The Python tools that make and check packages, apart from those that `make check` needs: they are many. It
# sees those as well, such as zig.

packaging := build/packages/bin/python
packaging_ready := build/packages/ready

$(packaging_ready): tests/packages/requirements.txt $(tools_ready)
	$(call heading,Tools for packages)
	rm -rf build/packages
	$(PYTHON) -m venv build/packages
	$(packaging) -m pip install --disable-pip-version-check --quiet -r tests/packages/requirements.txt
	@$(tools) -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > \
	    "$$($(packaging) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/tools.pth"
	@touch $@
