# The C library for other machines, in build/<target>: `make lib-<target>`.

# Microcontrollers: the library only seals, and needs no heap and no operating system.
firmware_targets := \
    thumbv7em-none-eabihf \
    thumbv7m-none-eabi \
    thumbv6m-none-eabi \
    riscv32imac-unknown-none-elf

# The complete library, static and shared.
linux_targets := \
    armv7-unknown-linux-gnueabihf \
    aarch64-unknown-linux-gnu

# Prefix of the binutils, and flags for its ld.
binutils_thumbv7em-none-eabihf := arm-none-eabi-
binutils_thumbv7m-none-eabi := arm-none-eabi-
binutils_thumbv6m-none-eabi := arm-none-eabi-
binutils_riscv32imac-unknown-none-elf := riscv64-unknown-elf- -m elf32lriscv
binutils_armv7-unknown-linux-gnueabihf := arm-linux-gnueabihf-
binutils_aarch64-unknown-linux-gnu := aarch64-linux-gnu-

.PHONY: lib-all
lib-all: $(addprefix lib-,$(firmware_targets) $(linux_targets))  ## Build the C library for every other machine; lib-<target> for one

.PHONY: $(addprefix lib-,$(firmware_targets) $(linux_targets))
$(addprefix lib-,$(firmware_targets)): lib-%:
	$(call heading,C library for $*)
	@cargo=$$(CARGO=$(CARGO) ffi-c/cargo_for.sh $*) && set -x && $$cargo rustc $(CARGO_FLAGS) --target $* \
	    --profile firmware -p libseal-c --no-default-features --crate-type staticlib
	ffi-c/hide_symbols.sh $(target)/$*/firmware/libseal.a build/$*/libseal.a $(binutils_$*)

$(addprefix lib-,$(linux_targets)): lib-%:
	$(call heading,C library for $*)
	@cargo=$$(CARGO=$(CARGO) ffi-c/cargo_for.sh $*) && set -x && $$cargo build $(CARGO_FLAGS) --target $* \
	    --release -p libseal-c
	ffi-c/hide_symbols.sh $(target)/$*/release/libseal.a build/$*/libseal.a $(binutils_$*)
	cp $(target)/$*/release/libseal.so build/$*/

lib-%:
	@echo "unknown target $*; known are: $(firmware_targets) $(linux_targets)" >&2; exit 1
