#!/bin/sh
# Prints, as assignments for `eval`, what the table `targets` has about a target, or what can be
# derived of one that rustc knows: library, binutils, ld_flags, zig, linker, packages.
#
#     target.sh TARGET
set -eu

target=$1
rustc=${RUSTC:-rustc}

row=$(awk -v target="$target" '$1 == target { print $2, $3, $4, $6 }' "$(dirname "$0")/targets")
if [ -n "$row" ]; then
    # shellcheck disable=SC2086 # one argument for each column
    set -- $row
    library=$1 binutils=${2%%,*} ld_flags='' linker=$3 packages=$4
    case $2 in *,*) ld_flags=${2#*,} ;; esac
else
    targets=$({ "$rustc" --print target-list || /usr/bin/rustc --print target-list; } 2>/dev/null)
    printf '%s\n' "$targets" | grep -qxF -- "$target" || {
        # The nearest: the fewest letters to insert (1), delete (2) or change (3).
        near=$(printf '%s\n' "$targets" | awk -v wrong="$target" '{
            for (j = 0; j <= length($0); j++) above[j] = j
            for (i = 1; i <= length(wrong); i++) {
                diagonal = above[0]
                above[0] = 2 * i
                for (j = 1; j <= length($0); j++) {
                    best = diagonal + (substr(wrong, i, 1) == substr($0, j, 1) ? 0 : 3)
                    diagonal = above[j]
                    if (above[j] + 2 < best) best = above[j] + 2
                    if (above[j - 1] + 1 < best) best = above[j - 1] + 1
                    above[j] = best
                }
            }
            print above[length($0)], $0
        }' | sort -n | awk 'NR <= 4 { printf "%s%s", separator, $2; separator = ", " }')
        echo "Rust has no target $target; near it are: $near (all: rustc --print target-list)" >&2
        exit 1
    }

    case $target in
    riscv64*-linux-*)
        echo "libseal is not built for $target: the ld of GNU fails on what unwinds in it when its symbols" \
            "are hidden; for a library that shows them: cargo build --release -p libseal-c --target $target" >&2
        exit 1
        ;;
    xtensa-*)
        echo "Rust's compiler knows $target but cannot compile for it; a fork of the compiler can" \
            "(espup installs it). For an ESP32, S2 or S3 there is no library of ours" >&2
        exit 1
        ;;
    esac

    cfg=$({ "$rustc" --print cfg --target "$target" || /usr/bin/rustc --print cfg --target "$target"; } 2>/dev/null)
    value() {
        printf '%s\n' "$cfg" | sed -n "s/^$1=\"\(.*\)\"/\1/p"
    }
    # As the GNU tools name it: without the vendor, and with fewer names for the processor.
    processor=${target%%-*}
    case $processor in
    arm* | thumb*) processor=arm ;;
    i?86) processor=i686 ;;
    riscv32*) processor=riscv32 ;;
    riscv64*) processor=riscv64 ;;
    esac
    abi=${target##*-}
    library=complete binutils='' ld_flags='' linker=- packages=''
    case $(value target_os)-$(value target_env) in
    none-*)
        library=seal-only
        case $processor in
        riscv*) binutils=riscv64-unknown-elf- ld_flags=-m,elf${processor#riscv}lriscv ;;
        arm) binutils=arm-none-eabi- ;;
        aarch64) binutils=aarch64-linux-gnu- ;;
        *) binutils=$processor-elf- ;;
        esac
        ;;
    linux-gnu) binutils=$processor-linux-$abi- ;;
    linux-musl) binutils=$processor-linux-gnu${abi#musl}- ;;
    windows-gnu) binutils=$processor-w64-mingw32- linker=${binutils}gcc ;;
    *)
        echo "libseal is not built for $target here: its symbols can be hidden in firmware, and for" \
            "Linux and MinGW; for a library that shows them: cargo build --release -p libseal-c" \
            "--target $target" >&2
        exit 1
        ;;
    esac
    case $binutils in *-linux-*) linker=zig:$(echo "$processor" | sed s/i686/x86/)-linux-$abi ;; esac
    [ "$library" = complete ] || linker=-
    echo "libseal was never tried on $target: taking ${BINUTILS:-$binutils} for its binutils" \
        "(BINUTILS= names others)" >&2
fi

zig=
case $linker in
zig:*) zig=${linker#zig:} linker=$(cd "$(dirname "$0")" && pwd)/zig_cc.sh ;;
-) linker= ;;
esac
echo "library='$library' binutils='${BINUTILS:-$binutils}' ld_flags='$(echo "$ld_flags" | tr , ' ')'" \
    "zig='$zig' linker='$linker' packages='$(echo "$packages" | tr , ' ')'"
