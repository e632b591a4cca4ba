# The C library for this machine.

# The crypto provider of the C library: rustcrypto is portable, aws-lc-rs and fips are for servers.
PROVIDER ?= rustcrypto
providers := rustcrypto aws-lc-rs fips
$(if $(filter $(PROVIDER),$(providers)),,$(error PROVIDER is one of: $(providers)))

# The machine that the library is for, if not this one; of Linux, SEAL_ONLY=1 for the small one.
TARGET ?=
SEAL_ONLY ?=
$(if $(filter-out 1,$(SEAL_ONLY)),$(error SEAL_ONLY is 1 or empty))

# Names of targets go into commands and file names.
plain = $(if $(shell printf %s '$(subst ','\'',$(1))' | tr -d 'A-Za-z0-9_.-'),\
    $(error a target is named like thumbv7em-none-eabihf, and not $(1)))
$(if $(TARGET),$(call plain,$(TARGET)))
