# The C library where programs find it: installed, or in an archive for those who have no Rust.

PREFIX ?= /usr/local
DESTDIR ?=
LIBDIR ?=
# Not in the text of commands: they may have quotes in them. Nor for all commands: other builds know these names.
install uninstall: export PREFIX := $(PREFIX)
install uninstall: export DESTDIR := $(DESTDIR)
install uninstall: export LIBDIR := $(LIBDIR)

# What is installed is built if it is not there, or older than what it is made of. Otherwise this takes no
# Rust, which root often does not have.
library_sources := $(shell find Cargo.toml Cargo.lock core/Cargo.toml core/src ffi-c/Cargo.toml ffi-c/build.rs \
    ffi-c/soname.rs ffi-c/src ffi-c/targets ffi-c/*.sh include .cargo -type f)
only_seals := $(if $(SEAL_ONLY),-seal-only)
library := $(if $(TARGET),$(build)/$(TARGET)$(only_seals),$(release))

# A PROVIDER that is asked for, and not the one of the last `make lib`.
ifeq ($(TARGET),)
ifneq ($(findstring command,$(origin PROVIDER))$(findstring environment,$(origin PROVIDER)),)
ifneq ($(PROVIDER),$(shell cat $(release)/libseal.provider 2>/dev/null))
$(library)/libseal.a: FORCE
endif
endif
endif

$(library)/libseal.a: $(library_sources)
	@$(MAKE) $(if $(TARGET),lib-$(TARGET),lib)
	@touch $@

# Programs of this machine would find it, and not link.
elsewhere := $(filter-out $(this_machine),$(TARGET))

place := $(DESTDIR)$(if $(filter file,$(origin PREFIX)),,$(PREFIX))

.PHONY: install-place
install-place:
	$(if $(elsewhere),$(if $(place),,$(error name where $(TARGET) is installed: DESTDIR=, the root of its file system, or PREFIX=)))

.PHONY: install
install: install-place $(library)/libseal.a  ## Install the C library; PREFIX=, DESTDIR=, LIBDIR=, TARGET= for another machine
	ffi-c/package/install.sh '$(library)' '$(version)' '$(TARGET)' "$$DESTDIR" "$$PREFIX" "$$LIBDIR"

.PHONY: uninstall
uninstall:  ## Remove what `make install` installed, with the same PREFIX=, DESTDIR=, LIBDIR=, TARGET=
	ffi-c/package/uninstall.sh '$(TARGET)' "$$DESTDIR" "$$PREFIX" "$$LIBDIR"

archive = libseal-c-$(version)-$(TARGET)$(only_seals)

.PHONY: dist-c
dist-c:  ## Pack the C library in dist, for those who have no Rust; TARGET=
	@test -n '$(TARGET)' || { \
	    echo "name the machine: make dist-c TARGET=aarch64-unknown-linux-gnu (all: README.md, Installing)" >&2; exit 1; }
	@case '$(SOURCE_DATE_EPOCH)' in '' | *[!0-9]*) \
	    echo "SOURCE_DATE_EPOCH is in seconds since 1970, and not '$(SOURCE_DATE_EPOCH)'" >&2; exit 1 ;; esac
	@# What is given away does not depend on who builds it.
	@$(MAKE) $(tools_ready) && for name in $$(env | sed -n 's/^\(CARGO_PROFILE_[A-Z_]*\)=.*/\1/p'); do unset "$$name"; done && \
	    $(MAKE) lib-$(TARGET) RUSTFLAGS=
	$(call heading,C library for $(TARGET) in dist)
	@SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) PYTHON=$(tools) CARGO='$(CARGO)' \
	    ffi-c/package/dist.sh '$(library)' '$(version)' '$(TARGET)' '$(build)/dist/$(archive)' 'dist/$(archive).tar.gz'
