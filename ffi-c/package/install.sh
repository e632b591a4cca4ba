#!/bin/sh
# Installs the library in FOLDER: headers, static and shared library, files for pkg-config and CMake,
# licences, and the list of all that (see installed.sh). If it cannot, what was there before stays as it was.
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
bits='' complete='' soname=''
facts=$("$here/check_library.sh" "$folder" "$version" "$target")
eval "$facts"
link_libs=$("$here/link_libs.sh" "$target")
case $destination in -*) destination=./$destination ;; esac
root=$destination${prefix%/}
# shellcheck source-path=SCRIPTDIR source=installed.sh
. "$here/installed.sh"

headers=libseal_seal.h
[ -z "$complete" ] || headers=$(cd "$sources/include" && echo *.h)

work=$(mktemp -d)
new=$work/new
installed=
: >"$work/made"
finish() {
    rm -rf "$work/new"
    sweep
    # The folders that are not needed now, from the innermost.
    [ -n "$installed" ] || LC_ALL=C sort -r "$work/made" | while IFS= read -r made; do
        rmdir "$made" 2>/dev/null || :
    done
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

mkdir -p "$new/include" "$new/$doc" "$new/$libdir/pkgconfig" "$new/$libdir/cmake/libseal"
for header in $headers; do
    install -m 644 "$sources/include/$header" "$new/include/"
done
install -m 644 "$sources/LICENSE-APACHE" "$sources/LICENSE-MIT" "$new/$doc/"
install -m 644 "$folder/libseal.a" "$new/$libdir/"

shared='' import=''
if [ -n "$soname" ]; then
    # The library names the ABI that it has; the links follow it.
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

# From the last name: a library is there before the links to it.
(cd "$new" && find . ! -type d) | sed 's|^\./||' | LC_ALL=C sort -r >"$work/files"

stop() {
    echo "$1; nothing was installed" >&2
    exit 1
}

: >"$work/before"
[ ! -f "$root/$manifest" ] || cat "$root/$manifest" >"$work/before"
named_by_others >"$work/others"
[ ! -d "$root/$manifest" ] || stop "$root/$manifest is a folder: remove it"
while read -r file; do
    place=$root/$file
    [ ! -d "$place" ] || stop "$place is a folder, where a file of libseal belongs: remove it"
    { [ ! -e "$place" ] && [ ! -L "$place" ]; } || cat "$work/before" "$work/others" | grep -qxF "$file" ||
        stop "$place is not of this libseal, but perhaps of Microsoft SEAL: remove it, or name another PREFIX or LIBDIR"
done <"$work/files"

# make_folder PATH
make_folder() {
    [ ! -d "$1" ] || return 0
    parent=$(dirname "$1")
    [ -d "$parent" ] || (make_folder "$parent") || return
    mkdir "$1" || return
    printf '%s\n' "$1" >>"$work/made"
}

# stage_file FILE FOLDER
stage_file() {
    { make_folder "$2" && cp -P "$1" "$2/"; } 2>"$work/said" && return
    hint=
    [ "$(id -u)" = 0 ] || hint=": sudo make install, or make install PREFIX=\$HOME/.local"
    stop "$root cannot be written to ($(tail -n 1 "$work/said"))$hint"
}

# All is written where it will be, so that it only needs another name.
sweep
while read -r file; do
    stage_file "$new/$file" "$root/$(dirname "$file")/.libseal.new"
done <"$work/files"
# Until all is done, the manifest names what was there as well.
mkdir "$work/both" "$work/last"
LC_ALL=C sort -u "$work/before" "$work/files" >"$work/both/$manifest_name"
LC_ALL=C sort "$work/files" >"$work/last/$manifest_name"
stage_file "$work/both/$manifest_name" "$root/$doc/.libseal.new/both"
stage_file "$work/last/$manifest_name" "$root/$doc/.libseal.new/last"
cat "$work/files" "$work/others" >"$work/kept"
without "$work/before" "$work/kept" >"$work/removed"

# Nothing but renaming and removing is left, which is not to stop half-way.
trap '' HUP INT TERM
installed=yes
mv -f "$root/$doc/.libseal.new/both/$manifest_name" "$root/$doc/"
while read -r file; do
    folder=$root/$(dirname "$file")
    mv -f "$folder/.libseal.new/${file##*/}" "$folder/"
done <"$work/files"
remove_listed "$work/removed"
mv -f "$root/$doc/.libseal.new/last/$manifest_name" "$root/$doc/"
