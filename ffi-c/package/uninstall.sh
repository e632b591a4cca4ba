#!/bin/sh
# Removes what install.sh has installed, of any version. What others use as well stays.
#
#     uninstall.sh TARGET DESTDIR PREFIX [LIBDIR]
set -eu

target=$1 destination=$2 prefix=$3
here=$(dirname "$0")
libdir=$("$here/libdir.sh" "$prefix" "${4-}" "$target")
case $destination in -*) destination=./$destination ;; esac
root=$destination${prefix%/}
# shellcheck source-path=SCRIPTDIR source=installed.sh
. "$here/installed.sh"

sweep
[ -f "$root/$manifest" ] || {
    echo "libseal is not installed in $root/$libdir ($root/$manifest is missing); name its place with PREFIX=," \
        "LIBDIR= and DESTDIR=, as for make install" >&2
    exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

named_by_others >"$work/kept"
without "$root/$manifest" "$work/kept" >"$work/removed"
remove_listed "$work/removed" || {
    echo "$root cannot be written to: sudo make uninstall" >&2
    exit 1
}
# Last: if something failed, it can be called again.
rm -f "$root/$manifest"

folders="$libdir/cmake/libseal $doc"
# Those are the system's.
case $prefix/ in /usr/*) ;; *) folders="$folders $libdir/cmake $libdir/pkgconfig share/doc" ;; esac
for folder in $folders; do
    rmdir "$root/$folder" 2>/dev/null || : # Others have something there.
done
