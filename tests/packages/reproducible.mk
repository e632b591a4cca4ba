# What is released is the same bytes, whichever folder it was built in, and whenever: use these for
# all that goes to dist/, and pack.sh for archives.

# The time of the last commit. Sources without git have that of their newest file at the root: archives
# of sources give all files one time.
SOURCE_DATE_EPOCH ?= $(shell [ -e .git ] && { git log -1 --format=%ct 2>/dev/null || { \
    echo "git log does not work in this folder: the time of Cargo.toml stands for that of the commit" >&2; false; }; } || \
    stat -c %Y Cargo.toml)

cargo_home = $(or $(CARGO_HOME),$(HOME)/.cargo)
rust_sources = $(shell rustc --print sysroot)/lib/rustlib/src/rust
rust_commit = $(shell rustc -vV | sed -n 's/^commit-hash: //p')

# For RUSTFLAGS, which replaces what .cargo/config.toml has: firmware gives that again. Of these, the
# last that matches counts.
reproducible_rustflags = \
    --remap-path-prefix=$(CURDIR)=/libseal \
    --remap-path-prefix=$(target)=/libseal/target \
    --remap-path-prefix=$(cargo_home)/registry/src=/crates \
    --remap-path-prefix=$(rust_sources)=/rustc/$(rust_commit)

# For CFLAGS: AWS-LC is C.
reproducible_cflags = \
    -ffile-prefix-map=$(CURDIR)=/libseal \
    -ffile-prefix-map=$(target)=/libseal/target \
    -ffile-prefix-map=$(cargo_home)/registry/src=/crates
