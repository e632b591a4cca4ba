#!/bin/sh
# Makes one object of the static library that cargo built, in which only libseal_* is visible: Rust's
# own symbols would clash with those of any other Rust library in the program.
#
#     hide_symbols.sh [--seal-only] IN OUT [PREFIX_OF_BINUTILS [LIBRARY_OR_FLAG_FOR_LD...]]
#
# Each function keeps a section of its own, so that `-Wl,--gc-sections` drops those that a program
# does not call.
set -eu
trap 'exit 1' HUP INT TERM

seal_only=
[ "$1" != --seal-only ] || { seal_only=yes && shift; }
in=$1 out=$2 prefix=${3-}
shift "$(($# < 3 ? $# : 3))"
command -v "${prefix}ld.bfd" >/dev/null || {
    echo "${prefix}ld.bfd is missing; install it: sudo apt-get install -y binutils${prefix:+-${prefix%-}}" >&2
    exit 1
}
# Beside OUT, so that the last step cannot fail half-way.
mkdir -p "$(dirname "$out")"
work=$(mktemp -d "$out.XXXXXX")
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
case $prefix in
*-mingw32-)
    # In Windows' format, one object loses what unwinding and importing from DLLs need. So all objects stay,
    # and what is not ours gets a prefix. What is imported keeps its name, as in any import library, but
    # the random folder in some names gets its number. objcopy takes no empty objects, and where binutils have
    # a plug-in for bitcode, they complain about it until it is gone.
    {
        "${prefix}ar" t "$work/rust.a" | grep '\.dwo$' | xargs -r "${prefix}ar" d "$work/rust.a"
        "${prefix}objcopy" --remove-section='.llvm*' --strip-debug "$work/rust.a"
    } 2>"$work/said" || { cat "$work/said" >&2 && exit 1; }
    "${prefix}nm" --quiet --extern-only --defined-only --print-file-name "$work/rust.a" | awk '
        { name = $NF }
        seen[name]++ { next }
        match(name, /_rustc......_/) && name ~ /_imports_lib/ {
            folder = substr(name, RSTART, RLENGTH)
            if (!(folder in number)) number[folder] = ++count
            rest = number[folder] substr(name, RSTART + RLENGTH - 1)
            print name, (name ~ /^_head_/ ? "_head_libseal_" : "__libseal_") rest
            next
        }
        $1 !~ /\.dll[hst][0-9]*\.o:/ && name !~ /^libseal_/ { print name, "libseal_private_" name }
    ' >"$work/renamed"
    "${prefix}objcopy" --enable-deterministic-archives --redefine-syms="$work/renamed" \
        "$work/rust.a" "$work/libseal.a" 2>"$work/said" || { cat "$work/said" >&2 && exit 1; }
    mkdir -p "$(dirname "$out")"
    mv -f "$work/libseal.a" "$out"
    exit
    ;;
esac
roots=$("${prefix}nm" --quiet --defined-only --format=just-symbols "$work/rust.a" |
    sed -n 's/^libseal_/--undefined=&/p')
[ -n "$roots" ] || { echo "${prefix}nm finds no libseal_* in $in" >&2; exit 1; }
# Groups are named like symbols, so they would clash too.
# shellcheck disable=SC2086 # one word for each root
"${prefix}ld.bfd" --relocatable --gc-sections --unique --force-group-allocation $roots \
    -o "$work/libseal.o" "$work/rust.a" "$@"
# The bitcode of the standard library (.llvmbc) would hide the symbols from some linkers, and its debug
# information is larger than all the rest.
"${prefix}objcopy" --wildcard --keep-global-symbol='libseal_*' --remove-section='.llvm*' --strip-debug \
    ${eh_frame:+"$eh_frame"} "$work/libseal.o"
"${prefix}ar" rcsD "$work/libseal.a" "$work/libseal.o"
mv -f "$work/libseal.a" "$out"
