# The C library where programs find it: installed, or in an archive for those who have no Rust.

PREFIX ?= /usr/local
DESTDIR ?=
LIBDIR ?=
TARGET ?=

# What is installed is built if it is not there, or older than what it is made of. Otherwise this takes no
# Rust, which root often does not have.
library_sources := $(shell find Cargo.toml Cargo.lock core/Cargo.toml core/src ffi-c/Cargo.toml ffi-c/build.rs \
    ffi-c/soname.rs ffi-c/src include -type f)
only_seals := $(if $(SEAL_ONLY),-seal-only)
library := $(if $(TARGET),$(build)/$(TARGET)$(only_seals),$(release))

$(library)/libseal.a: $(library_sources)
	@$(MAKE) $(if $(TARGET),lib-$(TARGET),lib)
	@touch $@

.PHONY: install
install: $(library)/libseal.a  ## Install the C library; PREFIX=, DESTDIR=, LIBDIR=, TARGET= for another machine
	ffi-c/package/install.sh '$(library)' '$(version)' '$(TARGET)' '$(DESTDIR)' '$(PREFIX)' '$(LIBDIR)'

.PHONY: uninstall
uninstall:  ## Remove what `make install` installed, with the same PREFIX=, DESTDIR=, LIBDIR=, TARGET=
	ffi-c/package/uninstall.sh '$(TARGET)' '$(DESTDIR)' '$(PREFIX)' '$(LIBDIR)'

archive = libseal-c-$(version)-$(TARGET)$(only_seals)

.PHONY: dist-c
dist-c:  ## Pack the C library in dist, for those who have no Rust; TARGET=
	@test -n '$(TARGET)' || { \
	    echo "name the machine: make dist-c TARGET=aarch64-unknown-linux-gnu (all: README.md, Installing)" >&2; exit 1; }
	@$(MAKE) lib-$(TARGET) $(packaging_ready)
	$(call heading,C library for $(TARGET) in dist)
	@SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) PYTHON=$(packaging) CARGO='$(CARGO)' \
	    ffi-c/package/dist.sh '$(library)' '$(version)' '$(TARGET)' '$(build)/dist/$(archive)' 'dist/$(archive).tar.gz'
