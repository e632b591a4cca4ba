#!/bin/sh
# Removes what install.sh has installed, of any version. Folders that others may use as well stay.
#
#     uninstall.sh TARGET DESTDIR PREFIX [LIBDIR]
set -eu

target=$1 destination=$2 prefix=$3
here=$(dirname "$0")
libdir=$("$here/libdir.sh" "$prefix" "${4-}" "$target")
root=$destination${prefix%/}
lib=$root/$libdir

[ -e "$lib/pkgconfig/libseal.pc" ] || {
    echo "libseal is not installed in $lib; name its place with PREFIX=, LIBDIR= and DESTDIR=, as for make install" >&2
    exit 1
}
for header in libseal.h libseal_seal.h libseal_unseal.h libseal_stream.h; do
    rm -f "$root/include/$header"
done
rm -f "$lib/libseal.a" "$lib/libseal.dll.a" "$root/bin/seal.dll" "$lib/libseal.so" "$lib"/libseal.so.[0-9]*
rm -rf "$lib/cmake/libseal" "$root/share/doc/libseal"
# Last: if something failed, it can be called again.
rm -f "$lib/pkgconfig/libseal.pc"
