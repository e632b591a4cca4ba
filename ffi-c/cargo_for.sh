#!/bin/sh
# Prints the cargo that builds for a target: the usual one if its Rust has the target (with rustup,
# `rustup target add TARGET`), else Debian's, which compiles the standard library as well.
#
#     cargo_for.sh TARGET [seal-only | complete]

target=$1 library=${2-}
libraries=$(rustc --print target-libdir --target "$target" 2>/dev/null)
debian_sources=$(/usr/bin/rustc --print sysroot 2>/dev/null)/lib/rustlib/src/rust/library

if ls "$libraries"/libcore-*.rlib >/dev/null 2>&1; then
    echo "${CARGO:-cargo}"
elif [ -x /usr/bin/cargo ] && [ -d "$debian_sources" ]; then
    case $library-$target in
    seal-only-* | *-none-*) cargo="/usr/bin/cargo -Zbuild-std=core" ;;
    # With LTO, the compiler's helpers would be left in a form that only Rust's own linker reads.
    *) cargo="CARGO_PROFILE_RELEASE_LTO=off /usr/bin/cargo -Zbuild-std=std,panic_unwind" ;;
    esac
    echo "building for $target with Debian's Rust, $(/usr/bin/rustc --version | cut -d' ' -f2):" \
        "the usual one lacks its library (rustup target add $target)" >&2
    echo "env RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 $cargo"
else
    echo "Rust cannot build for $target; install it: rustup target add $target" \
        "(without rustup, on Debian: sudo apt-get install -y rustc-web cargo-web rust-web-src)" >&2
    exit 1
fi
