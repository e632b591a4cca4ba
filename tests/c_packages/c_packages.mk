# Programs that use the C library as it is installed, and as it is given away.

host_musl = $(subst -gnu,-musl,$(this_machine))

.PHONY: test-c-packages
test-c-packages: lib $(tools_ready) $(packaging_ready)  ## Test the C library as programs find it: installed, and in the archives for this machine
	@missing=$$(PYTHON=$(PYTHON) tests/missing_packages.sh c-packages); test -z "$$missing" || { \
	    echo "system tools are missing; install them: sudo apt-get install -y $$missing" >&2; exit 1; }
	@for target in $(this_machine) $(host_musl); do $(MAKE) dist-c TARGET=$$target || exit; done
	$(call heading,C packages)
	PATH=$(dir $(abspath $(packaging))):$$PATH LIBSEAL_HOST=$(this_machine) \
	    $(tools) -m pytest -n logical tests/c_packages
	@mkdir -p build/release
	@row='libseal-c-$(version)-%s.tar.gz\t%s\t%s\n'; { \
	    printf "$$row" $(this_machine) $(this_machine) 'CMake, Meson, pkg-config; static, shared; gcc, clang; C, C++'; \
	    printf "$$row" $(host_musl) $(host_musl) 'CMake, pkg-config; static; musl-gcc'; \
	} > build/release/c-packages.tsv
