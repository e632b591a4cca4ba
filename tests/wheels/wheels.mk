# Testing the wheels and the sdist in dist/.

.PHONY: test-wheels
test-wheels: $(if $(filter quick,$(PACKAGES)),sdist wheel-in-dist,test-python) $(packaging_ready)  ## Test the wheels in dist, and the sdist; make wheel-pythons has them run on other systems too
	$(call heading,Wheels)
	PACKAGES=$(PACKAGES) $(packaging) -m pytest tests/wheels

# The wheel that `make check` tests, among those in dist.
.PHONY: wheel-in-dist
wheel-in-dist: build/wheels/ready
	@mkdir -p dist
	cp build/wheels/*.whl dist

# What comes from Debian takes half a minute each: Python for ARM, and C libraries of other systems. zig's musl is
# that of Debian 13. Pythons that are built take five minutes each, from the archives of CPython that are named:
# 3.11, and 3.14 for the free-threaded one.
pythons := $(CURDIR)/build/pythons
debian_root = @[ -e $(pythons)/$(1) ] || tests/wheels/debian_root.sh $(pythons)/$(1) $(2)
built_python = @[ -e $(pythons)/$(1) ] || PYTHON=$(5) tests/wheels/build_python.sh '$(2)' $(3) $(pythons)/$(1) $(4)

.PHONY: wheel-pythons
wheel-pythons: $(tools_ready)  ## Get Pythons of other systems to test wheels in; CPYTHON_3_11=, CPYTHON_3_14= archives of sources for more
	$(call heading,Pythons of other systems)
	@mkdir -p $(pythons)
	$(call debian_root,aarch64,bookworm arm64 python3.11-minimal libpython3.11-stdlib)
	$(call debian_root,glibc-2.31,bullseye amd64 libc6)
	$(call debian_root,musl-libc,trixie amd64 musl)
	$(call debian_root,musl-libc-aarch64,trixie arm64 musl)
ifdef CPYTHON_3_11
	@command -v python3.11 >/dev/null || { echo "python3.11 is missing, which building another one takes" >&2; exit 1; }
	$(call built_python,glibc,$(CPYTHON_3_11),x86_64-linux-gnu.2.17,,python3.11)
	$(call built_python,musl,$(CPYTHON_3_11),x86_64-linux-musl,,python3.11)
	$(call built_python,aarch64-musl,$(CPYTHON_3_11),aarch64-linux-musl,,python3.11)
endif
ifdef CPYTHON_3_14
	$(call built_python,free-threaded,$(CPYTHON_3_14),x86_64-linux-gnu.2.17,--disable-gil)
endif
