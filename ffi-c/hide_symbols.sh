#!/bin/sh
# Makes one object of the static library that cargo built, in which only libseal_* is visible: Rust's
# own symbols would clash with those of any other Rust library in the program.
#
#     hide_symbols.sh [--seal-only] IN OUT [PREFIX_OF_BINUTILS [LIBRARY_OR_FLAG_FOR_LD...]]
#
# Each function keeps a section of its own, so that `-Wl,--gc-sections` drops those that a program
# does not call.
set -eu

seal_only=
[ "$1" != --seal-only ] || { seal_only=yes && shift; }
in=$1 out=$2 prefix=${3-}
shift "$(($# < 3 ? $# : 3))"
command -v "${prefix}ld.bfd" >/dev/null || {
    echo "${prefix}ld.bfd is missing; install it: sudo apt-get install -y binutils${prefix:+-${prefix%-}}" >&2
    exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cp "$in" "$work/rust.a"
eh_frame=
if [ -n "$seal_only" ]; then
    # What compilers call by themselves (memcpy, division of 64 bits): firmware has it anyway, and
    # smaller, from its C library and compiler.
    "${prefix}ar" t "$work/rust.a" | sed -n '/^compiler_builtins-/p; /^[0-9a-f]\{16\}-/p' |
        xargs -r "${prefix}ar" d "$work/rust.a"
    # Nothing is unwound there, and the linker for RISC-V cannot read what Rust's own libraries have.
    eh_frame=--remove-section=.eh_frame
fi
# nm, ar and ld complain about assembly in bitcode, which is taken out below.
roots=$("${prefix}nm" --quiet --defined-only --format=just-symbols "$work/rust.a" 2>/dev/null |
    sed -n 's/^libseal_/--undefined=&/p')
[ -n "$roots" ] || { echo "${prefix}nm finds no libseal_* in $in" >&2; exit 1; }
imports=
case $prefix in
*-mingw32-)
    # The start-up code of the program defines _tls_used, which ld cannot wait for. What Rust imports from
    # DLLs stays as it is, like any import library: linkers sort those files by name.
    roots="$roots --wrap=_tls_used"
    imports=$("${prefix}ar" t "$work/rust.a" | grep '\.dll[hst][0-9]*\.o$' | sort)
    cp "$work/rust.a" "$work/libseal.a"
    # shellcheck disable=SC2086 # one word for each file, and twice for two of one name
    "${prefix}ar" d "$work/rust.a" $imports 2>/dev/null
    "${prefix}ar" t "$work/libseal.a" | grep -v '\.dll[hst][0-9]*\.o$' |
        xargs "${prefix}ar" d "$work/libseal.a" 2>/dev/null
    ;;
esac
# Groups are named like symbols, so they would clash too.
failed=
# shellcheck disable=SC2086 # one word for each root
"${prefix}ld.bfd" --relocatable --gc-sections --unique --force-group-allocation $roots \
    -o "$work/libseal.o" "$work/rust.a" "$@" 2>"$work/said" || failed=yes
grep -v 'LLVM gold plugin' "$work/said" >&2 || :
[ -z "$failed" ] || exit 1
# The bitcode of the standard library (.llvmbc) would hide the symbols from some linkers, and its debug
# information is larger than all the rest.
"${prefix}objcopy" --wildcard --keep-global-symbol='libseal_*' --remove-section='.llvm*' --strip-debug \
    ${eh_frame:+"$eh_frame"} "$work/libseal.o"
if [ -n "$imports" ]; then
    # LLVM leaves pointers that nothing uses, which ld would warn about.
    "${prefix}objcopy" --wildcard --redefine-sym=__wrap__tls_used=_tls_used \
        --strip-unneeded-symbol='__imp_*' "$work/libseal.o"
    # Names of imports have a random folder in them, rustc and six letters: they get its number.
    "${prefix}nm" --format=just-symbols "$work/libseal.a" 2>/dev/null | awk '
        /_imports_lib/ && match($0, /_rustc......_/) && !seen[$0]++ {
            folder = substr($0, RSTART, RLENGTH)
            if (!(folder in number)) number[folder] = ++count
            print $0, (/^_head_/ ? "_head_libseal_" : "__libseal_") number[folder] substr($0, RSTART + RLENGTH - 1)
        }' >"$work/renamed"
    "${prefix}objcopy" --enable-deterministic-archives --redefine-syms="$work/renamed" "$work/libseal.a"
fi
"${prefix}ar" rcsD "$work/libseal.a" "$work/libseal.o"
mkdir -p "$(dirname "$out")"
mv -f "$work/libseal.a" "$out"
