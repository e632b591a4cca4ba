#!/bin/sh
# Installs the headers, the libraries in FOLDER and the pkg-config file.
#
#     install.sh FOLDER VERSION DESTDIR PREFIX
set -eu

folder=$1 version=$2 prefix=$4
target=$3$4
here=$(dirname "$0")
include=$here/../../include

# The library names the ABI that it has; the links follow it.
soname=$(readelf --dynamic "$folder/libseal.so" | sed -n 's/.*(SONAME).*\[\(.*\)\].*/\1/p')
[ -n "$soname" ] || { echo "$folder/libseal.so has no SONAME" >&2; exit 1; }

install -d "$target/include" "$target/lib/pkgconfig"
install -m 644 "$include"/*.h "$target/include/"
install -m 644 "$folder/libseal.a" "$target/lib/"
install -m 755 "$folder/libseal.so" "$target/lib/libseal.so.$version"
[ "$soname" = "libseal.so.$version" ] || ln -sf "libseal.so.$version" "$target/lib/$soname"
ln -sf "$soname" "$target/lib/libseal.so"
sed -e '/^#/d' -e "s|@PREFIX@|$prefix|" -e "s|@VERSION@|$version|" "$here/libseal.pc.in" \
    >"$target/lib/pkgconfig/libseal.pc"
chmod 644 "$target/lib/pkgconfig/libseal.pc"
