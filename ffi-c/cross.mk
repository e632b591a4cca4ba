# The C library for any machine, ready to be given away, in build/TARGET: `make lib-TARGET`. With
# SEAL_ONLY=1, in build/TARGET-seal-only.

targets := ffi-c/targets
targets_where = $(shell awk '!/^#/ && $(1) { print $$1 }' $(targets))

# What `make firmware` builds and runs: the machines that differ most, or all.
DEVICES ?= some
checked = $(if $(filter all,$(DEVICES)),$$5 ~ /./,$$5 == "always")
firmware_targets = $(call targets_where,$$2 == "seal-only" && $(checked))
linux_targets = $(call targets_where,$$2 == "complete" && $(checked))
release_targets = $(call targets_where,1)

# Of small Linux, those that are built in a moment.
small_targets = $(if $(filter all,$(DEVICES)),$(call targets_where,$$1 ~ /linux/),\
    x86_64-unknown-linux-gnu armv7-unknown-linux-gnueabihf)

.PHONY: lib-all
lib-all: $(addprefix lib-,$(firmware_targets) $(linux_targets))  ## Build the C library for other machines, DEVICES=all for every one; lib-TARGET for one

lib-%: export override RUSTFLAGS := $(strip $(reproducible_rustflags) $(RUSTFLAGS))
lib-%: FORCE
	$(call plain,$*)
	$(call heading,C library for $*)
	@# What it complains about, build_for.sh says as well.
	@settings=$$(ffi-c/target.sh $* 2>/dev/null) || settings=zig=; eval "$$settings"; \
	    if [ -n "$$zig" ] && [ -z '$(SEAL_ONLY)' ]; then $(MAKE) -s $(tools_ready); fi
	@CARGO='$(CARGO)' PROVIDER='$(PROVIDER)' \
	    SEAL_ONLY='$(SEAL_ONLY)' ZIG_PYTHON='$(abspath $(tools))' \
	    ffi-c/build_for.sh $* $(target) $(build)/$*$(if $(SEAL_ONLY),-seal-only) $(CARGO_FLAGS)

.PHONY: lib-small
lib-small:
	@set -e; for target in $(small_targets); do $(MAKE) lib-$$target SEAL_ONLY=1; done

.PHONY: FORCE
FORCE:
