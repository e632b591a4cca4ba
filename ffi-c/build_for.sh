#!/bin/sh
# Builds the library for a target, ready to be given away: symbols hidden, paths taken out.
#
#     build_for.sh TARGET TARGET_FOLDER_OF_CARGO OUT [CARGO_FLAG...]
#
# From the environment: SEAL_ONLY=1 for the library without Rust's std on a machine that could have all
# of it; RUSTFLAGS; BINUTILS; ZIG_PYTHON.
set -eu
trap 'exit 1' HUP INT TERM
# The notes that cargo would make for the next time change the library.
export CARGO_INCREMENTAL=0

target=$1 built=$2 out=$3
shift 3
here=$(dirname "$0")

library='' binutils='' ld_flags='' zig='' linker='' packages=''
settings=$("$here/target.sh" "$target")
eval "$settings"
[ -z "${SEAL_ONLY-}" ] || library=seal-only
[ "${PROVIDER:-rustcrypto}" = rustcrypto ] || {
    echo "PROVIDER is for this machine's library: make lib PROVIDER=$PROVIDER; one for another machine has" \
        "the portable cryptography" >&2
    exit 1
}
command -v "${binutils}ld.bfd" >/dev/null || {
    if [ -n "$packages" ]; then
        packages="sudo apt-get install -y $packages (on Debian)"
    else
        packages="the binutils for $target"
    fi
    echo "${binutils}ld.bfd is missing; install it: $packages" >&2
    exit 1
}
cargo=$("$here/cargo_for.sh" "$target" "$library")

mkdir -p "$(dirname "$out")"
new=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$new"' EXIT
if [ "$library" = seal-only ]; then
    # As in .cargo/config.toml, which RUSTFLAGS replace.
    export RUSTFLAGS="${RUSTFLAGS-} --cfg sha2_backend_soft=\"compact\""
    $cargo rustc "$@" --target "$target" --profile firmware -p libseal-c --no-default-features \
        --crate-type staticlib
    # shellcheck disable=SC2086 # one word for each flag
    "$here/hide_symbols.sh" --seal-only "$built/$target/firmware/libseal.a" "$new/libseal.a" "$binutils" $ld_flags
else
    command -v "${linker:-true}" >/dev/null || {
        echo "$linker is missing; install it: sudo apt-get install -y $packages (on Debian)" >&2
        exit 1
    }
    unwinder=
    case $target in
    *-linux-musl*)
        # Shared libraries for musl are made only with libc as one.
        RUSTFLAGS="${RUSTFLAGS-} -C target-feature=-crt-static"
        # What unwinds is in the static library: a compiler for musl may have none that fits, like
        # Debian's musl-gcc. Of zig, the path is seen when it links.
        echo 'int nothing;' >"$new/nothing.c"
        "$linker" -target "$zig" -shared -v -o "$new/nothing.so" "$new/nothing.c" -lunwind >"$new/said" 2>&1 || {
            cat "$new/said" >&2
            echo "zig cannot link for $target; what it said is above" >&2
            exit 1
        }
        unwinder=$(tr ' ' '\n' <"$new/said" | grep '/libunwind\.a$')
        rm "$new"/nothing.* "$new/said"
        ;;
    esac
    export RUSTFLAGS="${RUSTFLAGS-} -C linker=$linker${zig:+ -C link-arg=-target -C link-arg=$zig}"
    # Windows' format has a time in it.
    case $target in *-windows-gnu) RUSTFLAGS="$RUSTFLAGS -C link-arg=-Wl,--no-insert-timestamp" ;; esac
    $cargo build "$@" --target "$target" --release -p libseal-c
    # shellcheck disable=SC2086
    "$here/hide_symbols.sh" "$built/$target/release/libseal.a" "$new/libseal.a" "$binutils" $unwinder $ld_flags
    for shared in libseal.so seal.dll libseal.dll.a; do
        [ ! -e "$built/$target/release/$shared" ] || cp "$built/$target/release/$shared" "$new/"
    done
fi
# For the list of what the library is made of. Windows' format has no place for it.
case $cargo in
*RUSTC=/usr/bin/rustc*) /usr/bin/rustc --version ;;
*) "${RUSTC:-rustc}" --version ;;
esac | cut -d' ' -f2 >"$new/rustc-version"
mkdir -p "$out"
mv -f "$new"/* "$out/"
