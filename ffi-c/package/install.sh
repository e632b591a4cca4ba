#!/bin/sh
# Installs the library in FOLDER: headers, static and shared library, files for pkg-config and CMake,
# licences. If it cannot, it installs nothing.
#
#     install.sh FOLDER VERSION TARGET DESTDIR PREFIX [LIBDIR]
#
# TARGET is empty for a library for this machine.
set -eu
umask 022

folder=$1 version=$2 target=$3 destination=$4 prefix=$5
here=$(dirname "$0")
sources=$here/../..
libdir=$("$here/libdir.sh" "$prefix" "${6-}" "$target")
link_libs=$("$here/link_libs.sh" "$target")
root=$destination${prefix%/}

[ -e "$folder/libseal.a" ] || {
    echo "$folder/libseal.a is missing; build it: make ${target:+lib-$target}${target:-lib}" >&2
    exit 1
}

# Firmware gets the header of what it has: the names of its functions stand in the archive.
headers=libseal_seal.h
if grep -q libseal_unsealer_ "$folder/libseal.a"; then
    headers=$(cd "$sources/include" && echo *.h)
fi

mkdir -p "$root"
new=$(mktemp -d "$root/.libseal.XXXXXX")
trap 'rm -rf "$new"' EXIT
trap 'exit 1' HUP INT TERM

doc=share/doc/libseal
mkdir -p "$new/include" "$new/$doc" "$new/$libdir/pkgconfig" "$new/$libdir/cmake/libseal"
for header in $headers; do
    install -m 644 "$sources/include/$header" "$new/include/"
done
install -m 644 "$sources/LICENSE-APACHE" "$sources/LICENSE-MIT" "$new/$doc/"
install -m 644 "$folder/libseal.a" "$new/$libdir/"

shared='' import='' soname=''
if [ -e "$folder/libseal.so" ]; then
    # The library names the ABI that it has; the links follow it.
    soname=$(LC_ALL=C readelf --dynamic "$folder/libseal.so" | sed -n 's/.*(SONAME).*\[\(.*\)\].*/\1/p')
    [ -n "$soname" ] || { echo "$folder/libseal.so has no SONAME" >&2; exit 1; }
    shared=$libdir/libseal.so.$version
    install -m 755 "$folder/libseal.so" "$new/$shared"
    [ "$soname" = "libseal.so.$version" ] || ln -s "libseal.so.$version" "$new/$libdir/$soname"
    ln -s "$soname" "$new/$libdir/libseal.so"
elif [ -e "$folder/seal.dll" ]; then
    shared=bin/seal.dll import=$libdir/libseal.dll.a
    mkdir "$new/bin"
    install -m 755 "$folder/seal.dll" "$new/$shared"
    install -m 644 "$folder/libseal.dll.a" "$new/$import"
fi

bits=$(getconf LONG_BIT)
case $target in
'') ;;
*64*) bits=64 ;;
*) bits=32 ;;
esac
major=${version%%.*}
minor=${version#*.} minor=${minor%%.*}
up=$(echo "$libdir" | sed 's|[^/][^/]*|..|g')

# fill_in TEMPLATE FILE UP LINK_LIBS
fill_in() {
    sed -e "s|@VERSION@|$version|" -e "s|@MAJOR@|$major|g" -e "s|@MINOR@|$minor|g" \
        -e "s|@LIBDIR@|$libdir|" -e "s|@UP@|$3|" -e "s|@LINK_LIBS@|$4|" -e "s|@BITS@|$bits|g" \
        -e "s|@SHARED@|${shared:+\${_libseal_prefix\}/$shared}|" -e "s|@IMPORT@|${import:+\${_libseal_prefix\}/$import}|" -e "s|@SONAME@|$soname|" \
        "$here/$1" >"$new/$libdir/$2"
}
fill_in libseal.pc.in pkgconfig/libseal.pc "$up/.." "$link_libs"
fill_in libsealConfig.cmake.in cmake/libseal/libsealConfig.cmake "$up/../.." "$(echo "$link_libs" | tr ' ' ';')"
fill_in libsealConfigVersion.cmake.in cmake/libseal/libsealConfigVersion.cmake '' ''

(cd "$new" && find . ! -type d) | while read -r file; do
    mkdir -p "$root/$(dirname "$file")"
    mv -f "$new/$file" "$root/$file"
done
