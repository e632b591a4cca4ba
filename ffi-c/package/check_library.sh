#!/bin/sh
# Checks the library in FOLDER before it is installed, and prints what it is, as assignments for `eval`: bits,
# of its addresses; complete, which is empty for firmware; soname, of libseal.so.
#
#     check_library.sh FOLDER VERSION TARGET
set -eu
export LC_ALL=C

folder=$1 version=$2 target=$3
make="make ${target:+lib-$target}${target:-lib}"

stop() {
    echo "$1" >&2
    exit 1
}

[ -e "$folder/libseal.a" ] || stop "$folder/libseal.a is missing; build it: $make"
for tool in nm readelf; do
    [ "$tool-$(uname)" = readelf-Darwin ] || command -v "$tool" >/dev/null ||
        stop "$tool is missing; install it: sudo apt-get install -y binutils"
done

# Of each symbol, where it is, its address, type and name. Some damaged archives kill nm, and some have none.
symbols=$(nm --print-file-name --extern-only --defined-only "$folder/libseal.a" 2>/dev/null) 2>/dev/null || symbols=
counted=$(printf '%s\n' "$symbols" | awk '
    $NF ~ /^_?libseal_/ { ours++; bits = $(NF - 2); sub(/.*:/, "", bits) }
    $NF ~ /^_?libseal_unsealer_/ { unsealer++ }
    # What is imported from DLLs keeps its name, as in any import library.
    $NF !~ /^_*(head_)?libseal_/ && $0 !~ /\.dll[hst][0-9]*\.o:/ && NF { others++ }
    END { print ours + 0, unsealer + 0, others + 0, 4 * length(bits) }
')
# shellcheck disable=SC2086 # four numbers
set -- $counted
[ "$1" -gt 0 ] || stop "$folder/libseal.a is damaged (nm finds no libseal_* in it); build it again: $make"
# Elsewhere `make lib` does not hide them.
[ "$3" = 0 ] || [ "$target-$(uname)" = -Darwin ] ||
    stop "$folder/libseal.a shows symbols of Rust, which clash with other Rust libraries; build it again: $make"
complete=
[ "$2" = 0 ] || complete=yes
bits=$4

for library in libseal.a libseal.so seal.dll; do
    [ -e "$folder/$library" ] || continue
    # As libseal_version() has it, with a 0 at its end.
    tr '\000' '\n' <"$folder/$library" | grep -aq "$(echo "$version" | sed 's/\./\\./g')\$" ||
        stop "$folder/$library is not of version $version, as the sources are; build it again: $make"
done

soname=
if [ -e "$folder/libseal.so" ]; then
    dynamic=$(readelf --dynamic "$folder/libseal.so" 2>&1) || dynamic=Error:
    # That is no failure for readelf.
    case $dynamic in *Error:*) stop "$folder/libseal.so is damaged; build it again: $make" ;; esac
    soname=$(printf '%s\n' "$dynamic" | sed -n 's/.*(SONAME).*\[\(.*\)\].*/\1/p')
    # While the major version is 0, each minor version may break the ABI.
    expected=$(echo "$version" | sed 's/^0\.\([0-9]*\).*/0.\1/; t
        s/\..*//')
    [ "$soname" = "libseal.so.$expected" ] ||
        stop "$folder/libseal.so has the SONAME '$soname' and not libseal.so.$expected; build it again: $make"
fi
echo "bits=$bits complete=$complete soname=$soname"
