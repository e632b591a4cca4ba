#!/bin/sh
# Prints, in one line, the Debian packages that this machine lacks. Rust is not among them: it comes
# from rustup. Only where that cannot build for other machines, Debian's Rust is wanted as well.
#
#     missing_packages.sh lib        to build the C library
#     missing_packages.sh            to build all, and for the demo
#     missing_packages.sh tests      to run the tests as well
#     missing_packages.sh firmware   to build and test for microcontrollers and other machines; with
#                                    DEVICES=all in the environment, for all of them
#     missing_packages.sh c-packages to test the C library as it is installed and given away
#     missing_packages.sh ecosystems to test the packages for ESP-IDF, PlatformIO, Zephyr and Conan
#     missing_packages.sh engines    to run the tests on Spark, Ray and Dask
#     missing_packages.sh all        all of these, and those that are skipped where their tool is missing

PYTHON=${PYTHON:-python3}
missing=

need() { # need PACKAGES CHECK...: the packages are missing if the check fails
    packages=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $packages"
}

compiles_c() { # compiles_c COMPILER...
    echo '#include <stdio.h>' | "$@" -E -
}

builds_for_other_machines() {
    ffi_c=$(dirname "$0")/../ffi-c
    awk -v all="${DEVICES-}" '!/^#/ && ($5 == "always" || all == "all") { print $1 }' "$ffi_c/targets" |
        while read -r target; do
            "$ffi_c/cargo_for.sh" "$target" || return
        done
}

need "gcc libc6-dev" compiles_c cc
[ "${1-}" != lib ] || { echo "${missing# }"; exit; }
need make command -v make
need python3-venv "$PYTHON" -c 'import ensurepip, venv'
case $1 in tests | all)
    need g++ command -v c++
    need openssl command -v openssl
esac
case $1 in firmware | ecosystems | all)
    need "rustc-web cargo-web rust-web-src" builds_for_other_machines
    need "gcc-arm-none-eabi libnewlib-arm-none-eabi" compiles_c arm-none-eabi-gcc --specs=nano.specs
    need "gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf" \
        compiles_c riscv64-unknown-elf-gcc --specs=picolibc.specs
    need "gcc-arm-linux-gnueabihf libc6-dev-armhf-cross" compiles_c arm-linux-gnueabihf-gcc
    need "gcc-aarch64-linux-gnu libc6-dev-arm64-cross" compiles_c aarch64-linux-gnu-gcc
    need qemu-system-arm command -v qemu-system-arm
    need qemu-system-misc command -v qemu-system-riscv32
    need qemu-user command -v qemu-aarch64
    need musl-tools compiles_c musl-gcc
    if [ "${DEVICES-}" = all ]; then
        need gcc-mingw-w64-x86-64 compiles_c x86_64-w64-mingw32-gcc
        need wine64 command -v wine
    fi
esac
case $1 in ecosystems | all)
    # The one of their targets that rustup may not have.
    need "rustc-web cargo-web rust-web-src" "$(dirname "$0")/../ffi-c/cargo_for.sh" thumbv8m.base-none-eabi
esac
case $1 in c-packages | all)
    need g++ command -v c++
    need clang command -v clang++
    need musl-tools command -v musl-gcc
    need pkg-config command -v pkg-config
    need libssl-dev compiles_c cc -include openssl/sha.h
esac
case $1 in engines | all)
    need openjdk-17-jre-headless command -v java
esac
case $1 in all)
    need valgrind command -v valgrind
esac

echo $missing
