#!/bin/sh
# Prints the cargo that builds for a target: the usual one if its Rust has the target (with rustup,
# `rustup target add TARGET`), else Debian's, which compiles the standard library as well.
#
#     cargo_for.sh TARGET

target=$1
libraries=$(rustc --print target-libdir --target "$target" 2>/dev/null)
debian_sources=$(/usr/bin/rustc --print sysroot 2>/dev/null)/lib/rustlib/src/rust/library

case $target in
armv7-*-linux-*)
    linker=CARGO_TARGET_ARMV7_UNKNOWN_LINUX_GNUEABIHF_LINKER=arm-linux-gnueabihf-gcc ;;
aarch64-*-linux-*)
    linker=CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc ;;
*)
    linker= ;;
esac

if ls "$libraries"/libcore-*.rlib >/dev/null 2>&1; then
    echo env $linker "${CARGO:-cargo}"
elif [ -x /usr/bin/cargo ] && [ -d "$debian_sources" ]; then
    debian="RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1"
    case $target in
    # With LTO, the compiler's helpers would be left in a form that only Rust's own linker reads.
    *-linux-*) echo env $linker $debian CARGO_PROFILE_RELEASE_LTO=off /usr/bin/cargo -Zbuild-std=std,panic_unwind ;;
    *) echo env $debian /usr/bin/cargo -Zbuild-std=core ;;
    esac
else
    echo "Rust cannot build for $target; install it: rustup target add $target" \
        "(without rustup, on Debian: sudo apt-get install -y rustc-web cargo-web rust-web-src)" >&2
    exit 1
fi
